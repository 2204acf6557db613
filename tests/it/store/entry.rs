//! What a proxied request reads of the tables before anything is sent.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::upstream::FakeUpstream;
use harness::{Faults, TestApp, build};
use serde_json::{Value, json};

use super::items::{Item, Items, REGISTRY, text};

/// A data source with a password.
fn protected(upstream: &FakeUpstream) -> Value {
    let fields = json!({
        "uid": "u",
        "basicAuth": true,
        "basicAuthUser": "reader",
        "secureJsonData": { "basicAuthPassword": "x" },
    });
    build::with(build::plain("p", &upstream.url()), fields)
}

#[tokio::test]
async fn a_cold_request_by_number_is_two_round_trips_and_a_warm_one_none() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let made = app.as_admin().create(&protected(&upstream)).await;
    let proxy = format!("/api/datasources/proxy/{}/x", made["id"]);
    let viewer = app.as_viewer().await;
    let before = app.calls();
    assert_eq!(viewer.get(&proxy).await.status, 200);
    let calls = app.calls().since(&before);
    assert_eq!((calls.of("GetItem"), calls.of("BatchGetItem"), calls.reads()), (1, 1, 2));
    let before = app.calls();
    assert_eq!(viewer.get(&proxy).await.status, 200);
    assert_eq!(app.calls().since(&before).reads(), 0);
}

#[tokio::test]
async fn a_cold_request_with_a_password_is_one_batch_too() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let proxy = app.as_admin().create_proxied(&protected(&upstream)).await;
    let user = app.as_admin_user();
    let before = app.calls();
    assert_eq!(user.get(&proxy).await.status, 200);
    let calls = app.calls().since(&before);
    // Two counts of failures before the hashing, taken back beside the request when the password was right.
    let counts = calls.of("UpdateItem");
    assert_eq!((calls.of("BatchGetItem"), calls.total() - counts), (1, 1), "{calls:?}");
    assert!((2..=4).contains(&counts), "{calls:?}");
}

#[tokio::test]
async fn an_unprocessed_key_is_asked_again_and_never_taken_for_absent() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let proxy = app.as_admin().create_proxied(&protected(&upstream)).await;
    app.tables().set(Faults { unprocessed: 60, ..Faults::default() });
    for _ in 0..20 {
        // Another caller each time, so that nothing is remembered.
        let answer = app.as_viewer().await.get(&proxy).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let sent = upstream.requests();
    assert_eq!(sent.len(), 20);
    assert!(sent.iter().all(|request| request.header("authorization").is_some()));
}

#[tokio::test]
async fn d01_reads_over_throttled_tables_succeed_or_say_when_to_come_again() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let proxy = app.as_admin().create_proxied(&protected(&upstream)).await;
    let mut through = 0;
    for _ in 0..20 {
        app.tables().set(Faults::default());
        let viewer = app.as_viewer().await;
        app.tables().set(Faults { throttled: 50, ..Faults::default() });
        let answer = viewer.get(&proxy).await;
        if answer.status == 200 {
            through += 1;
            continue;
        }
        let told = (answer.status.as_u16(), answer.cause(), answer.header("retry-after"));
        assert_eq!(told, (503, "throttled".to_owned(), "1"));
    }
    assert!(through >= 10, "{through} of 20");
    app.tables().set(Faults { throttled: 100, ..Faults::default() });
    let answer = app.as_admin().get("/api/datasources").await;
    assert_eq!((answer.status.as_u16(), answer.cause()), (503, "throttled".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn k09_sealed_values_of_another_revision_are_read_again_and_then_503() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let proxy = app.as_admin().create_proxied(&protected(&upstream)).await;
    let items = Items::of(&app);
    let old = items.get(REGISTRY, ("SEC#1", "DS#u")).await;
    let again = json!({ "secureJsonData": { "basicAuthPassword": "y" } });
    let change = build::with(protected(&upstream), again);
    assert_eq!(app.as_admin().put("/api/datasources/uid/u", &change).await.status, 200);
    let viewer = app.as_viewer().await;
    let new = items.get(REGISTRY, ("SEC#1", "DS#u")).await;
    items.put(REGISTRY, old).await;
    let before = app.calls();
    let answer = viewer.get(&proxy).await;
    assert_eq!((answer.status.as_u16(), answer.cause()), (503, "being_changed".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(app.calls().since(&before).of("BatchGetItem"), 6);
    items.delete(REGISTRY, ("SEC#1", "DS#u")).await;
    assert_eq!(viewer.get(&proxy).await.cause(), "being_changed");
    assert_eq!(upstream.seen().accepted, 0);
    items.put(REGISTRY, new).await;
    assert_eq!(viewer.get(&proxy).await.status, 200, "a failure is not remembered");
}

#[tokio::test]
async fn k04_a_url_that_was_changed_behind_the_gateways_back_gets_no_secret() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let elsewhere = FakeUpstream::start().await;
    let proxy = app.as_admin().create_proxied(&protected(&upstream)).await;
    let (items, viewer) = (Items::of(&app), app.as_viewer().await);
    let redirect = |item: &mut Item| {
        item.insert("url".to_owned(), text(elsewhere.url()));
    };
    items.change(REGISTRY, ("DS#1", "u"), redirect).await;
    let answer = viewer.get(&proxy).await;
    assert_eq!((answer.status.as_u16(), answer.cause()), (500, "secret".to_owned()));
    assert_eq!((upstream.seen().accepted, elsewhere.seen().accepted), (0, 0));
}

#[tokio::test]
async fn all_who_wait_for_tables_that_are_down_share_one_failure() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let proxy = app.as_admin().create_proxied(&protected(&upstream)).await;
    let viewer = app.as_viewer().await;
    app.tables().set(Faults { down: true, ..Faults::default() });
    let before = app.tables().met();
    let answers = join_all((0..40).map(|_| viewer.get(&proxy))).await;
    assert!(answers.iter().all(|answer| answer.status == 503));
    // Six tries of one read, and not of forty; a straggler may begin another.
    assert!(app.tables().met() - before <= 3 * 6, "{}", app.tables().met() - before);
    assert_eq!(upstream.seen().accepted, 0);
}

#[tokio::test]
async fn tables_that_are_down_are_503_and_what_is_remembered_goes_on() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let (admin, viewer) = (app.as_admin(), app.as_viewer().await);
    let proxy = admin.create_proxied(&protected(&upstream)).await;
    assert_eq!(viewer.get(&proxy).await.status, 200);
    app.tables().set(Faults { down: true, ..Faults::default() });
    let remembered = viewer.get(&proxy).await;
    assert_eq!(remembered.status, 200, "{}", remembered.text());
    let source = protected(&upstream);
    for answer in [
        admin.get("/api/datasources").await,
        admin.get("/api/datasources/uid/u").await,
        admin.post("/api/datasources", &source).await,
        admin.put("/api/datasources/uid/u", &source).await,
        admin.delete("/api/datasources/uid/u").await,
        admin.get(&proxy).await,
    ] {
        assert_eq!((answer.status.as_u16(), answer.cause()), (503, "table".to_owned()));
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(app.anonymous().get("/api/health").await.status, 503);
    let started = Instant::now();
    while viewer.get(&proxy).await.status == 200 {
        assert!(started.elapsed() < Duration::from_secs(20), "remembered for too long");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    app.tables().set(Faults::default());
    assert_eq!(viewer.get(&proxy).await.status, 200);
    assert_eq!(app.anonymous().get("/api/health").await.status, 200);
    assert_eq!(admin.put("/api/datasources/uid/u", &source).await.status, 200);
    Items::of(&app).whole().await;
}
