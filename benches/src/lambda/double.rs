//! A server that stands for a service of AWS: HTTP/1.1 on threads, so that nothing but the program asked is asynchronous.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

/// A request as it came.
pub(crate) struct Asked {
    /// The head, as it was sent.
    pub(crate) head: String,
    /// The body; the chunks of a chunked one, with their sizes.
    pub(crate) body: Vec<u8>,
    /// When the head was whole.
    pub(crate) at: Instant,
}

impl Asked {
    /// Gives a header's value.
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    }

    /// The request as bytes, to be passed on.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }
}

/// An answer: its status, lines of headers, and its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// One in JSON.
    pub(crate) fn json(text: impl Into<Vec<u8>>) -> Self {
        let headers = "content-type: application/x-amz-json-1.1\r\n".to_owned();
        Self { status: 200, headers, body: text.into() }
    }
}

/// Starts one on a free port; it serves until the bench ends. The answer to `None` ends a connection.
pub(crate) fn serve(
    answer: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // Whoever closes a connection ends its thread.
            std::thread::spawn(move || connection(stream, &*answer).ok());
        }
    });
    Ok(address)
}

fn connection(
    mut stream: TcpStream,
    answer: &(impl Fn(&Asked) -> Option<Answer> + ?Sized),
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut rest = Vec::new();
    while let Some(asked) = read(&mut stream, &mut rest)? {
        let Some(Answer { status, headers, body }) = answer(&asked) else { break };
        let length = body.len();
        let mut bytes =
            format!("HTTP/1.1 {status} OK\r\n{headers}content-length: {length}\r\n\r\n")
                .into_bytes();
        bytes.extend(body);
        stream.write_all(&bytes)?;
    }
    Ok(())
}

/// Reads one message; none if the connection ends before it. `rest` has what came behind the last one.
pub(crate) fn read(stream: &mut impl Read, rest: &mut Vec<u8>) -> anyhow::Result<Option<Asked>> {
    let mut buffer = [0; 16 << 10];
    let mut more = |rest: &mut Vec<u8>| -> anyhow::Result<bool> {
        let count = stream.read(&mut buffer)?;
        rest.extend_from_slice(&buffer[..count]);
        Ok(count > 0)
    };
    let end = loop {
        if let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if !more(rest)? {
            return Ok(None);
        }
    };
    let at = Instant::now();
    let head = String::from_utf8(rest.drain(..end).collect())?;
    let asked = Asked { head, body: Vec::new(), at };
    let length = asked.header("content-length").and_then(|length| length.parse::<usize>().ok());
    let is_chunked = asked.header("transfer-encoding").is_some();
    let whole = loop {
        // No JSON holds the bytes that end the last chunk.
        let end = rest.windows(5).position(|five| five == b"0\r\n\r\n").map(|at| at + 5);
        let whole = if is_chunked { end } else { Some(length.unwrap_or(0)) };
        if let Some(whole) = whole.filter(|whole| *whole <= rest.len()) {
            break whole;
        }
        anyhow::ensure!(more(rest)?, "a connection was closed within a message");
    };
    Ok(Some(Asked { body: rest.drain(..whole).collect(), ..asked }))
}
