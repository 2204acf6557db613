//! The canonical line: one per request, written when the answer has ended, however it did.

use std::{
    error::Error as StdError,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderValue, Method, Request, StatusCode, Uri};
use sourcegate_core::{Classify, Fault, Kind};

use super::{
    Arrival, Finished, Observers, Spans, TraceId, arrival::Notes, spans::Span, trace::Parent,
};
use crate::{Chain, Error, Refusal};

/// What the line will say. Dropping it writes it, so that a caller who goes away is logged too.
pub(super) struct Line {
    arrival: Arrival,
    observers: Arc<Observers>,
    span: Option<(Spans, Span)>,
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
    pub(super) fn start<B>(
        request: &Request<B>,
        arrival: &Arrival,
        observers: &Arc<Observers>,
        spans: Option<&Spans>,
    ) -> Self {
        let span = spans.map(|spans| {
            let span = spans.begin(arrival.trace, Parent::of(request.headers()));
            (spans.clone(), span)
        });
        Self {
            arrival: arrival.clone(),
            observers: Arc::clone(observers),
            span,
            method: request.method().clone(),
            uri: request.uri().clone(),
            started: Instant::now(),
            status: None,
            bytes: 0,
            end: End::Open,
        }
    }

    /// What a data source is told of this request's span.
    pub(super) fn traceparent(&self) -> Option<HeaderValue> {
        self.span.as_ref().and_then(|(_, span)| span.traceparent())
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
}

impl Drop for Line {
    fn drop(&mut self) {
        let Notes { fields, route, error } = std::mem::take(&mut *self.arrival.notes());
        let mut fault = error.as_ref().map_or(Fault::Caller, |error| error.kind().fault());
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
                fault = Fault::Upstream;
                chain = Some(std::mem::take(reason));
            }
        }
        let cause = match self.end {
            End::Broken { cause, .. } => Some(cause),
            _ => error.as_ref().and_then(Error::cause),
        };
        let request = Finished {
            method: &self.method,
            path: self.uri.path(),
            route: route.as_ref().map(|route| route.as_str()),
            status,
            bytes: self.bytes,
            duration: self.started.elapsed(),
            trace: self.arrival.trace,
            fields: &fields,
            fault,
            kind,
            cause,
            chain: chain.as_deref(),
        };
        write(&request);
        self.observers.iter().for_each(|observer| observer.finished(&request));
        if let Some((spans, span)) = &self.span {
            spans.end(span, &request);
        }
    }
}

/// One event with all fields of the canonical line; absent ones are left out, and so is what another says already, since
/// a log is paid for by the byte.
macro_rules! line {
    ($level:ident, $request:ident, $here:ident, $there:ident) => {
        tracing::$level!(
            target: "request",
            {
            method = $request.method.as_str(),
            path = $here,
            route = $request.route.filter(|_| $here.is_some()),
            status = $request.status.map(|status| status.as_u16()),
            bytes = $request.bytes,
            duration_ms = millis($request.duration),
            trace_id = %$request.trace,
            org = $request.fields.org.map(tracing::field::display),
            user = $request.fields.user.as_deref(),
            datasource.uid = $request.fields.datasource_uid.as_deref(),
            upstream.path = $there,
            upstream.status = $request.fields.upstream_status
                .filter(|theirs| $request.status.is_none_or(|ours| ours != *theirs)),
            upstream.ms = $request.fields.upstream_duration.map(millis),
            error.kind = $request.kind.map(tracing::field::debug),
            error.cause = $request.cause,
            error.chain = $request.chain,
            },
            "request"
        )
    };
}

fn write(request: &Finished<'_>) {
    let path = request.path;
    // Where a data source answered, it and the path there say what was asked.
    let there = request
        .fields
        .upstream_path_bytes
        .map(|bytes| cut(path.get(path.len().saturating_sub(bytes)..).unwrap_or(path)));
    let here = there.is_none().then(|| cut(path));
    match request.fault {
        Fault::Caller => line!(info, request, here, there),
        Fault::Upstream => line!(warn, request, here, there),
        Fault::Ours => line!(error, request, here, there),
    }
}

/// Cuts a path, whose control characters are the writer's matter. What is refused for its length would flood the log.
fn cut(path: &str) -> &str {
    &path[..path.floor_char_boundary(1_000)]
}

fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}
