//! The two bodies: the caller's on its way to the data source, and the answer's on its way back.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Error;

/// What a body may fail with.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The body of a request. One without any bytes costs no allocation; trailers are dropped.
#[derive(Debug, Default)]
pub struct Body(Option<UnsyncBoxBody<Bytes, BoxError>>);

impl Body {
    /// Makes the body of a request that has none.
    #[must_use]
    pub fn empty() -> Self {
        Self(None)
    }

    /// Takes a body as it is; one that is known to be at its end is empty.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if body.is_end_stream() {
            Self(None)
        } else {
            Self(Some(UnsyncBoxBody::new(body.map_err(Into::into))))
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        loop {
            match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                Some(Ok(frame)) if frame.is_trailers() => {}
                other => return Poll::Ready(other),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

/// The body of an answer: bytes as they come, without trailers, until the deadline of the whole exchange.
///
/// An answer that breaks off, is late or is too long ends with an error, so that the caller's transfer breaks too.
/// Dropping it before its end closes the connection to the data source.
#[derive(Debug)]
pub struct AnswerBody {
    incoming: Incoming,
    deadline: Deadline,
    limit: Option<Limit>,
}

#[derive(Debug)]
struct Limit {
    bytes: u64,
    left: u64,
}

#[derive(Debug)]
pub(crate) struct Deadline {
    at: Instant,
    after: std::time::Duration,
    /// Made when there is first something to wait for: most answers are whole by then.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) fn new(at: Instant, after: std::time::Duration) -> Self {
        Self { at, after, alarm: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(self.at)));
        alarm.as_mut().poll(cx).map(|()| Error::Timeout(self.after))
    }
}

impl AnswerBody {
    /// Takes the answer's body. One that announces more than `limit` bytes is refused at once.
    pub(crate) fn new(
        incoming: Incoming,
        deadline: Deadline,
        limit: Option<u64>,
    ) -> Result<Self, Error> {
        match limit {
            Some(bytes) if http_body::Body::size_hint(&incoming).lower() > bytes => {
                Err(Error::AnswerTooLarge(bytes))
            }
            _ => {
                let limit = limit.map(|bytes| Limit { bytes, left: bytes });
                Ok(Self { incoming, deadline, limit })
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<Frame<Bytes>, Error> {
        // An upstream that never pauses would not let the alarm be asked.
        if Instant::now() >= self.deadline.at {
            return Err(Error::Timeout(self.deadline.after));
        }
        if let Some(limit) = &mut self.limit {
            limit.left = (limit.left)
                .checked_sub(data.len() as u64)
                .ok_or(Error::AnswerTooLarge(limit.bytes))?;
        }
        Ok(Frame::data(data))
    }
}

/// Tells a connection that ended, which is the most likely, from a body that is no HTTP.
fn broken(error: hyper::Error) -> Error {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause.map(io::Error::kind) {
        Some(ErrorKind::InvalidInput | ErrorKind::InvalidData) => Error::Protocol(error.into()),
        _ => Error::Closed(error.into()),
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        loop {
            return match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => Poll::Ready(Some(this.take(data))),
                    Err(_trailers) => continue,
                },
                Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(broken(error)))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => this.deadline.poll(cx).map(|late| Some(Err(late))),
            };
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
