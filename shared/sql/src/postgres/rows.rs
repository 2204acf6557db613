//! Rows as they come from the server.

use std::pin::pin;

use futures_util::{Stream, StreamExt};
use tokio::time::timeout;
use tokio_postgres::{Error as PgError, SimpleQueryMessage, Statement as Prepared};

use super::Session;
use crate::Error;
use crate::sink::{PATIENCE, Sink, Stop};

/// Hands on what `COPY` writes: a message for each line, the first of which has the names.
pub(super) async fn copied(session: &Session, copy: Prepared, sink: &mut Sink) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(session.refused(error));
    let lines = session.client.copy_out(&copy).await.map_err(failed)?;
    let mut lines = pin!(lines);
    match lines.next().await {
        Some(names) => sink.begin_with(&names.map_err(failed)?),
        None => return Err(Stop::Failed(Error::Protocol("COPY without a header".into()))),
    }
    while let Some(line) = next(&mut lines, sink).await? {
        sink.line(&line.map_err(failed)?).await?;
    }
    sink.flush().await
}

/// Writes rows that come as texts.
pub(super) async fn texts(
    session: &Session,
    text: &str,
    columns: usize,
    sink: &mut Sink,
) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(session.refused(error));
    let messages = session.client.simple_query_raw(text).await.map_err(failed)?;
    let mut messages = pin!(messages);
    sink.begin();
    while let Some(message) = next(&mut messages, sink).await? {
        if let SimpleQueryMessage::Row(row) = message.map_err(failed)? {
            if row.len() != columns {
                let error = format!("a row of {} values for {columns} columns", row.len());
                return Err(Stop::Failed(Error::Protocol(error.into())));
            }
            sink.row(|place| row.get(place).map(str::as_bytes)).await?;
        }
    }
    sink.flush().await
}

/// Waits for the next item; rows that were gathered meanwhile go out when it does not come soon.
async fn next<S, T>(items: &mut S, sink: &mut Sink) -> Result<Option<Result<T, PgError>>, Stop>
where
    S: Stream<Item = Result<T, PgError>> + Unpin,
{
    if sink.has_rows() {
        match timeout(PATIENCE, items.next()).await {
            Ok(item) => return Ok(item),
            Err(_) => sink.flush().await?,
        }
    }
    Ok(items.next().await)
}
