//! Correlations written at once, and beside the end of their source: none is lost, none is left behind.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use harness::{Answer, Client, Faults, TestApp, build};
use http::Method;
use serde_json::{Value, json};

use super::items::{Item, Items, REGISTRY};

const ALL: &str = "/api/datasources/uid/u/correlations";

async fn source(app: &TestApp) {
    let source = build::plain("u", "http://127.0.0.1:9");
    app.as_admin().create(&build::with(source, json!({ "uid": "u" }))).await;
}

fn correlation() -> Value {
    json!({ "targetUID": "u", "type": "query", "config": { "field": "f", "target": {} } })
}

async fn create(admin: &Client, count: usize) -> Vec<Answer> {
    let body = correlation();
    join_all((0..count).map(|_| admin.post(ALL, &body))).await
}

fn uids(answers: &[Answer]) -> BTreeSet<String> {
    let made = answers.iter().filter(|answer| answer.status == 200);
    made.map(|answer| answer.json()["result"]["uid"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn edits_at_once(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    source(&app).await;
    let before = uids(&create(&admin, 10).await);
    assert_eq!(before.len(), 10);
    app.tables().set(faults);
    let label = json!({ "label": "changed" });
    let change = async |uid: &String| {
        let path = format!("{ALL}/{uid}");
        admin.send(admin.request(Method::PATCH, &path).json(&label)).await
    };
    let removed: Vec<_> = before.iter().take(5).collect();
    let changed: Vec<_> = before.iter().skip(5).collect();
    let remove = async |uid: &String| admin.delete(&format!("{ALL}/{uid}")).await;
    let (made, removals, changes) = tokio::join!(
        create(&admin, 15),
        join_all(removed.iter().map(|uid| remove(uid))),
        join_all(changed.iter().map(|uid| change(uid)))
    );
    app.tables().set(Faults::default());
    let all: Vec<_> = made.iter().chain(&removals).chain(&changes).collect();
    // Over tables at their worst a few are told to come again, or that what they removed is gone.
    let done = all.iter().filter(|answer| answer.status == 200).count();
    let least = if faults == Faults::default() { all.len() } else { all.len() * 3 / 4 };
    assert!(done >= least, "{done} of {}", all.len());
    let listed = admin.get(ALL).await.json();
    let listed: Vec<_> = listed.as_array().cloned().unwrap_or_default();
    let there: BTreeSet<_> =
        listed.iter().map(|one| one["uid"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(there.len(), listed.len(), "one came twice: {listed:?}");
    assert!(uids(&made).is_subset(&there), "one was lost");
    for (uid, answer) in removed.iter().zip(&removals) {
        assert!(answer.status != 200 || !there.contains(*uid), "{uid} came back");
    }
    for (uid, answer) in changed.iter().zip(&changes) {
        let one = listed.iter().find(|one| one["uid"] == **uid);
        let label = one.map(|one| one["label"].clone());
        assert!(answer.status != 200 || label == Some(json!("changed")), "{uid}: {label:?}");
    }
    assert_eq!(app.tables().stale_reads(), 0, "a read was not consistent");
}

async fn creates_and_a_deletion(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for round in 0..8 {
        app.tables().set(Faults::default());
        source(&app).await;
        app.tables().set(faults);
        let (made, deleted) =
            tokio::join!(create(&admin, 6), admin.delete("/api/datasources/uid/u"));
        app.tables().set(Faults::default());
        let known = [200, 404, 503];
        assert!(made.iter().all(|answer| known.contains(&answer.status.as_u16())), "{made:?}");
        if deleted.status == 503 {
            admin.delete("/api/datasources/uid/u").await;
        }
        let left = Items::of(&app).partition(REGISTRY, "CORR#1").await;
        assert_eq!(left, Vec::<Item>::new(), "round {round}: left behind");
        assert!(Items::of(&app).whole().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d09_of_correlations_edited_at_once_none_is_lost() {
    edits_at_once(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d09_of_correlations_edited_at_once_none_is_lost_over_tables_at_their_worst() {
    edits_at_once(Faults::worst()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_correlations_that_meet_the_end_of_their_source_go_with_it() {
    creates_and_a_deletion(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_correlations_that_meet_the_end_of_their_source_go_with_it_over_tables_at_their_worst()
{
    creates_and_a_deletion(Faults::worst()).await;
}
