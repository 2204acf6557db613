//! Spans of requests for a collector, by OTLP over HTTP: if OpenTelemetry's own settings name one.
//!
//! | variable | meaning |
//! |---|---|
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | the collector's url, such as `http://localhost:4318`; not set: no spans |
//! | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | the same for spans alone, with the whole path |
//! | `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf`, the default and the only one |
//! | `OTEL_TRACES_SAMPLER`, `_ARG` | which requests have one; default `parentbased_always_on` |
//! | `OTEL_SERVICE_NAME` | default `sourcegate` |
//!
//! Headers, time-outs, queue and resource are the SDK's own settings (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_*`,
//! `OTEL_RESOURCE_ATTRIBUTES`). A request's span is the child of its caller's and the parent of what a data source makes of
//! it. Names are those of OpenTelemetry's conventions for HTTP servers; no query, no header, no secret.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::HeaderValue;
use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState},
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{
        BatchSpanProcessor, Sampler, SamplingDecision, ShouldSample, SpanData, SpanEvents,
        SpanLinks, SpanProcessor,
    },
};
use sourcegate_core::Fault;

use super::{
    Finished,
    trace::{Parent, TraceId, unique},
};

/// How long the end of an event waits for the collector, before the platform may freeze the process.
const FLUSH: Duration = Duration::from_millis(300);

/// Where spans go.
#[derive(Clone, Debug)]
pub struct Spans(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    processor: BatchSpanProcessor,
    sampling: Sampling,
    scope: InstrumentationScope,
}

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
pub enum BadSpans {
    /// Another protocol is asked for.
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL is `{0}`, and only http/protobuf is spoken")]
    Protocol(String),
    /// A sampler that does not exist, or takes another argument.
    #[error(
        "OTEL_TRACES_SAMPLER is `{0}` with `{1}`; there are always_on, always_off, traceidratio with a share from 0 to 1, and the \
         same after parentbased_"
    )]
    Sampler(String, String),
    /// The exporter's own settings are wrong.
    #[error("the settings of OTLP are not as they must be")]
    Exporter(#[from] ExporterBuildError),
    /// The client to the collector cannot be made.
    #[error("no client to the collector can be made")]
    Client(#[source] reqwest::Error),
    /// No thread can be started.
    #[error("no thread can be started for the client to the collector")]
    Thread,
}

impl Spans {
    /// Reads the settings: none if no collector is named, or OpenTelemetry is disabled.
    ///
    /// # Errors
    ///
    /// What they say that cannot be done.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, BadSpans> {
        let given = |name: &str| get(name).filter(|value| !value.is_empty());
        let endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
        let is_disabled = given("OTEL_SDK_DISABLED").is_some_and(|value| value == "true");
        if is_disabled || !endpoints.iter().any(|name| given(name).is_some()) {
            return Ok(None);
        }
        if let Some(other) = given("OTEL_EXPORTER_OTLP_PROTOCOL").filter(|p| p != "http/protobuf") {
            return Err(BadSpans::Protocol(other));
        }
        let sampling = Sampling::read(
            &given("OTEL_TRACES_SAMPLER").unwrap_or_else(|| "parentbased_always_on".to_owned()),
            &given("OTEL_TRACES_SAMPLER_ARG").unwrap_or_else(|| "1".to_owned()),
        )?;
        let exporter = SpanExporter::builder().with_http().with_http_client(client()?).build()?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        let name = given("OTEL_SERVICE_NAME").unwrap_or_else(|| "sourcegate".to_owned());
        processor.set_resource(&Resource::builder().with_service_name(name).build());
        let scope = InstrumentationScope::builder("sourcegate");
        let scope = scope.with_version(env!("CARGO_PKG_VERSION")).build();
        Ok(Some(Self(Arc::new(Inner { processor, sampling, scope }))))
    }

    /// Begins that of a request.
    pub(super) fn begin(&self, trace: TraceId, parent: Option<Parent>) -> Span {
        let is_sampled = self.0.sampling.takes(trace, parent);
        Span { trace, id: unique(), parent, is_sampled, started: SystemTime::now() }
    }

    /// Hands it over to be sent.
    pub(super) fn end(&self, span: &Span, request: &Finished<'_>) {
        if span.is_sampled {
            self.0.processor.on_end(span.data(request, self.0.scope.clone()));
        }
    }

    /// Waits for a moment until all are sent.
    pub(crate) async fn flush(&self) {
        let spans = self.clone();
        // It logs by itself what it could not send.
        let sent = crate::off_thread(move || spans.0.processor.force_flush());
        tokio::time::timeout(FLUSH, sent).await.ok();
    }
}

