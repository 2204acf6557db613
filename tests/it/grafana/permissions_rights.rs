//! What permissions of one data source let a caller do, and what he may learn (contract 7.2; bad input classes A and P).

use std::sync::Arc;

use auth::{Action, Caller, Denied, Grant, Identity, Limits, Role, Scope};
use harness::upstream::FakeUpstream;
use harness::{Answer, Client, TestApp, build};
use http::Method;
use serde_json::{Value, json};
use sourcegate_core::{OrgId, Reference, Uid};

use super::access::check_lacks;
use super::permissions::{account, create, give, path, user};

fn source(uid: &str) -> String {
    format!("/api/datasources/uid/{uid}")
}

/// A body that would be right for every route that has one.
fn body() -> Value {
    let body = json!({ "permission": "Edit", "permissions": [{ "builtInRole": "Viewer" }] });
    build::with(build::plain("changed", "http://127.0.0.1:9"), body)
}

/// Every route that names a data source by its uid.
fn routes(uid: &str) -> Vec<(Method, String, &'static str)> {
    let read = "datasources.permissions:read";
    let write = "datasources.permissions:write";
    vec![
        (Method::GET, source(uid), "datasources:read"),
        (Method::PUT, source(uid), "datasources:write"),
        (Method::GET, path(uid, ""), read),
        (Method::POST, path(uid, ""), write),
        (Method::POST, path(uid, "/users/1"), write),
        (Method::POST, path(uid, "/teams/1"), write),
        (Method::POST, path(uid, "/builtInRoles/Viewer"), write),
        (Method::DELETE, source(uid), "datasources:delete"),
    ]
}

async fn ask(client: &Client, method: &Method, path: &str) -> Answer {
    let request = client.request(method.clone(), path);
    client.send(if *method == Method::GET { request } else { request.json(&body()) }).await
}

/// What a caller can tell answers apart by: all but what is new in each.
pub(super) fn seen(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    for name in ["traceID", "accessErrorId"] {
        if let Some(value) = body.get_mut(name) {
            *value = Value::Null;
        }
    }
    (answer.status.as_u16(), body)
}

#[tokio::test]
async fn t59_who_may_read_one_sees_that_one() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    create(&app, "b").await;
    let (bob, id) = user(&app, "bob", Role::None).await;
    check_lacks(&bob.get("/api/datasources").await, "datasources:read");
    give(&app, "a", &format!("/users/{id}"), "Query").await;
    let listed = bob.get("/api/datasources").await;
    let uids: Vec<_> =
        listed.json().as_array().unwrap().iter().map(|one| one["uid"].clone()).collect();
    assert_eq!((listed.status.as_u16(), uids), (200, vec![json!("a")]));
    assert_eq!(bob.get(&source("a")).await.status, 200);
    assert_eq!(bob.get("/api/datasources/1").await.status, 200);
    check_lacks(&bob.get(&source("b")).await, "datasources:read");
    check_lacks(&bob.get("/api/datasources/2").await, "datasources:read");
}

#[tokio::test]
async fn p31_who_leaves_and_comes_again_starts_anew() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let (bob, id) = user(&app, "bob", Role::None).await;
    give(&app, "a", &format!("/users/{id}"), "Edit").await;
    assert_eq!(bob.get(&source("a")).await.status, 200);
    let root = app.as_admin_user();
    let left = root.delete(&format!("/api/org/users/{id}")).await;
    assert_eq!(left.status, 200, "{}", left.text());
    let gone = give(&app, "a", &format!("/users/{id}"), "Edit").await;
    assert_eq!((gone.status.as_u16(), &*gone.message()), (404, "user not found"));
    let joining = json!({ "loginOrEmail": "bob", "role": "None" });
    assert_eq!(root.post("/api/org/users", &joining).await.status, 200);
    check_lacks(&bob.get(&source("a")).await, "datasources:read");
    let named = |all: Value| all.as_array().unwrap().iter().any(|one| one["userId"] == json!(id));
    assert!(!named(root.get(&path("a", "")).await.json()));
    // What he is given now is his.
    give(&app, "a", &format!("/users/{id}"), "Query").await;
    assert!(named(root.get(&path("a", "")).await.json()));
    assert_eq!(bob.get(&source("a")).await.status, 200);
    check_lacks(&ask(&bob, &Method::PUT, &source("a")).await, "datasources:write");
    give(&app, "a", &format!("/users/{id}"), "").await;
    check_lacks(&bob.get(&source("a")).await, "datasources:read");
}

