//! From rows to the frames of a body, within the limits.

use std::mem;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use sourcegate_core::Classify;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::answer::{Body, ROW_COUNT, TRUNCATED};
use crate::format::Writer;
use crate::{Column, Error, Format, Trailers};

/// How much is gathered before it is sent.
const CHUNK_BYTES: usize = 32 << 10;

/// How long rows wait for more of them.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the caller of the engine waits for.
pub(crate) type Head = oneshot::Receiver<Result<Vec<Column>, Error>>;

/// How much an answer may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Tells the database's side to stop.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The limits are reached.
    Full,
    /// Nobody reads any more.
    Gone,
    /// It failed.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Where rows go.
#[derive(Debug)]
pub(crate) struct Sink {
    frames: mpsc::Sender<Result<Frame<Bytes>, Error>>,
    head: Option<oneshot::Sender<Result<Vec<Column>, Error>>>,
    /// As they were announced, until the answer begins.
    columns: Vec<Column>,
    writer: Writer,
    format: Format,
    trailers: Trailers,
    room: Room,
    buffer: Vec<u8>,
    rows: u64,
    /// Of rows, sent or gathered.
    bytes: u64,
}

impl Sink {
    pub(crate) fn new(format: Format, trailers: Trailers, room: Room) -> (Self, Head, Body) {
        let (frames, receiver) = mpsc::channel(1);
        let (head, waiting) = oneshot::channel();
        let sink = Self {
            frames,
            head: Some(head),
            columns: Vec::new(),
            writer: Writer::new(format, Vec::new()),
            format,
            trailers,
            room,
            buffer: Vec::with_capacity(CHUNK_BYTES + (CHUNK_BYTES >> 2)),
            rows: 0,
            bytes: 0,
        };
        (sink, waiting, Body::new(receiver))
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Ends when nobody reads any more.
    pub(crate) fn gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let frames = self.frames.clone();
        async move { frames.closed().await }
    }

    /// Expects rows of these columns.
    pub(crate) fn announce(&mut self, columns: Vec<Column>) {
        self.columns = columns;
    }

    /// Writes what stands before the rows.
    pub(crate) fn begin(&mut self) {
        let columns = mem::take(&mut self.columns);
        self.begin_as(columns);
    }

    /// Writes what stands before the rows, for columns that only now are what they are.
    pub(crate) fn begin_as(&mut self, columns: Vec<Column>) {
        self.writer = Writer::new(self.format, columns);
        self.writer.head(&mut self.buffer);
    }

    /// Takes what the database wrote before the rows.
    pub(crate) fn begin_with(&mut self, line: &[u8]) {
        self.writer = Writer::new(self.format, mem::take(&mut self.columns));
        self.buffer.extend_from_slice(line);
    }

    /// Writes a row, or tells that there is no room for it.
    pub(crate) fn row<'a>(&mut self, cell: impl Fn(usize) -> Option<&'a [u8]>) -> Result<(), Stop> {
        let before = self.buffer.len();
        self.writer.row(&mut self.buffer, self.rows, cell);
        self.count(before)
    }

    /// Takes a row that the database wrote.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<(), Stop> {
        let before = self.buffer.len();
        self.buffer.extend_from_slice(line);
        self.count(before)
    }

    fn count(&mut self, before: usize) -> Result<(), Stop> {
        let bytes = self.bytes + (self.buffer.len() - before) as u64;
        if self.rows >= self.room.rows || bytes > self.room.bytes {
            self.buffer.truncate(before);
            return Err(Stop::Full);
        }
        self.rows += 1;
        self.bytes = bytes;
        Ok(())
    }

    /// Waits for what comes next, and sends meanwhile what was gathered: at once if it is enough, else when nothing comes soon.
    pub(crate) async fn soon<T>(&mut self, coming: impl Future<Output = T>) -> Result<T, Stop> {
        if self.is_enough() {
            self.flush().await?;
        }
        let mut coming = pin!(coming);
        if self.rows > 0 && !self.buffer.is_empty() {
            // Most of the time it is there already, and to look at the clock takes longer than a row.
            if let Some(come) = coming.as_mut().now_or_never() {
                return Ok(come);
            }
            match timeout(PATIENCE, coming.as_mut()).await {
                Ok(come) => return Ok(come),
                Err(_) => self.flush().await?,
            }
        }
        Ok(coming.await)
    }

    /// Tells whether it is time to send. What stands before the rows waits for the first, which may fail.
    pub(crate) fn is_enough(&self) -> bool {
        self.rows > 0 && self.buffer.len() >= CHUNK_BYTES
    }

    /// Sends what was gathered; from then on the answer has begun.
    pub(crate) async fn flush(&mut self) -> Result<(), Stop> {
        if let Some(head) = self.head.take() {
            head.send(Ok(self.writer.columns().to_vec())).map_err(|_| Stop::Gone)?;
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::copy_from_slice(&self.buffer);
        self.buffer.clear();
        self.frames.send(Ok(Frame::data(chunk))).await.map_err(|_| Stop::Gone)
    }

    /// Ends the answer whole, or cut as the limits have it.
    pub(crate) async fn finish(mut self, truncated: bool) {
        if truncated && self.format == Format::Csv && self.trailers == Trailers::Lost {
            let Room { rows, bytes } = self.room;
            return self.fail(Error::TooLarge { rows, bytes }).await;
        }
        self.writer.tail(&mut self.buffer, self.rows, truncated);
        if self.flush().await.is_ok() {
            let truncated = HeaderValue::from_static(if truncated { "true" } else { "false" });
            let trailers = [(ROW_COUNT, HeaderValue::from(self.rows)), (TRUNCATED, truncated)];
            // Whoever has gone meanwhile does not miss them.
            self.frames.send(Ok(Frame::trailers(HeaderMap::from_iter(trailers)))).await.ok();
        }
    }

    /// Ends the answer with an error: as the whole answer if it has not begun, else as a broken body.
    pub(crate) async fn fail(mut self, error: Error) {
        if let Some(head) = self.head.take() {
            head.send(Err(error)).ok();
            return;
        }
        self.writer.failure(&mut self.buffer, self.rows, &error.public());
        if self.flush().await.is_ok() {
            self.frames.send(Err(error)).await.ok();
        }
    }
}
