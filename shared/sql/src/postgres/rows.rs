//! Rows as they come from the server.

use std::pin::pin;

use futures_util::StreamExt;
use tokio_postgres::{SimpleQueryMessage, Statement as Prepared};

use super::Session;
use super::cells::Cells;
use crate::Error;
use crate::sink::{Sink, Stop};

/// Hands on the lines that `COPY` writes as CSV: a message for each, the first of which has the names.
pub(super) async fn lines(session: &Session, copy: &Prepared, sink: &mut Sink) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(session.refused(error));
    let mut lines = pin!(session.client.copy_out(copy).await.map_err(failed)?);
    match lines.next().await {
        Some(names) => sink.begin_with(&names.map_err(failed)?),
        None => return Err(Stop::Failed(Error::Protocol("COPY without a header".into()))),
    }
    sink.all(lines, |sink, line| sink.line(&line.map_err(failed)?)).await
}

/// Writes the rows that `COPY` writes as text, which costs both sides less than rows of a statement.
pub(super) async fn cells(
    session: &Session,
    copy: &Prepared,
    columns: usize,
    sink: &mut Sink,
) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(session.refused(error));
    let lines = session.client.copy_out(copy).await.map_err(failed)?;
    sink.begin();
    let mut cells = Cells::default();
    let written = sink.all(lines, |sink, line| {
        cells.read(&line.map_err(failed)?, columns)?;
        sink.row(|place| cells.get(place))
    });
    written.await
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
    sink.begin();
    let written = sink.all(messages, |sink, message| match message.map_err(failed)? {
        SimpleQueryMessage::Row(row) if row.len() == columns => {
            sink.row(|place| row.get(place).map(str::as_bytes))
        }
        SimpleQueryMessage::Row(row) => Err(of_another_length(row.len(), columns).into()),
        _ => Ok(()),
    });
    written.await
}

/// What a server says that announces other columns than it sends.
pub(super) fn of_another_length(cells: usize, columns: usize) -> Error {
    Error::Protocol(format!("a row of {cells} values for {columns} columns").into())
}
