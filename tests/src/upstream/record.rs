//! What an upstream got, as bytes: hyper's own view has lost the order and spelling of headers.

use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// All that an upstream saw since it was started.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Requests in the order in which their heads came.
    pub requests: Vec<Recorded>,
    /// Connections accepted.
    pub accepted: usize,
    /// Connections open at the moment.
    pub open: usize,
}

/// One request, byte for byte as it came.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// The method as sent.
    pub method: String,
    /// The request target as sent: path and query, nothing decoded.
    pub target: String,
    /// Headers in the order and spelling in which they came, repeated ones too. Bytes that are not
    /// UTF-8 become U+FFFD.
    pub headers: Vec<(String, String)>,
    /// The body that came so far, transfer coding removed.
    pub body: Vec<u8>,
    /// The body came to its end.
    pub whole: bool,
    /// Which connection it came over, counted from 0.
    pub connection: usize,
}

impl Recorded {
    /// Reads a request head. What is not there stays empty.
    pub(super) fn parse(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
        let method = first.next().unwrap_or_default().to_owned();
        let target = first.next().unwrap_or_default().to_owned();
        let pair = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
        };
        Self { method, target, headers: lines.filter_map(pair).collect(), ..Self::default() }
    }

    /// The value of a header that came at most once, its name in any case.
    ///
    /// # Panics
    ///
    /// When it came more than once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "`{name}` came {} times: {values:?}", values.len());
        values.first().copied()
    }

    /// All values of a header, its name in any case.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    }

    /// The names of all headers in lower case, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            self.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The bytes of the request head that a connection is reading.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads(Arc<Mutex<Head>>);

#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    is_complete: bool,
}

impl Heads {
    /// The head that is complete.
    pub(super) fn take(&self) -> Vec<u8> {
        mem::take(&mut self.lock().bytes)
    }

    /// What comes next is a head again.
    pub(super) fn expect(&self) {
        *self.lock() = Head::default();
    }

    fn record(&self, came: &[u8]) {
        let mut head = self.lock();
        if head.is_complete {
            return;
        }
        let searched = head.bytes.len().saturating_sub(3);
        head.bytes.extend_from_slice(came);
        let end = head.bytes[searched..].windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            head.bytes.truncate(searched + end);
            head.is_complete = true;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Head> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that keeps a copy of the heads read from it.
pub(super) struct Recording {
    stream: TcpStream,
    heads: Heads,
}

impl Recording {
    pub(super) fn new(stream: TcpStream, heads: Heads) -> Self {
        Self { stream, heads }
    }
}

impl AsyncRead for Recording {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = read {
            self.heads.record(&buffer.filled()[before..]);
        }
        read
    }
}

impl AsyncWrite for Recording {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
