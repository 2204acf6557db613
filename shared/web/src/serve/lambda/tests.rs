use std::{convert::Infallible, io, sync::Arc, time::Instant};

use axum::{
    body::Bytes,
    extract::Request as AxumRequest,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
};

use super::*;
use crate::Arrival;

/// What the loop under test said to one event.
#[derive(Debug)]
enum Said {
    Answer { headers: http::HeaderMap, bytes: Vec<u8>, whole: bool },
    Failure(Value),
}

/// A Runtime API on a free port, with a loop of ours behind it.
struct FakeRuntime {
    events: mpsc::UnboundedSender<String>,
    said: mpsc::UnboundedReceiver<Said>,
}

/// The other end of [`FakeRuntime`], as its connections see it.
struct Shelf {
    events: Mutex<mpsc::UnboundedReceiver<String>>,
    said: mpsc::UnboundedSender<Said>,
    prefix: &'static str,
}

impl FakeRuntime {
    async fn start(router: Router) -> Self {
        Self::start_at(router, "", false).await
    }

    async fn start_at(router: Router, prefix: &'static str, buffered: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (events, queue) = mpsc::unbounded_channel();
        let (report, said) = mpsc::unbounded_channel();
        let shelf = Arc::new(Shelf { events: Mutex::new(queue), said: report, prefix });
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shelf = shelf.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer_runtime(shelf.clone(), request));
                    drop(
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
                    );
                });
            }
        });
        let api = format!("{address}{prefix}");
        let config = LambdaConfig { runtime_api: api, buffered };
        tokio::spawn(async move { lambda(router, Options::default(), &config).await });
        Self { events, said }
    }

    async fn invoke(&mut self, event: impl ToString) -> Said {
        self.events.send(event.to_string()).unwrap();
        self.said.recv().await.unwrap()
    }

    /// Sends an event and takes the whole answer: prelude and body.
    async fn answer(&mut self, event: impl ToString) -> (Value, Vec<u8>) {
        match self.invoke(event).await {
            Said::Answer { bytes, whole: true, .. } => split(&bytes),
            other => panic!("{other:?}"),
        }
    }
}

fn split(bytes: &[u8]) -> (Value, Vec<u8>) {
    let at = bytes.windows(8).position(|window| window == [0; 8]).unwrap();
    (serde_json::from_slice(&bytes[..at]).unwrap(), bytes[at + 8..].to_vec())
}

/// The event in whose place the Runtime API answers 500.
const OUT_OF_ORDER: &str = "out of order";

async fn answer_runtime(
    shelf: Arc<Shelf>,
    request: Request<Incoming>,
) -> Result<http::Response<String>, Infallible> {
    let path = request.uri().path().strip_prefix(shelf.prefix).unwrap().to_owned();
    let base = "/2018-06-01/runtime/invocation";
    match path.strip_prefix(base).unwrap() {
        "/next" => {
            let Some(event) = shelf.events.lock().await.recv().await else {
                return std::future::pending().await;
            };
            let next = http::Response::builder()
                .status(if event == OUT_OF_ORDER { 500 } else { 200 })
                .header("lambda-runtime-aws-request-id", "id-1")
                .header("lambda-runtime-deadline-ms", "600000");
            return Ok(next.body(event).unwrap());
        }
        "/id-1/response" => {
            let headers = request.headers().clone();
            // hyper drops this future when the transfer breaks, but not a task of its own.
            let said = shelf.said.clone();
            let reading = tokio::spawn(async move {
                let (bytes, whole) = read(request.into_body()).await;
                said.send(Said::Answer { headers, bytes, whole }).unwrap();
            });
            reading.await.unwrap();
        }
        "/id-1/error" => {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            shelf.said.send(Said::Failure(serde_json::from_slice(&body).unwrap())).unwrap();
        }
        other => panic!("{other}"),
    }
    Ok(http::Response::builder().status(202).body(String::new()).unwrap())
}

/// Reads what there is, and tells whether it ended as it should.
async fn read(mut body: Incoming) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match body.frame().await {
            None => return (bytes, true),
            Some(Err(_)) => return (bytes, false),
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().unwrap()),
        }
    }
}

fn rest(path: &str) -> Value {
    let context = json!({ "stage": "prod", "identity": { "sourceIp": "203.0.113.7" } });
    json!({ "httpMethod": "GET", "path": path, "headers": {}, "requestContext": context })
}

