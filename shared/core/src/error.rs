//! One kind for every error of every crate: status, log level and Grafana's `errorSource` come from it.

use std::error::Error as StdError;

/// What went wrong, as far as an answer's status and a log line's level are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is malformed or breaks a rule: 400.
    Invalid,
    /// No valid credential came with it: 401.
    Unauthenticated,
    /// The caller lacks the right: 403.
    Forbidden,
    /// The thing does not exist, as far as the caller may know: 404.
    NotFound,
    /// The method is never served: 405.
    MethodNotAllowed,
    /// The answer has no form that the caller takes: 406.
    NotAcceptable,
    /// The request did not arrive in time: 408.
    RequestTimeout,
    /// It contradicts what is stored: 409.
    Conflict,
    /// It was here once and never will be again: 410.
    Gone,
    /// A precondition that the caller named does not hold: 412.
    PreconditionFailed,
    /// The body is larger than the limit: 413.
    TooLarge,
    /// The request target is longer than the limit: 414.
    UriTooLong,
    /// The body is of a media type that is not read here: 415.
    UnsupportedMediaType,
    /// The request is for a host that is not served here: 421.
    Misdirected,
    /// The caller asks too often: 429.
    RateLimited,
    /// The header section is larger than the limit: 431.
    HeadersTooLarge,
    /// The caller went away; seen in logs only: 499.
    ClientGone,
    /// Something of our own failed: 500.
    Internal,
    /// The protocol feature is not offered: 501.
    NotImplemented,
    /// The upstream failed or answered garbage: 502.
    Upstream,
    /// Something that we depend on is down or overloaded: 503.
    Unavailable,
    /// The upstream did not answer in time: 504.
    UpstreamTimeout,
    /// The request has been here before: 508.
    Loop,
}

/// Who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Whoever sent the request.
    Caller,
    /// The data source.
    Upstream,
    /// The gateway or what it stands on.
    Ours,
}

impl Kind {
    /// Tells whose fault an error of this kind is.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::Upstream | Self::UpstreamTimeout => Fault::Upstream,
            Self::Internal | Self::Unavailable => Fault::Ours,
            _ => Fault::Caller,
        }
    }
}

/// The one question asked of every error.
pub trait Classify: StdError + Send + Sync + 'static {
    /// Tells the kind that status, log level and metric follow from.
    fn kind(&self) -> Kind;

    /// Tells the cause as a stable word for programs (`denied_egress`, `tls`, …), where there is one.
    fn cause(&self) -> Option<&'static str> {
        None
    }

    /// Tells what the caller may read: no secret, no address.
    fn public(&self) -> String {
        match self.kind().fault() {
            Fault::Ours => "internal error".to_owned(),
            Fault::Caller | Fault::Upstream => self.to_string(),
        }
    }
}
