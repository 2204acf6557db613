//! Metrics within the canonical line: CloudWatch takes them out of the log by its Embedded Metric Format, so that a request
//! costs one line and no call.
//!
//! | metric | counts requests |
//! |---|---|
//! | `Faults`, `UpstreamFaults` | that failed for a reason of ours, of the data source |
//! | `DeniedEgress` | to an address that may not be dialled |
//! | `KmsFailures` | whose key could not be unwrapped |
//!
//! Namespace `Sourcegate`; one set of dimensions, `Deployment` and `Function`, which a caller has no way to vary. Only lines
//! that count something have all this: how many requests there are and how long they take AWS counts by itself
//! (`AWS/Lambda`: `Invocations`, `Duration`), and what is logged is paid for by the byte.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::json::push_text;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Sourcegate";

/// Whose requests are counted.
pub(super) struct Metrics {
    /// Both dimensions, as members of the line.
    dimensions: String,
    /// That this process has answered before.
    warm: AtomicBool,
}

impl Metrics {
    pub(super) fn new(deployment: &str, function: &str) -> Self {
        let mut dimensions = String::from(",\"Deployment\":");
        push_text(&mut dimensions, deployment);
        dimensions.push_str(",\"Function\":");
        push_text(&mut dimensions, function);
        Self { dimensions, warm: AtomicBool::new(false) }
    }

    /// Adds to the line of a request what it counts, and to that of a process's first one that it was the first.
    pub(super) fn push(&self, line: &mut String, event: &Event<'_>, now: SystemTime) {
        let mut request = Request::default();
        event.record(&mut request);
        if !self.warm.swap(true, Ordering::Relaxed) {
            line.push_str(",\"cold_start\":1");
        }
        let counted = request.counted(*event.metadata().level());
        if counted.iter().all(Option::is_none) {
            return;
        }
        line.push_str(&self.dimensions);
        for name in counted.iter().flatten() {
            line.push_str(",\"");
            line.push_str(name);
            line.push_str("\":1");
        }
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        push_directive(line, since.as_millis(), &counted);
    }
}

fn push_directive(line: &mut String, now_ms: u128, counted: &[Option<&'static str>]) {
    line.push_str(",\"_aws\":{\"Timestamp\":");
    line.push_str(&now_ms.to_string());
    line.push_str(",\"CloudWatchMetrics\":[{\"Namespace\":\"");
    line.push_str(NAMESPACE);
    line.push_str("\",\"Dimensions\":[[\"Deployment\",\"Function\"]],\"Metrics\":[");
    for (at, name) in counted.iter().flatten().enumerate() {
        line.push_str(if at == 0 { "" } else { "," });
        line.push_str("{\"Name\":\"");
        line.push_str(name);
        line.push_str("\",\"Unit\":\"Count\"}");
    }
    line.push_str("]}]}");
}

/// What a canonical line says that is counted.
#[derive(Debug, Default)]
struct Request {
    is_denied: bool,
    has_no_key: bool,
}

impl Request {
    /// The level of the line says whose fault it was.
    fn counted(&self, level: Level) -> [Option<&'static str>; 3] {
        let fault = match level {
            Level::ERROR => Some("Faults"),
            Level::WARN => Some("UpstreamFaults"),
            _ => None,
        };
        [fault, self.is_denied.then_some("DeniedEgress"), self.has_no_key.then_some("KmsFailures")]
    }
}

impl Visit for Request {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "error.cause" {
            self.is_denied = value == "denied_egress";
            self.has_no_key = value == "kms";
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}
