mod fake_runtime;
mod loops;
mod walls;

use std::{io, time::Instant};

use axum::{
    body::{Body, Bytes},
    extract::Request as AxumRequest,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use futures_util::stream;
use serde_json::{Value, json};

use super::*;
use crate::Arrival;
use fake_runtime::{FakeRuntime, Said, split};

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
        let Said::Failure { report, .. } = runtime.invoke(event).await else { panic!("answered") };
        assert_eq!(report["errorType"], "EventError");
        assert!(!report.to_string().contains("secret"), "{report}");
    }
    assert_eq!(runtime.answer(rest("/several")).await.0["statusCode"], 200);
}

#[tokio::test]
async fn the_runtime_api_may_lie_under_a_path() {
    let mut runtime = FakeRuntime::start_at(router(), "/.rt/proxy", Manner::default()).await;
    assert_eq!(runtime.answer(rest("/several")).await.0["statusCode"], 200);
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