/// The client must be made and dropped where nothing is awaited.
fn client() -> Result<reqwest::blocking::Client, BadSpans> {
    let make = || {
        let client = reqwest::blocking::Client::builder().no_proxy();
        client.redirect(reqwest::redirect::Policy::none()).build()
    };
    let made = std::thread::spawn(make).join().map_err(|_| BadSpans::Thread)?;
    made.map_err(BadSpans::Client)
}

/// Which requests have a span.
#[derive(Clone, Debug)]
struct Sampling {
    /// Whether the caller has said it, if there is one who could.
    by_parent: bool,
    otherwise: Sampler,
}

impl Sampling {
    fn read(name: &str, argument: &str) -> Result<Self, BadSpans> {
        let (by_parent, own) = match name.strip_prefix("parentbased_") {
            Some(own) => (true, own),
            None => (false, name),
        };
        let share = argument.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        let otherwise = match (own, share) {
            ("always_on", _) => Sampler::AlwaysOn,
            ("always_off", _) => Sampler::AlwaysOff,
            ("traceidratio", Some(share)) => Sampler::TraceIdRatioBased(share),
            _ => return Err(BadSpans::Sampler(name.to_owned(), argument.to_owned())),
        };
        Ok(Self { by_parent, otherwise })
    }

    fn takes(&self, trace: TraceId, parent: Option<Parent>) -> bool {
        if let Some(parent) = parent.filter(|_| self.by_parent) {
            return parent.sampled;
        }
        let id = trace.to_otel();
        let asked = self.otherwise.should_sample(None, id, "", &SpanKind::Server, &[], &[]);
        asked.decision == SamplingDecision::RecordAndSample
    }
}

/// That of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    trace: TraceId,
    id: u64,
    parent: Option<Parent>,
    is_sampled: bool,
    started: SystemTime,
}

impl Span {
    /// What a data source is told, so that its spans are children of this.
    pub(super) fn traceparent(&self) -> Option<HeaderValue> {
        let Self { trace, id, is_sampled, .. } = self;
        HeaderValue::try_from(format!("00-{trace}-{id:016x}-{:02x}", u8::from(*is_sampled))).ok()
    }

    fn data(&self, request: &Finished<'_>, scope: InstrumentationScope) -> SpanData {
        let span_id = SpanId::from_bytes(self.id.to_be_bytes());
        let trace_id = self.trace.to_otel();
        let parent = self.parent.map_or(0, |parent| parent.span);
        SpanData {
            span_context: SpanContext::new(
                trace_id,
                span_id,
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: SpanId::from_bytes(parent.to_be_bytes()),
            parent_span_is_remote: self.parent.is_some(),
            span_kind: SpanKind::Server,
            name: name(request).into(),
            start_time: self.started,
            end_time: self.started + request.duration,
            attributes: attributes(request),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: match request.fault {
                Fault::Caller => Status::Unset,
                Fault::Upstream | Fault::Ours => Status::error(request.cause.unwrap_or_default()),
            },
            instrumentation_scope: scope,
        }
    }
}

/// Of few values, as names must be.
fn name(request: &Finished<'_>) -> String {
    match request.route {
        Some(route) => format!("{} {route}", request.method),
        None => request.method.to_string(),
    }
}

fn attributes(request: &Finished<'_>) -> Vec<KeyValue> {
    let fields = request.fields;
    let texts = [
        ("http.request.method", Some(request.method.to_string())),
        ("url.path", Some(request.path.to_owned())),
        ("http.route", request.route.map(str::to_owned)),
        ("error.type", request.cause.map(str::to_owned).or(request.kind.map(|k| format!("{k:?}")))),
        ("user.id", fields.user.clone()),
        ("sourcegate.org", fields.org.map(|org| org.to_string())),
        ("sourcegate.datasource.uid", fields.datasource_uid.clone()),
    ];
    let numbers = [
        ("http.response.status_code", request.status.map(|status| i64::from(status.as_u16()))),
        ("http.response.body.size", i64::try_from(request.bytes).ok()),
        ("sourcegate.upstream.status_code", fields.upstream_status.map(i64::from)),
    ];
    let seconds = fields.upstream_duration.map(|duration| duration.as_secs_f64());
    let texts = texts.into_iter().filter_map(|(key, text)| Some(KeyValue::new(key, text?)));
    let numbers = numbers.into_iter().filter_map(|(key, n)| Some(KeyValue::new(key, n?)));
    let seconds = seconds.map(|seconds| KeyValue::new("sourcegate.upstream.duration_s", seconds));
    texts.chain(numbers).chain(seconds).collect()
}

#[cfg(test)]
mod tests;
