//! Tokens beyond one process: shared through the scratch table, sealed, under a lease.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use harness::fleet::{Fleet, everyone};
use harness::oauth::Oauth;
use harness::runtime_api::Call;
use harness::{Client, Faults, TestApp};
use serde_json::json;
use tempfile::TempDir;

use super::{SECRETS, SOURCES, X, build, registered, secret, with_proxy};

const SCRATCH: &str = "sourcegate-scratch";

type Item = HashMap<String, AttributeValue>;

async fn item(app: &TestApp, table: &str, pk: &str, sk: &str) -> Option<Item> {
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let get = app.dynamodb().get_item().table_name(table).consistent_read(true);
    get.key("pk", key(pk)).key("sk", key(sk)).send().await.expect("the table answers").item
}

/// What is kept for the secret as it is now.
async fn kept(app: &TestApp) -> Option<Item> {
    let secret = item(app, "sourcegate-registry", "PERSES#1", "GSEC#s").await.expect("the secret");
    let rev = secret["rev"].as_s().expect("a text");
    item(app, SCRATCH, &format!("BEARER#1#{rev}"), "-").await
}

async fn put(app: &TestApp, item: Item) {
    let put = app.dynamodb().put_item().table_name(SCRATCH).set_item(Some(item));
    put.send().await.expect("it is written");
}

/// The next process on a data folder, and a client with the same credential.
async fn next(data: &TempDir, before: &Client) -> (TestApp, Client) {
    let app = TestApp::with(|setup| setup.data = data.path().to_owned()).await;
    let client = Client::new(app.address(), Some(before.authorization().to_owned()));
    (app, client)
}

#[tokio::test]
async fn t09_t11_the_next_process_takes_the_token_that_is_kept_sealed() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    registered(&admin, &server.url(), &server.spec()).await;
    assert_eq!(admin.get(X).await.text(), "1");
    let item = kept(&app).await.unwrap();
    let shown = format!("{item:?}");
    assert!(!shown.contains("canary") && !shown.contains("robot"), "{shown}");
    let expires: i64 = item["expires"].as_n().unwrap().parse().unwrap();
    let from_now = expires - store::seconds_now();
    assert!((3_500..=3_600).contains(&from_now), "{from_now}");
    // No lease is left.
    assert!(!item.contains_key("owner") && !item.contains_key("leased"));

    let data = app.stop().await;
    let (app, admin) = next(&data, &admin).await;
    assert_eq!(admin.get(X).await.text(), "1");
    assert_eq!(server.asked().len(), 1);
    // One that the endpoint has taken back is exchanged, although this process did not get it.
    server.revoke();
    drop(app.stop().await);
    let (_app, admin) = next(&data, &admin).await;
    assert_eq!(admin.get(X).await.text(), "2");
    assert_eq!((server.asked().len(), server.refused()), (2, 1));
}

#[tokio::test]
async fn t11_a_token_that_is_put_under_another_secret_does_not_open() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    registered(&admin, &server.url(), &server.spec()).await;
    assert_eq!(admin.get(X).await.text(), "1");
    let mut moved = kept(&app).await.unwrap();
    let changed = build::with(server.spec(), json!({ "scopes": ["more"] }));
    assert_eq!(admin.put(&format!("{SECRETS}/s"), &secret("s", &changed)).await.status, 200);
    assert_eq!(admin.get(X).await.text(), "2");
    // The item of the secret as it is now, with the value that was sealed for the secret as it was.
    moved.insert("pk".to_owned(), kept(&app).await.unwrap()["pk"].clone());
    put(&app, moved).await;
    let data = app.stop().await;
    let (_app, admin) = next(&data, &admin).await;
    assert_eq!(admin.get(X).await.text(), "3");
}

#[tokio::test]
async fn d20_what_has_ended_is_not_taken_although_it_is_still_there() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    registered(&admin, &server.url(), &server.spec()).await;
    assert_eq!(admin.get(X).await.text(), "1");
    let mut ended = kept(&app).await.unwrap();
    ended.insert("used_until".to_owned(), AttributeValue::N(store::seconds_now().to_string()));
    put(&app, ended).await;
    let data = app.stop().await;
    let (_app, admin) = next(&data, &admin).await;
    assert_eq!(admin.get(X).await.text(), "2");
}

#[tokio::test]
async fn a_lease_that_its_owner_left_behind_ends() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    registered(&admin, &server.url(), &server.spec()).await;
    assert_eq!(admin.get(X).await.text(), "1");
    // As of a process that was killed while it asked.
    let mut left = kept(&app).await.unwrap();
    for name in ["id", "used_until", "by_form", "token"] {
        left.remove(name);
    }
    let until = store::seconds_now() + 2;
    left.insert("owner".to_owned(), AttributeValue::S("0".repeat(32)));
    left.insert("leased".to_owned(), AttributeValue::N(until.to_string()));
    put(&app, left).await;
    let data = app.stop().await;
    let (_app, admin) = next(&data, &admin).await;
    assert_eq!(admin.get(X).await.text(), "2");
    assert!(store::seconds_now() > until, "it did not wait for the lease");
}

#[tokio::test]
async fn d_a_scratch_table_that_fails_keeps_nobody_from_a_token() {
    for faults in [Faults { no_scratch: true, ..Faults::default() }, Faults::worst()] {
        let app = TestApp::start().await;
        let (admin, server) = (app.as_admin(), Oauth::start().await);
        registered(&admin, &server.url(), &server.spec()).await;
        app.tables().set(faults);
        let answer = admin.get(X).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "1"), "{faults:?}");
        // It is remembered all the same.
        app.tables().set(Faults::default());
        assert_eq!(admin.get(X).await.text(), "1");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_leaves_no_lease_behind() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    let wrong = build::with(server.spec(), json!({ "clientSecret": "wrong-canary" }));
    registered(&admin, &server.url(), &wrong).await;
    assert_eq!(admin.get(X).await.status, 502);
    let left = kept(&app).await.unwrap();
    assert!(!left.contains_key("owner") && !left.contains_key("token"), "{left:?}");
}

/// Makes a secret and a data source by the functions.
async fn deployed(fleet: &Fleet, server: &Oauth) {
    let documents = fleet.member("perses-api").await;
    let named = with_proxy("x", &json!({ "url": server.url(), "secret": "s" }));
    for (path, document) in [(SECRETS, secret("s", &server.spec())), (SOURCES, named)] {
        let answer = documents.invoke(&fleet.call("POST", path).json(&document)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

fn asked(fleet: &Fleet) -> Call {
    fleet.call("GET", X)
}

#[tokio::test]
async fn t09_many_processes_ask_once() {
    let (fleet, server) = (Fleet::start().await, Oauth::start().await);
    deployed(&fleet, &server).await;
    server.take(Duration::from_millis(300));
    let members = fleet.members("http-proxy", 8).await;
    for _ in 0..2 {
        let answers = everyone(&members, &asked(&fleet)).await;
        for answer in answers {
            assert_eq!((answer.status, &*answer.text()), (200, "1"));
        }
    }
    assert_eq!(server.asked().len(), 1);
    // Each finds out for itself that it was taken back, and one exchanges it.
    server.revoke();
    let answers = everyone(&members, &asked(&fleet)).await;
    for answer in answers {
        assert_eq!((answer.status, &*answer.text()), (200, "2"));
    }
    assert_eq!(server.asked().len(), 2);
}
