//! The canonical line: one per request, written when the answer has ended, however it did.

use std::{
    error::Error as StdError,
    time::{Duration, Instant},
};

use http::{Method, Request, StatusCode, Uri};
use sourcegate_core::{Classify, Fault, Kind};

use super::{
    Arrival, TraceId,
    arrival::{LogFields, Notes},
};
use crate::{Chain, Error, Refusal};

/// What the line will say. Dropping it writes it, so that a caller who goes away is logged too.
pub(super) struct Line {
    arrival: Arrival,
    method: Method,
    uri: Uri,
    started: Instant,
    status: Option<StatusCode>,
    bytes: u64,
    end: End,
}

/// How the answer ended.
enum End {
    /// Not yet: whoever drops the line now went away.
    Open,
    Whole,
    /// The body broke off, for this cause and reason.
    Broken {
        cause: &'static str,
        reason: String,
    },
}

impl Line {
    pub(super) fn start<B>(request: &Request<B>, arrival: &Arrival) -> Self {
        Self {
            arrival: arrival.clone(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            started: Instant::now(),
            status: None,
            bytes: 0,
            end: End::Open,
        }
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    pub(super) fn error_kind(&self) -> Option<Kind> {
        self.arrival.notes().error.as_ref().map(Error::kind)
    }

    pub(super) fn note_error(&mut self, error: Error) {
        self.arrival.notes().error = Some(error);
    }

    pub(super) fn note_status(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Counts bytes of the body and tells how many there have been.
    pub(super) fn note_bytes(&mut self, bytes: u64) -> u64 {
        self.bytes += bytes;
        self.bytes
    }

    pub(super) fn note_whole(&mut self) {
        if matches!(self.end, End::Open) {
            self.end = End::Whole;
        }
    }

    pub(super) fn note_broken(&mut self, error: &(dyn StdError + 'static)) {
        self.end = End::Broken { cause: "broken_body", reason: Chain(error).to_string() };
    }

    /// The body was broken off by us.
    pub(super) fn note_ended(&mut self, refusal: &Refusal) {
        let cause = Classify::cause(refusal).unwrap_or("broken_body");
        self.end = End::Broken { cause, reason: refusal.to_string() };
    }

    /// What was answered so far does not count: it is thrown away.
    pub(super) fn forget(&mut self) -> TraceId {
        (self.bytes, self.end) = (0, End::Open);
        self.arrival.trace
    }

    fn end_of_path(&self, bytes: usize) -> &str {
        let path = self.uri.path();
        cut(path.get(path.len().saturating_sub(bytes)..).unwrap_or(path))
    }
}

/// Cuts a path, whose control characters are the writer's matter. What is refused for its length would flood the log.
fn cut(path: &str) -> &str {
    &path[..path.floor_char_boundary(1_000)]
}

impl Drop for Line {
    fn drop(&mut self) {
        let Notes { fields, route, error } = std::mem::take(&mut *self.arrival.notes());
        let mut level = error.as_ref().map_or(Fault::Caller, |error| error.kind().fault());
        let mut kind = error.as_ref().map(Error::kind);
        let mut chain = error.as_ref().map(|error| error.chain().to_string());
        let mut status = self.status;
        match &mut self.end {
            End::Whole => {}
            End::Open => {
                kind = Some(Kind::ClientGone);
                status = status.or(Some(crate::status(Kind::ClientGone)));
            }
            End::Broken { reason, .. } => {
                level = Fault::Upstream;
                chain = Some(std::mem::take(reason));
            }
        }
        // Where a data source answered, it and the path there say what was asked.
        let upstream_path = fields.upstream_path_bytes.map(|bytes| self.end_of_path(bytes));
        let path = upstream_path.is_none().then(|| cut(self.uri.path()));
        let route = route.as_ref().map(|route| route.as_str()).filter(|_| path.is_some());
        let cause = match self.end {
            End::Broken { cause, .. } => Some(cause),
            _ => error.as_ref().and_then(Error::cause),
        };
        let outcome =
            Outcome { path, upstream_path, status, kind, cause, chain: chain.as_deref(), route };
        self.write(level, &outcome, &fields);
    }
}

struct Outcome<'a> {
    path: Option<&'a str>,
    upstream_path: Option<&'a str>,
    status: Option<StatusCode>,
    kind: Option<Kind>,
    cause: Option<&'static str>,
    chain: Option<&'a str>,
    route: Option<&'a str>,
}

/// One event with all fields of the canonical line; absent ones are left out, and so is what another says already, since
/// a log is paid for by the byte.
macro_rules! line {
    ($level:ident, $line:ident, $outcome:ident, $fields:ident) => {
        tracing::$level!(
            target: "request",
            {
            method = $line.method.as_str(),
            path = $outcome.path,
            route = $outcome.route,
            status = $outcome.status.map(|status| status.as_u16()),
            bytes = $line.bytes,
            duration_ms = millis($line.started.elapsed()),
            trace_id = %$line.arrival.trace,
            org = $fields.org.map(tracing::field::display),
            user = $fields.user.as_deref(),
            datasource.uid = $fields.datasource_uid.as_deref(),
            upstream.path = $outcome.upstream_path,
            upstream.status = $fields.upstream_status
                .filter(|theirs| $outcome.status.is_none_or(|ours| ours != *theirs)),
            upstream.ms = $fields.upstream_duration.map(millis),
            error.kind = $outcome.kind.map(tracing::field::debug),
            error.cause = $outcome.cause,
            error.chain = $outcome.chain,
            },
            "request"
        )
    };
}

fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

impl Line {
    fn write(&self, level: Fault, outcome: &Outcome<'_>, fields: &LogFields) {
        match level {
            Fault::Caller => line!(info, self, outcome, fields),
            Fault::Upstream => line!(warn, self, outcome, fields),
            Fault::Ours => line!(error, self, outcome, fields),
        }
    }
}
