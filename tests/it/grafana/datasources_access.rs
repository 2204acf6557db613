//! Who may do what with one data source: permissions of its own, roles without rights, other organisations (contract 0.3,
//! 6.1, 6.2; bad input class A).

use auth::Role;
use aws_sdk_dynamodb::types::AttributeValue;
use harness::{Answer, Client, TestApp, build};
use http::Method;
use serde_json::{Value, json};

use crate::store::items::{Item, Items, REGISTRY, text};

const PATH: &str = "/api/datasources";

fn source(uid: &str) -> Value {
    build::with(build::plain(uid, "http://h"), json!({ "uid": uid }))
}

/// A gateway with the data sources `a`, `b` and `c`, and what its tables hold.
async fn three() -> (TestApp, Items) {
    let app = TestApp::start().await;
    for uid in ["a", "b", "c"] {
        app.as_admin().create(&source(uid)).await;
    }
    let items = Items::of(&app);
    (app, items)
}

/// Gives the account behind a token a level with one data source.
async fn give(items: &Items, uid: &str, client: &Client, level: &str) {
    let account = client.get("/api/user").await.json()["uid"].clone();
    let account = account.as_str().and_then(|uid| uid.split(':').nth(1)).unwrap_or_default();
    let all = AttributeValue::M([(account.to_owned(), text(level))].into());
    let given = |item: &mut Item| drop(item.insert("permissions".to_owned(), all));
    items.change(REGISTRY, ("DS#1", uid), given).await;
}

#[track_caller]
fn check(answer: &Answer, status: u16, words: &str) {
    let found = (answer.status.as_u16(), answer.message());
    assert!(found.0 == status && found.1.contains(words), "{}", answer.text());
}

async fn ways(client: &Client, number: usize, uid: &str) -> Vec<(&'static str, Answer)> {
    let body = source(uid);
    let places = [format!("{number}"), format!("uid/{uid}"), format!("name/{uid}")];
    let mut all = Vec::new();
    for place in &places {
        all.push(("datasources:read", client.get(&format!("{PATH}/{place}")).await));
    }
    all.push(("datasources.id:read", client.get(&format!("{PATH}/id/{uid}")).await));
    for place in &places[..2] {
        all.push(("datasources:write", client.put(&format!("{PATH}/{place}"), &body).await));
    }
    all
}

#[tokio::test]
async fn t59_a_caller_without_a_role_works_with_what_he_was_given() {
    let (app, items) = three().await;
    let nobody = app.as_role(Role::None).await;
    check(&nobody.get(PATH).await, 403, "datasources:read");
    give(&items, "b", &nobody, "Query").await;
    let listed = nobody.get(PATH).await.json();
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["uid"]), (Some(1), &json!("b")));
    for (action, answer) in ways(&nobody, 2, "b").await {
        match action {
            "datasources:write" => check(&answer, 403, action),
            _ => assert_eq!(answer.status, 200, "{}", answer.text()),
        }
    }
    let shown = nobody.get("/api/datasources/2?accesscontrol=true").await.json();
    let expected =
        json!({ "datasources.id:read": true, "datasources:query": true, "datasources:read": true });
    assert_eq!(shown["accessControl"], expected);
    give(&items, "b", &nobody, "Edit").await;
    for (action, answer) in ways(&nobody, 2, "b").await {
        assert_eq!(answer.status, 200, "{action}: {}", answer.text());
    }
    check(&nobody.post(PATH, &source("d")).await, 403, "datasources:create");
    assert_eq!(nobody.delete("/api/datasources/name/b").await.status, 200);
    check(&nobody.get(PATH).await, 403, "datasources:read");
    // A new one under the old uid is another one.
    app.as_admin().create(&source("b")).await;
    check(&nobody.get("/api/datasources/uid/b").await, 403, "datasources:read");
}

