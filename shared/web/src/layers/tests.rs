use std::{
    io,
    sync::{Arc, Mutex, Once},
};

use axum::{
    Router,
    body::{Body, Bytes},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{FutureExt, stream};
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::BodyExt;
use serde_json::Value;
use sourcegate_core::{Classify, Kind};
use tower::{Service, ServiceExt};

use super::*;

mod page_guard;

#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Failure {
    kind: Kind,
    text: &'static str,
    #[source]
    source: io::Error,
}

impl Classify for Failure {
    fn kind(&self) -> Kind {
        self.kind
    }
}

fn failing(kind: Kind, text: &'static str) -> Error {
    Failure { kind, text, source: io::Error::other("deep\nreason") }.into()
}

async fn fail(axum::extract::Path(kind): axum::extract::Path<String>) -> Error {
    match &*kind {
        "ours" => failing(Kind::Unavailable, "the table is away"),
        "upstream" => failing(Kind::Upstream, "the data source is down"),
        _ => failing(Kind::Conflict, "the name is taken"),
    }
}

async fn logged(arrival: Arrival) -> &'static str {
    arrival.log(|fields| {
        fields.datasource_uid = Some("u1".to_owned());
        fields.upstream_status = Some(404);
        fields.upstream_duration = Some(std::time::Duration::from_micros(1_500));
    });
    "hello"
}

async fn broken() -> Body {
    Body::from_stream(stream::iter([Ok(Bytes::from("half")), Err(io::Error::other("cut off"))]))
}

async fn challenged() -> Response {
    let challenge = [("www-authenticate", "basic realm=\"upstream\"")];
    (StatusCode::UNAUTHORIZED, challenge).into_response()
}

async fn panicking() -> &'static str {
    panic!("a secret of the caller")
}

fn dialect(error: &Error, trace: TraceId) -> Response {
    let text = format!("dialect: {} {trace}", error.message());
    (crate::status(error.kind()), text).into_response()
}

fn router() -> Router {
    let enveloped = Router::new()
        .route("/enveloped/{kind}", get(fail))
        .route("/proxied", get(|| async { (StatusCode::BAD_GATEWAY, "as it came") }))
        .layer(envelope(dialect));
    Router::new()
        .route("/fail/{kind}", get(fail))
        .route("/logged", get(logged))
        .route("/broken", get(broken))
        .route("/challenged", get(challenged))
        .route("/panic", get(panicking))
        .route("/never", get(std::future::pending::<()>))
        .fallback(|| async { "anything" })
        .merge(enveloped)
}

fn ask(target: &str) -> Request<Body> {
    Request::get(target).body(Body::empty()).unwrap()
}

/// The stack, where somebody listens to whatever is logged: an event that is first met while nobody does stays unheard of
/// by a test that begins to listen at that moment.
fn stacked() -> Stack {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| tracing_subscriber::fmt().with_writer(io::sink).init());
    stack(router(), Options::default())
}

