//! A stream that is listened to: what the server asks for before it is trusted, and how long its messages are.
//!
//! The driver answers any kind of authentication that it knows, and takes a message of any length into memory.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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

/// The messages of a server, as far as they are listened to.
#[derive(Debug)]
struct Listener {
    trust: Trust,
    most: usize,
    /// Whether the server has taken the client in: before, no length is believed.
    ready: bool,
    /// Tag, length, and of messages about authentication all.
    heard: Vec<u8>,
    /// Bytes of a message that do not matter.
    skipped: usize,
}

impl Listener {
    fn hear(&mut self, mut bytes: &[u8]) -> Result<(), Ended> {
        while !bytes.is_empty() {
            let skipped = self.skipped.min(bytes.len());
            self.skipped -= skipped;
            bytes = &bytes[skipped..];
            let wanted = self.wanted()?;
            let taken = wanted.min(bytes.len());
            self.heard.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            self.judge()?;
        }
        Ok(())
    }

    /// Bytes that are missing until there is something to judge.
    fn wanted(&self) -> Result<usize, Ended> {
        if self.heard.len() < 5 {
            return Ok(5 - self.heard.len());
        }
        Ok(1 + self.length()? - self.heard.len())
    }

    /// The length of the message that has begun, which counts itself and not the tag.
    fn length(&self) -> Result<usize, Ended> {
        let [_, a, b, c, d] = self.heard[..5] else { return Err(Ended::Length) };
        match usize::try_from(i32::from_be_bytes([a, b, c, d])) {
            Ok(length) if length >= 4 && length <= self.most.saturating_add(4) => Ok(length),
            Ok(length) if length >= 4 && self.ready => Err(Ended::TooLong(self.most)),
            _ => Err(Ended::Length),
        }
    }

    fn judge(&mut self) -> Result<(), Ended> {
        if self.heard.len() < 5 {
            return Ok(());
        }
        let length = self.length()?;
        if self.heard[0] != b'R' {
            self.ready |= self.heard[0] == b'Z';
            self.skipped = length - 4;
            self.heard.clear();
        } else if length > MOST_AUTHENTICATION {
            return Err(Ended::Length);
        } else if self.heard.len() == 1 + length {
            let judged = authentication(&self.heard[5..], self.trust).map_err(Ended::Policy);
            self.heard.clear();
            return judged;
        }
        Ok(())
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

/// A stream whose messages are listened to as they are read.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    listener: Listener,
    ended: Arc<OnceLock<Ended>>,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, trust: Trust, most: usize) -> Self {
        let listener = Listener { trust, most, ready: false, heard: Vec::new(), skipped: 0 };
        Self { stream, listener, ended: Arc::default() }
    }

    /// Where to look for the reason when the driver only says that the connection has ended.
    pub(super) fn why_ended(&self) -> Arc<OnceLock<Ended>> {
        Arc::clone(&self.ended)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let heard = this.listener.hear(&buf.filled()[before..]);
        Poll::Ready(heard.map_err(|ended| io::Error::other(*this.ended.get_or_init(|| ended))))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
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

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, data: &[u8]) -> Vec<u8> {
        let length = i32::try_from(data.len() + 4).unwrap().to_be_bytes();
        [&[tag], &length[..], data].concat()
    }

    fn asks(code: u32, data: &str) -> Vec<u8> {
        message(b'R', &[&code.to_be_bytes()[..], data.as_bytes()].concat())
    }

    /// However the bytes are cut, the same is heard.
    #[track_caller]
    fn check(trust: Trust, bytes: &[u8], expected: Result<(), Ended>) {
        for size in [1, 2, 3, 7, bytes.len()] {
            let ready = bytes.starts_with(b"Z");
            let mut listener = Listener { trust, most: 100, ready, heard: Vec::new(), skipped: 0 };
            let heard = bytes.chunks(size).try_for_each(|chunk| listener.hear(chunk));
            assert_eq!(heard, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn q43_a_password_goes_only_where_it_is_safe() {
        let refused = |policy| Err(Ended::Policy(policy));
        check(Trust::Plain, &asks(3, ""), refused(Policy::ClearPassword));
        check(Trust::Encrypted, &asks(3, ""), refused(Policy::ClearPassword));
        check(Trust::Verified, &asks(3, ""), Ok(()));
        check(Trust::Plain, &asks(5, "salt"), refused(Policy::WeakPassword));
        check(Trust::Encrypted, &asks(5, "salt"), Ok(()));
        check(Trust::Plain, &asks(0, ""), Ok(()));
        check(
            Trust::Plain,
            &[message(b'S', b"x"), asks(3, "")].concat(),
            refused(Policy::ClearPassword),
        );
    }

    #[test]
    fn q43_a_proof_costs_bounded_work() {
        check(Trust::Plain, &asks(11, "r=a,s=b,i=4096"), Ok(()));
        check(Trust::Plain, &asks(11, "r=a,s=b,i=200000"), Ok(()));
        check(Trust::Plain, &asks(11, "r=a,s=b,i=200001"), Err(Ended::Policy(Policy::TooMuchWork)));
        check(
            Trust::Plain,
            &asks(11, "r=a,s=b,i=1000000000000"),
            Err(Ended::Policy(Policy::TooMuchWork)),
        );
    }

    #[test]
    fn q35_no_message_is_longer_than_the_limit() {
        let ready = message(b'Z', b"I");
        let of = |length: usize| [ready.clone(), message(b'D', &vec![0; length])].concat();
        check(Trust::Plain, &of(100), Ok(()));
        check(Trust::Plain, &of(101), Err(Ended::TooLong(100)));
        check(Trust::Plain, &[of(100), of(200)].concat(), Err(Ended::TooLong(100)));
        check(Trust::Plain, &message(b'D', &[0; 101]), Err(Ended::Length));
        check(Trust::Plain, b"D\xff\xff\xff\xff", Err(Ended::Length));
        check(Trust::Plain, b"D\0\0\0\x03", Err(Ended::Length));
    }
}
