//! Why a request did not get through.

use std::sync::Arc;

use sourcegate_core::{BadConnection, Classify, Kind};

/// Why a request did not get through; each crate's own error, asked through.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller is unknown, or the tables and keys did not do what they were asked. Shared by all who waited for it.
    #[error(transparent)]
    Store(Arc<store::Error>),
    /// The caller may not, or the data source does not exist.
    #[error(transparent)]
    Denied(#[from] auth::Denied),
    /// The same, of a data source of the Perses dialect.
    #[error(transparent)]
    NotAllowed(#[from] auth::NotAllowed),
    /// Several data sources have names that differ in case alone. None is named to who may not see all.
    #[error("several data sources are called so{}; rename one, or ask for it by its uid", named(.0))]
    Several(Vec<String>),
    /// The secret that it names cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretFault),
    /// The settings of the data source make no connection.
    #[error(transparent)]
    Connection(#[from] BadConnection),
    /// There is no token to send it with. Shared by all who waited for it.
    #[error(transparent)]
    Token(Arc<upstream::TokenError>),
    /// A token of RDS' is asked for that nothing grants, or that could come to others.
    #[error(transparent)]
    RdsRefused(#[from] sourcegate_core::RdsRefusal),
    /// There are no credentials to sign it with.
    #[error(transparent)]
    RdsToken(#[from] store::NoRdsToken),
    /// The request could not be sent, or was not answered.
    #[error(transparent)]
    Upstream(#[from] upstream::Error),
    /// The statement was not run, or has no answer.
    #[error(transparent)]
    Sql(Box<sql::Error>),
}

/// Why the secret that a data source of the Perses dialect names cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFault {
    /// There is none.
    Absent {
        /// The data source.
        source: String,
        /// The secret that it names.
        secret: String,
    },
    /// Nobody who may change it has said that it may go there.
    Unbound {
        /// The secret.
        secret: String,
        /// Where it would go.
        destination: String,
    },
}

impl std::error::Error for SecretFault {}

fn named(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<sql::Error> for Error {
    fn from(error: sql::Error) -> Self {
        Self::Sql(Box::new(error))
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Denied(error) => error.kind(),
            Self::NotAllowed(error) => error.kind(),
            Self::Several(_) => Kind::Conflict,
            Self::Secret(SecretFault::Absent { .. }) => Kind::NotFound,
            Self::Secret(SecretFault::Unbound { .. }) => Kind::Forbidden,
            Self::Connection(BadConnection::NotHttp) => Kind::Forbidden,
            Self::Connection(BadConnection::Unsupported(_)) => Kind::NotImplemented,
            Self::Connection(_) => Kind::Invalid,
            Self::Token(error) => error.kind(),
            Self::RdsRefused(error) => error.kind(),
            Self::RdsToken(error) => error.kind(),
            Self::Upstream(error) => error.kind(),
            Self::Sql(error) => error.kind(),
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Store(error) => error.cause(),
            Self::Denied(error) => error.cause(),
            Self::NotAllowed(error) => error.cause(),
            Self::Several(_) => Some("ambiguous_name"),
            Self::Secret(SecretFault::Absent { .. }) => Some("no_secret"),
            Self::Secret(SecretFault::Unbound { .. }) => Some("secret_not_bound"),
            Self::Connection(_) => Some("bad_settings"),
            Self::Token(error) => error.cause(),
            Self::RdsRefused(error) => error.cause(),
            Self::RdsToken(error) => error.cause(),
            Self::Upstream(error) => error.cause(),
            Self::Sql(error) => error.cause(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Store(error) => error.public(),
            Self::Denied(error) => error.public(),
            Self::NotAllowed(error) => error.public(),
            Self::Several(_) => self.to_string(),
            Self::Secret(error) => error.to_string(),
            Self::Connection(error) => error.to_string(),
            Self::Token(error) => error.public(),
            Self::RdsRefused(error) => error.public(),
            Self::RdsToken(error) => error.public(),
            Self::Upstream(error) => error.public(),
            Self::Sql(error) => error.public(),
        }
    }
}