async fn send(request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = stacked().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// Collects what is logged on this thread while `work` runs, one JSON object per line.
async fn log_of(work: impl Future<Output = ()>) -> Vec<Value> {
    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    work.await;
    drop(guard);
    let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn only_line(request: Request<Body>) -> Value {
    let mut lines = log_of(async move { drop(send(request).await) }).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

#[tokio::test]
async fn limits_answer_with_their_status() {
    let check = async |request: Request<Body>, expected: u16, text: &str| {
        let (status, headers, body) = send(request).await;
        assert_eq!(status, expected, "{body}");
        assert!(body.contains(text), "{body}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
    };
    let sized = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
    let method = |method: &str| Request::builder().method(method).body(Body::empty()).unwrap();
    check(ask(&sized(8_192)), 200, "").await;
    check(ask(&sized(8_193)), 414, "more than 8192 bytes").await;
    check(ask(&format!("/?{}", "a".repeat(8_191))), 414, "more than 8192 bytes").await;
    check(ask(&"/a".repeat(1_000)), 200, "").await;
    check(ask(&"/a".repeat(1_001)), 414, "more than 1000 segments").await;
    check(method("TRACE"), 405, "TRACE is never served").await;
    check(method("CONNECT"), 405, "CONNECT is never served").await;
    check(method("FOO"), 200, "").await;
    let upgrade = |to: &str| Request::get("/").header("upgrade", to).body(Body::empty()).unwrap();
    check(upgrade("WebSocket"), 501, "not offered").await;
    check(upgrade("h2c"), 200, "").await;
}

#[tokio::test]
async fn h13_huge_header_sections_are_431() {
    let check = async |count: usize, bytes: usize, expected: u16| {
        let mut request = ask("/");
        for at in 0..count {
            let name = header::HeaderName::try_from(format!("x-{at:03}")).unwrap();
            request.headers_mut().insert(name, "v".repeat(bytes).parse().unwrap());
        }
        assert_eq!(send(request).await.0, expected, "{count} headers of {bytes} bytes");
    };
    check(100, 10, 200).await;
    check(101, 10, 431).await;
    check(1, 16_384 - 9, 200).await;
    check(1, 16_384 - 8, 431).await;
}

#[tokio::test]
async fn a_panic_is_answered_without_its_text() {
    let (status, _, body) = send(ask("/panic")).await;
    assert_eq!(status, 500);
    assert!(body.contains(r#""message":"internal error""#), "{body}");
    assert!(body.contains(r#""cause":"panic""#) && !body.contains("secret"), "{body}");
}

#[tokio::test]
async fn a_401_never_challenges_for_basic() {
    let (status, headers, _) = send(ask("/challenged")).await;
    assert_eq!(status, 401);
    assert!(!headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn an_error_without_envelope_has_the_plain_body() {
    let request = Request::get("/fail/caller")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let (status, headers, body) = send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, 409);
    assert_eq!(headers["content-type"], "application/json");
    let plain = r#"{"message":"the name is taken","traceID":"4bf92f3577b34da6a3ce929d0e0e4736"}"#;
    assert_eq!(body, plain);
}

#[tokio::test]
async fn a_fault_of_ours_is_not_told() {
    let (status, headers, body) = send(ask("/fail/ours")).await;
    assert_eq!(
        (status, &headers["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
    );
    assert!(body.contains("internal error") && !body.contains("table"), "{body}");
}

#[tokio::test]
async fn a_dialect_writes_its_errors_and_nothing_else() {
    let (status, headers, body) = send(ask("/enveloped/caller")).await;
    assert_eq!(status, 409);
    assert!(body.starts_with("dialect: the name is taken "), "{body}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let (status, _, body) = send(ask("/proxied")).await;
    assert_eq!((status.as_u16(), &*body), (502, "as it came"));
}

#[tokio::test]
async fn each_request_has_one_line() {
    let line = only_line(ask("/logged?query=up")).await;
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["path"], "/logged");
    assert_eq!(line["status"], 200);
    assert_eq!(line["bytes"], 5);
    assert_eq!(line["datasource.uid"], "u1");
    assert_eq!(line["upstream.status"], 404);
    assert_eq!(line["upstream.ms"], 1.5);
    assert!(line["duration_ms"].is_f64());
    assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
    assert_eq!(line.get("error.kind"), None);
    assert!(!line.to_string().contains("query=up"));
}

#[tokio::test]
async fn the_level_follows_the_fault() {
    let check = async |target: &str, level: &str, kind: &str, route: Option<&str>| {
        let line = only_line(ask(target)).await;
        assert_eq!(line["level"], level, "{line}");
        assert_eq!(line["error.kind"], kind, "{line}");
        assert_eq!(line.get("route").and_then(Value::as_str), route, "{line}");
        assert!(line["error.chain"].as_str().unwrap().ends_with(": deep\nreason"), "{line}");
    };
    check("/fail/caller", "INFO", "Conflict", None).await;
    check("/fail/upstream", "WARN", "Upstream", None).await;
    check("/fail/ours", "ERROR", "Unavailable", None).await;
    check("/enveloped/ours", "ERROR", "Unavailable", Some("/enveloped/{kind}")).await;
}

#[tokio::test]
async fn a_caller_who_leaves_is_logged() {
    let lines = log_of(async {
        let mut stack = stacked();
        assert!(stack.call(ask("/never")).now_or_never().is_none());
        let unread = stack.call(ask("/logged")).await.unwrap();
        drop(unread);
    })
    .await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["status"], 499);
    assert_eq!(lines[0]["error.kind"], "ClientGone");
    assert_eq!(lines[1]["status"], 200);
    assert_eq!(lines[1]["error.kind"], "ClientGone");
    assert_eq!(lines[1]["datasource.uid"], "u1");
}

#[tokio::test]
async fn a_body_that_breaks_is_logged() {
    let line = only_line(ask("/broken")).await;
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["error.cause"], "broken_body");
    assert_eq!(line["bytes"], 4);
    assert!(line["error.chain"].as_str().unwrap().contains("cut off"), "{line}");
}
