//! Answers that are none, or not what they say.

use http_body_util::BodyExt;
use sourcegate_core::{Classify, Kind};

use super::{Double, Gate, Setup};
use crate::Limits;

/// The answer is refused before any of it is passed on.
async fn refused(answer: impl Into<Vec<u8>>, cause: &str) {
    let answer = answer.into();
    let double = Double::closing(answer.clone()).await;
    let error = Gate::to(&double.url).get("").await.unwrap_err();
    let shown = String::from_utf8_lossy(&answer[..answer.len().min(80)]).into_owned();
    assert_eq!(
        (error.kind(), error.cause()),
        (Kind::Upstream, Some(cause)),
        "{shown:?}: {error:?}"
    );
}

#[tokio::test]
async fn h25_a_bad_head_is_a_502() {
    for head in [
        "hello\r\n\r\n",
        "<html>HTTP/0.9</html>",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na",
        "HTTP/2.0 200 OK\r\n\r\n",
    ] {
        refused(head, "upstream_protocol").await;
    }
}

#[tokio::test]
async fn h25_a_huge_head_is_a_502() {
    refused(format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(1 << 20)), "upstream_protocol")
        .await;
    let many = "a: b\r\n".repeat(1_000);
    refused(format!("HTTP/1.1 200 OK\r\n{many}\r\n"), "upstream_protocol").await;
}

#[tokio::test]
async fn h25_a_head_that_ends_early_is_a_502() {
    refused("", "upstream_closed").await;
    refused("HTTP/1.1 200", "upstream_closed").await;
    refused("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n", "upstream_closed").await;
}

#[tokio::test]
async fn h30_a_split_head_is_a_502() {
    refused("HTTP/1.1 200 OK\r\na: b\rset-cookie: c\r\n\r\n", "upstream_protocol").await;
    refused("HTTP/1.1 200 OK\r\r\n\r\n", "upstream_protocol").await;
}

#[tokio::test]
async fn h21_an_upgrade_that_nobody_asked_for_is_a_502() {
    refused("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", "upstream_protocol")
        .await;
}

/// The head passes, and the body breaks for the caller too.
async fn breaks(answer: &str, cause: &str) {
    let double = Double::closing(answer).await;
    let answer = Gate::to(&double.url).get("").await.unwrap();
    let error = answer.into_body().collect().await.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (Kind::Upstream, Some(cause)), "{error:?}");
}

#[tokio::test]
async fn h26_a_short_body_does_not_end_cleanly() {
    let half = "x".repeat(50);
    breaks(&format!("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{half}"), "upstream_closed")
        .await;
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    breaks(&format!("{chunked}5\r\nabcde\r\n"), "upstream_closed").await;
    breaks(&format!("{chunked}5\r\nabc"), "upstream_closed").await;
    breaks(&format!("{chunked}5\r\nabcde\r\nzz\r\n"), "upstream_protocol").await;
    breaks(&format!("{chunked}ffffffffffffffffff\r\n"), "upstream_protocol").await;
}

/// Two requests in a row: the second must not see what the first answer had too much of.
async fn does_not_mix(answer: &'static str, body: &'static str) {
    let double = Double::serving(move |mut peer| async move {
        let answer =
            if peer.number == 0 { answer } else { "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n2" };
        while peer.head().await.is_some() {
            peer.write(answer.as_bytes()).await;
        }
    })
    .await;
    let gate = Gate::to(&double.url);
    let first = gate.get("").await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(first, body);
    let second = gate.get("").await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(second, "2");
    assert_eq!(double.connections(), 2, "the first connection was used again");
}

#[tokio::test]
async fn h27_a_long_body_ends_where_it_should() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789HTTP/1.1 500 No\r\n";
    does_not_mix(answer, "0123456789").await;
}

#[tokio::test]
async fn h29_a_body_that_must_not_be_is_not_the_next_answer() {
    does_not_mix("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", "")
        .await;
    does_not_mix("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nabcde", "").await;
}

#[tokio::test]
async fn answers_over_the_limit_are_cut_and_announced_ones_refused() {
    let limits = Limits { answer_bytes: Some(4), ..Limits::default() };
    let double = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde").await;
    let gate = Setup { limits, ..Setup::default() }.open(&double.url).unwrap();
    let error = gate.get("").await.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (Kind::Upstream, Some("limit_bytes")));

    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n";
    let double = Double::answering(chunked).await;
    let gate = Setup { limits, ..Setup::default() }.open(&double.url).unwrap();
    let answer = gate.get("").await.unwrap();
    let error = answer.into_body().collect().await.unwrap_err();
    assert_eq!(error.cause(), Some("limit_bytes"));
}
