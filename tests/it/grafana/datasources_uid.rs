//! Changing the uid of a data source: what it was called before is free at once, and what it has goes along (contract
//! 1.6, 1.12, T44).

use harness::upstream::{Answer as Upstream, FakeUpstream};
use harness::{Answer, Client, TestApp, build};
use serde_json::{Value, json};

const ABSENT: &str = "Data source not found";

/// The data source `uid`, with a password for an upstream.
fn source(uid: &str, url: &str) -> Value {
    let fields = json!({
        "uid": uid,
        "basicAuth": true,
        "basicAuthUser": "reader",
        "secureJsonData": { "basicAuthPassword": "x" },
    });
    build::with(build::plain("a", url), fields)
}

/// A change to another uid without the secrets being sent again.
fn renamed(uid: &str, url: &str) -> Value {
    build::with(source(uid, url), json!({ "secureJsonData": null }))
}

#[track_caller]
fn check(answer: &Answer, status: u16, message: &str) {
    let found = (answer.status.as_u16(), answer.message());
    assert_eq!(found, (status, message.to_owned()), "{}", answer.text());
}

async fn check_gone(client: &Client, uid: &str) {
    let path = format!("/api/datasources/uid/{uid}");
    check(&client.get(&path).await, 404, ABSENT);
    check(&client.put(&path, &build::plain("x", "http://h")).await, 404, ABSENT);
    check(&client.delete(&path).await, 404, ABSENT);
    let proxied = client.get(&format!("/api/datasources/proxy/uid/{uid}/x")).await;
    check(&proxied, 404, "Unable to find datasource");
}

#[tokio::test]
async fn t44_both_puts_change_the_uid_and_everything_goes_along() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    upstream.answer(Upstream::ok("ok"));
    let admin = app.as_admin();
    let made = admin.create(&source("u0", &upstream.url())).await;
    assert_eq!(made["isDefault"], true);
    for (from, to, way) in
        [("u0", "u1", "uid/u0"), ("u1", "12", "1"), ("12", "u0", "uid/12"), ("u0", "U0", "1")]
    {
        // What was read under the old uid is in the caches.
        let old = format!("/api/datasources/proxy/uid/{from}/x");
        assert_eq!(admin.get(&old).await.text(), "ok");
        let change = build::with(renamed(to, &upstream.url()), json!({ "isDefault": true }));
        let put = admin.put(&format!("/api/datasources/{way}"), &change).await;
        check(&put, 200, "Datasource updated");
        assert_eq!(put.json()["datasource"]["uid"], to);
        check_gone(&admin, from).await;
        let read = admin.get(&format!("/api/datasources/uid/{to}")).await.json();
        let kept = json!([1, "a", true, { "basicAuthPassword": true }]);
        assert_eq!(
            json!([read["id"], read["name"], read["isDefault"], read["secureJsonFields"]]),
            kept
        );
        for way in ["1", "name/a"] {
            assert_eq!(admin.get(&format!("/api/datasources/{way}")).await.json()["uid"], to);
        }
        let list = admin.get("/api/datasources").await.json();
        assert_eq!((&list[0]["uid"], list.as_array().map(Vec::len)), (&json!(to), Some(1)));
        // The secret still opens.
        for way in [format!("uid/{to}"), "1".to_owned()] {
            let before = upstream.requests().len();
            assert_eq!(admin.get(&format!("/api/datasources/proxy/{way}/x")).await.text(), "ok");
            let sent = &upstream.requests()[before];
            assert_eq!(sent.header("authorization"), Some("Basic cmVhZGVyOng="), "{way}");
        }
        crate::store::items::Items::of(&app).whole().await;
    }
}

#[tokio::test]
async fn t44_a_name_and_a_secret_may_change_with_the_uid() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source("a", "http://h")).await;
    let fields =
        json!({ "name": "b", "secureJsonData": { "basicAuthPassword": "", "token": "t" } });
    let put =
        admin.put("/api/datasources/uid/a", &build::with(source("b", "http://h"), fields)).await;
    check(&put, 200, "Datasource updated");
    assert_eq!(put.json()["datasource"]["secureJsonFields"], json!({ "token": true }));
    assert_eq!(put.json()["name"], "b");
    check(&admin.get("/api/datasources/name/a").await, 404, ABSENT);
    // One without secrets, and one that had some once.
    let none = json!({ "uid": "c", "name": "b", "secureJsonData": { "token": "" } });
    admin.put("/api/datasources/1", &build::with(source("b", "http://h"), none)).await;
    let moved = admin.put("/api/datasources/1", &renamed("d", "http://h")).await;
    assert_eq!(moved.json()["datasource"]["secureJsonFields"], json!({}));
    admin.create(&build::with(build::plain("plain", "http://h"), json!({ "uid": "p" }))).await;
    let change = build::with(build::plain("plain", "http://h"), json!({ "uid": "q" }));
    check(&admin.put("/api/datasources/uid/p", &change).await, 200, "Datasource updated");
    let rows = crate::store::items::Items::of(&app).whole().await;
    let uids: Vec<_> = rows.iter().map(|row| row.uid.as_str()).collect();
    assert_eq!(uids, ["d", "q"]);
}

