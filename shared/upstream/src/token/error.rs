//! Why there is no token.

use std::time::Duration;

use http::StatusCode;
use hyper_util::client::legacy::Error as ClientError;
use sourcegate_core::{Classify, Kind};

use crate::BoxError;

/// Why there is no token. The texts are for callers: none holds an address, a secret or what the endpoint said.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is no connection; egress's error is beneath hyper-util's.
    #[error("cannot reach the token endpoint of the data source's secret")]
    Connect(#[source] BoxError),
    /// No complete answer in time.
    #[error("token endpoint did not answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// It sends elsewhere, where no credentials go.
    #[error("token endpoint answered {}: redirects are not followed; name the endpoint itself in oauth.tokenURL", .0.as_u16())]
    Redirect(StatusCode),
    /// It does not take the credentials, or not for this.
    #[error("token endpoint refused to give a token: {}{}", .status.as_u16(), code.map(|code| format!(", {code}")).unwrap_or_default())]
    Refused {
        /// With which status.
        status: StatusCode,
        /// The code of RFC 6749, 5.2, if it is one of these.
        code: Option<&'static str>,
    },
    /// It answered neither with a token nor with a refusal.
    #[error("token endpoint answered {}", .0.as_u16())]
    Status(StatusCode),
    /// Its answer has more bytes than are read.
    #[error("answer of the token endpoint is larger than {0} bytes")]
    TooLarge(usize),
    /// Its answer has no token that could be used.
    #[error("answer of the token endpoint {0}")]
    Answer(&'static str),
    /// The connection ended before the answer did, or what came is no HTTP.
    #[error(
        "token endpoint closed the connection before its answer was complete, or sent what is not HTTP"
    )]
    Broken(#[source] BoxError),
}

impl TokenError {
    pub(super) fn of(error: ClientError) -> Self {
        match egress::Error::find(&error) {
            Some(_) => Self::Connect(error.into()),
            None => Self::Broken(error.into()),
        }
    }

    /// Tells whether another way to send the same credentials may be taken.
    #[must_use]
    pub fn may_be_the_way(&self) -> bool {
        let of_something_else =
            [Some("invalid_grant"), Some("invalid_scope"), Some("unsupported_grant_type")];
        matches!(self, Self::Refused { code, .. } if !of_something_else.contains(code))
    }

    fn no_connection(&self) -> Option<&egress::Error> {
        match self {
            Self::Connect(error) => egress::Error::find(&**error),
            _ => None,
        }
    }
}

impl Classify for TokenError {
    fn kind(&self) -> Kind {
        match self {
            Self::Connect(_) => self.no_connection().map_or(Kind::Upstream, Classify::kind),
            Self::Timeout(_) => Kind::UpstreamTimeout,
            _ => Kind::Upstream,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        Some(match self {
            Self::Connect(_) => return self.no_connection().and_then(Classify::cause),
            Self::Timeout(_) => "token_timeout",
            Self::Redirect(_) => "token_redirect",
            Self::Refused { .. } => "token_refused",
            Self::Status(_) => "token_status",
            Self::TooLarge(_) => "limit_bytes",
            Self::Answer(_) => "token_answer",
            Self::Broken(_) => "token_closed",
        })
    }
}
