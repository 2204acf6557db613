//! `GET /metrics` in Prometheus' text format: on AWS the platform counts, here nobody else does.
//!
//! | metric | labels | |
//! |---|---|---|
//! | `sourcegate_requests_total` | `method`, `route`, `status` | requests that have ended |
//! | `sourcegate_request_duration_seconds` | `route` | from head to last byte, a histogram |
//! | `sourcegate_response_bytes_total` | `route` | bytes of answers' bodies |
//! | `sourcegate_upstream_duration_seconds` | | until a data source's head came, a histogram |
//! | `sourcegate_failures_total` | `fault`, `cause` | of ours and of data sources |
//! | `sourcegate_egress_{lookups,connects,denials}_total` | | what the door out did |
//! | `process_*` | | the process: memory, CPU, descriptors |
//!
//! No label has a value that a caller chooses: a word that is no usual method is `other`, a path without a route is in
//! `none`, and a status that has no name is in its class.

use std::sync::Arc;

use egress::Stats;
use http::{Method, StatusCode};
use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TEXT_FORMAT,
    TextEncoder,
};
use sourcegate_core::Fault;
use web::{Finished, Observe};

/// Bounds of durations in seconds: a proxied request takes a tenth of a millisecond, a slow query minutes.
const BOUNDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0];

/// Everything that is counted.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Arc<Requests>,
}

#[derive(Debug)]
struct Requests {
    ended: IntCounterVec,
    durations: HistogramVec,
    bytes: IntCounterVec,
    upstream: Histogram,
    failures: IntCounterVec,
}

impl Metrics {
    /// Begins to count, with what the door out counts by itself.
    ///
    /// # Errors
    /// Two metrics have one name.
    pub(crate) fn new(
        egress: impl Fn() -> Stats + Send + Sync + 'static,
    ) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let requests = Arc::new(Requests::register(&registry)?);
        registry.register(Box::new(Door::new(egress)?))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self { registry, requests })
    }

    /// Who is to be told of requests.
    pub(crate) fn observer(&self) -> Arc<dyn Observe> {
        Arc::<Requests>::clone(&self.requests)
    }

    /// The one route. It asks for no credential, as Grafana's and Perses' do not: what it says is of this process alone.
    pub(crate) fn router(&self) -> web::Router {
        let registry = self.registry.clone();
        web::page("/metrics", TEXT_FORMAT, move || text(&registry))
    }
}

fn text(registry: &Registry) -> String {
    // It fails for a family without a name, and all have one.
    TextEncoder::new().encode_to_string(&registry.gather()).unwrap_or_default()
}

impl Requests {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(made.clone()))?;
            prometheus::Result::Ok(made)
        };
        let histogram =
            |name: &str, help: &str| HistogramOpts::new(name, help).buckets(BOUNDS.to_vec());
        let durations = HistogramVec::new(
            histogram("sourcegate_request_duration_seconds", "From head to last byte."),
            &["route"],
        )?;
        registry.register(Box::new(durations.clone()))?;
        let upstream = Histogram::with_opts(histogram(
            "sourcegate_upstream_duration_seconds",
            "Until the head of a data source's answer.",
        ))?;
        registry.register(Box::new(upstream.clone()))?;
        Ok(Self {
            ended: counters(
                "sourcegate_requests_total",
                "Requests that have ended.",
                &["method", "route", "status"],
            )?,
            durations,
            bytes: counters(
                "sourcegate_response_bytes_total",
                "Bytes of answers' bodies.",
                &["route"],
            )?,
            upstream,
            failures: counters(
                "sourcegate_failures_total",
                "Requests that failed for a reason of the gateway or of a data source.",
                &["fault", "cause"],
            )?,
        })
    }
}

impl Observe for Requests {
    fn finished(&self, request: &Finished<'_>) {
        let route = request.route.unwrap_or("none");
        let status = status(request.status);
        self.ended.with_label_values(&[method(request.method), route, &status]).inc();
        self.durations.with_label_values(&[route]).observe(request.duration.as_secs_f64());
        self.bytes.with_label_values(&[route]).inc_by(request.bytes);
        if let Some(duration) = request.fields.upstream_duration {
            self.upstream.observe(duration.as_secs_f64());
        }
        let fault = match request.fault {
            Fault::Caller => return,
            Fault::Upstream => "upstream",
            Fault::Ours => "gateway",
        };
        self.failures.with_label_values(&[fault, request.cause.unwrap_or("none")]).inc();
    }
}

/// A word of a bounded number.
fn method(method: &Method) -> &str {
    let usual = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ];
    if usual.contains(method) { method.as_str() } else { "other" }
}

/// A data source may answer anything from 100 to 999. 499 is ours: the caller went away.
fn status(status: Option<StatusCode>) -> String {
    match status {
        None => "none".to_owned(),
        Some(code) if code.canonical_reason().is_some() || code == 499 => code.as_str().to_owned(),
        Some(code) => format!("{}xx", code.as_u16() / 100),
    }
}

/// What the door out counts by itself.
struct Door<F> {
    read: F,
    descriptions: Vec<Desc>,
}

/// Names and what they mean, in the order of [`counts`].
const DOOR: [(&str, &str); 3] = [
    (
        "sourcegate_egress_lookups_total",
        "Hosts that name servers or the hosts file were asked for.",
    ),
    (
        "sourcegate_egress_connects_total",
        "Connections to data sources that were tried, one per address.",
    ),
    ("sourcegate_egress_denials_total", "Connections to data sources that were refused by policy."),
];

fn counts(stats: &Stats) -> [u64; 3] {
    [stats.lookups, stats.connects, stats.denials]
}

impl<F> Door<F> {
    fn new(read: F) -> prometheus::Result<Self> {
        let described =
            DOOR.map(|(name, help)| Desc::new(name.into(), help.into(), vec![], [].into()));
        Ok(Self { read, descriptions: described.into_iter().collect::<Result<_, _>>()? })
    }
}

impl<F: Fn() -> Stats + Send + Sync> Collector for Door<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let counted = DOOR.iter().zip(counts(&(self.read)()));
        let families = counted.filter_map(|((name, help), count)| {
            let counter = IntCounter::new(*name, *help).ok()?;
            counter.inc_by(count);
            Some(counter.collect())
        });
        families.flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn t19_whatever_is_asked_and_answered_the_series_are_bounded() {
        let metrics = Metrics::new(Stats::default).unwrap();
        let observer = metrics.observer();
        let fields = web::LogFields::default();
        for n in 0..10_000_u16 {
            let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
            observer.finished(&Finished {
                method: &method,
                path: &format!("/{n}"),
                route: None,
                status: StatusCode::from_u16(100 + n % 900).ok(),
                bytes: 1,
                duration: Duration::from_millis(n.into()),
                trace: web::TraceId::of(&http::HeaderMap::new()),
                fields: &fields,
                fault: Fault::Caller,
                kind: None,
                cause: None,
                chain: None,
            });
        }
        let text = text(&metrics.registry);
        let series = text.lines().filter(|line| line.starts_with("sourcegate_requests_total{"));
        assert!(series.count() < 80, "{text}");
        assert!(text.contains("sourcegate_response_bytes_total{route=\"none\"} 10000\n"), "{text}");
    }

    #[test]
    fn a_status_without_a_name_is_in_its_class() {
        let of = |code: u16| status(StatusCode::from_u16(code).ok());
        assert_eq!(
            [of(200), of(499), of(418), of(299), of(999)],
            ["200", "499", "418", "2xx", "9xx"]
        );
    }
}
