//! A connection to a database of either kind.

use std::pin::pin;
use std::time::Duration;

use egress::Egress;
use sourcegate_core::{SqlDriver, SqlTarget};
use tokio::time::{Instant, timeout};

use crate::column::Column;
use crate::format::Format;
use crate::secure::Given;
use crate::sink::{Sink, Stop};
use crate::statement::{Keyword, Statement};
use crate::{Error, Limits, Slot, mysql, postgres};

/// How long the database may take to be made ready for the next caller, or to be told to stop.
pub(crate) const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// How long a session may take to end before it is told again.
const AGAIN: Duration = Duration::from_secs(1);

/// Waits until a session is gone in the server too, and has it stopped meanwhile: what was on its way to the server may have come
/// there behind what was to stop it.
pub(crate) async fn until_gone<Stop: Future<Output = ()>>(
    gone: impl Future<Output = ()>,
    stop: impl Fn() -> Stop,
) {
    let mut gone = pin!(gone);
    while timeout(AGAIN, gone.as_mut()).await.is_err() {
        stop().await;
    }
}

/// A session, which serves one statement at a time. Dropping it closes the socket.
#[derive(Debug)]
pub(crate) enum Session {
    Postgres(Box<postgres::Session>),
    Mysql(Box<mysql::Session>),
}

/// A session, and the right to have it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) session: Session,
    pub(crate) slot: Option<Slot>,
    /// From when on it is not used for another statement.
    pub(crate) last_use: Option<Instant>,
}

impl Connection {
    /// Tells whether another statement may run in it.
    pub(crate) fn is_usable(&mut self) -> bool {
        self.may_be_kept() && !self.session.is_closed()
    }

    /// Tells whether it may be kept for another statement.
    pub(crate) fn may_be_kept(&self) -> bool {
        self.session.is_lasting()
            && self.slot.as_ref().is_none_or(Slot::may_be_kept)
            && self.last_use.is_none_or(|end| Instant::now() < end)
    }

    /// Closes it, and gives the right to it back once the server has ended it. Where nobody counts them it is only closed.
    pub(crate) async fn end(self) {
        let Self { session, slot, .. } = self;
        if let Some(slot) = slot {
            session.end().await;
            slot.give_back().await;
        }
    }

    /// Has the server stop what runs, and ends it. The right to it is given back once the server has ended it, or does not within
    /// a time: a process on Lambda may stand still before, and then the right ends after the server's own limits.
    pub(crate) async fn cancel(self) {
        let Self { session, slot, .. } = self;
        session.cancel().await;
        if let Some(slot) = slot {
            slot.give_back().await;
        }
    }
}

impl Session {
    /// Connects, within the target's own limit.
    pub(crate) async fn connect(
        egress: &Egress,
        target: &SqlTarget,
        given: Given<'_>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let connecting = async {
            Ok(match target.driver {
                SqlDriver::Postgres => {
                    let session = postgres::connect(egress, target, given, limits).await?;
                    Self::Postgres(Box::new(session))
                }
                SqlDriver::Mysql | SqlDriver::Mariadb => {
                    let session = mysql::connect(egress, target, given, limits).await?;
                    Self::Mysql(Box::new(session))
                }
            })
        };
        let limit = target.connect_timeout;
        timeout(limit, connecting).await.unwrap_or(Err(Error::Timeout(limit)))
    }

    /// Tells whether the connection is known to have ended.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self {
            Self::Postgres(session) => session.is_closed(),
            Self::Mysql(session) => session.is_closed(),
        }
    }

    /// Tells whether the session may be kept for the next statement.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Postgres(session) => session.is_lasting(),
            Self::Mysql(_) => true,
        }
    }

    /// Has the server parse the statement alone, in a transaction that cannot write. Nothing of it runs yet.
    pub(crate) async fn open(
        &mut self,
        statement: &Statement,
        keyword: Keyword,
        format: Format,
    ) -> Result<Vec<Column>, Error> {
        match self {
            Self::Postgres(session) => session.open(statement, keyword, format).await,
            Self::Mysql(session) => session.open(statement, keyword).await,
        }
    }

    /// Runs what was opened, and gives its rows.
    pub(crate) async fn stream(&mut self, sink: &mut Sink) -> Result<(), Stop> {
        match self {
            Self::Postgres(session) => session.stream(sink).await,
            Self::Mysql(session) => session.stream(sink).await,
        }
    }

    /// Ends the transaction and whatever the statement left in the session; false where it is in doubt.
    pub(crate) async fn reset(&mut self) -> bool {
        let resetting = async {
            match self {
                Self::Postgres(session) => session.reset().await,
                Self::Mysql(session) => session.reset().await,
            }
        };
        timeout(HOUSEKEEPING, resetting).await.unwrap_or(false)
    }

    /// Closes it, and waits until the server has ended it.
    async fn end(self) {
        if timeout(HOUSEKEEPING, self.ended()).await.is_err() {
            tracing::warn!("could not end a session in time");
        }
    }

    /// Has the server stop what runs, and ends the session: a cancel that comes late may hit nobody else's statement.
    async fn cancel(self) {
        let cancelling = async {
            match &self {
                Self::Postgres(session) => session.stop().await,
                Self::Mysql(session) => session.stop().await,
            }
            self.ended().await;
        };
        if timeout(HOUSEKEEPING, cancelling).await.is_err() {
            tracing::warn!("could not cancel a statement in time");
        }
    }

    async fn ended(self) {
        match self {
            Self::Postgres(session) => session.ended().await,
            Self::Mysql(mut session) => session.ended().await,
        }
    }
}
