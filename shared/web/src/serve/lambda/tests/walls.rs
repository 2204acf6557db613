//! The walls of the platform: how long a request may take, and how large it and its answer may be.

use std::time::Duration;

use tokio::time::sleep;

use super::fake_runtime::Next;
use super::*;

fn slow() -> Router {
    let waiting = async || -> &'static str { std::future::pending().await };
    let endless = async || {
        let piece = |first: bool| async move {
            if !first {
                sleep(Duration::from_millis(20)).await;
            }
            Some((Ok::<_, io::Error>(Bytes::from("piece")), false))
        };
        Body::from_stream(stream::unfold(true, piece))
    };
    router().route("/waiting", get(waiting)).route("/endless", get(endless))
}

#[tokio::test]
async fn l06_a_request_that_is_not_done_is_504_before_the_deadline() {
    let mut runtime = FakeRuntime::start(slow()).await;
    for left in [700, 200, 1] {
        let started = Instant::now();
        runtime.send(Next::within(Duration::from_millis(left), &rest("/waiting")));
        let (prelude, body) = runtime.answered().await;
        assert!(started.elapsed() < Duration::from_millis(left.max(400)), "{left}");
        assert_eq!(prelude["statusCode"], 504, "{left}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["cause"], "deadline");
        assert_eq!(
            body["message"],
            "the time that the function has for a request has passed; ask for less, or give the function a longer timeout"
        );
    }
    runtime.send(Next::within(Duration::from_secs(60), &rest("/several")));
    assert_eq!(runtime.answered().await.0["statusCode"], 200);
}

#[tokio::test]
async fn l06_an_answer_that_is_not_whole_in_time_is_broken_off() {
    let mut runtime = FakeRuntime::start(slow()).await;
    let started = Instant::now();
    runtime.send(Next::within(Duration::from_millis(700), &rest("/endless")));
    let Said::Answer { bytes, whole, .. } = runtime.said().await else { panic!("no answer") };
    assert!(started.elapsed() < Duration::from_millis(700), "{:?}", started.elapsed());
    assert!(!whole && bytes.ends_with(b"piecepiece"), "half of it is not the whole");
    assert_eq!(runtime.answer(rest("/several")).await.0["statusCode"], 200);
}

#[tokio::test]
async fn an_event_larger_than_the_platform_takes_is_413() {
    let mut runtime = FakeRuntime::start(router()).await;
    let mut event = rest("/several");
    event["body"] = "".into();
    let room = (6 << 20) - event.to_string().len();
    for (bytes, status) in [(room, 200), (room + 1, 413)] {
        event["body"] = "x".repeat(bytes).into();
        let (prelude, body) = runtime.answer(&event).await;
        assert_eq!(prelude["statusCode"], status);
        if status == 413 {
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["cause"], "body_too_large");
            assert!(
                body["message"].as_str().unwrap().contains("more than 6291456 bytes"),
                "{body}"
            );
        }
    }
}

async fn sized(path: axum::extract::Path<(String, usize)>) -> Vec<u8> {
    let (byte, count) = &*path;
    byte.parse::<u8>().map(|byte| vec![byte; *count]).unwrap()
}

/// A function as `sam local` runs it.
struct Sam(FakeRuntime);

impl Sam {
    async fn start() -> Self {
        let router = router().route("/sized/{byte}/{count}", get(sized));
        Self(FakeRuntime::start_at(router, "", Manner { is_buffered: true, loops: 1 }).await)
    }

    async fn invoke(&mut self, event: Value) -> Value {
        match self.0.invoke(event).await {
            Said::Answer { bytes, .. } => {
                assert!(bytes.len() <= 6_291_556, "{}", bytes.len());
                serde_json::from_slice(&bytes).unwrap()
            }
            Said::Failure { report, .. } => report,
        }
    }
}

#[tokio::test]
async fn under_sam_answers_are_in_one_piece() {
    let mut sam = Sam::start().await;
    let answer = sam.invoke(rest("/several")).await;
    assert_eq!(answer["multiValueHeaders"]["set-cookie"], json!(["a=1", "b=2"]));
    assert_eq!(answer["isBase64Encoded"], false);
    let answer = sam.invoke(http_event("/several")).await;
    assert_eq!(answer["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(answer.get("multiValueHeaders"), None);
    let answer = sam.invoke(rest("/sized/255/1000000")).await;
    assert_eq!(answer["isBase64Encoded"], true);
    let report = sam.invoke(rest("/broken")).await;
    assert_eq!(report["errorType"], "Broken");
    assert_eq!(sam.invoke(rest("/several")).await["statusCode"], 200);
}

#[tokio::test]
async fn what_does_not_fit_into_one_piece_is_502_with_advice() {
    let mut sam = Sam::start().await;
    // A byte that is no text makes four thirds, a control character six times as much as it has.
    for (path, status) in [
        ("/sized/120/6291000", 200),
        ("/sized/120/6291556", 502),
        ("/sized/255/4718000", 200),
        ("/sized/255/4718700", 502),
        ("/sized/1/1048000", 200),
        ("/sized/1/1048600", 502),
        ("/large", 502),
    ] {
        let answer = sam.invoke(rest(path)).await;
        assert_eq!(answer["statusCode"], status, "{path}");
        if status == 502 {
            let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            assert_eq!(body["cause"], "answer_too_large");
            let message = body["message"].as_str().unwrap();
            assert!(message.ends_with("deploy the function so that it streams its answers"));
        }
    }
}
