//! The embedded DynamoDB: `dynoxide` on one SQLite file in the data folder.
//!
//! It gets no socket. The AWS SDK's HTTP client is a connector that calls the engine in this process; only
//! `--dynamodb-listen` opens a listener, for Lambda processes on this machine.

mod access;
mod connector;
mod error;
mod files;
mod listener;
mod operation;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use bytes::Bytes;
use dynoxide::Database;
use tokio::sync::Semaphore;

pub use error::Error;
pub(crate) use files::replace as replace_private_file;
pub use listener::Listener;
pub use operation::Calls;

use operation::{Answer, Scans};

/// How many calls run at once. The engine works behind one lock, so that more threads would only wait for it;
/// those beyond one read and write JSON meanwhile.
const THREADS: usize = 4;

/// An open store in a data folder.
///
/// Every write is on the disk before it is answered: dynoxide sets `journal_mode = WAL` and leaves SQLite's
/// default `synchronous = FULL`, which syncs the log at every commit.
#[derive(Debug)]
pub struct Engine {
    data: PathBuf,
    shared: Arc<Shared>,
}

impl Engine {
    /// Opens the store for the server: makes the folder (mode 0700), where it is absent, and holds the lock on it
    /// for as long as the engine or one of its clients lives.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] if another server holds the folder; else what kept the folder, the lock or the
    /// database from being opened.
    pub fn open(data: &Path) -> Result<Self, Error> {
        files::create_folder(data)?;
        let lock = files::lock(data)?;
        access::remove(data)?;
        Self::with(data, Some(lock), Scans::Refused)
    }

    /// Opens the store beside a server that may be running, for an operator's command: two processes on one
    /// file keep every update. Only here `Scan` is answered.
    ///
    /// # Errors
    ///
    /// As [`Engine::open`], without [`Error::InUse`].
    pub fn open_beside(data: &Path) -> Result<Self, Error> {
        files::create_folder(data)?;
        Self::with(data, None, Scans::Allowed)
    }

    fn with(data: &Path, lock: Option<File>, scans: Scans) -> Result<Self, Error> {
        let path = files::database(data)?;
        let database = Database::new(&path)
            .map_err(|source| Error::Database { path, source: Box::new(source) })?;
        let shared = Shared {
            database,
            calls: operation::Counters::default(),
            threads: Arc::new(Semaphore::new(THREADS)),
            scans,
            _lock: lock,
        };
        Ok(Self { data: data.to_owned(), shared: Arc::new(shared) })
    }

    /// Gives the HTTP client through which the AWS SDK reaches this engine, whatever its endpoint.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(connector::Connector::new(Arc::clone(&self.shared)))
    }

    /// Counts the calls since the engine was opened, those through a listener included.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.shared.calls.snapshot()
    }

    /// Offers the engine to other processes on this machine until `stop` ends.
    ///
    /// Answered are only requests that name the access key id of this start, which `<data>/dynamodb` holds as
    /// shell lines (mode 0600) while the listener is open. Port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// [`Error::PublicAddress`] for an address that is neither loopback nor private; else what kept the
    /// listener from being opened or its key from being written.
    pub async fn listen(
        &self,
        address: SocketAddr,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Listener, Error> {
        Listener::start(Arc::clone(&self.shared), &self.data, address, stop).await
    }
}

/// What the engine, its connectors and its listeners have in common.
struct Shared {
    database: Database,
    calls: operation::Counters,
    threads: Arc<Semaphore>,
    scans: Scans,
    /// Held, never read: the system releases the lock when the last holder of this goes.
    _lock: Option<File>,
}

impl Shared {
    /// Counts the call and runs it off the async threads. A caller that goes away does not undo it, as on AWS.
    async fn call(self: Arc<Self>, target: String, body: Bytes) -> Result<Answer, Error> {
        self.calls.count(&target, self.scans);
        // Nobody closes the semaphore; were it closed, the call would merely not wait.
        let permit = Arc::clone(&self.threads).acquire_owned().await.ok();
        let run = move || {
            let answer = operation::dispatch(&self.database, &target, &body, self.scans);
            drop(permit);
            answer
        };
        tokio::task::spawn_blocking(run).await.map_err(Error::CutOff)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("calls", &self.calls.snapshot()).finish_non_exhaustive()
    }
}
