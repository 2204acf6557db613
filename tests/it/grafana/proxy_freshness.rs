//! How fresh what a proxied request stands on is, and what it costs in calls to the tables (contract T89).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use axum::body::Body;
use grafana::datasources;
use harness::upstream::{Answer, FakeUpstream};
use harness::{Client, TestApp, build};
use http::Request;
use local::engine::{Calls, Engine};
use serde_json::{Value, json};
use sourcegate_core::Policy;
use store::{Config, Endpoint, Store};
use tower::ServiceExt;

/// An upstream that says which one it is.
async fn named(name: &str) -> FakeUpstream {
    let upstream = FakeUpstream::start().await;
    upstream.answer(Answer::ok(name.to_owned()));
    upstream
}

/// A data source with a password, and the path below which requests go through it.
async fn protected(app: &TestApp, upstream: &FakeUpstream) -> (Value, String) {
    let source = build::with(
        build::prometheus("p", &upstream.url()),
        json!({
            "uid": "u",
            "basicAuth": true,
            "basicAuthUser": "reader",
            "secureJsonData": { "basicAuthPassword": "x" },
        }),
    );
    let proxy = app.as_admin().create_proxied(&source).await;
    (source, proxy)
}

async fn asked(app: &TestApp, client: &Client, path: &str) -> (String, Calls) {
    let before = app.calls();
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    (answer.text(), app.calls().since(&before))
}

#[track_caller]
fn is_one_batch(calls: &Calls) {
    assert_eq!((calls.of("BatchGetItem"), calls.reads()), (1, 1), "{calls:?}");
}

#[tokio::test]
async fn a_cold_request_is_one_batch_and_a_warm_one_no_call() {
    let app = TestApp::start().await;
    let upstream = named("one").await;
    let (_, proxy) = protected(&app, &upstream).await;
    let viewer = app.as_viewer().await;
    is_one_batch(&asked(&app, &viewer, &proxy).await.1);
    for _ in 0..20 {
        assert_eq!(asked(&app, &viewer, &proxy).await.1.reads(), 0);
    }
    let other = app.as_viewer().await;
    is_one_batch(&asked(&app, &other, &proxy).await.1);
    assert_eq!(upstream.seen().accepted, 1, "the connection is kept");
}

#[tokio::test]
async fn many_cold_requests_at_once_share_one_batch() {
    let app = TestApp::start().await;
    let upstream = named("one").await;
    let (_, proxy) = protected(&app, &upstream).await;
    let viewer = app.as_viewer().await;
    let before = app.calls();
    let all = (0..50).map(|_| viewer.get(&proxy));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer.text(), "one");
    }
    is_one_batch(&app.calls().since(&before));
}

#[tokio::test]
async fn t89_a_change_by_this_process_counts_at_once() {
    let app = TestApp::start().await;
    let (one, two) = (named("one").await, named("two").await);
    let (source, proxy) = protected(&app, &one).await;
    let (admin, viewer) = (app.as_admin(), app.as_viewer().await);
    assert_eq!(asked(&app, &viewer, &proxy).await.0, "one");
    let moved = build::with(source, json!({ "url": two.url() }));
    assert_eq!(admin.put("/api/datasources/uid/u", &moved).await.status, 200);
    let (answer, calls) = asked(&app, &viewer, &proxy).await;
    assert_eq!(answer, "two");
    is_one_batch(&calls);
    assert_eq!(admin.delete("/api/datasources/uid/u").await.status, 200);
    let gone = viewer.get(&proxy).await;
    assert_eq!((gone.status.as_u16(), &*gone.message()), (404, "Unable to find datasource"));
    assert_eq!((one.requests().len(), two.requests().len()), (1, 1));
}

/// The registry as another process over the same tables has it.
async fn elsewhere(app: &TestApp) -> web::Stack {
    let engine = Engine::open_beside(app.data()).unwrap();
    let endpoint = Endpoint::InProcess(engine.http_client());
    let store = Store::connect(Config::read(|_| None), endpoint);
    let router = datasources::router(store, Policy::local(None), grafana::Settings::default());
    web::stack(router, web::Options::default())
}

#[tokio::test]
async fn t89_a_change_by_another_process_counts_within_the_bound() {
    let app = TestApp::start().await;
    let (one, two) = (named("one").await, named("two").await);
    let (source, proxy) = protected(&app, &one).await;
    let viewer = app.as_viewer().await;
    assert_eq!(asked(&app, &viewer, &proxy).await.0, "one");
    let warm = app.calls();

    let moved = build::with(source, json!({ "url": two.url() }));
    let put = Request::put("/api/datasources/uid/u")
        .header("content-type", "application/json")
        .header("authorization", app.as_admin().authorization())
        .body(Body::from(moved.to_string()));
    let answer = elsewhere(&app).await.oneshot(put.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);

    let deadline = Instant::now() + Duration::from_secs(20);
    while viewer.get(&proxy).await.text() != "two" {
        assert!(Instant::now() < deadline, "the old data source is still in use");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The one that sees that there are other secrets, and the one that reads them.
    let calls = app.calls().since(&warm);
    assert_eq!((calls.of("BatchGetItem"), calls.reads()), (2, 2), "{calls:?}");
}
