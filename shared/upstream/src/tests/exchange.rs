//! Bytes on their way, in both directions.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sourcegate_core::{Classify, Kind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::doubles::PATIENCE;
use super::{Double, Gate, Setup};
use crate::{Body, BoxError};

/// A body whose pieces a test sends one by one.
fn piecemeal() -> (mpsc::Sender<Result<Frame<Bytes>, BoxError>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async move {
        Some((receiver.recv().await?, receiver))
    });
    (sender, Body::new(StreamBody::new(frames)))
}

fn post(body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    request
}

fn piece(text: &'static str) -> Result<Frame<Bytes>, BoxError> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

/// Takes the one value that a double's only connection gives away.
fn once<T>(value: T) -> impl Fn() -> Option<T> {
    let value = std::sync::Mutex::new(Some(value));
    move || value.lock().unwrap().take()
}

#[tokio::test]
async fn the_first_byte_of_an_answer_comes_before_its_last() {
    let (go_on, gate_opens) = oneshot::channel::<()>();
    let gate_opens = once(gate_opens);
    let double = Double::serving(move |mut peer| {
        let gate_opens = gate_opens();
        async move {
            peer.head().await;
            peer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
                .await;
            gate_opens.unwrap().await.unwrap();
            peer.write(b"4\r\nlast\r\n0\r\n\r\n").await;
        }
    })
    .await;
    let mut body = Gate::to(&double.url).get("").await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
    go_on.send(()).unwrap();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "last");
}