#[tokio::test]
async fn t20_absent_and_forbidden_are_the_same_to_who_may_do_it_to_some() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    create(&app, "b").await;
    let (robot, id) = account(&app, Role::None).await;
    give(&app, "a", &format!("/users/{id}"), "Admin").await;
    let others = routes("none").into_iter().zip(routes("b%20b"));
    for ((method, forbidden, action), ((_, absent, _), (_, odd, _))) in
        routes("b").into_iter().zip(others)
    {
        let answer = ask(&robot, &method, &forbidden).await;
        check_lacks(&answer, action);
        assert_eq!(seen(&answer), seen(&ask(&robot, &method, &absent).await), "{method} {absent}");
        // Nor is he told that this could be no uid, or that his body is wrong.
        assert_eq!(seen(&answer), seen(&ask(&robot, &method, &odd).await), "{method} {odd}");
        if method != Method::GET {
            let bad = robot.send_text(method.clone(), &forbidden, "not json").await;
            assert_eq!(seen(&answer), seen(&bad), "{method} {forbidden}");
        }
    }
    for odd in
        ["/api/datasources/2", "/api/datasources/999", "/api/datasources/x", "/api/datasources/0"]
    {
        check_lacks(&robot.get(odd).await, "datasources:read");
    }
}

#[tokio::test]
async fn t20_a_source_that_is_kept_from_viewers_is_absent_to_them() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let viewer = app.as_viewer().await;
    assert_eq!(viewer.get(&source("a")).await.status, 200);
    give(&app, "a", "/builtInRoles/Viewer", "").await;
    let absent = viewer.get(&source("none")).await;
    assert_eq!((absent.status.as_u16(), &*absent.message()), (404, "Data source not found"));
    assert_eq!(seen(&viewer.get(&source("a")).await), seen(&absent));
    assert_eq!(viewer.get("/api/datasources/1").await.status, 404);
    let listed = viewer.get("/api/datasources").await;
    assert_eq!((listed.status.as_u16(), &*listed.text()), (200, "[]"));
    // Editors have their own.
    assert_eq!(app.as_role(Role::Editor).await.get(&source("a")).await.status, 200);
    for uid in ["a", "none"] {
        let proxied = viewer.get(&format!("/api/datasources/proxy/uid/{uid}/x")).await;
        let told = (proxied.status.as_u16(), proxied.message());
        assert_eq!(told, (404, "Unable to find datasource".to_owned()));
    }
}

#[tokio::test]
async fn t31_a_level_includes_the_ones_before_it_and_no_more() {
    let app = TestApp::start().await;
    let (robot, id) = account(&app, Role::None).await;
    for (level, allowed) in [("Query", 1), ("Edit", 3), ("Admin", 8)] {
        create(&app, "a").await;
        give(&app, "a", &format!("/users/{id}"), level).await;
        let shown = robot.get(&format!("{}?accesscontrol=true", source("a"))).await.json();
        let held = shown["accessControl"].as_object().unwrap();
        for (method, path, action) in routes("a") {
            let within = match action {
                "datasources:read" => true,
                "datasources:write" | "datasources:delete" => allowed > 1,
                _ => allowed > 3,
            };
            assert_eq!(held.get(action), within.then_some(&json!(true)), "{level} {action}");
            let answer = ask(&robot, &method, &path).await;
            if within {
                // A team is none and user 1 is one; neither is a matter of rights.
                assert!([200, 404].contains(&answer.status.as_u16()), "{level} {method} {path}");
            } else {
                check_lacks(&answer, action);
            }
        }
        // Making new ones is of no source.
        check_lacks(&ask(&robot, &Method::POST, "/api/datasources").await, "datasources:create");
        app.as_admin().delete(&source("a")).await;
    }
}

#[tokio::test]
async fn t81_a_right_to_one_source_is_none_to_another() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    create(&app, "b").await;
    let (robot, id) = account(&app, Role::Viewer).await;
    give(&app, "a", &format!("/users/{id}"), "Admin").await;
    // He may read all, and write one.
    for (method, path, action) in routes("b").into_iter().skip(1) {
        check_lacks(&ask(&robot, &method, &path).await, action);
    }
    assert_eq!(ask(&robot, &Method::PUT, &source("a")).await.status, 200);
    // What he gives himself is of that source too.
    let to = format!("/users/{id}");
    let given = robot.post(&path("a", &to), &json!({ "permission": "Edit" })).await;
    assert_eq!(given.status, 200);
    check_lacks(&robot.get(&path("a", "")).await, "datasources.permissions:read");
}

#[tokio::test]
async fn administrators_may_always_do_everything() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    for role in ["Viewer", "Editor"] {
        give(&app, "a", &format!("/builtInRoles/{role}"), "").await;
    }
    let admin = app.as_admin_user();
    let shown = admin.get(&path("a", "")).await.json();
    assert_eq!(shown.as_array().unwrap().len(), 1, "{shown}");
    for (method, path, _) in routes("a") {
        let status = ask(&admin, &method, &path).await.status;
        let expected = if path.contains("/teams/") || path.contains("/users/") { 404 } else { 200 };
        assert!([200, expected].contains(&status.as_u16()), "{method} {path} {status}");
    }
}

