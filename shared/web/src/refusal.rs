//! What this crate refuses by itself, before or beside any handler.

use sourcegate_core::json::JsonFault;
use sourcegate_core::{Classify, Kind};

/// A refusal of this crate. Dialects find it by [`crate::Error::downcast_ref`] where their contract has
/// another text.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No route has this path, or none of its methods fits.
    #[error("not found")]
    UnknownRoute,
    /// `TRACE` or `CONNECT`.
    #[error("method {0} is never served")]
    MethodNeverServed(http::Method),
    /// The request target passes a limit.
    #[error("the request target has more than {limit} {unit}")]
    TargetTooLong {
        /// The largest allowed number.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// The header section passes a limit.
    #[error("the header section has more than {limit} {unit}")]
    HeadersTooLarge {
        /// The largest allowed number.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// The body passes the limit, in bytes.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// The request makes a larger event than the platform takes, in bytes.
    #[error(
        "the request makes an event of more than {0} bytes, which is all that the platform takes; of a body each 3 bytes count for 4"
    )]
    EventTooLarge(usize),
    /// The answer cannot be given in one piece, in bytes.
    #[error(
        "the answer has more than {0} bytes, which is all that can be answered in one piece; ask for less, or deploy the function so that it streams its answers"
    )]
    AnswerTooLarge(usize),
    /// The time that the platform gives a request has passed.
    #[error(
        "the time that the function has for a request has passed; ask for less, or give the function a longer timeout"
    )]
    Deadline,
    /// The process was told to end.
    #[error("this process was stopped before the request was done; send it again")]
    Stopping,
    /// The body did not arrive within this many seconds.
    #[error("the body did not arrive within {0} seconds")]
    SlowBody(u64),
    /// The body broke off or was framed wrongly.
    #[error("the body could not be read")]
    BodyLost(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The body is not what its envelope said it was.
    #[error("the body is not valid base64")]
    BodyEncoding,
    /// The body is of a media type that is not read here.
    #[error("content type `{0}` is not supported, send application/json")]
    ContentType(String),
    /// The body is not the JSON that is expected. The text is Grafana's.
    #[error("bad request data")]
    Json(#[source] JsonFault),
    /// A path parameter does not parse.
    #[error("bad path: {0}")]
    Path(String),
    /// The request is for a host that is not served here.
    #[error("host `{0}` is not served here")]
    HostNotServed(String),
    /// The request names no host, or several.
    #[error("exactly one host header is needed")]
    HostUnclear,
    /// The request has been through the gateway before.
    #[error("request came back to the gateway that sent it")]
    Loop,
    /// A web page of another origin sent the request.
    #[error("requests from other origins are not served")]
    ForeignOrigin,
    /// The request asks for a WebSocket.
    #[error("protocol upgrades are not offered")]
    UpgradeNotOffered,
    /// A handler panicked; the place is in the log, written by the panic hook.
    #[error("a handler panicked")]
    Panicked,
}

impl Refusal {
    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Self::Json(fault) => Some(fault.to_string()),
            _ => None,
        }
    }
}

impl Classify for Refusal {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownRoute => Kind::NotFound,
            Self::MethodNeverServed(_) => Kind::MethodNotAllowed,
            Self::TargetTooLong { .. } => Kind::UriTooLong,
            Self::HeadersTooLarge { .. } => Kind::HeadersTooLarge,
            Self::TooLarge(_) | Self::EventTooLarge(_) => Kind::TooLarge,
            Self::AnswerTooLarge(_) => Kind::Upstream,
            Self::Deadline => Kind::UpstreamTimeout,
            Self::Stopping => Kind::Unavailable,
            Self::SlowBody(_) => Kind::RequestTimeout,
            Self::ContentType(_) => Kind::UnsupportedMediaType,
            Self::BodyLost(_)
            | Self::BodyEncoding
            | Self::Json(_)
            | Self::Path(_)
            | Self::HostUnclear => Kind::Invalid,
            Self::HostNotServed(_) => Kind::Misdirected,
            Self::ForeignOrigin => Kind::Forbidden,
            Self::Loop => Kind::Loop,
            Self::UpgradeNotOffered => Kind::NotImplemented,
            Self::Panicked => Kind::Internal,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::UnknownRoute => None,
            Self::MethodNeverServed(_) => Some("method"),
            Self::TargetTooLong { .. } => Some("target_too_long"),
            Self::HeadersTooLarge { .. } => Some("headers_too_large"),
            Self::TooLarge(_) | Self::EventTooLarge(_) => Some("body_too_large"),
            Self::AnswerTooLarge(_) => Some("answer_too_large"),
            Self::Deadline => Some("deadline"),
            Self::Stopping => Some("stopping"),
            Self::SlowBody(_) => Some("slow_body"),
            Self::BodyLost(_) => Some("body_lost"),
            Self::BodyEncoding => Some("body_encoding"),
            Self::ContentType(_) => Some("content_type"),
            Self::Json(fault) => Some(fault.cause()),
            Self::Path(_) => Some("bad_path"),
            Self::HostNotServed(_) => Some("host_not_served"),
            Self::HostUnclear => Some("host_unclear"),
            Self::ForeignOrigin => Some("foreign_origin"),
            Self::Loop => Some("loop"),
            Self::UpgradeNotOffered => Some("upgrade_not_offered"),
            Self::Panicked => Some("panic"),
        }
    }
}