#[tokio::test]
async fn t20_without_a_wildcard_absent_malformed_damaged_and_forbidden_are_one_answer() {
    let (app, items) = three().await;
    let nobody = app.as_role(Role::None).await;
    give(&items, "b", &nobody, "Admin").await;
    let broken = |item: &mut Item| drop(item.insert("name".to_owned(), AttributeValue::Null(true)));
    items.change(REGISTRY, ("DS#1", "c"), broken).await;
    let told = |answer: &Answer| {
        let mut body = answer.json();
        body["traceID"].take();
        body["accessErrorId"].take();
        (answer.status.as_u16(), body)
    };
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let ask = async |place: &str| {
            let answer = nobody.raw(&format!("{method} {PATH}/{place}"), &[], b"").await;
            told(&answer)
        };
        let forbidden = ask("uid/a").await;
        assert_eq!(forbidden.0, 403, "{forbidden:?}");
        let mut places = vec![
            "1",
            "3",
            "999",
            "abc",
            "0",
            "-1",
            "9223372036854775808",
            "uid/none",
            "uid/c",
            "uid/a%2Fb",
            "%c0%ae",
            "uid/%c0%ae",
        ];
        if method != Method::PUT {
            places.extend(["name/a", "name/c", "name/none", "name/%c0%ae"]);
        }
        for place in places {
            assert_eq!(ask(place).await, forbidden, "{method} {place}");
        }
    }
    let forbidden = told(&nobody.get("/api/datasources/id/a").await);
    assert_eq!(told(&nobody.get("/api/datasources/id/none").await), forbidden);
    // With one, each is what it is.
    let viewer = app.as_viewer().await;
    for (place, status) in [("999", 404), ("abc", 400), ("uid/none", 404), ("uid/c", 500)] {
        assert_eq!(viewer.get(&format!("{PATH}/{place}")).await.status, status, "{place}");
    }
    assert_eq!(app.as_admin().get(PATH).await.json().as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_data_source_of_its_own_permissions_is_hidden_from_roles() {
    let (app, items) = three().await;
    let (robot, viewer, editor) =
        (app.as_role(Role::None).await, app.as_viewer().await, app.as_role(Role::Editor).await);
    give(&items, "b", &robot, "Query").await;
    for caller in [&viewer, &editor] {
        let listed = caller.get(PATH).await.json();
        let uids: Vec<_> = listed.as_array().into_iter().flatten().map(|one| &one["uid"]).collect();
        assert_eq!(uids, ["a", "c"]);
        // He may read any that says nothing else, so that this one is as absent as others.
        for place in ["2", "uid/b", "name/b"] {
            check(&caller.get(&format!("{PATH}/{place}")).await, 404, "Data source not found");
        }
        check(&caller.put("/api/datasources/2", &source("b")).await, 403, "datasources:write");
        check(&caller.delete("/api/datasources/name/b").await, 403, "datasources:delete");
    }
    assert_eq!(app.as_admin().get(PATH).await.json().as_array().map(Vec::len), Some(3));
    for (action, answer) in ways(&app.as_admin(), 2, "b").await {
        assert_eq!(answer.status, 200, "{action}");
    }
}

#[tokio::test]
async fn p29_who_may_not_is_told_so_before_his_body_is_read() {
    let (app, _) = three().await;
    for role in [Role::None, Role::Viewer, Role::Editor] {
        let caller = app.as_role(role).await;
        for place in ["1", "uid/a", "999", "abc", "uid/*"] {
            let path = format!("{PATH}/{place}");
            let put = caller.send_text(Method::PUT, &path, "not json").await;
            check(&put, 403, "datasources:write");
            check(&caller.delete(&path).await, 403, "datasources:delete");
        }
        check(&caller.delete("/api/datasources/name/a").await, 403, "datasources:delete");
    }
    let stranger = app.anonymous();
    for place in ["1", "uid/a", "name/a", "id/a", "abc", "name/%c0%ae"] {
        let answer = stranger.raw(&format!("GET {PATH}/{place}"), &[], b"").await;
        check(&answer, 401, "Unauthorized");
    }
}

#[tokio::test]
async fn t60_a08_another_organisations_names_and_numbers_are_absent() {
    use secrecy::ExposeSecret;
    let (app, items) = three().await;
    let org = sourcegate_core::OrgId::new(2).expect("a number");
    let meta = [
        ("pk", text("ORG#2")),
        ("sk", text("META")),
        ("name", text("Second")),
        ("deleting", AttributeValue::Bool(false)),
    ];
    let meta = meta.map(|(name, value)| (name.to_owned(), value));
    items.put("sourcegate-access", meta.into()).await;
    let made = store::Admin::new(app.store().clone()).create_token(org, Role::Admin).await;
    let token = made.expect("a token").text.expose_secret().to_owned();
    let other = Client::new(app.address(), Some(format!("Bearer {token}")));
    let body = source("a");
    for (theirs, never) in [("1", "99"), ("uid/a", "uid/z"), ("name/a", "name/z"), ("id/a", "id/z")]
    {
        let told = |answer: Answer| (answer.status.as_u16(), answer.json()["message"].clone());
        let (theirs, never) = (format!("{PATH}/{theirs}"), format!("{PATH}/{never}"));
        assert_eq!(told(other.get(&theirs).await), told(other.get(&never).await), "{theirs}");
        assert_eq!(told(other.delete(&theirs).await), told(other.delete(&never).await), "{theirs}");
        let put = told(other.put(&theirs, &body).await);
        assert_eq!((put.0, put), (404, told(other.put(&never, &body).await)), "{theirs}");
    }
    assert_eq!(app.as_admin().get(PATH).await.json().as_array().map(Vec::len), Some(3));
}
