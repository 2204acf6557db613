//! MySQL from 5.7.20 and MariaDB from 10.2 on: one session, one statement at a time, in a transaction that cannot write.
//!
//! The packets are the library's; the connection is our own, since no driver takes a stream of egress's, or lets a server be
//! refused that asks for the password in a way that gives it away.
//!
//! What it does not stop: a function that an administrator has made to write files, or to set what is global, with rights of his
//! own. A transaction that cannot write knows of tables alone.

mod auth;
mod column;
mod command;
mod connect;
mod connector;
mod digits;
mod identity;
mod number;
mod param;
mod privileges;
mod refusal;
mod rows;
mod setup;
mod value;
mod wire;

use mysql_common::constants::{Command, StatusFlags};
use tokio::time::Instant;

use crate::Error;
use crate::column::Column;
use crate::session::until_gone;
use crate::sink::{Sink, Stop};
use crate::statement::{BadStatement, Keyword, Statement};

use column::Times;
use command::{Failed, done, prepare, run};
use connector::Connector;
use identity::Identity;
use param::Params;
use refusal::Clock;
use wire::Channel;

pub(crate) use connect::connect;

/// Begins a transaction that cannot write.
const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

/// A connection to MySQL or MariaDB. Dropping it closes the socket.
pub(crate) struct Session {
    channel: Channel,
    /// To the same address over the same TLS, for telling it to stop.
    way_back: Connector,
    /// None where the server does not know the session by what it was greeted with.
    identity: Option<Identity>,
    /// The statement that sets the session up.
    setup: String,
    clock: Clock,
    times: Times,
    /// The statement that was opened and has not run.
    opened: Option<Opened>,
}

/// A statement that the server has parsed.
struct Opened {
    id: u32,
    params: Params,
    /// None where the server tells them only when it runs.
    columns: usize,
}

impl Session {
    /// Tells whether the connection is known to have ended.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.channel.is_closed()
    }

    /// Has the server parse the statement alone, in a transaction that cannot write. Nothing of it runs yet.
    pub(crate) async fn open(
        &mut self,
        statement: &Statement,
        keyword: Keyword,
    ) -> Result<Vec<Column>, Error> {
        self.clock.began = Instant::now();
        let state =
            run(&mut self.channel, BEGIN).await.map_err(|failed| match self.refused(failed) {
                Error::Statement { .. } => Error::NotReadOnly,
                other => other,
            })?;
        // Some that speak this protocol take the words and do nothing.
        if !state.contains(StatusFlags::SERVER_STATUS_IN_TRANS_READONLY) {
            return Err(Error::NotReadOnly);
        }
        let parsed = prepare(&mut self.channel, &statement.text).await;
        let parsed = parsed.map_err(|failed| self.refused(failed))?;
        let params = Params::of(&statement.params, parsed.params).map_err(Error::Refused)?;
        // MySQL announces none for some kinds of SHOW.
        if parsed.columns.is_empty() && keyword != Keyword::Show {
            return Err(Error::Refused(BadStatement::NoColumns));
        }
        let columns = parsed.columns.iter().map(|of| column::of(of, self.times)).collect();
        self.opened = Some(Opened { id: parsed.id, params, columns: parsed.columns.len() });
        Ok(columns)
    }

    /// Runs what was opened, and gives its rows.
    pub(crate) async fn stream(&mut self, sink: &mut Sink) -> Result<(), Stop> {
        let opened = self.opened.take().ok_or(Error::GivenUp)?;
        rows::stream(self, opened, sink).await
    }

    /// Ends the transaction and whatever the statement left in the session; false where it is in doubt.
    pub(crate) async fn reset(&mut self) -> bool {
        self.opened = None;
        let Self { channel, setup, .. } = self;
        channel.shrink();
        let resetting = async {
            run(channel, "ROLLBACK").await?;
            channel.command(Command::COM_RESET_CONNECTION, &[]).await?;
            done(channel).await?;
            run(channel, setup).await
        };
        let still = StatusFlags::SERVER_STATUS_IN_TRANS;
        resetting.await.is_ok_and(|state| !state.contains(still))
    }

    /// Has the server stop what runs; where it is not met again, the statement ends at the server's own limit.
    pub(crate) async fn stop(&self) {
        stop(&self.way_back, self.identity.as_ref()).await;
    }

    /// Says goodbye, and waits until the server hangs up.
    pub(crate) async fn ended(&mut self) {
        let Self { channel, way_back, identity, .. } = self;
        channel.leave();
        until_gone(channel.gone(), || stop(way_back, identity.as_ref())).await;
    }

    fn refused(&self, failed: Failed) -> Error {
        match failed {
            Failed::Refused(refused) => refused.of_statement(self.clock),
            Failed::Broken(error) => error,
        }
    }
}

async fn stop(way_back: &Connector, identity: Option<&Identity>) {
    let killed = match identity {
        Some(identity) => way_back.kill(identity).await,
        None => Ok(false),
    };
    match killed {
        Ok(true) => {}
        Ok(false) => tracing::warn!("a statement is left to the database's own limit"),
        Err(error) => tracing::warn!(%error, "could not cancel a statement"),
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.channel.leave();
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("identity", &self.identity).finish_non_exhaustive()
    }
}
