//! Stopping: what is in flight is finished, and nothing new is begun.

use std::time::{Duration, Instant};

use harness::build::plain;
use harness::upstream::{Answer, FakeUpstream};
use http::Method;
use tempfile::tempdir;

use super::binary::{Binary, PATIENCE};

async fn check(signal: &str) {
    let folder = tempdir().unwrap();
    let mut server = Binary::start(folder.path(), &[]).await;
    let client = server.admin(&folder.path().join(".sourcegate"));
    let upstream = FakeUpstream::start().await;
    let created = client.create(&plain("slow", &upstream.url())).await;
    let (answer, feed) = Answer::fed();
    upstream.answer(answer);
    feed.send("first ");
    let path = format!("/api/datasources/proxy/uid/{}/x", created["uid"].as_str().unwrap());
    let mut response = client.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "first ");

    server.process.signal(signal);
    let signalled = Instant::now();
    // A new connection each time: one that is kept alive may still be served.
    while harness::process::plain_client()
        .get(format!("http://{}/api/health", server.address))
        .send()
        .await
        .is_ok()
    {
        assert!(signalled.elapsed() < PATIENCE, "it still takes connections");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(server.process.ended().is_none(), "it waits for what is in flight");
    feed.send("last");
    drop(feed);
    let mut rest = Vec::new();
    while let Some(piece) = response.chunk().await.unwrap() {
        rest.extend_from_slice(&piece);
    }
    assert_eq!(rest, b"last");
    assert_eq!(server.process.wait(PATIENCE).await.code(), Some(0), "{}", server.process.log());
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_flight() {
    check("TERM").await;
}

#[tokio::test]
async fn ctrl_c_finishes_what_is_in_flight() {
    check("INT").await;
}
