//! Changes of one data source's permissions at once: none is lost, and none undoes what others write.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use harness::{Client, Faults, TestApp, build};
use serde_json::{Value, json};

use super::items::Items;

const PERMISSIONS: &str = "/api/access-control/datasources/u";

/// Numbers of so many new service accounts.
async fn accounts(app: &TestApp, count: usize) -> Vec<u32> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let token = app.token(auth::Role::None).await;
        ids.push(auth::Token::parse(&token).expect("a token").owner().get());
    }
    ids
}

async fn source(app: &TestApp) {
    let source = build::plain("u", "http://127.0.0.1:9");
    let secret = json!({ "uid": "u", "secureJsonData": { "a": "x" } });
    app.as_admin().create(&build::with(source, secret)).await;
}

/// The numbers that have a level.
async fn given(admin: &Client, level: &str) -> BTreeSet<u64> {
    let all = admin.get(PERMISSIONS).await.json();
    let all = all.as_array().into_iter().flatten();
    all.filter(|one| one["permission"] == level).filter_map(|one| one["userId"].as_u64()).collect()
}

async fn changes_at_once(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    source(&app).await;
    let ids = accounts(&app, 24).await;
    app.tables().set(faults);
    let change = json!({ "jsonData": { "n": 1 }, "secureJsonData": { "b": "x" } });
    let change = build::with(build::plain("u", "http://127.0.0.1:9"), change);
    let one = async |id: u32| {
        let body = json!({ "permissions": [{ "userId": id, "permission": "Edit" }] });
        (id, admin.post(PERMISSIONS, &body).await.status.as_u16())
    };
    let (answers, updated) = tokio::join!(
        join_all(ids.iter().map(|id| one(*id))),
        admin.put("/api/datasources/uid/u", &change)
    );
    app.tables().set(Faults::default());
    let done: BTreeSet<_> =
        answers.iter().filter(|(_, status)| *status == 200).map(|(id, _)| u64::from(*id)).collect();
    // Over tables at their worst a few are told to come again.
    let least = if faults == Faults::default() { ids.len() } else { ids.len() * 3 / 4 };
    assert!(done.len() >= least, "{answers:?}");
    assert!(answers.iter().all(|(_, status)| [200, 503].contains(status)), "{answers:?}");
    let given = given(&admin, "Edit").await;
    assert!(done.is_subset(&given), "{done:?} {given:?}");
    if updated.status == 200 {
        let read = admin.get("/api/datasources/uid/u").await.json();
        let fields = json!({ "a": true, "b": true });
        assert_eq!((&read["jsonData"]["n"], &read["secureJsonFields"]), (&json!(1), &fields));
    }
    assert_eq!(app.tables().stale_reads(), 0, "a read was not consistent");
    Items::of(&app).whole().await;
}

async fn changes_and_a_deletion(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let ids = accounts(&app, 4).await;
    for round in 0..6 {
        app.tables().set(Faults::default());
        source(&app).await;
        app.tables().set(faults);
        let one = async |id: u32| -> Value {
            let path = format!("{PERMISSIONS}/users/{id}");
            let answer = admin.post(&path, &json!({ "permission": "Admin" })).await;
            json!(answer.status.as_u16())
        };
        let (_, deleted) = tokio::join!(
            join_all(ids.iter().map(|id| one(*id))),
            admin.delete("/api/datasources/uid/u")
        );
        app.tables().set(Faults::default());
        let deleted = match deleted.status.as_u16() {
            503 => admin.delete("/api/datasources/uid/u").await,
            _ => deleted,
        };
        assert!([200, 404].contains(&deleted.status.as_u16()), "{}", deleted.text());
        assert!(Items::of(&app).whole().await.is_empty(), "round {round}: a zombie");
    }
    // What is made next under that uid starts clean.
    source(&app).await;
    assert_eq!(given(&admin, "Admin").await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d09_of_permissions_given_at_once_none_is_lost() {
    changes_at_once(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d09_of_permissions_given_at_once_none_is_lost_over_tables_at_their_worst() {
    changes_at_once(Faults::worst()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_p31_a_permission_that_meets_a_deletion_leaves_no_zombie() {
    changes_and_a_deletion(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_p31_a_permission_that_meets_a_deletion_leaves_no_zombie_over_tables_at_their_worst() {
    changes_and_a_deletion(Faults::worst()).await;
}
