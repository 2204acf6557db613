//! PostgreSQL: one session, one statement at a time, in a transaction that cannot write.

mod cells;
mod column;
mod connect;
mod literal;
mod packed;
mod refusal;
mod role;
mod rows;
mod startup;
mod wire;

use std::sync::{Arc, OnceLock};

use egress::{Egress, Tls};
use sourcegate_core::random_bytes;
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use tokio_postgres::{CancelToken, Client, Error as PgError, NoTls, Statement as Prepared};

use crate::Error;
use crate::column::Column;
use crate::format::Format;
use crate::session::until_gone;
use crate::sink::{Sink, Stop};
use crate::statement::{BadStatement, Keyword, Statement};

pub(crate) use connect::connect;

/// Begins a transaction that cannot write, and fixes that by a first query: from then on the server refuses to make it
/// writable (`faults.md`, part 4). Before PostgreSQL 16 it does so only where a value is given: a reset goes through, so that it is
/// the rollback that leaves nothing, but for sequences that the role may move.
const BEGIN: &str = "START TRANSACTION READ ONLY; SELECT 1";

/// A connection to PostgreSQL. Dropping it closes the socket.
pub(crate) struct Session {
    client: Client,
    /// The one task that drives it, which ends with this.
    connection: JoinSet<()>,
    way_back: WayBack,
    /// Why the stream was ended from here; the driver then only says that it has ended.
    ended: Arc<OnceLock<wire::Ended>>,
    /// Whether the server ends the session by itself when nobody uses it.
    lasting: bool,
    limits: startup::Within,
    /// The statement that was opened and has not run.
    opened: Option<Opened>,
}

/// What a cancel request needs: the same server over the same TLS.
struct WayBack {
    egress: Egress,
    token: CancelToken,
    address: std::net::SocketAddr,
    host: String,
    tls: Option<Tls>,
}

/// A statement that the server has parsed, and how its rows will be had.
struct Opened {
    columns: usize,
    rows: Rows,
}

enum Rows {
    /// From `COPY`, as the server writes them.
    Lines(Prepared),
    /// From `COPY`, cell by cell.
    Cells(Prepared),
    /// As texts, by this.
    Texts(String),
    /// As lines of a plan.
    Plan(Prepared, Vec<literal::Bound>),
}

impl Session {
    /// Tells whether the connection is known to have ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Tells whether the session may be kept for the next statement.
    pub(crate) fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// Has the server parse the statement alone, in a transaction that cannot write. Nothing of it runs yet.
    pub(crate) async fn open(
        &mut self,
        statement: &Statement,
        keyword: Keyword,
        format: Format,
    ) -> Result<Vec<Column>, Error> {
        let copies = statement.params.is_empty() && keyword.is_query();
        let copy = copies.then(|| copy_of(&statement.text, format));
        let (parsed, copy) = self.parse(&statement.text, copy.as_deref()).await?;
        let (given, wanted) = (statement.params.len(), parsed.params().len());
        if given != wanted {
            return Err(Error::Refused(BadStatement::ParamCount { wanted, given }));
        }
        let columns: Vec<_> = parsed.columns().iter().map(column::of).collect();
        if columns.is_empty() {
            return Err(Error::Refused(BadStatement::NoColumns));
        }
        if parsed.columns().iter().any(|of| column::is_looked_up(of.type_()))
            || parsed.params().iter().any(column::is_looked_up)
        {
            // The driver keeps a prepared statement for looking types up, and would not notice that it is gone.
            self.lasting = false;
        }
        let rows = match copy {
            Some(copy) if format == Format::Csv => Rows::Lines(copy),
            Some(copy) => Rows::Cells(copy),
            None if keyword == Keyword::Explain && !statement.params.is_empty() => {
                let bound = literal::bound(statement, parsed.params()).map_err(Error::Refused)?;
                Rows::Plan(parsed, bound)
            }
            None => {
                Rows::Texts(literal::executing(statement, parsed.params()).map_err(Error::Refused)?)
            }
        };
        self.opened = Some(Opened { columns: columns.len(), rows });
        Ok(columns)
    }

