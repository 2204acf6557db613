//! Spans of requests, as a collector gets them.

use std::time::Duration;

use harness::build::plain;
use harness::runtime_api::Call;
use harness::upstream::{Answer, FakeUpstream};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use prost::Message;

use super::functions::{Function, Functions, proxy_settings};
use crate::local::binary::{Binary, run, text};

const CALLERS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The function that proxies, on the tables of the others, with spans for a collector.
async fn traced(functions: &Functions, collector: &str) -> Function {
    let mut settings = proxy_settings(functions.app.data());
    settings.push(("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), collector.to_owned()));
    settings.push(("OTEL_RESOURCE_ATTRIBUTES".to_owned(), "team=observability".to_owned()));
    Function::start("http-proxy", settings).await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

/// All spans that have arrived; each with the resource's own attributes put beside its own.
fn arrived(collector: &FakeUpstream) -> Vec<Span> {
    let mut spans = Vec::new();
    for request in collector.requests() {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/v1/traces"));
        assert_eq!(request.all("content-type"), ["application/x-protobuf"]);
        let sent = ExportTraceServiceRequest::decode(&request.body[..]).expect("OTLP");
        for of_one in sent.resource_spans {
            let resource = of_one.resource.expect("a resource").attributes;
            for mut span in of_one.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                span.attributes.extend(resource.clone());
                spans.push(span);
            }
        }
    }
    spans
}

#[tokio::test]
async fn a_request_s_span_is_its_caller_s_child_and_the_data_source_s_parent() {
    let functions = Functions::start().await;
    let (collector, upstream) = (FakeUpstream::start().await, FakeUpstream::start().await);
    collector.answer(Answer::ok(""));
    let source = functions.create(&plain("up", &upstream.url())).await;
    let uid = source["uid"].as_str().unwrap();
    let function = traced(&functions, &collector.url()).await;
    let path = format!("/api/datasources/proxy/uid/{uid}/x");
    let call = functions.call("GET", &format!("{path}?query=secret"));
    let call = call.header("traceparent", CALLERS).header("tracestate", "a=b");
    assert_eq!(function.api.invoke(call.rest()).await.status, 200);
    // The next event is asked for when the span is gone, or the collector slow.
    let next = Call::new("GET", "/nowhere");
    assert_eq!(function.api.invoke(next.rest()).await.status, 404);

    let spans = arrived(&collector);
    let [span, ..] = &spans[..] else { panic!("no span: {spans:?}") };
    assert_eq!(hex(&span.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(hex(&span.parent_span_id), "00f067aa0ba902b7");
    let own = hex(&span.span_id);
    let told = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{own}-01");
    let asked = upstream.only_request();
    assert_eq!(asked.all("traceparent"), [told]);
    assert_eq!(asked.all("tracestate"), ["a=b"]);
    assert_eq!(span.kind, SpanKind::Server as i32);
    assert_eq!(span.name, "GET /api/datasources/proxy/{*rest}");
    let took = span.end_time_unix_nano - span.start_time_unix_nano;
    assert!(Duration::from_nanos(took) < Duration::from_secs(60), "{took}");
    for (name, expected) in [
        ("http.request.method", "GET"),
        ("url.path", &*path),
        ("http.route", "/api/datasources/proxy/{*rest}"),
        ("http.response.status_code", "200"),
        ("sourcegate.datasource.uid", uid),
        ("sourcegate.org", "1"),
        ("service.name", "sourcegate"),
        ("team", "observability"),
    ] {
        assert_eq!(attribute(span, name).as_deref(), Some(expected), "{name}");
    }
    assert!(!format!("{span:?}").contains("secret"), "{span:?}");
}

#[tokio::test]
async fn a_failure_is_an_error_of_its_span_and_what_the_caller_left_out_is_left_out() {
    let functions = Functions::start().await;
    let collector = FakeUpstream::start().await;
    collector.answer(Answer::ok(""));
    let source = functions.create(&plain("down", "http://127.0.0.1:1")).await;
    let function = traced(&functions, &collector.url()).await;
    let path = format!("/api/datasources/proxy/uid/{}/x", source["uid"].as_str().unwrap());
    let not_sampled = CALLERS.replace("-01", "-00");
    let call = functions.call("GET", &path).header("traceparent", &not_sampled);
    assert_eq!(function.api.invoke(call.rest()).await.status, 502);
    let answer = function.api.invoke(functions.call("GET", &path).rest()).await;
    assert_eq!(answer.status, 502);
    assert_eq!(function.api.invoke(Call::new("GET", "/nowhere").rest()).await.status, 404);
    let spans = arrived(&collector);
    let failed = spans.iter().find(|span| span.name.contains("proxy")).expect("a span");
    assert_eq!(hex(&failed.trace_id), answer.json()["traceID"].as_str().unwrap());
    assert!(failed.parent_span_id.is_empty(), "{failed:?}");
    assert_eq!(failed.status.as_ref().unwrap().code, StatusCode::Error as i32);
    assert_eq!(attribute(failed, "error.type").as_deref(), Some("connect"));
    let kept = spans.iter().filter(|span| span.name.contains("proxy"));
    assert_eq!(kept.count(), 1, "{spans:?}");
}

#[tokio::test]
async fn a_collector_that_does_not_answer_holds_up_no_answer_and_little_else() {
    let functions = Functions::start().await;
    let (collector, upstream) = (FakeUpstream::start().await, FakeUpstream::start().await);
    collector.answer(Answer::ok("").after(Duration::from_secs(600)));
    let source = functions.create(&plain("up", &upstream.url())).await;
    let function = traced(&functions, &collector.url()).await;
    let path = format!("/api/datasources/proxy/uid/{}/x", source["uid"].as_str().unwrap());
    for _ in 0..4 {
        let answer = function.api.invoke(functions.call("GET", &path).rest()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(upstream.requests().len(), 4);
    assert!(!collector.requests().is_empty(), "nothing was ever sent");
}

#[tokio::test]
async fn the_local_gateway_has_sent_its_spans_when_it_ends() {
    let collector = FakeUpstream::start().await;
    collector.answer(Answer::ok(""));
    let folder = tempfile::tempdir().unwrap();
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url())];
    let server = Binary::with(folder.path(), &[], &endpoint).await;
    let client = harness::Client::new(server.address, None);
    assert_eq!(client.get("/api/health").await.status, 200);
    assert_eq!(server.end("TERM").await, Some(0));
    let spans = arrived(&collector);
    assert!(spans.iter().any(|span| span.name == "GET /api/health"), "{spans:?}");
}

#[tokio::test]
async fn settings_that_cannot_be_followed_end_the_start_and_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, said) in [
        (("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), "`grpc`"),
        (("OTEL_TRACES_SAMPLER", "xray"), "`xray`"),
        (("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "no url"), "OTLP"),
    ] {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        let output = run(folder.path(), &["--listen", "127.0.0.1:0"], &[endpoint, variable]).await;
        let error = text(&output.stderr);
        assert!(!output.status.success() && error.contains(said), "{variable:?}: {error}");
    }
}
