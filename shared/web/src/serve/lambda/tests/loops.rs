//! How many loops there are, and how they end.

use std::time::Duration;

use axum::extract::State;
use http::StatusCode;
use tokio::{sync::Barrier, time::timeout};

use super::fake_runtime::Next;
use super::*;
use crate::serve::lambda::life::Ended;

fn several_at_once(loops: usize) -> Manner {
    Manner { loops, ..Manner::default() }
}

/// A route that answers when so many are there at once, one that waits for ever, and the others.
fn meeting(count: usize) -> Router {
    let meet = async |State(all): State<std::sync::Arc<Barrier>>| {
        all.wait().await;
        "met"
    };
    let waiting = async || -> &'static str { std::future::pending().await };
    let routes = Router::new().route("/meet", get(meet)).route("/waiting", get(waiting));
    routes.with_state(Barrier::new(count).into()).merge(router())
}

#[tokio::test]
async fn so_many_events_are_served_at_once_as_the_platform_says() {
    let mut runtime = FakeRuntime::start_at(meeting(8), "", several_at_once(8)).await;
    for _ in 0..8 {
        runtime.send_event(&rest("/meet"));
    }
    for _ in 0..8 {
        assert_eq!(runtime.answered().await.1, b"met");
    }
}

#[tokio::test]
async fn one_event_is_served_after_the_other_without() {
    let mut runtime = FakeRuntime::start(meeting(2)).await;
    runtime.send_event(&rest("/meet"));
    runtime.send_event(&rest("/meet"));
    assert!(timeout(Duration::from_millis(200), runtime.said()).await.is_err());
}

#[tokio::test]
async fn what_tells_deliveries_apart_is_given_back() {
    let mut runtime = FakeRuntime::start(router()).await;
    let named = |event: Value| Next::Event {
        body: event.to_string(),
        left: None,
        headers: vec![("lambda-runtime-invocation-id", "delivery-7".to_owned())],
    };
    runtime.send(named(rest("/several")));
    let Said::Answer { headers, .. } = runtime.said().await else { panic!("no answer") };
    assert_eq!(headers["lambda-runtime-invocation-id"], "delivery-7");
    runtime.send(named(json!({})));
    let Said::Failure { headers, .. } = runtime.said().await else { panic!("answered") };
    assert_eq!(headers["lambda-runtime-invocation-id"], "delivery-7");
    let Said::Answer { headers, .. } = runtime.invoke(rest("/several")).await else {
        panic!("no answer")
    };
    assert_eq!(headers.get("lambda-runtime-invocation-id"), None);
}

#[tokio::test]
async fn l19_a_runtime_api_that_refuses_is_asked_again_and_one_that_is_broken_is_not() {
    let mut runtime = FakeRuntime::start(router()).await;
    runtime.send(Next::Status(StatusCode::FORBIDDEN));
    runtime.send(Next::Status(StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(runtime.answer(rest("/several")).await.0["statusCode"], 200);
    runtime.send(Next::Status(StatusCode::INTERNAL_SERVER_ERROR));
    let error = runtime.serving.await.unwrap().unwrap_err();
    assert_eq!(
        crate::Chain(&error).to_string(),
        "the runtime api gives no events: the runtime api answered 500 Internal Server Error"
    );
}

#[tokio::test]
async fn l19_an_answer_that_is_refused_is_no_reason_to_stop() {
    let mut runtime = FakeRuntime::start(router()).await;
    runtime.refuse_answer(StatusCode::PAYLOAD_TOO_LARGE);
    for _ in 0..2 {
        assert_eq!(runtime.answer(rest("/several")).await.0["statusCode"], 200);
    }
    runtime.refuse_answer(StatusCode::INTERNAL_SERVER_ERROR);
    runtime.answer(rest("/several")).await;
    assert!(matches!(runtime.serving.await.unwrap(), Err(Error::NoEvents(_))));
}

#[tokio::test]
async fn one_loop_that_fails_stops_no_other() {
    let mut runtime = FakeRuntime::start_at(router(), "", several_at_once(2)).await;
    runtime.send(Next::Status(StatusCode::INTERNAL_SERVER_ERROR));
    for _ in 0..5 {
        assert_eq!(runtime.answer(rest("/panic")).await.0["statusCode"], 500);
    }
    assert!(!runtime.serving.is_finished());
    runtime.send(Next::Status(StatusCode::INTERNAL_SERVER_ERROR));
    assert!(matches!(runtime.serving.await.unwrap(), Err(Error::NoEvents(_))));
}

#[tokio::test]
async fn l17_who_is_stopped_takes_no_more_and_ends() {
    let mut runtime = FakeRuntime::start_at(router(), "", several_at_once(3)).await;
    runtime.answer(rest("/several")).await;
    drop(runtime.stop.take());
    assert_eq!(runtime.serving.await.unwrap().unwrap(), Ended::Stopped);
}

#[tokio::test]
async fn l17_what_does_not_end_by_itself_is_answered_503_in_time() {
    let mut runtime = FakeRuntime::start_at(meeting(2), "", several_at_once(3)).await;
    runtime.send_event(&rest("/waiting"));
    runtime.send_event(&rest("/meet"));
    runtime.send_event(&rest("/meet"));
    runtime.answered().await;
    runtime.answered().await;
    let told = Instant::now();
    drop(runtime.stop.take());
    let (prelude, body) = runtime.answered().await;
    assert!(told.elapsed() < Duration::from_millis(500), "{:?}", told.elapsed());
    assert_eq!(
        (&prelude["statusCode"], &prelude["headers"]["retry-after"]),
        (&json!(503), &json!("1"))
    );
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["cause"], "stopping");
    assert_eq!(runtime.serving.await.unwrap().unwrap(), Ended::Stopped);
}
