//! Connections that the data source closes between requests.

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use sourcegate_core::Classify;

use super::{Double, Gate};
use crate::Body;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1";

/// Answers once on the first connection, then reads a second request there and closes without a byte.
async fn forgetful() -> Double {
    Double::serving(|mut peer| async move {
        let first = peer.number == 0;
        while peer.head().await.is_some() {
            peer.write(ANSWER).await;
            if first {
                peer.head().await;
                return;
            }
        }
    })
    .await
}

async fn warmed(double: &Double) -> Gate {
    let gate = Gate::to(&double.url);
    gate.get("warm").await.unwrap().into_body().collect().await.unwrap();
    gate
}

fn request(method: Method, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    request.headers_mut().insert("x-panel-id", "7".parse().unwrap());
    request
}

#[tokio::test]
async fn a_read_on_a_stale_connection_is_sent_once_more() {
    for method in [Method::GET, Method::OPTIONS] {
        let double = forgetful().await;
        let gate = warmed(&double).await;
        let answer = gate.send("again", request(method, Body::empty())).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "1");
        let heads = double.heads();
        assert_eq!((heads.len(), double.connections()), (3, 2));
        assert_eq!(heads[1], heads[2]);
    }
}

#[tokio::test]
async fn what_writes_is_never_sent_twice() {
    let bodies = [
        (Method::POST, Body::empty()),
        (Method::POST, Body::new(Full::new(bytes::Bytes::from_static(b"abc")))),
        (Method::DELETE, Body::empty()),
        (Method::GET, Body::new(Full::new(bytes::Bytes::from_static(b"abc")))),
    ];
    for (method, body) in bodies {
        let double = forgetful().await;
        let gate = warmed(&double).await;
        let error = gate.send("again", request(method.clone(), body)).await.unwrap_err();
        assert_eq!(error.cause(), Some("connection_reused_closed"), "{method}");
        assert_eq!((double.heads().len(), double.connections()), (2, 1), "{method}");
    }
}

#[tokio::test]
async fn a_fresh_connection_that_is_closed_is_not_tried_again() {
    let double = Double::closing("").await;
    let error = Gate::to(&double.url).get("").await.unwrap_err();
    assert_eq!(error.cause(), Some("upstream_closed"));
    assert_eq!(double.connections(), 1);
}

#[tokio::test]
async fn a_read_is_sent_once_more_and_not_twice() {
    let double = Double::serving(|mut peer| async move {
        if peer.head().await.is_some() && peer.number == 0 {
            peer.write(ANSWER).await;
            peer.head().await;
        }
    })
    .await;
    let gate = warmed(&double).await;
    let error = gate.get("again").await.unwrap_err();
    assert_eq!(error.cause(), Some("upstream_closed"));
    assert_eq!(double.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_asked_for_again() {
    let double = Double::serving(|mut peer| async move {
        peer.head().await;
        peer.write(ANSWER).await;
        peer.head().await;
        peer.write(b"HTTP/1.1 20").await;
    })
    .await;
    let gate = warmed(&double).await;
    let error = gate.get("again").await.unwrap_err();
    assert_eq!(error.cause(), Some("upstream_closed"));
    assert_eq!(double.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_in_time_is_simply_replaced() {
    let double = Double::serving(|mut peer| async move {
        peer.until(b"\r\n\r\n").await;
        peer.write(ANSWER).await;
    })
    .await;
    let gate = warmed(&double).await;
    for _ in 0..3 {
        // The close is seen by the connection's own task, which runs while this one waits.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let body = Body::new(Full::new(bytes::Bytes::from_static(b"abc")));
        gate.send("again", request(Method::POST, body)).await.unwrap();
    }
    assert_eq!(double.connections(), 4);
}
