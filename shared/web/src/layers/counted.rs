//! A response body that counts what passes and ends its canonical line.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::{Body, Bytes, HttpBody};
use http::{StatusCode, header, response::Parts};
use http_body::{Frame, SizeHint};

use super::{ending::Ending, line::Line};
use crate::Refusal;

/// Resolves when an answer must have ended.
type Ended = Pin<Box<dyn Future<Output = Refusal> + Send>>;

/// The body of every answer. Its line is written when it is dropped.
pub(crate) struct Counted {
    body: Body,
    line: Line,
    /// How many bytes make it whole, where that is known: the server stops asking after them.
    expected_bytes: Option<u64>,
    /// An error held back until what came before it is on its way: hyper drops what it has not
    /// flushed, the head included, when a body fails.
    failed: Option<axum::Error>,
    /// What breaks it off if it goes on for too long.
    ending: Option<Ended>,
    has_begun: bool,
}

impl Counted {
    pub(super) fn new(body: Body, head: &Parts, mut line: Line, ending: Ending) -> Self {
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
        let ending = (!ending.is_none()).then(|| Box::pin(ending.reached()) as Ended);
        Self { body, line, expected_bytes, failed: None, ending, has_begun: false }
    }

    /// Gives up what was to be answered.
    pub(super) fn into_line(self) -> Line {
        self.line
    }

    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // What is there whole, such as the refusal of a request whose time is up, is still given.
        let goes_on = self.has_begun && !self.body.is_end_stream();
        if goes_on && let Poll::Ready(error) = self.poll_ending(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_ending(cx).map(|error| Some(Err(error)));
        };
        self.has_begun = true;
        if let Some(Err(error)) = &polled {
            self.line.note_broken(error);
        }
        Poll::Ready(polled)
    }

    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<axum::Error> {
        let Some(ending) = &mut self.ending else { return Poll::Pending };
        let refusal = ready!(ending.as_mut().poll(cx));
        self.ending = None;
        self.line.note_ended(&refusal);
        Poll::Ready(axum::Error::new(refusal))
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
        let polled = ready!(self.poll_body(cx));
        match &polled {
            None => self.line.note_whole(),
            Some(Err(_)) => {}
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
