//! One error type at the HTTP edge: any crate's error becomes it with `?`, a dialect writes its body.

use std::{fmt, sync::Arc};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use sourcegate_core::{Classify, Kind};

use crate::{TraceId, refusal::Refusal};

/// An error on its way to the caller: what the caller may read, and the cause for the log. Cheap to
/// clone. As an answer it carries itself in the extensions, so that an [`envelope`](crate::envelope)
/// can write the body; where none did, [`Stack`](crate::Stack) writes [`render`]'s.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    cause: Option<&'static str>,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Error {
    /// Tells the kind that the status follows from.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Tells what the caller may read: no secret, no address.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Tells the cause as a stable word for programs, where there is one.
    #[must_use]
    pub fn cause(&self) -> Option<&'static str> {
        self.0.cause
    }

    /// Tells more about a message that a contract fixes, such as where a body stops being JSON.
    /// The caller may read it: it names positions and expectations, never values.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        self.downcast_ref::<Refusal>().and_then(Refusal::detail)
    }

    /// Shows the crate's own error, for a dialect that picks its texts by it.
    #[must_use]
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.0.source.downcast_ref()
    }

    /// Shows the error and all beneath it on one line. For the log only.
    #[must_use]
    pub fn chain(&self) -> Chain<'_> {
        Chain(&*self.0.source)
    }
}

impl<E: Classify> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Arc::new(Inner {
            kind: error.kind(),
            message: error.public(),
            cause: Classify::cause(&error),
            source: Box::new(error),
        }))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.chain())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = status(self.0.kind).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Tells the HTTP status of a kind: the only such table. 499 is nginx's word for a lost client.
#[must_use]
pub fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Gone => StatusCode::GONE,
        Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::UriTooLong => StatusCode::URI_TOO_LONG,
        Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        Kind::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Kind::ClientGone => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        Kind::Upstream => StatusCode::BAD_GATEWAY,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        Kind::Loop => StatusCode::LOOP_DETECTED,
    }
}

/// Writes an error as `{"message", "cause"?, "detail"?, "traceID"}`: the form of whatever no dialect
/// claims.
#[must_use]
pub fn render(error: &Error, trace: TraceId) -> Response {
    let mut body = serde_json::json!({ "message": error.message(), "traceID": trace.to_string() });
    if let Some(cause) = error.cause() {
        body["cause"] = cause.into();
    }
    if let Some(detail) = error.detail() {
        body["detail"] = detail.into();
    }
    let json = HeaderValue::from_static("application/json");
    (status(error.kind()), [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}

/// An error and everything beneath it, on one line.
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        std::iter::successors(self.0.source(), |e| e.source()).try_for_each(|e| write!(f, ": {e}"))
    }
}
