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
    /// The settings of the data source make no connection.
    #[error(transparent)]
    Connection(#[from] BadConnection),
    /// The request could not be sent, or was not answered.
    #[error(transparent)]
    Upstream(#[from] upstream::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Denied(error) => error.kind(),
            Self::Connection(BadConnection::NotHttp) => Kind::Forbidden,
            Self::Connection(BadConnection::Unsupported(_)) => Kind::NotImplemented,
            Self::Connection(_) => Kind::Invalid,
            Self::Upstream(error) => error.kind(),
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Store(error) => error.cause(),
            Self::Denied(error) => error.cause(),
            Self::Connection(_) => Some("bad_settings"),
            Self::Upstream(error) => error.cause(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Store(error) => error.public(),
            Self::Denied(error) => error.public(),
            Self::Connection(error) => error.to_string(),
            Self::Upstream(error) => error.public(),
        }
    }
}
