//! What a fake upstream answers.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// The body of an answer; an error in it breaks the transfer.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// One scripted answer.
#[derive(Clone, Debug)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    delay: Duration,
    content: Content,
    is_early: bool,
}

#[derive(Clone, Debug)]
enum Content {
    Whole(Bytes),
    Pieces { pieces: Vec<Bytes>, pause: Duration, is_cut: bool },
    Endless(Bytes),
    Fed(Arc<Mutex<Option<mpsc::UnboundedReceiver<io::Result<Bytes>>>>>),
}

impl Answer {
    /// Makes an answer with this status and no body.
    ///
    /// # Panics
    ///
    /// When it is not a status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("a status");
        let content = Content::Whole(Bytes::new());
        Self { status, headers: Vec::new(), delay: Duration::ZERO, content, is_early: false }
    }

    /// Makes an answer with status 200 and this body.
    #[must_use]
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self::status(200).body(body)
    }

    /// Makes an answer with status 200 and this JSON text.
    #[must_use]
    pub fn json(body: &serde_json::Value) -> Self {
        Self::ok(body.to_string()).header("content-type", "application/json")
    }

    /// Makes an answer with status 200 whose body the test sends piece by piece. It serves one
    /// request; a second one gets an empty body.
    #[must_use]
    pub fn fed() -> (Self, Feed) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let content = Content::Fed(Arc::new(Mutex::new(Some(receiver))));
        (Self { content, ..Self::status(200) }, Feed(sender))
    }

    /// Sends this body, with its length.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { content: Content::Whole(body.into()), ..self }
    }

    /// Sends these pieces, each as a chunk of its own, with a pause before each but the first.
    #[must_use]
    pub fn pieces<P: Into<Bytes>>(
        self,
        pieces: impl IntoIterator<Item = P>,
        pause: Duration,
    ) -> Self {
        let pieces = pieces.into_iter().map(Into::into).collect();
        Self { content: Content::Pieces { pieces, pause, is_cut: false }, ..self }
    }

    /// Sends these pieces and then closes the connection as if the body went on.
    #[must_use]
    pub fn cut_after<P: Into<Bytes>>(self, pieces: impl IntoIterator<Item = P>) -> Self {
        let pieces = pieces.into_iter().map(Into::into).collect();
        let pause = Duration::ZERO;
        Self { content: Content::Pieces { pieces, pause, is_cut: true }, ..self }
    }

    /// Sends this piece again and again until the client goes.
    #[must_use]
    pub fn endless(self, piece: impl Into<Bytes>) -> Self {
        Self { content: Content::Endless(piece.into()), ..self }
    }

    /// Adds a header; the same name may come more than once.
    ///
    /// # Panics
    ///
    /// When hyper would not send it; [`super::RawUpstream`] sends any bytes.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = name.parse().expect("a header name");
        self.headers.push((name, HeaderValue::from_str(value).expect("a header value")));
        self
    }

    /// Waits so long before the status line.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Answers without reading the request's body.
    #[must_use]
    pub fn early(self) -> Self {
        Self { is_early: true, ..self }
    }

    pub(super) fn is_early(&self) -> bool {
        self.is_early
    }

    pub(super) async fn respond(self) -> Response<Body> {
        tokio::time::sleep(self.delay).await;
        let mut response = Response::new(self.content.into_body());
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers.into_iter().fold(
            http::HeaderMap::new(),
            |mut map, (name, value)| {
                map.append(name, value);
                map
            },
        ));
        response
    }
}

impl Content {
    fn into_body(self) -> Body {
        match self {
            Self::Whole(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
            Self::Endless(piece) => streamed(stream::repeat_with(move || Ok(piece.clone()))),
            Self::Pieces { pieces, pause, is_cut } => {
                let end = is_cut.then(|| Err(io::Error::other("cut")));
                let pieces = pieces.into_iter().map(Ok).chain(end).enumerate();
                streamed(stream::iter(pieces).then(move |(number, piece)| async move {
                    // A cut follows at once, but not before what was sent has gone out.
                    let pause = if piece.is_err() { Duration::from_millis(20) } else { pause };
                    if number > 0 {
                        tokio::time::sleep(pause).await;
                    }
                    piece
                }))
            }
            Self::Fed(receiver) => {
                let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
                streamed(stream::unfold(receiver, |receiver| async move {
                    let mut receiver = receiver?;
                    let piece = receiver.recv().await?;
                    Some((piece, Some(receiver)))
                }))
            }
        }
    }
}

fn streamed(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

/// The test's end of a body that it sends piece by piece. Dropping it ends the body well.
#[derive(Debug)]
pub struct Feed(mpsc::UnboundedSender<io::Result<Bytes>>);

impl Feed {
    /// Sends a piece.
    ///
    /// # Panics
    ///
    /// When the answer's receiver has gone.
    pub fn send(&self, piece: impl Into<Bytes>) {
        assert!(self.0.send(Ok(piece.into())).is_ok(), "the client has gone");
    }

    /// Breaks the transfer.
    pub fn fail(self) {
        // If the client has gone there is nothing left to break.
        self.0.send(Err(io::Error::other("cut"))).ok();
    }

    /// Waits until the client has gone.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}
