//! The SQL engine: one statement in, rows out as they come; read-only by the database's own means.

mod answer;
mod column;
mod error;
mod format;
mod left;
mod mysql;
mod param;
mod pool;
mod postgres;
mod run;
mod secure;
mod session;
mod sink;
mod slot;
mod statement;
mod token;

use std::sync::Arc;
use std::time::Duration;

use auth::Granted;
use egress::Egress;
use sourcegate_core::{Rev, Secrets, SqlTarget};
use tokio::time::Instant;

pub use answer::{Answer, Body, ROW_COUNT, TRUNCATED};
pub use column::Column;
pub use error::{Error, Policy};
pub use format::Format;
pub use param::Param;
pub use slot::Slot;
pub use statement::{BadStatement, Statement};
pub use token::Token;

/// What bounds every statement, whatever its data source says.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows of one answer; more are cut and the answer says so. Default 1 000 000.
    pub rows: u64,
    /// Bytes of one answer; what is more is cut at a row and the answer says so. Default 1 GiB.
    pub bytes: u64,
    /// Bytes of one row as the database sends it, escapes of `COPY` included; a larger one fails the statement. Default 16 MiB.
    pub row_bytes: usize,
    /// Statements that wait for the one connection of a data source; more are refused. Default 100.
    pub waiting: usize,
    /// How long each of them waits. Default 10 s.
    pub wait: Duration,
    /// Data sources that have a connection at a time. Default 1 000.
    pub connections: usize,
    /// How long a connection is kept after its last use. Default 60 s.
    pub idle: Duration,
}

impl Limits {
    /// How long the server keeps a connection that nobody uses: longer than it is kept here, so that it ends nothing by itself but
    /// what a process that stands still has left behind.
    pub(crate) fn idle_in_server(&self) -> Duration {
        self.idle * 3 / 2
    }

    /// The bytes that one row of a data source may have.
    pub(crate) fn row_bytes_of(&self, target: &SqlTarget) -> usize {
        target.most_row_bytes.unwrap_or(self.row_bytes).min(self.row_bytes)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 1_000_000,
            bytes: 1 << 30,
            row_bytes: 16 << 20,
            waiting: 100,
            wait: Duration::from_secs(10),
            connections: 1_000,
            idle: Duration::from_secs(60),
        }
    }
}

/// Whether what follows a body's bytes reaches the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trailers {
    /// It does: a cut CSV says so there.
    Sent,
    /// It does not: a CSV over a limit breaks off, so that it cannot be taken for whole.
    Lost,
}

/// One statement for one data source.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What the connection is kept under.
    pub rev: Rev,
    /// The database.
    pub target: &'a SqlTarget,
    /// What is asked.
    pub statement: &'a Statement,
    /// How the answer is written.
    pub format: Format,
    /// Whether the caller sees trailers.
    pub trailers: Trailers,
    /// When the caller stops waiting; the target's own limit may come first.
    pub deadline: Instant,
    /// Whether the connection is kept for whoever asks next.
    pub keeps: bool,
}

/// What a new connection is made with.
#[derive(Debug)]
pub struct Connecting<'a> {
    /// The secrets that the target names.
    pub secrets: &'a Secrets,
    /// What goes in the place of a password, where the target asks for that.
    pub token: Option<Token>,
    /// The right to one more connection, where they are counted.
    pub slot: Option<Slot>,
}

/// The engine. A clone is the same engine.
#[derive(Clone, Debug)]
pub struct Sql(Arc<run::Engine>);

impl Sql {
    /// Makes an engine; connects to nobody until something is asked.
    #[must_use]
    pub fn new(egress: Egress, limits: Limits) -> Self {
        Self(Arc::new(run::Engine::new(egress, limits)))
    }

    /// Gives how long a connection can stand without use until the server, if nobody else, ends it.
    #[must_use]
    pub fn longest_idle(&self) -> Duration {
        self.0.limits().idle_in_server()
    }

    /// Runs one statement for a caller who may, and answers as soon as there is a first row, or the end.
    ///
    /// What fails until then is an error here; what fails later ends the body with an error. Dropping the future or the body
    /// cancels the statement in the database.
    ///
    /// Without `connecting` only a connection that was kept is used, so that secrets are opened for none.
    ///
    /// # Errors
    /// [`Error::Cold`] if one must be made and nothing came to make it with: nothing has run then. The statement is refused, here
    /// or by the database (400); the database cannot be reached, refuses its credentials or
    /// breaks off (502), has no room (503), or is too slow (504).
    pub async fn query<S>(
        &self,
        _granted: &Granted<S>,
        ask: Ask<'_>,
        connecting: Option<Connecting<'_>>,
    ) -> Result<Answer, Error> {
        self.0.query(ask, connecting).await
    }
}
