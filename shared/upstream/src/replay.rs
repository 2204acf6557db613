//! Bodies that can be sent once more: what went by is kept, as long as it is little.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::Full;

use crate::{Body, BoxError};

/// How much of a body is kept. Queries are small; what is larger is not sent again.
const MOST_BYTES: usize = 64 * 1024;

/// What went by of a body. A clone is the same tape.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    pieces: Vec<Bytes>,
    bytes: usize,
    /// Whether all of it went by.
    is_whole: bool,
    /// Whether it was too much, or broke off.
    is_lost: bool,
}

impl Tape {
    /// Gives the same body, with a tape of it unless it is empty.
    pub(crate) fn record(body: Body) -> (Body, Option<Self>) {
        if body.is_end_stream() {
            return (Body::empty(), None);
        }
        let tape = Self::default();
        (Body::new(Taped { body, tape: tape.clone() }), Some(tape))
    }

    /// Tells whether all of it went by and was kept.
    pub(crate) fn is_whole(&self) -> bool {
        let kept = self.lock();
        kept.is_whole && !kept.is_lost
    }

    /// Gives the body again; none if not all of it went by, or it was too much.
    pub(crate) fn body(&self) -> Option<Body> {
        let whole = self.is_whole().then(|| self.lock().pieces.concat())?;
        Some(Body::new(Full::new(Bytes::from(whole))))
    }

    fn keep(&self, piece: &Bytes) {
        let mut kept = self.lock();
        kept.bytes = kept.bytes.saturating_add(piece.len());
        if kept.bytes > MOST_BYTES {
            kept.lose();
        } else {
            kept.pieces.push(piece.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn lose(&mut self) {
        self.is_lost = true;
        self.pieces = Vec::new();
    }
}

/// A body that is kept as it goes by.
struct Taped {
    body: Body,
    tape: Tape,
}

impl http_body::Body for Taped {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let polled = ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &polled {
            Some(Ok(frame)) => frame.data_ref().into_iter().for_each(|piece| this.tape.keep(piece)),
            Some(Err(_)) => this.tape.lock().lose(),
            None => {}
        }
        // Whoever was told its length does not ask whether there is more.
        if polled.is_none() || this.body.is_end_stream() {
            this.tape.lock().is_whole = true;
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    fn of(pieces: Vec<Result<&'static [u8], &'static str>>) -> Body {
        let frames = pieces.into_iter().map(|piece| {
            piece.map(|piece| Frame::data(Bytes::from_static(piece))).map_err(BoxError::from)
        });
        Body::new(StreamBody::new(stream::iter(frames.collect::<Vec<_>>())))
    }

    /// Sends a body, and tells what could be sent after.
    async fn again(body: Body) -> Option<Vec<u8>> {
        let (body, tape) = Tape::record(body);
        drop(body.collect().await);
        let again = tape.unwrap().body()?;
        Some(again.collect().await.unwrap().to_bytes().to_vec())
    }

    #[tokio::test]
    async fn t08_what_is_small_and_went_by_whole_can_be_sent_again() {
        assert_eq!(again(of(vec![Ok(b"query"), Ok(b"=up")])).await.unwrap(), b"query=up");
        assert_eq!(again(of(vec![])).await.unwrap(), b"");
        static EXACT: [u8; MOST_BYTES] = [b'a'; MOST_BYTES];
        assert_eq!(again(of(vec![Ok(&EXACT)])).await.unwrap().len(), MOST_BYTES);
        assert_eq!(again(of(vec![Ok(&EXACT), Ok(b"a")])).await, None);
        assert_eq!(again(of(vec![Ok(b"query"), Err("broken")])).await, None);
    }

    #[tokio::test]
    async fn what_has_not_gone_by_yet_cannot() {
        let (mut body, tape) = Tape::record(of(vec![Ok(b"a"), Ok(b"b")]));
        body.frame().await.unwrap().unwrap();
        assert!(tape.unwrap().body().is_none());
    }

    #[tokio::test]
    async fn a_known_length_stays_known_and_ends_without_being_asked() {
        let (mut body, tape) = Tape::record(Body::new(Full::new(Bytes::from_static(b"abc"))));
        assert_eq!(body.size_hint().exact(), Some(3));
        body.frame().await.unwrap().unwrap();
        assert!(body.is_end_stream() && tape.unwrap().body().is_some());
        assert!(Tape::record(Body::empty()).1.is_none());
    }
}
