//! What can keep the embedded engine from being opened, called or offered.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use sourcegate_core::{Classify, Kind};

/// A failure of the embedded engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another server holds the data folder.
    #[error(
        "another sourcegate{} is using {}; stop it, or give --data another folder",
        .pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(),
        .data.display()
    )]
    InUse {
        /// Its process id, if the lock file could be read.
        pid: Option<u32>,
        /// The folder, as it was given.
        data: PathBuf,
    },
    /// The path of the data folder is not UTF-8, which SQLite needs.
    #[error("the path of the data folder is not utf-8: {}", .0.display())]
    Path(PathBuf),
    /// A file or folder could not be made, read or written.
    #[error("cannot open or write {}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database file could not be opened.
    #[error("cannot open the database {path}")]
    Database {
        /// Which one.
        path: String,
        /// Why.
        #[source]
        source: Box<dynoxide::DynoxideError>,
    },
    /// The listener was to be opened where the world could reach it.
    #[error("{0} is neither a loopback nor a private address; the engine is offered on those only")]
    PublicAddress(SocketAddr),
    /// The listener could not be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system gave no random bytes for the listener's key.
    #[error("cannot make a random key")]
    Random(#[source] getrandom::Error),
    /// The SDK sent a body that is not in memory; DynamoDB's operations have none such.
    #[error("the request's body is a stream")]
    Streamed,
    /// A call or the listener panicked, or the runtime ended under it.
    #[error("a task of the embedded engine was cut off")]
    CutOff(#[source] tokio::task::JoinError),
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::InUse { .. } => Kind::Conflict,
            Self::Path(_) | Self::PublicAddress(_) => Kind::Invalid,
            Self::File { .. }
            | Self::Database { .. }
            | Self::Listen { .. }
            | Self::Random(_)
            | Self::Streamed
            | Self::CutOff(_) => Kind::Internal,
        }
    }
}
