//! From an ask to an answer: the turn, the session, the statement, the rows, and what is left behind.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use egress::Egress;
use sourcegate_core::{Secrets, SqlTarget};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::left::Left;
use crate::pool::{Lease, Pool};
use crate::secure::Given;
use crate::session::{Connection, HOUSEKEEPING, Session};
use crate::sink::{Room, Sink, Stop};
use crate::statement::{Dialect, Keyword, check};
use crate::{Answer, Ask, Column, Connecting, Error, Format, Limits, Slot, Statement, Token};

/// How long the end of an answer waits for what the statement has left behind.
const SOON: Duration = Duration::from_secs(1);

/// How long a connection that was given up half made is counted still: its server finds out that nobody is there.
const LINGER: Duration = Duration::from_secs(1);

/// What the engine holds.
#[derive(Debug)]
pub(crate) struct Engine {
    egress: Egress,
    limits: Limits,
    pool: Arc<Pool>,
}

impl Engine {
    pub(crate) fn new(egress: Egress, limits: Limits) -> Self {
        Self { egress, limits, pool: Arc::new(Pool::new(limits)) }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) async fn query(
        &self,
        ask: Ask<'_>,
        connecting: Option<Connecting<'_>>,
    ) -> Result<Answer, Error> {
        ask.target.check().map_err(Error::Target)?;
        let keyword =
            check(ask.statement, Dialect::of(ask.target.driver)).map_err(Error::Refused)?;
        let begun = Instant::now();
        let deadline = ask.deadline.min(begun + ask.target.statement_timeout);
        let limit = deadline.saturating_duration_since(begun);
        let lease = timeout_at(deadline, self.pool.lease(ask.rev, ask.keeps))
            .await
            .map_err(|_| Error::Timeout(limit))??;
        let (slot, making) = connecting.map(|with| self.making(ask, with)).unzip();
        let running = Running {
            statement: ask.statement.clone(),
            keyword,
            format: ask.format,
            idle: self.limits.idle,
            making,
            slot: slot.flatten(),
            connection: None,
            lease,
        };
        let (sink, head, body) = Sink::new(ask.format, ask.trailers, self.room(ask));
        // Of its own, so that it can end the statement when nobody waits for it any more.
        tokio::spawn(running.run(sink, deadline, limit));
        let columns = head.await.map_err(|_| Error::GivenUp)??;
        Ok(Answer { content_type: ask.format.content_type(), columns, body })
    }

    fn making(&self, ask: Ask<'_>, connecting: Connecting<'_>) -> (Option<Slot>, Making) {
        let Connecting { secrets, token, slot } = connecting;
        let (egress, limits) = (self.egress.clone(), self.limits);
        let (target, secrets) = (ask.target.clone(), secrets.clone());
        (slot, Making { egress, limits, target, secrets, token })
    }

    fn room(&self, ask: Ask<'_>) -> Room {
        let Limits { rows, bytes, .. } = self.limits;
        Room { rows: ask.target.most_rows.unwrap_or(rows).min(rows), bytes }
    }
}

/// What a session is made with.
struct Making {
    egress: Egress,
    limits: Limits,
    target: SqlTarget,
    secrets: Secrets,
    token: Option<Token>,
}

impl Making {
    async fn session(&self) -> Result<Session, Error> {
        let given = Given { secrets: &self.secrets, token: self.token.as_ref() };
        Session::connect(&self.egress, &self.target, given, &self.limits).await
    }

    fn last_use(&self) -> Option<Instant> {
        self.token.as_ref().map(|token| token.last_use(self.target.statement_timeout))
    }
}

/// A statement that has its turn.
struct Running {
    statement: Statement,
    keyword: Keyword,
    format: Format,
    /// How long a connection is kept.
    idle: Duration,
    /// None where only a connection that was kept will do.
    making: Option<Making>,
    /// The right to one more connection, until there is one.
    slot: Option<Slot>,
    connection: Option<Connection>,
    lease: Lease,
}

impl Running {
    /// Runs it to its end, the caller's or the deadline's, be it before or behind its first row. What it left in the session is
    /// gone before the answer ends, if that is soon: a process on Lambda stands still from then on.
    async fn run(mut self, mut sink: Sink, deadline: Instant, limit: Duration) {
        let gone = sink.gone();
        let ended = tokio::select! {
            biased;
            () = sleep_until(deadline) => Err(Stop::Failed(Error::Timeout(limit))),
            () = gone => Err(Stop::Gone),
            ended = self.answer(&mut sink) => ended,
        };
        let mut clearing = pin!(self.clear(Left::by(&ended)));
        let is_clear = timeout(SOON, clearing.as_mut()).await.is_ok();
        let telling = async {
            match ended {
                Ok(()) => sink.finish(false).await,
                Err(Stop::Full) => sink.finish(true).await,
                Err(Stop::Gone) => {}
                Err(Stop::Failed(error)) => sink.fail(error).await,
            }
        };
        // A caller who does not read gets no end, which is a broken body.
        timeout(HOUSEKEEPING, telling).await.ok();
        if !is_clear {
            clearing.await;
        }
    }

    async fn answer(&mut self, sink: &mut Sink) -> Result<(), Stop> {
        sink.announce(self.open().await?);
        let connection = self.connection.as_mut().ok_or(Error::GivenUp)?;
        connection.session.stream(sink).await
    }

    /// Opens the statement in the session that was kept, or in a new one; in a new one also when the one that was kept turns
    /// out to have ended, since nothing can have run in it.
    async fn open(&mut self) -> Result<Vec<Column>, Error> {
        if let Some(kept) = self.lease.take(self.idle) {
            match self.open_in(kept).await {
                Err(error) if error.is_ended_session() => {}
                other => return other,
            }
        }
        if let Some(ended) = self.connection.take() {
            ended.end().await;
        }
        let making = self.making.as_ref().ok_or(Error::Cold)?;
        let made = making.session().await;
        if let Err(Error::Full(_)) = made {
            self.lease.back_off();
        }
        let (session, last_use) = (made?, making.last_use());
        let slot = self.slot.take();
        self.open_in(Connection { session, slot, last_use }).await
    }

    async fn open_in(&mut self, connection: Connection) -> Result<Vec<Column>, Error> {
        let session = &mut self.connection.insert(connection).session;
        session.open(&self.statement, self.keyword, self.format).await
    }

    /// Keeps or ends the connection, and only then lets others have the turn and the slot.
    async fn clear(self, left: Left) {
        let Self { connection, slot, lease, .. } = self;
        match (connection, left) {
            (Some(connection), Left::Answered) => keep(connection, &lease).await,
            (Some(connection), Left::Ended) => connection.end().await,
            (Some(connection), Left::Running) => connection.cancel().await,
            (None, _) => {}
        }
        if let Some(slot) = slot {
            if left == Left::Running {
                sleep(LINGER).await;
            }
            slot.give_back().await;
        }
        drop(lease);
    }
}

/// Keeps a connection if nothing of the statement is left in it and nobody else waits for the right to it.
async fn keep(mut connection: Connection, lease: &Lease) {
    if !lease.keeps() || !connection.may_be_kept() {
        connection.end().await;
    } else if connection.session.reset().await {
        lease.keep(connection);
    } else {
        connection.cancel().await;
    }
}
