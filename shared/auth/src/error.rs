//! Refusals: who is not known, and who may not.

use std::net::IpAddr;

use http::Method;
use sourcegate_core::{Classify, Kind, Reference};

use crate::Action;
use crate::jwt::BadJwt;

/// Says why a credential does not make a caller. The texts are Grafana's (contract 0.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// None came, or something that is no credential at all.
    #[error("Unauthorized")]
    Missing,
    /// A token that was never given, or is no longer valid.
    #[error("Invalid API key")]
    InvalidToken,
    /// A token past its end.
    #[error("Expired API key")]
    ExpiredToken,
    /// A key of the form that service account tokens replaced.
    #[error(
        "Invalid API key: keys that start with eyJrIjoi are gone; use a service account token (glsa_…)"
    )]
    OldKey,
    /// An unknown login or a wrong password, which cannot be told apart.
    #[error("Invalid username or password")]
    WrongPassword,
    /// `Basic` with something behind it that is no login and password.
    #[error("Invalid Basic Auth Header")]
    MalformedBasic,
    /// A token of another organisation than the one asked for.
    #[error("API key does not belong to the requested organization")]
    OrgMismatch,
    /// A user who is not in the organisation asked for.
    #[error("Unauthorized")]
    NotAMember,
    /// A JWT where none are accepted.
    #[error("Invalid API key: JWTs are not accepted here; use a service account token (glsa_…)")]
    NoJwt,
    /// A JWT that makes no caller. The text's start is Grafana's.
    #[error("Failed to verify JWT: {0}")]
    Jwt(BadJwt),
    /// More passwords are being checked than this process has room for.
    #[error("too many logins at once; try again in a few seconds")]
    Busy,
    /// Too many passwords were wrong, for this login or at all, from where this one came from.
    #[error("too many failed logins from this address; try again in five minutes")]
    TooManyFailures,
    /// Failures cannot be counted, so that no password is tried.
    #[error("logins cannot be checked now; try again in a few seconds")]
    Uncounted,
}

impl Unauthenticated {
    /// Gives Grafana's `messageId`, where it has one.
    #[must_use]
    pub fn message_id(self) -> Option<&'static str> {
        match self {
            Self::InvalidToken | Self::OldKey | Self::NoJwt => Some("api-key.invalid"),
            Self::ExpiredToken => Some("api-key.expired"),
            Self::OrgMismatch => Some("api-key.organization-mismatch"),
            Self::Jwt(_) => Some("jwt.invalid"),
            _ => None,
        }
    }
}

impl Classify for Unauthenticated {
    fn kind(&self) -> Kind {
        match self {
            Self::Busy | Self::TooManyFailures => Kind::RateLimited,
            Self::Uncounted => Kind::Unavailable,
            _ => Kind::Unauthenticated,
        }
    }
}

/// Says why a caller may not do what he asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// He lacks the right.
    #[error("permission `{0}` is missing")]
    Forbidden(Action),
    /// The data source does not exist, and he may know that.
    #[error("data source `{0}` not found")]
    Absent(Reference),
    /// He has the right, and his token is limited to less.
    #[error("this token's limits do not grant `{0}` here; use a token whose limits do")]
    Ungranted(Action),
    /// His token may not be used from where the request came from.
    #[error(
        "this token may not be used from {}; use it from its own networks, or make one for this address",
        from(.0.as_ref())
    )]
    Network(Option<IpAddr>),
    /// His token may only read.
    #[error("this token is read-only: {0} is not allowed; use a token that may write")]
    ReadOnly(Method),
    /// His token is limited, so that it may give nobody rights.
    #[error(
        "permission `{0}` is not for limited tokens; use one without limits, or a user's password"
    )]
    Limited(Action),
}

fn from(peer: Option<&IpAddr>) -> String {
    peer.map_or_else(|| "an unknown address".to_owned(), IpAddr::to_string)
}

impl Classify for Denied {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent(_) => Kind::NotFound,
            _ => Kind::Forbidden,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Ungranted(_) | Self::Network(_) | Self::ReadOnly(_) | Self::Limited(_) => {
                Some("token_limits")
            }
            Self::Forbidden(_) | Self::Absent(_) => None,
        }
    }
}
