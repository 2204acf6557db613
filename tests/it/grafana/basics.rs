//! The small endpoints that clients call first, and everything that is not there (contract 0.1, clients.md 4).

use harness::{Answer, Faults, TestApp};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::json;

#[track_caller]
fn check_not_found(answer: &Answer, asked: &str) {
    let body = answer.json();
    let found = (answer.status.as_u16(), answer.header("content-type"), &body["message"]);
    assert_eq!(found, (404, "application/json", &json!("Not found")), "{asked}");
    assert!(!answer.headers.contains_key("allow"), "{asked}");
}

#[tokio::test]
async fn health_tells_everybody_whether_the_tables_answer() {
    let app = TestApp::start().await;
    let answer = app.anonymous().get("/api/health").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert_json_snapshot!(answer.json(), { ".commit" => "[commit]" }, @r#"
    {
      "commit": "[commit]",
      "database": "ok",
      "version": "13.0.0"
    }
    "#);
    assert_eq!(app.as_viewer().await.get("/api/health/").await.text(), answer.text());
    app.tables().set(Faults { down: true, ..Faults::default() });
    let answer = app.anonymous().get("/api/health").await;
    assert_eq!(answer.status, 503);
    assert_json_snapshot!(answer.json(), { ".commit" => "[commit]" }, @r#"
    {
      "commit": "[commit]",
      "database": "failing",
      "version": "13.0.0"
    }
    "#);
}

#[tokio::test]
async fn settings_tell_everybody_the_version_and_nothing_of_data_sources() {
    let app = TestApp::start().await;
    let answer = app.anonymous().get("/api/frontend/settings").await;
    assert_eq!(answer.status, 200);
    assert_json_snapshot!(answer.json(), { ".buildInfo.commit" => "[commit]" }, @r#"
    {
      "buildInfo": {
        "commit": "[commit]",
        "edition": "Open Source",
        "env": "production",
        "hasUpdate": false,
        "hideVersion": false,
        "latestVersion": "",
        "version": "13.0.0"
      }
    }
    "#);
    assert_eq!(app.as_admin().get("/api/frontend/settings/").await.text(), answer.text());
}

#[tokio::test]
async fn p02_unknown_routes_are_404_for_everybody() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/apis",
        "/apis/",
        "/apis/datasource.grafana.app/v0alpha1",
        "/bootdata",
        "/login",
        "/metrics/",
        "/api",
        "/api/",
        "/api/ds/query",
        "/api//datasources",
        "//api/datasources",
        "/api//datasources/uid/u",
        "/api/datasources//uid/u",
        "/api//datasources/proxy/uid/u/x",
        "//api/datasources/proxy/uid/u/x",
        "/API/datasources",
        "/api/datasources/uid/u/unknown",
        "/api/../api/org",
        "/api/%2e%2e/api/org",
        "/api%2Forg",
        "/api/org%2F",
    ] {
        for client in [app.anonymous(), app.as_admin()] {
            check_not_found(&client.raw(&format!("GET {path}"), &[], b"").await, path);
        }
    }
    // A malformed escape is no route either, which is seen after the caller.
    for path in ["/api/datasources/uid/%zz", "/api/datasources/uid/%", "/api/datasources/%4"] {
        let request = format!("GET {path}");
        check_not_found(&app.as_viewer().await.raw(&request, &[], b"").await, path);
        assert_eq!(app.anonymous().raw(&request, &[], b"").await.status, 401, "{path}");
    }
    let answer = app.anonymous().get("/apis").await;
    assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "message": "Not found",
      "traceID": "[trace]"
    }
    "#);
}

#[tokio::test]
async fn p18_a_method_without_a_route_is_404_and_trace_405() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for (methods, path) in [
        ("PUT PATCH DELETE OPTIONS FOO", "/api/datasources"),
        ("POST PATCH OPTIONS FOO", "/api/datasources/uid/u"),
        ("POST PATCH OPTIONS FOO get", "/api/datasources/1"),
        ("POST PUT DELETE", "/api/health"),
        ("POST", "/api/frontend/settings"),
        ("POST DELETE", "/api/org"),
        ("POST DELETE", "/api/user"),
        ("GET PUT", "/api/user/using/1"),
        ("PUT PATCH DELETE", "/api/orgs"),
        ("POST PATCH", "/api/orgs/1"),
        ("GET POST PUT", "/api/orgs/1/users/1"),
        ("POST PUT PATCH DELETE", "/api/users"),
        ("GET PUT", "/api/admin/users"),
        ("GET PUT", "/api/admin/users/1/disable"),
    ] {
        for method in methods.split(' ') {
            let answer = admin.raw(&format!("{method} {path}"), &[], b"").await;
            check_not_found(&answer, &format!("{method} {path}"));
        }
    }
    for path in ["/api/datasources", "/api/datasources/proxy/uid/u/x", "/nowhere"] {
        let answer = admin.raw(&format!("TRACE {path}"), &[], b"").await;
        assert_eq!((answer.status.as_u16(), &*answer.cause()), (405, "method"), "{path}");
    }
    let answer = admin.raw(&format!("CONNECT {}", app.address()), &[], b"").await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (405, "method"));
}

#[tokio::test]
async fn p19_a_method_is_overridden_by_nobody() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let source = harness::build::with(harness::build::plain("u", ""), json!({ "uid": "u" }));
    admin.create(&source).await;
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let request = admin.request(Method::GET, "/api/datasources/uid/u?_method=DELETE");
        assert_eq!(admin.send(request.header(name, "DELETE")).await.json()["name"], "u");
    }
    assert_eq!(admin.get("/api/datasources/uid/u").await.status, 200);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let app = TestApp::start().await;
    let answer = app.as_admin().raw("HEAD /api/datasources", &[], b"").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-length")), (200, "2"));
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn h31_every_answer_is_to_be_taken_at_its_word() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for (request, status) in [
        ("GET /api/health", 200),
        ("GET /api/datasources", 200),
        ("GET /api/datasources/uid/none", 404),
        ("GET /nowhere", 404),
        ("TRACE /api/org", 405),
        ("GET /api/datasources/abc", 400),
        ("GET /api/datasources/proxy/uid/none/x", 404),
    ] {
        let answer = admin.raw(request, &[], b"").await;
        let found = (answer.status.as_u16(), answer.header("x-content-type-options"));
        assert_eq!(found, (status, "nosniff"), "{request}");
        for absent in ["access-control-allow-origin", "server", "set-cookie", "www-authenticate"] {
            assert!(!answer.headers.contains_key(absent), "{request}: {absent}");
        }
    }
}
