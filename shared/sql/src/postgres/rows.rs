//! Rows as they come from the server.

use std::pin::pin;

use futures_util::StreamExt;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{SimpleQueryMessage, Statement as Prepared};

use super::cells::Cells;
use super::literal::Bound;
use super::{Session, packed};
use crate::Error;
use crate::error::BoxError;
use crate::sink::{Sink, Stop};

/// Hands on the lines that `COPY` writes as CSV, the first of which has the names.
pub(super) async fn lines(session: &Session, copy: &Prepared, sink: &mut Sink) -> Result<(), Stop> {
    let mut named = false;
    let written = copied(session, copy, sink, |sink, line| {
        if named {
            return sink.line(line);
        }
        named = true;
        sink.begin_with(line);
        Ok(())
    });
    written.await?;
    if !named {
        return Err(Error::Protocol("COPY without a header".into()).into());
    }
    sink.flush().await
}

/// Writes the rows that `COPY` writes as text, which costs both sides less than rows of a statement.
pub(super) async fn cells(
    session: &Session,
    copy: &Prepared,
    columns: usize,
    sink: &mut Sink,
) -> Result<(), Stop> {
    let mut cells = Cells::default();
    sink.begin();
    let written = copied(session, copy, sink, |sink, line| {
        let row = cells.read(line, columns)?;
        sink.row(|place| row.get(place))
    });
    written.await?;
    sink.flush().await
}

/// Takes the rows of `COPY`, which come packed.
async fn copied(
    session: &Session,
    copy: &Prepared,
    sink: &mut Sink,
    mut take: impl FnMut(&mut Sink, &[u8]) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(session.refused(error));
    let mut messages = pin!(session.client.copy_out(copy).await.map_err(failed)?);
    while let Some(message) = sink.soon(messages.next()).await? {
        let message = message.map_err(failed)?;
        let mut packed = &message[..];
        while let Some(row) = packed::next(&mut packed)? {
            take(sink, row)?;
            if sink.is_enough() {
                sink.flush().await?;
            }
        }
    }
    Ok(())
}

/// Writes rows that come as texts.
pub(super) async fn texts(
    session: &Session,
    text: &str,
    columns: usize,
    sink: &mut Sink,
) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(session.refused(error));
    let mut messages = pin!(session.client.simple_query_raw(text).await.map_err(failed)?);
    sink.begin();
    while let Some(message) = sink.soon(messages.next()).await? {
        match message.map_err(failed)? {
            SimpleQueryMessage::Row(row) if row.len() == columns => {
                // The driver looks only now whether it is text, and panics where nobody asks.
                (0..columns).try_for_each(|place| row.try_get(place).map(drop)).map_err(failed)?;
                sink.row(|place| row.get(place).map(str::as_bytes))?;
            }
            SimpleQueryMessage::Row(row) => {
                return Err(of_another_length(row.len(), columns).into());
            }
            _ => {}
        }
    }
    sink.flush().await
}

/// Writes the rows of `EXPLAIN`, which are texts in binary form too.
pub(super) async fn plan(
    session: &Session,
    explain: &Prepared,
    bound: Vec<Bound>,
    sink: &mut Sink,
) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(session.refused(error));
    let mut rows = pin!(session.client.query_raw(explain, bound).await.map_err(failed)?);
    sink.begin();
    while let Some(row) = sink.soon(rows.next()).await? {
        let row = row.map_err(failed)?;
        let texts = (0..row.len()).map(|place| row.try_get::<_, Option<Text<'_>>>(place));
        let texts = texts.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        sink.row(|place| Some(texts.get(place)?.as_ref()?.0))?;
    }
    sink.flush().await
}

/// What is a text in either form.
struct Text<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Text<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(Self(raw))
    }

    fn accepts(of: &Type) -> bool {
        matches!(*of, Type::TEXT | Type::JSON | Type::XML)
    }
}

/// What a server says that announces other columns than it sends.
pub(super) fn of_another_length(cells: usize, columns: usize) -> Error {
    Error::Protocol(format!("a row of {cells} values for {columns} columns").into())
}
