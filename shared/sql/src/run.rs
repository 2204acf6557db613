//! From an ask to an answer: the turn, the session, the statement, the rows, and what is left behind.

use std::sync::Arc;

use egress::Egress;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::pool::{Lease, Pool};
use crate::secure::Given;
use crate::session::{Connection, HOUSEKEEPING, Session};
use crate::sink::{Room, Sink, Stop};
use crate::statement::{Dialect, Keyword, check};
use crate::{Answer, Ask, Column, Connecting, Error, Limits};

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
        let late = || Error::Timeout(deadline.saturating_duration_since(begun));
        let lease = timeout_at(deadline, self.pool.lease(ask.rev, ask.keeps))
            .await
            .map_err(|_| late())??;
        let opening = self.open(&lease, ask, keyword, connecting);
        let (connection, columns) = timeout_at(deadline, opening).await.map_err(|_| late())??;
        let (sink, head, body) = Sink::new(ask.format, ask.trailers, self.room(ask), columns);
        let running = Running { connection, lease, late: late(), deadline };
        // Of its own, so that it can end the statement when nobody waits for it any more.
        tokio::spawn(running.run(sink));
        let columns = head.await.map_err(|_| Error::GivenUp)??;
        Ok(Answer { content_type: ask.format.content_type(), columns, body })
    }

    fn room(&self, ask: Ask<'_>) -> Room {
        let Limits { rows, bytes, .. } = self.limits;
        Room { rows: ask.target.most_rows.unwrap_or(rows).min(rows), bytes }
    }

    /// Opens the statement in the session that was kept, or in a new one; in a new one also when the one that was kept turns
    /// out to have ended, since nothing can have run in it.
    async fn open(
        &self,
        lease: &Lease,
        ask: Ask<'_>,
        keyword: Keyword,
        connecting: Option<Connecting<'_>>,
    ) -> Result<(Connection, Vec<Column>), Error> {
        if let Some(kept) = lease.take(self.limits.idle) {
            match open_in(kept, lease, ask, keyword).await {
                Err(error) if error.is_ended_session() => {}
                other => return other,
            }
        }
        let Connecting { secrets, token, slot } = connecting.ok_or(Error::Cold)?;
        let given = Given { secrets, token: token.as_ref() };
        let connected = Session::connect(&self.egress, ask.target, given, &self.limits).await;
        if let Err(Error::Full(_)) = connected {
            lease.back_off();
        }
        match connected {
            Ok(session) => {
                let last_use = token.map(|token| token.last_use(ask.target.statement_timeout));
                open_in(Connection { session, slot, last_use }, lease, ask, keyword).await
            }
            Err(error) => {
                if let Some(slot) = slot {
                    slot.give_back().await;
                }
                Err(error)
            }
        }
    }
}

async fn open_in(
    mut connection: Connection,
    lease: &Lease,
    ask: Ask<'_>,
    keyword: Keyword,
) -> Result<(Connection, Vec<Column>), Error> {
    match connection.session.open(ask.statement, keyword, ask.format).await {
        Ok(columns) => Ok((connection, columns)),
        Err(error) => {
            if error.leaves_session() {
                keep(connection, lease).await;
            } else {
                connection.end().await;
            }
            Err(error)
        }
    }
}

/// Keeps a connection if nothing of the statement is left in it and nobody else waits for the right to it.
async fn keep(mut connection: Connection, lease: &Lease) {
    if lease.keeps() && connection.session.reset().await && connection.may_be_kept() {
        lease.keep(connection);
    } else {
        connection.end().await;
    }
}

/// A statement that runs.
struct Running {
    connection: Connection,
    lease: Lease,
    deadline: Instant,
    late: Error,
}

impl Running {
    /// Runs it to its end, the caller's or the deadline's. What it left in the session is gone before the answer ends: a process
    /// on Lambda stands still from then on.
    async fn run(self, mut sink: Sink) {
        let Self { mut connection, lease, deadline, late } = self;
        let gone = sink.gone();
        let ended = tokio::select! {
            biased;
            () = sleep_until(deadline) => Err(Stop::Failed(late)),
            () = gone => Err(Stop::Gone),
            ended = connection.session.stream(&mut sink) => ended,
        };
        match &ended {
            Ok(()) => keep(connection, &lease).await,
            Err(Stop::Failed(error)) if error.leaves_session() => keep(connection, &lease).await,
            Err(_) => connection.cancel().await,
        }
        drop(lease);
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
    }
}
