//! Organisations: made, listed, read, renamed and deleted (Grafana's `/api/orgs` and `/api/org`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use auth::Role;
use futures_util::future::join_all;
use harness::{Answer, Client, TestApp, build};
use http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};
use sourcegate_core::OrgId;

const PATH: &str = "/api/orgs";

#[track_caller]
fn check(answer: &Answer, status: u16, message: &str) {
    assert_eq!(
        (answer.status.as_u16(), &*answer.message()),
        (status, message),
        "{}",
        answer.text()
    );
}

fn named(name: &str) -> Value {
    json!({ "name": name })
}

/// Lists the names on the pages from one until one is empty.
async fn names_from(client: &Client, first: usize, query: &str) -> Vec<String> {
    let mut names = Vec::new();
    for page in first..first + 50 {
        let listed = client.get(&format!("{PATH}?page={page}{query}")).await;
        assert_eq!(listed.status, 200, "{}", listed.text());
        let listed = listed.json();
        let listed = listed.as_array().unwrap();
        if listed.is_empty() {
            return names;
        }
        names.extend(listed.iter().map(|one| one["name"].as_str().unwrap().to_owned()));
    }
    panic!("the list has no end: {names:?}");
}

#[tokio::test]
async fn an_organisation_is_made_read_renamed_and_deleted() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    // grafana-backup sends the whole object back.
    let body = json!({ "name": "a/b #1", "id": 77, "address": { "city": "x" }, "orgId": "y" });
    let made = admin.post(PATH, &body).await;
    assert_snapshot!(made.text(), @r#"{"message":"Organization created","orgId":2}"#);
    let read = admin.get("/api/orgs/2").await;
    assert_snapshot!(read.text(), @r#"{"id":2,"name":"a/b #1","address":{"address1":"","address2":"","city":"","zipCode":"","state":"","country":""}}"#);
    for path in ["/api/orgs/name/a%2Fb%20%231", "/api/orgs/2/", "/api/orgs/02"] {
        assert_eq!(admin.get(path).await.text(), read.text(), "{path}");
    }
    assert_eq!(admin.get("/api/org").await.json()["id"], 1, "making one does not switch to it");
    check(&admin.post(PATH, &body).await, 409, "Organization name taken");
    check(&admin.put("/api/orgs/2", &named("Main Org.")).await, 400, "Organization name taken");
    check(&admin.put("/api/orgs/2", &named("Second")).await, 200, "Organization updated");
    check(&admin.put("/api/orgs/2", &named("Second")).await, 200, "Organization updated");
    check(&admin.get("/api/orgs/name/a%2Fb%20%231").await, 404, "Organization not found");
    check(&admin.get("/api/orgs/name/second").await, 404, "Organization not found");
    assert_eq!(admin.get("/api/orgs/name/Second").await.json()["id"], 2);
    assert_snapshot!(admin.get(PATH).await.text(), @r#"[{"id":1,"name":"Main Org."},{"id":2,"name":"Second"}]"#);
    check(&admin.delete("/api/orgs/2").await, 200, "Organization deleted");
    check(&admin.delete("/api/orgs/2").await, 404, "Failed to delete organization. ID not found");
    check(&admin.get("/api/orgs/2").await, 404, "Organization not found");
    check(&admin.get("/api/orgs/name/Second").await, 404, "Organization not found");
    check(&admin.put("/api/orgs/2", &named("x")).await, 404, "Organization not found");
    assert_eq!(admin.get(PATH).await.json().as_array().unwrap().len(), 1);
    // Its name is free at once, its number never again.
    assert_eq!(admin.post(PATH, &named("Second")).await.json()["orgId"], 3);
}

#[tokio::test]
async fn its_members_read_and_its_administrators_rename_their_own() {
    let app = TestApp::start().await;
    let org = app.create_org("Second").await;
    let admin = app.as_role_in(org, Role::Admin).await;
    let viewer = app.as_role_in(org, Role::Viewer).await;
    assert_eq!(viewer.get("/api/org").await.json()["name"], "Second");
    assert_eq!(viewer.get("/api/orgs/2").await.status, 403);
    assert_eq!(admin.get("/api/orgs/2").await.json()["name"], "Second");
    assert_eq!(viewer.put("/api/org", &named("x")).await.status, 403);
    check(&admin.put("/api/org", &named("x")).await, 200, "Organization updated");
    check(&admin.put("/api/orgs/2", &named("y")).await, 200, "Organization updated");
    assert_eq!(viewer.get("/api/org").await.json()["name"], "y");
    check(&admin.put("/api/org", &named("Main Org.")).await, 400, "Organization name taken");
    for (method, path) in [
        (Method::POST, "/api/orgs"),
        (Method::GET, "/api/orgs"),
        (Method::GET, "/api/orgs/name/y"),
        (Method::DELETE, "/api/orgs/2"),
        (Method::DELETE, "/api/orgs/99"),
    ] {
        let answer = admin.send_text(method, path, "not json").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["title"]),
            (403, &json!("Access denied"))
        );
    }
}

