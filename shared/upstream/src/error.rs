//! Why a request was not sent, or got no answer.

use std::time::Duration;

use http::{Method, StatusCode};
use sourcegate_core::{Classify, Kind, quoted};

use crate::{BadPath, BoxError, NotListed};

/// Why a request was not sent, or got no answer. The texts are for callers: none holds an address or a secret.
///
/// Where contract/grafana.md 2.2 and 2.6 give a text, it is that text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that servers could read differently.
    #[error("{0}")]
    Path(BadPath),
    /// A target that is longer than what is served, in bytes.
    #[error("path or query is longer than {0} bytes")]
    TooLong(usize),
    /// A method that is never proxied.
    #[error("method {0} is not proxied")]
    Method(Method),
    /// A route of the type needs more rights than the caller has.
    #[error("plugin proxy route access denied")]
    RouteDenied,
    /// The data source's operator has listed what may be asked, and this is not among it.
    #[error(
        "you are not allowed to use this endpoint {} with the HTTP method {method}",
        quoted(path)
    )]
    NotAllowed {
        /// The path below the data source, as sent.
        path: String,
        /// The method.
        method: Method,
    },
    /// The caller's token may only read, and nothing says that this does.
    #[error(
        "this token is read-only: {0} is not allowed on this path of the data source; use a token that may write"
    )]
    ReadOnly(Method),
    /// The type only takes listed requests of this method.
    #[error("{0}")]
    NotListed(NotListed),
    /// One of our own credentials stands in the query.
    #[error("query holds a credential of this gateway; send it in the Authorization header")]
    CredentialInQuery,
    /// A header that some servers read as one that the gateway sets or removes.
    #[error("header `{0}` can be mistaken for one that the gateway sets or removes")]
    Header(String),
    /// Another protocol is asked for.
    #[error("protocol upgrades are not offered")]
    Upgrade,
    /// The request has been here before.
    #[error("request came back to the gateway that sent it")]
    Loop,
    /// The url cannot be used.
    #[error("target URL is not a valid target")]
    Target,
    /// A secret has characters that no header can carry.
    #[error("secret `{0}` cannot be sent in a header")]
    Secret(String),
    /// The certificates or the key of the settings cannot be used.
    #[error("Unable to load TLS certificate")]
    TlsMaterial(#[source] egress::Error),
    /// There is no connection; egress's error is beneath hyper-util's.
    #[error("{}", no_connection(.0).map_or_else(String::new, ToString::to_string))]
    Connect(#[source] BoxError),
    /// The data source did not accept its credentials: 400, so that a browser does not log its user out.
    #[error("Authentication to data source failed")]
    Unauthenticated,
    /// A status that would speak for the gateway if it were passed on.
    #[error("data source answered {}", .0.as_u16())]
    Status(StatusCode),
    /// What came is no HTTP answer.
    #[error("data source sent an answer that is not valid HTTP")]
    Protocol(#[source] BoxError),
    /// The connection ended before the answer did.
    #[error("data source closed the connection before its answer was complete")]
    Closed(#[source] BoxError),
    /// The data source closed a connection that was kept from an earlier request, and what was sent on it may not be
    /// repeated: nobody knows whether it was read.
    #[error(
        "data source closed the connection, which had been kept from an earlier request; this one may have been \
         carried out and was not sent again"
    )]
    ReusedClosed(#[source] BoxError),
    /// No complete answer in time.
    #[error("data source did not answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The answer is longer than the limit, in bytes.
    #[error("answer of the data source is larger than {0} bytes")]
    AnswerTooLarge(u64),
    /// The caller's body is longer than its reader allows.
    #[error("request body is too large")]
    BodyTooLarge(#[source] BoxError),
    /// The caller's body broke off.
    #[error("request body could not be read")]
    RequestBody(#[source] BoxError),
    /// Something that hyper does not explain.
    #[error("request could not be sent to the data source")]
    Transport(#[source] BoxError),
}

fn no_connection(error: &BoxError) -> Option<&egress::Error> {
    egress::Error::find(&**error)
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Path(_)
            | Self::CredentialInQuery
            | Self::Header(_)
            | Self::Secret(_)
            | Self::TlsMaterial(_)
            | Self::Unauthenticated
            | Self::RequestBody(_) => Kind::Invalid,
            Self::TooLong(_) => Kind::UriTooLong,
            Self::Method(_) => Kind::MethodNotAllowed,
            Self::RouteDenied
            | Self::NotAllowed { .. }
            | Self::ReadOnly(_)
            | Self::NotListed(_)
            | Self::Target => Kind::Forbidden,
            Self::Upgrade => Kind::NotImplemented,
            Self::Loop => Kind::Loop,
            Self::Connect(error) => no_connection(error).map_or(Kind::Upstream, Classify::kind),
            Self::Status(_)
            | Self::Protocol(_)
            | Self::Closed(_)
            | Self::ReusedClosed(_)
            | Self::AnswerTooLarge(_)
            | Self::Transport(_) => Kind::Upstream,
            Self::Timeout(_) => Kind::UpstreamTimeout,
            Self::BodyTooLarge(_) => Kind::TooLarge,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Path(_) => Some("bad_path"),
            Self::ReadOnly(_) => Some("token_limits"),
            Self::CredentialInQuery => Some("credential_in_query"),
            Self::Header(_) => Some("bad_header"),
            Self::Upgrade => Some("upgrade"),
            Self::Loop => Some("loop"),
            Self::Secret(_) => Some("bad_secret"),
            Self::TlsMaterial(_) => Some("tls"),
            Self::Connect(error) => no_connection(error).and_then(Classify::cause),
            Self::Unauthenticated => Some("auth_upstream"),
            Self::Status(_) => Some("upstream_status"),
            Self::Protocol(_) => Some("upstream_protocol"),
            Self::Closed(_) => Some("upstream_closed"),
            Self::ReusedClosed(_) => Some("connection_reused_closed"),
            Self::Timeout(_) => Some("timeout"),
            Self::AnswerTooLarge(_) => Some("limit_bytes"),
            Self::RequestBody(_) => Some("request_body"),
            Self::Transport(_) => Some("transport"),
            Self::TooLong(_)
            | Self::Method(_)
            | Self::RouteDenied
            | Self::NotListed(_)
            | Self::Target
            | Self::NotAllowed { .. }
            | Self::BodyTooLarge(_) => None,
        }
    }
}
