//! A stream that is listened to: what the server asks for before it is trusted, and how long its messages are.
//!
//! The driver answers any kind of authentication that it knows, takes a message of any length into memory, and spends more
//! on a message of `COPY` than on the row in it. It gets such rows packed: as many as there are in one message.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::packed::{self, HEADER_BYTES};
use crate::Policy;
use crate::secure::Trust;

/// How often a password may have to be hashed; servers ask for 4 096.
const MOST_ITERATIONS: u32 = 200_000;

/// A message about authentication is a few hundred bytes.
const MOST_AUTHENTICATION: usize = 8 << 10;

/// Why a stream was ended from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ended {
    #[error("{0}")]
    Policy(#[source] Policy),
    #[error("a message has more than {0} bytes")]
    TooLong(usize),
    #[error("a message has a length that none can have")]
    Length,
}

/// How much is read at once.
const READ_BYTES: usize = 32 << 10;

/// What is handed on next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// So many bytes of messages, as they are.
    Same(usize),
    /// So many bytes of rows, as one message.
    Packed(usize),
}

/// Judges the messages of a server.
#[derive(Debug)]
struct Listener {
    trust: Trust,
    most: usize,
    /// Whether the server has taken the client in: before, no length is believed.
    ready: bool,
}

impl Listener {
    /// Judges what the server has sent; none if more of it must be there first.
    fn judge(&mut self, bytes: &[u8]) -> Result<Option<Piece>, Ended> {
        let Some(length) = self.length(bytes)? else { return Ok(None) };
        match bytes[0] {
            b'R' if length > MOST_AUTHENTICATION => Err(Ended::Length),
            b'R' => match bytes.get(HEADER_BYTES..length) {
                Some(asked) => {
                    authentication(asked, self.trust).map_err(Ended::Policy)?;
                    Ok(Some(Piece::Same(length)))
                }
                None => Ok(None),
            },
            packed::ROW if length <= READ_BYTES && length > bytes.len() => Ok(None),
            packed::ROW => Ok(Some(Piece::Packed(self.rows(bytes, length)))),
            tag => {
                self.ready |= tag == b'Z';
                Ok(Some(Piece::Same(length)))
            }
        }
    }

    /// The length of the message that begins here, all of it.
    fn length(&self, bytes: &[u8]) -> Result<Option<usize>, Ended> {
        let Some([_, a, b, c, d]) = bytes.first_chunk() else { return Ok(None) };
        // It counts itself and not the tag.
        match usize::try_from(i32::from_be_bytes([*a, *b, *c, *d])) {
            Ok(length) if length >= 4 && length <= self.most.saturating_add(4) => {
                Ok(Some(1 + length))
            }
            Ok(length) if length >= 4 && self.ready => Err(Ended::TooLong(self.most)),
            _ => Err(Ended::Length),
        }
    }

    /// The length of the first row and of all after it that are there whole.
    fn rows(&self, bytes: &[u8], first: usize) -> usize {
        let mut end = first;
        while let Some(rest) = bytes.get(end..).filter(|rest| rest.first() == Some(&packed::ROW)) {
            match self.length(rest) {
                Ok(Some(length)) if length <= rest.len() => end += length,
                // What is wrong with it is told when its turn comes.
                _ => break,
            }
        }
        end
    }
}

/// Judges what the server asks for: a code and its data.
fn authentication(message: &[u8], trust: Trust) -> Result<(), Policy> {
    let Some((code, data)) = message.split_first_chunk() else { return Ok(()) };
    match u32::from_be_bytes(*code) {
        3 if trust != Trust::Verified => Err(Policy::ClearPassword),
        5 if trust == Trust::Plain => Err(Policy::WeakPassword),
        11 if iterations(data).is_some_and(|asked| asked > MOST_ITERATIONS) => {
            Err(Policy::TooMuchWork)
        }
        _ => Ok(()),
    }
}

/// Finds `i=` in a SCRAM message. What is too large for a number is too many.
fn iterations(data: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(data).ok()?;
    let digits = text.split(',').find_map(|part| part.strip_prefix("i="))?;
    Some(digits.parse().unwrap_or(u32::MAX))
}