#[tokio::test]
async fn the_list_is_seen_once_from_page_0_and_from_page_1() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let all: Vec<_> = (2..=9).map(|number| format!("Org {number}")).collect();
    for name in &all {
        app.create_org(name).await;
    }
    let all: Vec<_> = ["Main Org.".to_owned()].into_iter().chain(all).collect();
    for query in
        ["", "&perpage=1", "&perpage=2", "&perpage=3", "&perpage=9", "&perpage=10", "&perpage=0"]
    {
        for first in [0, 1, 0, 1] {
            assert_eq!(names_from(&admin, first, query).await, all, "from {first} {query}");
        }
    }
    assert_eq!(names_from(&admin, 0, "&query=ORG+%32").await, ["Org 2"]);
    assert_eq!(names_from(&admin, 1, "&name=Org%203").await, ["Org 3"]);
    assert!(names_from(&admin, 0, "&name=org%203").await.is_empty());
    let count = async |query: &str| {
        admin.get(&format!("{PATH}{query}")).await.json().as_array().unwrap().len()
    };
    assert_eq!((count("").await, count("?perpage=4").await), (9, 4));
    assert_eq!(
        (count("?page=&perpage=&query=").await, count("?page=18446744073709551615").await),
        (9, 0)
    );
    assert_eq!(count("?perpage=18446744073709551615").await, 9);
}

#[tokio::test]
async fn pages_that_are_no_numbers_are_400_naming_the_field() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    for bad in ["-1", "x", "1.5", "1e3", "%2B1", "%201", "18446744073709551616"] {
        for list in [
            PATH,
            "/api/users",
            "/api/users/search",
            "/api/org/users/search",
            "/api/orgs/1/users/search",
        ] {
            for field in ["page", "perpage"] {
                let answer = admin.get(&format!("{list}?{field}={bad}")).await;
                check(&answer, 400, &format!("{field} must be a whole number, not below zero"));
            }
        }
    }
    let answer = admin.get("/api/org/users?limit=x").await;
    check(&answer, 400, "limit must be a whole number, not below zero");
}

#[tokio::test]
async fn names_are_1_to_190_characters_and_nothing_else_is_written() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    app.create_org("Second").await;
    let before = admin.get(PATH).await.text();
    for (body, message, detail) in [
        (json!({}), "bad request data", "required value Name must not be empty"),
        (json!({ "name": "" }), "bad request data", "required value Name must not be empty"),
        (json!({ "name": null }), "bad request data", "required value Name must not be empty"),
        (json!({ "name": "  " }), "name must not be empty", ""),
        (json!({ "name": "a\u{0}" }), "name has a control character", ""),
        (json!({ "name": "x".repeat(191) }), "name has 191 characters; at most 190 are saved", ""),
        (json!({ "name": 1 }), "bad request data", "expected a string at line 1 column 9"),
        (json!({ "name": ["x"] }), "bad request data", ""),
        (json!([]), "bad request data", ""),
        (json!("x"), "bad request data", ""),
    ] {
        for answer in [
            admin.post(PATH, &body).await,
            admin.put("/api/orgs/2", &body).await,
            admin.put("/api/org", &body).await,
        ] {
            check(&answer, 400, message);
            let told = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
            assert!(told.starts_with(detail), "{told}");
        }
    }
    let twice = r#"{"name":"a","name":"b"}"#;
    assert_eq!(admin.send_text(Method::POST, PATH, twice).await.cause(), "duplicate_key");
    assert_eq!(admin.get(PATH).await.text(), before);
    let longest = "é".repeat(190);
    assert_eq!(admin.post(PATH, &named(&longest)).await.status, 200);
    let found = admin.get(&format!("/api/orgs/name/{}", "%C3%A9".repeat(190))).await;
    assert_eq!(found.json()["name"], longest);
}