#[tokio::test]
async fn the_first_byte_of_a_request_arrives_before_its_last() {
    let (arrived, has_arrived) = oneshot::channel();
    let arrived = once(arrived);
    let double = Double::serving(move |mut peer| {
        let arrived = arrived();
        async move {
            peer.head().await;
            peer.until(b"first\r\n").await.unwrap();
            arrived.unwrap().send(()).unwrap();
            peer.until(b"4\r\nlast\r\n0\r\n\r\n").await.unwrap();
            peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    })
    .await;
    let gate = Gate::to(&double.url);
    let (pieces, body) = piecemeal();
    let feed = async {
        pieces.send(piece("first")).await.unwrap();
        has_arrived.await.unwrap();
        pieces.send(piece("last")).await.unwrap();
        drop(pieces);
    };
    let (answer, ()) = tokio::join!(gate.send("", post(body)), feed);
    assert_eq!(answer.unwrap().status(), 200);
    assert!(double.heads()[0].contains("\r\ntransfer-encoding: chunked\r\n"));
}

#[tokio::test]
async fn h19_trailers_of_a_request_are_dropped() {
    let double = Double::serving(|mut peer| async move {
        peer.head().await;
        peer.until(b"3\r\nabc\r\n0\r\n\r\n").await.unwrap();
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let mut trailers = http::HeaderMap::new();
    trailers.insert("authorization", "x".parse().unwrap());
    let frames = [Frame::data(Bytes::from_static(b"abc")), Frame::trailers(trailers)];
    let frames = futures_util::stream::iter(frames.map(Ok::<_, Infallible>));
    let answer = Gate::to(&double.url).send("", post(Body::new(StreamBody::new(frames)))).await;
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn a_get_may_have_a_body_of_unknown_length() {
    let double = Double::serving(|mut peer| async move {
        peer.head().await;
        peer.until(b"3\r\nabc\r\n0\r\n\r\n").await.unwrap();
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let (pieces, body) = piecemeal();
    pieces.try_send(piece("abc")).unwrap();
    drop(pieces);
    let answer = Gate::to(&double.url).send("", Request::new(body)).await;
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn a_caller_who_goes_before_the_answer_ends_the_request() {
    let (arrived, has_arrived) = oneshot::channel();
    let (ended, has_ended) = oneshot::channel();
    let channels = once((arrived, ended));
    let double = Double::serving(move |mut peer| {
        let (arrived, ended) = channels().unwrap();
        async move {
            peer.head().await;
            arrived.send(()).unwrap();
            peer.closed().await;
            ended.send(()).unwrap();
        }
    })
    .await;
    let gate = Gate::to(&double.url);
    tokio::select! {
        answer = gate.get("") => panic!("{answer:?}"),
        arrived = has_arrived => arrived.unwrap(),
    }
    timeout(PATIENCE, has_ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_caller_who_goes_during_the_answer_ends_the_request() {
    let (ended, has_ended) = oneshot::channel();
    let ended = once(ended);
    let double = Double::serving(move |mut peer| {
        let ended = ended();
        async move {
            peer.head().await;
            peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nfirst").await;
            peer.closed().await;
            ended.unwrap().send(()).unwrap();
        }
    })
    .await;
    let mut body = Gate::to(&double.url).get("").await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    timeout(PATIENCE, has_ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_body_that_breaks_off_ends_the_request_unfinished() {
    let (seen, has_seen) = oneshot::channel();
    let seen = once(seen);
    let double = Double::serving(move |mut peer| {
        let seen = seen();
        async move {
            peer.head().await;
            drop(seen.unwrap().send(peer.until(b"0\r\n\r\n").await));
        }
    })
    .await;
    let gate = Gate::to(&double.url);
    let (pieces, body) = piecemeal();
    pieces.try_send(piece("half")).unwrap();
    let feed = async {
        pieces.send(Err("connection reset".into())).await.unwrap();
    };
    let (answer, ()) = tokio::join!(gate.send("", post(body)), feed);
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (Kind::Invalid, Some("request_body")));
    assert_eq!(timeout(PATIENCE, has_seen).await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn a_body_over_its_readers_limit_is_too_large() {
    let double = Double::serving(|mut peer| async move { drop(peer.until(b"never").await) }).await;
    let (pieces, body) = piecemeal();
    pieces.try_send(piece("abcdef")).unwrap();
    let limited = Body::new(http_body_util::Limited::new(body, 5));
    let error = Gate::to(&double.url).send("", post(limited)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
}

/// Waits for the deadline of 500 ms, which is the real clock's: sockets know no other.
fn hasty() -> Setup {
    Setup { json: r#"{"timeout":0.5}"#, ..Setup::default() }
}

#[tokio::test]
async fn t75_an_answer_that_does_not_come_in_time_is_a_504() {
    let double = Double::serving(|mut peer| async move {
        peer.head().await;
        peer.closed().await;
    })
    .await;
    let error = hasty().open(&double.url).unwrap().get("").await.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (Kind::UpstreamTimeout, Some("timeout")));
    assert_eq!(error.public(), "data source did not answer within 0.5 s");
}

#[tokio::test]
async fn a_timeout_that_no_clock_counts_is_none() {
    let double = Double::answering("HTTP/1.1 204 X\r\n\r\n").await;
    let setup = Setup { json: r#"{"timeout":1e19}"#, ..Setup::default() };
    assert_eq!(setup.open(&double.url).unwrap().get("").await.unwrap().status(), 204);
}

#[tokio::test]
async fn the_deadline_holds_for_the_body_too() {
    let double = Double::serving(|mut peer| async move {
        peer.head().await;
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nfirst").await;
        peer.closed().await;
    })
    .await;
    let answer = hasty().open(&double.url).unwrap().get("").await.unwrap();
    let error = answer.into_body().collect().await.unwrap_err();
    assert_eq!(error.cause(), Some("timeout"));
}

#[tokio::test]
async fn the_deadline_holds_for_an_answer_that_never_pauses() {
    let double = Double::serving(|mut peer| async move {
        peer.head().await;
        peer.write(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..1 << 20 {
            peer.write(&piece).await;
        }
    })
    .await;
    let mut body = hasty().open(&double.url).unwrap().get("").await.unwrap().into_body();
    let error = loop {
        if let Err(error) = body.frame().await.unwrap() {
            break error;
        }
    };
    assert_eq!(error.cause(), Some("timeout"));
}
