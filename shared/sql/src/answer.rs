//! What a statement gives: columns at once, rows as they come.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderName;
use http_body::Frame;
use tokio::sync::mpsc;

use crate::{Column, Error};

/// The trailer with the number of rows.
pub const ROW_COUNT: HeaderName = HeaderName::from_static("sourcegate-row-count");

/// The trailer that tells whether rows are missing: `true` or `false`.
pub const TRUNCATED: HeaderName = HeaderName::from_static("sourcegate-truncated");

/// The beginning of an answer, and the way to the rest.
#[derive(Debug)]
pub struct Answer {
    /// The media type of the body.
    pub content_type: &'static str,
    /// The columns, as the body names them.
    pub columns: Vec<Column>,
    /// The rows.
    pub body: Body,
}

/// The rows as they come, with trailers [`ROW_COUNT`] and [`TRUNCATED`] behind them.
///
/// It ends with an error where the rest is missing, so that the caller's transfer breaks too. Dropping it before its end cancels
/// the statement.
pub struct Body {
    frames: mpsc::Receiver<Result<Frame<Bytes>, Error>>,
    /// Whether the last frame has come: trailers, or an error.
    ended: bool,
}

impl Body {
    pub(crate) fn new(frames: mpsc::Receiver<Result<Frame<Bytes>, Error>>) -> Self {
        Self { frames, ended: false }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // A sender that is gone without a last frame has left the answer unfinished: that must not look like an end.
        let frame = ready!(self.frames.poll_recv(cx)).unwrap_or(Err(Error::GivenUp));
        self.ended = frame.as_ref().map_or(true, Frame::is_trailers);
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}