#[tokio::test]
async fn ids_are_numbers_and_those_that_none_has_are_absent() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    for (id, status, message) in [
        ("abc", 400, "orgId is invalid"),
        ("1.0", 400, "orgId is invalid"),
        ("1%20", 400, "orgId is invalid"),
        ("9223372036854775808", 400, "orgId is invalid"),
        ("-1", 404, "Organization not found"),
        ("0", 404, "Organization not found"),
        ("99", 404, "Organization not found"),
        ("2147483648", 404, "Organization not found"),
        ("4294967297", 404, "Organization not found"),
        ("9223372036854775807", 404, "Organization not found"),
    ] {
        check(&admin.get(&format!("/api/orgs/{id}")).await, status, message);
        check(&admin.put(&format!("/api/orgs/{id}"), &named("x")).await, status, message);
        check(&admin.get(&format!("/api/orgs/{id}/users")).await, status, message);
        let gone =
            if status == 404 { "Failed to delete organization. ID not found" } else { message };
        check(&admin.delete(&format!("/api/orgs/{id}")).await, status, gone);
    }
    for name in ["%20", "x", &"y".repeat(191), "%00"] {
        check(&admin.get(&format!("/api/orgs/name/{name}")).await, 404, "Organization not found");
    }
}

#[tokio::test]
async fn the_organisation_that_one_is_in_and_the_main_one_stay() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    app.create_org("Second").await;
    check(&admin.delete("/api/orgs/1").await, 400, "Cannot delete your active organization");
    let request = admin.request(Method::DELETE, "/api/orgs/2").header("x-grafana-org-id", "2");
    check(&admin.send(request).await, 400, "Cannot delete your active organization");
    let request = admin.request(Method::DELETE, "/api/orgs/1").header("x-grafana-org-id", "2");
    let answer = admin.send(request).await;
    check(&answer, 400, "the main organisation cannot be deleted; rename it instead");
    assert_eq!(admin.get(PATH).await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn d04_a14_of_100_creates_of_one_name_one_succeeds() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    assert_eq!(admin.get(PATH).await.status, 200);
    let body = named("one");
    let answers = join_all((0..100).map(|_| admin.post(PATH, &body))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(made.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        check(answer, 409, "Organization name taken");
    }
    let id = made[0].json()["orgId"].clone();
    assert_eq!(
        admin.get(PATH).await.json(),
        json!([{ "id": 1, "name": "Main Org." }, { "id": id, "name": "one" }])
    );
    let members = admin.get(&format!("/api/orgs/{id}/users")).await.json();
    assert_eq!((members.as_array().unwrap().len(), &members[0]["role"]), (1, &json!("Admin")));
}

#[tokio::test]
async fn an_organisation_s_secrets_open_with_its_own_key() {
    let app = TestApp::start().await;
    let upstream = harness::upstream::FakeUpstream::start().await;
    app.create_org("Second").await;
    let second = app.as_role_in(OrgId::new(2).unwrap(), Role::Admin).await;
    let secret = json!({ "basicAuth": true, "basicAuthUser": "u", "secureJsonData": { "basicAuthPassword": "p" } });
    let path =
        second.create_proxied(&build::with(build::plain("a", &upstream.url()), secret)).await;
    assert_eq!(second.get(&format!("{path}/x")).await.status, 200);
    let arrived = upstream.requests().pop().unwrap();
    assert_eq!(arrived.header("authorization"), Some("Basic dTpw"));
}