    /// Begins a transaction, and has the server parse a text alone and in `COPY`: one round trip, as requests go out in this
    /// order. Parsing `COPY` runs nothing either, and counts only if the server took the text alone.
    ///
    /// A text that stands alone need not stand in `COPY`: one whose semicolon a comment follows does not. Then there is
    /// another transaction in the end.
    async fn parse(
        &self,
        text: &str,
        copy: Option<&str>,
    ) -> Result<(Prepared, Option<Prepared>), Error> {
        let client = &self.client;
        let refused = |error| self.refused(error);
        let copied = async {
            match copy {
                Some(copy) => client.prepare(copy).await.ok(),
                None => None,
            }
        };
        let (begun, parsed, copied) =
            tokio::join!(client.batch_execute(BEGIN), client.prepare(text), copied);
        begun.map_err(refused)?;
        if copy.is_none() || copied.is_some() {
            return Ok((parsed.map_err(refused)?, copied));
        }
        // What `COPY` is refused for has also ended the transaction in which the driver asks for types that it does not know.
        let failed = |error: &PgError| error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION);
        let parsed = match parsed {
            Err(error) if failed(&error) => None,
            parsed => Some(parsed.map_err(refused)?),
        };
        self.begin_again().await?;
        match parsed {
            Some(parsed) => Ok((parsed, None)),
            None => Ok((client.prepare(text).await.map_err(refused)?, None)),
        }
    }

    async fn begin_again(&self) -> Result<(), Error> {
        let client = &self.client;
        let (ended, begun) =
            tokio::join!(client.batch_execute("ROLLBACK"), client.batch_execute(BEGIN));
        ended.and(begun).map_err(|error| self.refused(error))
    }

    /// Runs what was opened, and gives its rows.
    pub(crate) async fn stream(&mut self, sink: &mut Sink) -> Result<(), Stop> {
        let Opened { columns, rows } = self.opened.take().ok_or(Error::GivenUp)?;
        match rows {
            Rows::Lines(copy) => rows::lines(self, &copy, sink).await,
            Rows::Cells(copy) => rows::cells(self, &copy, columns, sink).await,
            Rows::Texts(text) => rows::texts(self, &text, columns, sink).await,
            Rows::Plan(explain, bound) => rows::plan(self, &explain, bound, sink).await,
        }
    }

    /// Ends the transaction and whatever the statement left in the session; false where it is in doubt.
    ///
    /// `DISCARD ALL` is refused inside a transaction, so that its success is the proof that there is none. It leaves what
    /// `random()` goes on from, which a caller may have set, and so knows; in front of it the new one is shown to nobody.
    pub(crate) async fn reset(&mut self) -> bool {
        let client = &self.client;
        let rolled_back = format!("ROLLBACK; SELECT pg_catalog.setseed({})", seed(random_bytes()));
        let both =
            tokio::join!(client.batch_execute(&rolled_back), client.batch_execute("DISCARD ALL"));
        matches!(both, (Ok(()), Ok(())))
    }

    /// Has the server stop what runs.
    pub(crate) async fn stop(&self) {
        self.way_back.cancel().await;
    }

    /// Says goodbye when nothing is asked any more, and waits until the server hangs up, which is the last that a backend does.
    pub(crate) async fn ended(self) {
        let Self { client, mut connection, way_back, .. } = self;
        drop(client);
        let gone = async { while connection.join_next().await.is_some() {} };
        until_gone(gone, || way_back.cancel()).await;
    }

    fn refused(&self, error: tokio_postgres::Error) -> Error {
        match self.ended.get() {
            Some(ended) => refusal::of_ended(*ended),
            None => refusal::of_statement(error, self.limits),
        }
    }
}

impl WayBack {
    async fn cancel(&self) {
        let Self { egress, token, address, host, tls } = self;
        let sent = async {
            let plain = egress.dial(&address.ip().to_string(), address.port()).await?;
            let stream = match tls {
                Some(tls) => connect::secure(egress, plain, tls.clone(), host).await?,
                None => egress::Stream::Plain(plain),
            };
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
                token.cancel_query_raw(stream, NoTls).await?,
            )
        };
        if let Err(error) = sent.await {
            tracing::warn!(%error, "could not cancel a statement");
        }
    }
}

/// Makes a number from 0 to 1 of random bits.
fn seed(bits: [u8; 4]) -> f64 {
    f64::from(u32::from_be_bytes(bits)) / f64::from(u32::MAX)
}

fn copy_of(text: &str, format: Format) -> String {
    let form = if format == Format::Csv { "csv, HEADER" } else { "text" };
    // It ends with one only behind the statement or in a comment.
    let text = text.trim_end_matches([';', ' ', '\t', '\n', '\r']);
    // On a line of its own, since the text may end with a comment.
    format!("COPY ({text}\n) TO STDOUT (FORMAT {form})")
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("lasting", &self.lasting).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_number_that_the_server_takes() {
        for (bits, expected) in
            [([0; 4], "0"), ([0xff; 4], "1"), ([0x40, 0, 0, 0], "0.25000000005820766")]
        {
            assert_eq!(seed(bits).to_string(), expected);
        }
        assert!(!seed([0, 0, 0, 1]).to_string().contains('e'));
    }
}