fn http_event(path: &str) -> Value {
    let context = json!({ "http": { "method": "GET", "sourceIp": "2001:db8::7" } });
    json!({ "version": "2.0", "rawPath": path, "rawQueryString": "q=%2F+", "headers": {},
        "requestContext": context })
}

const NULS: &[u8] = b"a\0\0\0\0\0\0\0\0b\0\0\0\0\0\0\0\0\0";

async fn several() -> Response {
    let mut response = NULS.into_response();
    let headers = response.headers_mut();
    headers.insert("x-one", "1".parse().unwrap());
    for cookie in ["a=1", "b=2"] {
        headers.append("set-cookie", cookie.parse().unwrap());
        headers.append("x-two", cookie.parse().unwrap());
    }
    response
}

async fn large() -> Body {
    let piece = |n: u32| Ok::<_, io::Error>(Bytes::from(vec![n.to_be_bytes()[3]; 10_000]));
    Body::from_stream(stream::iter((0..1_000).map(piece)))
}

fn router() -> Router {
    let broken = async || {
        let pieces = [Ok(Bytes::from("half")), Err(io::Error::other("cut off"))];
        Body::from_stream(stream::iter(pieces))
    };
    let panicking = async || -> &'static str { panic!("a secret of the caller") };
    let target = async |request: AxumRequest| request.uri().to_string();
    let arrival = async |arrival: Arrival| format!("{:?} {:?}", arrival.peer, arrival.deadline);
    Router::new()
        .route("/several", get(several))
        .route("/large", get(large))
        .route("/broken", get(broken))
        .route("/panic", get(panicking))
        .route("/arrival", get(arrival))
        .route("/x/{*rest}", any(target))
}

#[tokio::test]
async fn l20_prelude_and_body_arrive_byte_for_byte() {
    let mut runtime = FakeRuntime::start(router()).await;
    let Said::Answer { headers, bytes, whole } = runtime.invoke(rest("/several")).await else {
        panic!("no answer");
    };
    assert!(whole);
    assert_eq!(headers["content-type"], "application/vnd.awslambda.http-integration-response");
    assert_eq!(headers["lambda-runtime-function-response-mode"], "streaming");
    let (prelude, body) = split(&bytes);
    assert_eq!(body, NULS);
    let expected = json!({
        "statusCode": 200,
        "headers": {
            "content-length": "19",
            "content-type": "application/octet-stream",
            "x-content-type-options": "nosniff",
            "x-one": "1",
            "x-two": "a=1",
        },
        "multiValueHeaders": { "x-two": ["a=1", "b=2"] },
        "cookies": ["a=1", "b=2"],
    });
    assert_eq!(prelude, expected);
}

#[tokio::test]
async fn a_large_stream_arrives_whole() {
    let mut runtime = FakeRuntime::start(router()).await;
    let (_, body) = runtime.answer(rest("/large")).await;
    assert_eq!(body.len(), 10_000_000);
    assert!(body.chunks(10_000).zip((0..=255_u8).cycle()).all(|(c, n)| c.iter().all(|b| *b == n)));
}

#[tokio::test]
async fn a_body_that_fails_breaks_the_transfer_and_the_next_event_is_served() {
    let mut runtime = FakeRuntime::start(router()).await;
    let Said::Answer { bytes, whole, .. } = runtime.invoke(rest("/broken")).await else {
        panic!("no answer");
    };
    assert!(!whole);
    assert!(bytes.ends_with(b"half"));
    assert_eq!(runtime.answer(rest("/several")).await.0["statusCode"], 200);
}

#[tokio::test]
async fn l10_a_panic_is_answered_and_the_next_event_is_served() {
    let mut runtime = FakeRuntime::start(router()).await;
    let (prelude, body) = runtime.answer(rest("/panic")).await;
    assert_eq!(prelude["statusCode"], 500);
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("internal error") && !body.contains("secret"), "{body}");
    assert_eq!(runtime.answer(rest("/several")).await.0["statusCode"], 200);
}

#[tokio::test]
async fn the_raw_path_reaches_the_handler() {
    let mut runtime = FakeRuntime::start(router()).await;
    let path = "/x/a%2Fb/%2e%2e/c//d";
    let (_, body) = runtime.answer(rest(path)).await;
    assert_eq!(String::from_utf8(body).unwrap(), path);
    let (_, body) = runtime.answer(http_event(path)).await;
    assert_eq!(String::from_utf8(body).unwrap(), format!("{path}?q=%2F+"));
}