#[tokio::test]
async fn a08_a09_another_organisation_s_callers_find_nothing() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let org = app.create_org("Second Org.").await;
    let second = app.as_role_in(org, Role::Admin).await;
    let before = app.as_admin().get(&path("a", "")).await.text();
    for ((method, theirs, _), (_, absent, _)) in routes("a").into_iter().zip(routes("none")) {
        let answer = ask(&second, &method, &theirs).await;
        assert_eq!(answer.status, 404, "{method} {theirs}");
        assert_eq!(seen(&answer), seen(&ask(&second, &method, &absent).await), "{method} {theirs}");
    }
    assert_eq!(app.as_admin().get(&path("a", "")).await.text(), before);
    // Its members are as absent as numbers that nobody has.
    let made = store::Admin::new(app.store().clone());
    let password = "a password of hers".to_owned().into();
    assert!(made.create_user(org, "eve", &password, Role::Admin.into()).await.unwrap());
    let eve = Client::basic(app.address(), "eve", "a password of hers");
    let eve = eve.get("/api/user").await.json()["id"].as_i64().unwrap();
    let stranger = give(&app, "a", &format!("/users/{eve}"), "Edit").await;
    let nobody = give(&app, "a", "/users/999999", "Edit").await;
    assert_eq!(stranger.status, 404);
    let named =
        |answer: &Answer, id: &str| seen(answer).1.to_string().replace(&format!(" {id} "), " N ");
    assert_eq!(named(&stranger, &eve.to_string()), named(&nobody, "999999"));
}

#[tokio::test]
async fn t52_401_goes_before_403() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    for (method, path, action) in routes("a") {
        let stranger = ask(&app.anonymous(), &method, &path).await;
        let told = (stranger.status.as_u16(), stranger.message());
        assert_eq!(told, (401, "Unauthorized".to_owned()), "{method} {path}");
        if action != "datasources:read" {
            check_lacks(&ask(&app.as_viewer().await, &method, &path).await, action);
        }
    }
}

#[tokio::test]
async fn t89_who_loses_a_permission_is_refused_at_once() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let plain = build::with(build::plain("a", &upstream.url()), json!({ "uid": "a" }));
    app.as_admin().create(&plain).await;
    let (robot, id) = account(&app, Role::None).await;
    let proxied = "/api/datasources/proxy/uid/a/x";
    let refused = robot.get(proxied).await;
    assert_eq!(
        (refused.status.as_u16(), &*refused.message()),
        (403, "Access denied to datasource")
    );
    give(&app, "a", &format!("/users/{id}"), "Query").await;
    assert_eq!(robot.get(proxied).await.status, 200);
    give(&app, "a", &format!("/users/{id}"), "").await;
    assert_eq!(robot.get(proxied).await.status, 403);
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn p31_a_source_that_is_made_again_starts_clean() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let plain = build::with(build::plain("a", &upstream.url()), json!({ "uid": "a" }));
    app.as_admin().create(&plain).await;
    let (robot, id) = account(&app, Role::None).await;
    let proxied = "/api/datasources/proxy/uid/a/x";
    give(&app, "a", &format!("/users/{id}"), "Admin").await;
    assert_eq!(robot.get(proxied).await.status, 200);
    // He may delete it; who makes it again is another.
    assert_eq!(robot.delete(&source("a")).await.status, 200);
    app.as_admin().create(&plain).await;
    assert_eq!(robot.get(proxied).await.status, 403);
    for (method, path, action) in routes("a") {
        check_lacks(&ask(&robot, &method, &path).await, action);
    }
    let roles = app.as_admin().get(&path("a", "")).await.json();
    assert_eq!(roles.as_array().unwrap().len(), 3, "{roles}");
}

#[tokio::test]
async fn p31_a_grant_for_one_source_is_none_for_its_successor() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let wanted = Reference::Uid(Uid::parse("a").unwrap());
    let find = async || app.store().find(OrgId::MAIN, &wanted).await.unwrap().unwrap().source;
    let first = find().await;
    let scope = Scope::Source(first.incarnation);
    let grants = Some(vec![Grant { action: Action::Write, scope, words: String::new().into() }]);
    let identity = Identity::User { id: 7, stay: 0, login: "bob".to_owned() };
    let caller = Caller::new(identity, OrgId::MAIN, Role::Admin);
    let caller = caller.limited(Limits { grants, ..Limits::default() });
    assert!(caller.authorize(Action::Write, &wanted, Some(Arc::clone(&first))).is_ok());
    // A change, a rename among them, is the same source still.
    ask(&app.as_admin(), &Method::PUT, &source("a")).await;
    assert!(caller.authorize(Action::Write, &wanted, Some(find().await)).is_ok());
    app.as_admin().delete(&source("a")).await;
    create(&app, "a").await;
    let denied = caller.authorize(Action::Write, &wanted, Some(find().await)).unwrap_err();
    assert_eq!(denied, Denied::Ungranted(Action::Write));
}
