//! A connection that asks and reads, blocking: next to nothing between the clock and the socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

/// How long a read may take before the bench gives up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest piece that is read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// One kept connection.
pub(crate) struct Client {
    stream: TcpStream,
    address: SocketAddr,
    authorization: String,
    buffer: Vec<u8>,
}

/// How an answer's end is known.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    Bytes(usize),
    Chunked,
}

impl Client {
    /// Connects; `authorization` is a header's line or empty.
    pub(crate) fn connect(address: SocketAddr, authorization: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let (authorization, buffer) = (authorization.to_owned(), vec![0; BUFFER_BYTES]);
        Ok(Self { stream, address, authorization, buffer })
    }

    /// Writes a request down, to be sent many times.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let (address, authorization) = (self.address, &self.authorization);
        let body = match body {
            "" => "\r\n".to_owned(),
            body => format!(
                "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n{authorization}");
        let common = "accept: */*\r\naccept-encoding: gzip\r\nuser-agent: bench/1\r\n";
        format!("{head}{common}{body}").into_bytes()
    }

    /// Sends a request and reads its answer to the end, `take` getting each piece of the body, sizes of chunks and all.
    ///
    /// Fails on any status but 200.
    pub(crate) fn exchange(
        &mut self,
        request: &[u8],
        mut take: impl FnMut(&[u8]),
    ) -> anyhow::Result<Length> {
        self.stream.write_all(request)?;
        let (head_bytes, filled) = self.read_head()?;
        let head = std::str::from_utf8(&self.buffer[..head_bytes])?;
        let length = length(head).with_context(|| format!("not a plain 200: {head}"))?;
        take(&self.buffer[head_bytes..filled]);
        let mut body_bytes = filled - head_bytes;
        match length {
            Length::Bytes(whole) => {
                while body_bytes < whole {
                    let count = self.read(0)?;
                    take(&self.buffer[..count]);
                    body_bytes += count;
                }
            }
            Length::Chunked => self.read_chunks(filled, take)?,
        }
        Ok(length)
    }

    /// Sends a request that may be refused; gives the status, the body read and thrown away.
    pub(crate) fn status(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request)?;
        let (head_bytes, filled) = self.read_head()?;
        let head = std::str::from_utf8(&self.buffer[..head_bytes])?;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let status = status.with_context(|| format!("no answer: {head}"))?;
        let field = |line: &str| line.strip_prefix("content-length: ")?.parse::<usize>().ok();
        let whole = head.lines().find_map(field).context("an answer of no stated length")?;
        let mut left = whole.saturating_sub(filled - head_bytes);
        while left > 0 {
            left = left.saturating_sub(self.read(0)?);
        }
        Ok(status)
    }

    /// Sends a request with a body of JSON and reads the answer's.
    pub(crate) fn json(&mut self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = self.request(method, path, &body);
        let mut answer = Vec::new();
        let length = self.exchange(&request, |piece| answer.extend_from_slice(piece))?;
        let answer = match length {
            Length::Bytes(_) => answer,
            Length::Chunked => whole(&answer).context("chunks that cannot be read")?,
        };
        Ok(serde_json::from_slice(&answer)?)
    }

    /// No JSON holds the bytes that end the last chunk, so that chunks need not be told apart.
    fn read_chunks(&mut self, filled: usize, mut take: impl FnMut(&[u8])) -> anyhow::Result<()> {
        const END: &[u8] = b"0\r\n\r\n";
        let mut last = self.buffer[filled.saturating_sub(END.len())..filled].to_vec();
        while last != END {
            let count = self.read(0)?;
            take(&self.buffer[..count]);
            last.extend_from_slice(&self.buffer[..count]);
            last.drain(..last.len().saturating_sub(END.len()));
        }
        Ok(())
    }

    /// Reads until the head is whole; gives its length and how much there is.
    fn read_head(&mut self) -> anyhow::Result<(usize, usize)> {
        let mut filled = 0;
        loop {
            filled += self.read(filled)?;
            if let Some(end) = head_end(&self.buffer[..filled]) {
                return Ok((end, filled));
            }
        }
    }

    fn read(&mut self, from: usize) -> anyhow::Result<usize> {
        let count = self.stream.read(&mut self.buffer[from..])?;
        anyhow::ensure!(count > 0, "the connection was closed within an answer");
        Ok(count)
    }
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Puts a body together from its chunks.
fn whole(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(chunks.len());
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).ok()?, 16).ok()?;
        let chunk = chunks.get(end + 2..end + 2 + size)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
        chunks = chunks.get(end + 2 + size + 2..)?;
    }
}

fn length(head: &str) -> Option<Length> {
    let mut lines = head.strip_prefix("HTTP/1.1 200 ")?.lines();
    lines.find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        if name.eq_ignore_ascii_case("content-length") {
            return value.parse().ok().map(Length::Bytes);
        }
        (name.eq_ignore_ascii_case("transfer-encoding") && value == "chunked")
            .then_some(Length::Chunked)
    })
}