#[tokio::test]
async fn peer_and_deadline_are_the_events() {
    let mut runtime = FakeRuntime::start(router()).await;
    let (_, body) = runtime.answer(rest("/arrival")).await;
    assert_eq!(String::from_utf8(body).unwrap(), "Some(203.0.113.7) None");
    let (_, body) = runtime.answer(http_event("/arrival")).await;
    assert_eq!(String::from_utf8(body).unwrap(), "Some(2001:db8::7) None");
}

#[tokio::test]
async fn b15_bad_base64_is_400() {
    let mut runtime = FakeRuntime::start(router()).await;
    let mut event = rest("/several");
    event["body"] = "not base64!".into();
    event["isBase64Encoded"] = true.into();
    let (prelude, body) = runtime.answer(event).await;
    assert_eq!(prelude["statusCode"], 400);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["cause"], "body_encoding");
}

#[tokio::test]
async fn what_is_no_http_event_is_reported_and_the_next_is_served() {
    let mut runtime = FakeRuntime::start(router()).await;
    for event in ["{\"a secret\":", r#"{"Records":["a secret"]}"#] {
        let Said::Failure(report) = runtime.invoke(event).await else { panic!("answered") };
        assert_eq!(report["errorType"], "EventError");
        assert!(!report.to_string().contains("secret"), "{report}");
    }
    assert_eq!(runtime.answer(rest("/several")).await.0["statusCode"], 200);
}

#[tokio::test]
async fn l19_a_failing_runtime_api_is_asked_again() {
    let mut runtime = FakeRuntime::start(router()).await;
    for _ in 0..2 {
        runtime.events.send(OUT_OF_ORDER.to_owned()).unwrap();
    }
    assert_eq!(runtime.answer(rest("/several")).await.0["statusCode"], 200);
}

#[tokio::test]
async fn the_runtime_api_may_lie_under_a_path() {
    let mut runtime = FakeRuntime::start_at(router(), "/.rt/proxy", false).await;
    assert_eq!(runtime.answer(rest("/several")).await.0["statusCode"], 200);
}

#[tokio::test]
async fn under_sam_answers_are_buffered() {
    let mut runtime = FakeRuntime::start_at(router(), "", true).await;
    let mut buffered = async |event: Value| match runtime.invoke(event).await {
        Said::Answer { bytes, .. } => serde_json::from_slice::<Value>(&bytes).unwrap(),
        Said::Failure(report) => report,
    };
    let answer = buffered(rest("/several")).await;
    assert_eq!(answer["multiValueHeaders"]["set-cookie"], json!(["a=1", "b=2"]));
    assert_eq!(answer["isBase64Encoded"], false);
    let answer = buffered(http_event("/several")).await;
    assert_eq!(answer["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(answer.get("multiValueHeaders"), None);
    let answer = buffered(rest("/large")).await;
    assert_eq!(answer["isBase64Encoded"], true);
    let report = buffered(rest("/broken")).await;
    assert_eq!(report["errorType"], "Broken");
    assert_eq!(buffered(rest("/several")).await["statusCode"], 200);
}

#[track_caller]
fn check_setting(value: Option<&str>, expected: Option<&str>) {
    let get = |name: &str| match name {
        "AWS_LAMBDA_RUNTIME_API" => value.map(str::to_owned),
        _ => None,
    };
    let found = LambdaConfig::read(get).ok().map(|config| config.runtime_api);
    assert_eq!(found.as_deref(), expected, "{value:?}");
}

#[test]
fn the_runtime_api_is_host_and_port_with_an_optional_path() {
    check_setting(Some("127.0.0.1:9001"), Some("127.0.0.1:9001"));
    check_setting(Some("http://127.0.0.1:9001/.rt/NAME"), Some("127.0.0.1:9001/.rt/NAME"));
    check_setting(Some("localhost:9001/.rt/NAME/"), Some("localhost:9001/.rt/NAME"));
    check_setting(Some("127.0.0.1"), None);
    check_setting(Some("https://x:1"), None);
    check_setting(Some("a b:1"), None);
    check_setting(None, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn time_of_a_streamed_answer() {
    let mut runtime = FakeRuntime::start(router()).await;
    let event = rest("/several").to_string();
    for _ in 0..500 {
        runtime.answer(&event).await;
    }
    let started = Instant::now();
    for _ in 0..5_000 {
        runtime.answer(&event).await;
    }
    println!("{:?} per streamed answer", started.elapsed() / 5_000);
}
