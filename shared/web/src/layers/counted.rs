//! A response body that counts what passes and ends its canonical line.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::{Body, Bytes, HttpBody};
use http::{StatusCode, header, response::Parts};
use http_body::{Frame, SizeHint};

use super::line::Line;

/// The body of every answer. Its line is written when it is dropped.
pub(crate) struct Counted {
    body: Body,
    line: Line,
    /// How many bytes make it whole, where that is known: the server stops asking after them.
    expected_bytes: Option<u64>,
    /// An error held back until what came before it is on its way: hyper drops what it has not
    /// flushed, the head included, when a body fails.
    failed: Option<axum::Error>,
}

impl Counted {
    pub(super) fn new(body: Body, head: &Parts, mut line: Line) -> Self {
        line.note_status(head.status);
        let declared = || head.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        let bodiless = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let expected_bytes = match line.is_head() || bodiless {
            true => Some(0),
            false => body.size_hint().exact().or_else(declared),
        };
        if expected_bytes == Some(0) || body.is_end_stream() {
            line.note_whole();
        }
        Self { body, line, expected_bytes, failed: None }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &polled {
            None => self.line.note_whole(),
            Some(Err(error)) => self.line.note_broken(error),
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                let sent = self.line.note_bytes(bytes);
                if self.expected_bytes == Some(sent) || self.body.is_end_stream() {
                    self.line.note_whole();
                }
            }
        }
        if let Some(Err(error)) = polled {
            self.failed = Some(error);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.failed.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
