//! Connections that remember whether they were used before: what a second try is decided by.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use egress::{Connector, Stream};
use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Set once an answer has come and another request has been written after it.
const REUSED: u8 = 1;
/// Set from the first byte of an answer to the next request.
const ANSWERING: u8 = 2;

/// What has gone over a connection so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic(Arc<AtomicU8>);

impl Traffic {
    /// Tells whether the connection had served before, and no byte has come since the last write: the peer has most
    /// likely closed it while it was idle, and has not read what was written.
    pub(crate) fn was_stale(&self) -> bool {
        self.0.load(Ordering::Relaxed) == REUSED
    }

    fn note_write(&self) {
        if self.0.load(Ordering::Relaxed) & ANSWERING != 0 {
            self.0.store(REUSED, Ordering::Relaxed);
        }
    }

    fn note_read(&self) {
        self.0.fetch_or(ANSWERING, Ordering::Relaxed);
    }
}

/// Egress's connector, whose connections remember.
#[derive(Clone, Debug)]
pub(crate) struct Dial(pub(crate) Connector);

impl tower::Service<Uri> for Dial {
    type Response = TokioIo<Tracked>;
    type Error = egress::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, egress::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), egress::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialling = self.0.call(uri);
        Box::pin(async move {
            let stream = dialling.await?.into_inner();
            Ok(TokioIo::new(Tracked { stream, traffic: Traffic::default() }))
        })
    }
}

/// A connection that remembers.
#[derive(Debug)]
pub(crate) struct Tracked {
    stream: Stream,
    traffic: Traffic,
}

impl Connection for Tracked {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.traffic.clone())
    }
}

impl AsyncRead for Tracked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.traffic.note_read();
        }
        polled
    }
}

impl AsyncWrite for Tracked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.traffic.note_write();
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.traffic.note_write();
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