#[tokio::test]
async fn t44_a_uid_that_is_taken_or_none_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source("a", "http://h")).await;
    admin.create(&build::with(build::plain("other", "http://h"), json!({ "uid": "b" }))).await;
    let before = admin.get("/api/datasources").await.text();
    let taken = |what: &str| {
        format!("Failed to update datasource: data source with the same {what} already exists")
    };
    for way in ["uid/a", "1"] {
        let path = format!("/api/datasources/{way}");
        let put = async |fields: Value| {
            admin.put(&path, &build::with(source("b", "http://h"), fields)).await
        };
        check(&put(json!({})).await, 409, &taken("uid"));
        // Of two conflicts the name's is told.
        check(&put(json!({ "name": "other" })).await, 409, &taken("name"));
        check(&put(json!({ "uid": "c", "name": "other" })).await, 409, &taken("name"));
        let stale = put(json!({ "uid": "c", "version": -1 })).await;
        assert_eq!(stale.status, 409, "{}", stale.text());
        for bad in ["a b", "a/b", "*", "é", &"u".repeat(41)] {
            let answer = put(json!({ "uid": bad })).await;
            assert_eq!(answer.json()["messageId"], "datasource.uidInvalid", "{bad}");
        }
        // Without the secrets being sent again, no other host gets them.
        let moved = put(json!({ "uid": "c", "url": "http://evil", "secureJsonData": null })).await;
        assert_eq!((moved.status.as_u16(), &*moved.cause()), (400, "secret_must_be_resent"));
    }
    assert_eq!(admin.get("/api/datasources").await.text(), before);
    assert_eq!(admin.get("/api/datasources/1").await.json()["version"], 1);
    crate::store::items::Items::of(&app).whole().await;
}

#[tokio::test]
async fn t44_what_is_made_under_the_old_uid_inherits_nothing() {
    let app = TestApp::start().await;
    let (one, two) = (FakeUpstream::start().await, FakeUpstream::start().await);
    one.answer(Upstream::ok("one"));
    two.answer(Upstream::ok("two"));
    let admin = app.as_admin();
    admin.create(&source("a", &one.url())).await;
    let proxy = "/api/datasources/proxy/uid/a/x";
    assert_eq!(admin.get(proxy).await.text(), "one");
    let moved = admin.put("/api/datasources/uid/a", &renamed("b", &one.url())).await;
    check(&moved, 200, "Datasource updated");
    let fields = json!({ "uid": "a", "name": "new", "secureJsonData": null });
    let again = admin.create(&build::with(source("a", &two.url()), fields)).await;
    assert_eq!((&again["id"], &again["secureJsonFields"]), (&json!(2), &json!({})));
    assert_eq!(admin.get(proxy).await.text(), "two");
    // The name that came again, and no password.
    assert_eq!(two.requests()[0].header("authorization"), Some("Basic cmVhZGVyOg=="));
    assert_eq!(admin.get("/api/datasources/proxy/uid/b/x").await.text(), "one");
    assert_eq!(admin.get("/api/datasources/proxy/1/x").await.text(), "one");
    // And back over a third name: two that change places.
    for (way, uid) in [("1", "c"), ("2", "b"), ("1", "a")] {
        let name = if way == "1" { "a" } else { "new" };
        let change = json!({ "uid": uid, "name": name, "secureJsonData": null });
        let url = if way == "1" { one.url() } else { two.url() };
        let change = build::with(source("", &url), change);
        let put = admin.put(&format!("/api/datasources/{way}"), &change).await;
        check(&put, 200, "Datasource updated");
    }
    assert_eq!(admin.get(proxy).await.text(), "one");
    assert_eq!(admin.get("/api/datasources/proxy/uid/b/x").await.text(), "two");
    crate::store::items::Items::of(&app).whole().await;
}