/// A stream whose messages are listened to before they are handed on.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    listener: Listener,
    ended: Arc<OnceLock<Ended>>,
    /// What was read and is not handed on yet.
    held: BytesMut,
    /// The header of a message that is made here.
    header: Bytes,
    /// Bytes that may be handed on, there or to come.
    allowed: usize,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, trust: Trust, most: usize) -> Self {
        let listener = Listener { trust, most, ready: false };
        let (ended, held, header) = (Arc::default(), BytesMut::new(), Bytes::new());
        Self { stream, listener, ended, held, header, allowed: 0 }
    }

    /// Where to look for the reason when the driver only says that the connection has ended.
    pub(super) fn why_ended(&self) -> Arc<OnceLock<Ended>> {
        Arc::clone(&self.ended)
    }

    /// Hands on what is there and may be.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) -> Result<(), Ended> {
        loop {
            let header = self.header.len().min(buf.remaining());
            buf.put_slice(&self.header.split_to(header));
            let taken = self.allowed.min(self.held.len()).min(buf.remaining());
            buf.put_slice(&self.held[..taken]);
            self.held.advance(taken);
            self.allowed -= taken;
            if self.allowed > 0 || buf.remaining() == 0 {
                return Ok(());
            }
            self.allowed = match self.listener.judge(&self.held)? {
                Some(Piece::Same(length)) => length,
                Some(Piece::Packed(length)) => {
                    self.header = packed::header(length).ok_or(Ended::Length)?;
                    length
                }
                None => return Ok(()),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> Guarded<S> {
    /// Reads what the server sends; tells whether there is more to come.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.held.reserve(READ_BYTES.saturating_sub(self.held.len()).max(1));
        let read = pin!(self.stream.read_buf(&mut self.held)).poll(cx);
        if read.is_pending() && self.held.is_empty() {
            // A session that is kept keeps no memory.
            self.held = BytesMut::new();
        }
        read.map_ok(|read| read > 0)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        loop {
            let handed = self.hand_on(buf);
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            handed.map_err(|ended| io::Error::other(*self.ended.get_or_init(|| ended)))?;
            if buf.remaining() == 0 || !ready!(self.poll_fill(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Hangs up, and waits until the server has: until then it has a session.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        while ready!(self.poll_fill(cx))? {
            self.held.clear();
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    const MOST: usize = 100;

    fn message(tag: u8, data: &[u8]) -> Vec<u8> {
        let length = i32::try_from(data.len() + 4).unwrap().to_be_bytes();
        [&[tag], &length[..], data].concat()
    }

    fn asks(code: u32, data: &str) -> Vec<u8> {
        message(b'R', &[&code.to_be_bytes()[..], data.as_bytes()].concat())
    }

    /// Reads what a server sends, as far as it is handed on.
    fn read(trust: Trust, bytes: &[u8], size: usize) -> (Vec<u8>, Result<(), Ended>) {
        let (mut server, stream) = tokio::io::duplex(size);
        let mut stream = Guarded::new(stream, trust, MOST);
        stream.listener.ready = bytes.starts_with(b"Z");
        let ended = stream.why_ended();
        let reading = async move {
            let mut read = Vec::new();
            (stream.read_to_end(&mut read).await.is_ok(), read)
        };
        // Fails when nobody reads any more.
        let sending = async move { server.write_all(bytes).await.is_ok() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ((whole, read), _) = runtime.block_on(async { tokio::join!(reading, sending) });
        let heard = ended.get().copied().map_or(Ok(()), Err);
        assert_eq!(whole, heard.is_ok());
        (read, heard)
    }

    /// However the bytes are cut, the same is heard; nothing is handed on of the last message if that is refused.
    #[track_caller]
    fn check(trust: Trust, messages: &[Vec<u8>], expected: Result<(), Ended>) {
        let refused = if expected.is_ok() { 0 } else { messages.last().map_or(0, Vec::len) };
        let bytes = messages.concat();
        for size in [1, 2, 3, 7, bytes.len()] {
            let (handed, heard) = read(trust, &bytes, size);
            assert_eq!(heard, expected, "in pieces of {size}");
            assert_eq!(handed, bytes[..bytes.len() - refused], "in pieces of {size}");
        }
    }

    #[test]
    fn q43_a_password_goes_only_where_it_is_safe() {
        let refused = |policy| Err(Ended::Policy(policy));
        check(Trust::Plain, &[asks(3, "")], refused(Policy::ClearPassword));
        check(Trust::Encrypted, &[asks(3, "")], refused(Policy::ClearPassword));
        check(Trust::Verified, &[asks(3, "")], Ok(()));
        check(Trust::Plain, &[asks(5, "salt")], refused(Policy::WeakPassword));
        check(Trust::Encrypted, &[asks(5, "salt")], Ok(()));
        check(Trust::Plain, &[asks(0, "")], Ok(()));
        let after = [message(b'S', b"x"), asks(3, "")];
        check(Trust::Plain, &after, refused(Policy::ClearPassword));
    }

    #[test]
    fn q43_a_proof_costs_bounded_work() {
        let too_much = Err(Ended::Policy(Policy::TooMuchWork));
        check(Trust::Plain, &[asks(11, "r=a,s=b,i=4096")], Ok(()));
        check(Trust::Plain, &[asks(11, "r=a,s=b,i=200000")], Ok(()));
        check(Trust::Plain, &[asks(11, "r=a,s=b,i=200001")], too_much);
        check(Trust::Plain, &[asks(11, "r=a,s=b,i=1000000000000")], too_much);
    }

    #[test]
    fn q35_no_message_is_longer_than_the_limit() {
        let of = |length: usize| [message(b'Z', b"I"), message(b'D', &vec![0; length])];
        let too_long = Err(Ended::TooLong(MOST));
        check(Trust::Plain, &of(MOST), Ok(()));
        check(Trust::Plain, &of(MOST + 1), too_long);
        check(Trust::Plain, &[of(MOST), of(2 * MOST)].concat(), too_long);
        check(Trust::Plain, &[message(b'D', &[0; MOST + 1])], Err(Ended::Length));
        check(Trust::Plain, &[b"D\xff\xff\xff\xff".to_vec()], Err(Ended::Length));
        check(Trust::Plain, &[b"D\0\0\0\x03".to_vec()], Err(Ended::Length));
    }

    #[test]
    fn q35_nor_is_one_of_those_that_are_packed() {
        let long = message(b'd', &[0; MOST + 1]);
        let sent = [message(b'Z', b"I"), message(b'd', b"1\n"), long].concat();
        for size in [1, 7, sent.len()] {
            let (handed, heard) = read(Trust::Plain, &sent, size);
            assert_eq!(heard, Err(Ended::TooLong(MOST)));
            assert_eq!(rows(&handed), ["1\n"]);
        }
    }

    /// The rows of packed messages, of which there are no others than `Z`.
    fn rows(mut handed: &[u8]) -> Vec<String> {
        let mut rows = Vec::new();
        while let Some(([tag, length @ ..], rest)) = handed.split_first_chunk::<HEADER_BYTES>() {
            let (mut data, rest) = rest.split_at(i32::from_be_bytes(*length) as usize - 4);
            while let Some(row) =
                (*tag == packed::ROW).then(|| packed::next(&mut data).unwrap()).flatten()
            {
                rows.push(String::from_utf8(row.to_vec()).unwrap());
            }
            handed = rest;
        }
        rows
    }

    #[test]
    fn rows_come_packed_and_stay_those_that_were_sent() {
        let texts: Vec<_> = (0..40).map(|nth| "x".repeat(nth % 9)).collect();
        let messages = texts.iter().map(|text| message(b'd', text.as_bytes()));
        let sent: Vec<u8> = messages.collect::<Vec<_>>().concat();
        for size in [1, 2, 3, 7, 100, sent.len()] {
            let (handed, heard) = read(Trust::Plain, &sent, size);
            assert_eq!(heard, Ok(()));
            assert_eq!(rows(&handed), texts, "in pieces of {size}");
        }
        let (handed, _) = read(Trust::Plain, &sent, sent.len());
        assert_eq!(handed.len(), HEADER_BYTES + sent.len(), "one message");
    }
}
