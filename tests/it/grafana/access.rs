//! What a caller may do, and what he may learn of what he may not (contract 0.3, 6.2; bad input classes A and P).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use auth::Role;
use harness::{Answer, Client, TestApp, build};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sourcegate_core::OrgId;

const PATH: &str = "/api/datasources";
const ONE: &str = "/api/datasources/uid/a";

/// The data source `a`, with a name.
fn source(name: &str) -> Value {
    build::with(build::plain(name, "http://h"), json!({ "uid": "a" }))
}

#[track_caller]
pub(super) fn check_lacks(answer: &Answer, action: &str) {
    let body = answer.json();
    let message = format!(
        "You'll need additional permissions to perform this action. Permissions needed: {action}"
    );
    assert_eq!((answer.status.as_u16(), &body["title"]), (403, &json!("Access denied")), "{body}");
    assert_eq!(body["message"], message);
    let number = body["accessErrorId"].as_str().and_then(|id| id.strip_prefix("ACE")).unwrap();
    assert!(number.len() == 10 && number.bytes().all(|b| b.is_ascii_digit()), "{number}");
}

#[tokio::test]
async fn t56_p29_only_administrators_write() {
    let app = TestApp::start().await;
    app.as_admin().create(&source("a")).await;
    let before = app.as_admin().get(PATH).await.text();
    for role in [Role::Viewer, Role::Editor] {
        let caller = app.as_role(role).await;
        for path in [PATH, ONE, "/api/datasources/1"] {
            assert_eq!(caller.get(path).await.status, 200, "{role:?} {path}");
        }
        let body = source("b");
        check_lacks(&caller.post(PATH, &body).await, "datasources:create");
        check_lacks(&caller.put(ONE, &body).await, "datasources:write");
        check_lacks(&caller.delete(ONE).await, "datasources:delete");
        // Rights are decided before ids and bodies are read.
        check_lacks(&caller.send_text(Method::POST, PATH, "not json").await, "datasources:create");
        check_lacks(
            &caller.send_text(Method::PUT, "/api/datasources/uid/none", "[").await,
            "datasources:write",
        );
        check_lacks(&caller.delete("/api/datasources/uid/none").await, "datasources:delete");
    }
    assert_eq!(app.as_admin().get(PATH).await.text(), before);
    let refused = app.as_viewer().await.post(PATH, &source("b")).await;
    assert_json_snapshot!(refused.json(), { ".traceID" => "[trace]", ".accessErrorId" => "[number]" }, @r#"
    {
      "accessErrorId": "[number]",
      "message": "You'll need additional permissions to perform this action. Permissions needed: datasources:create",
      "title": "Access denied",
      "traceID": "[trace]"
    }
    "#);
}

#[tokio::test]
async fn a_role_without_rights_learns_nothing() {
    let app = TestApp::start().await;
    app.as_admin().create(&source("a")).await;
    let nobody = app.as_role(Role::None).await;
    for path in [
        PATH,
        ONE,
        "/api/datasources/uid/none",
        "/api/datasources/uid/a%2Fb",
        "/api/datasources/1",
        "/api/datasources/999",
        "/api/datasources/abc",
        "/api/datasources/0",
    ] {
        check_lacks(&nobody.get(path).await, "datasources:read");
    }
    for path in ["/api/datasources/proxy/uid/a/x", "/api/datasources/proxy/uid/none/x"] {
        let answer = nobody.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.message()),
            (403, "Access denied to datasource")
        );
    }
    // Who one is is no right.
    assert_eq!(nobody.get("/api/user").await.status, 200);
}

#[tokio::test]
async fn t52_t56_401_goes_before_403_and_403_before_400() {
    let app = TestApp::start().await;
    let (stranger, viewer, admin) = (app.anonymous(), app.as_viewer().await, app.as_admin());
    let check = async |method: &str, path: &str, statuses: [u16; 3]| {
        for (caller, status) in [&stranger, &viewer, &admin].into_iter().zip(statuses) {
            let lines = ["content-type: text/plain", "content-length: 1"];
            let answer = caller.raw(&format!("{method} {path}"), &lines, b"{").await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        }
    };
    check("POST", PATH, [401, 403, 415]).await;
    check("PUT", ONE, [401, 403, 415]).await;
    check("DELETE", ONE, [401, 403, 404]).await;
    check("GET", ONE, [401, 404, 404]).await;
    check("GET", "/api/datasources/abc", [401, 400, 400]).await;
    check("GET", "/api/datasources/0", [401, 400, 400]).await;
    check("GET", "/api/datasources/proxy/abc/x", [401, 400, 400]).await;
    check("POST", "/api/user/using/abc", [401, 400, 400]).await;
}

#[tokio::test]
async fn t26_t27_t28_p25_ids_are_plain_positive_integers() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source("a")).await;
    let invalid = "id is invalid";
    for (id, status, message) in [
        ("abc", 400, invalid),
        ("9223372036854775808", 400, invalid),
        ("-1", 400, invalid),
        ("1e3", 400, invalid),
        ("01", 400, invalid),
        ("1.0", 400, invalid),
        ("%EF%BC%91", 400, invalid),
        ("1%20", 400, invalid),
        ("1%2F", 400, invalid),
        ("uid", 400, invalid),
        ("uid/", 400, invalid),
        ("name", 400, invalid),
        ("0", 400, "Datasource id is missing"),
        ("999", 404, "Data source not found"),
        ("9223372036854775807", 404, "Data source not found"),
        ("uid/none", 404, "Data source not found"),
        ("uid/1", 404, "Data source not found"),
        ("uid/%2e%2e", 404, "Data source not found"),
        ("uid/%00", 404, "Data source not found"),
        ("uid/%c0%ae", 400, "bad path: Invalid UTF-8 in `uid`"),
        ("%c0%ae", 400, "bad path: Invalid UTF-8 in `id`"),
    ] {
        let answer = admin.raw(&format!("GET /api/datasources/{id}"), &[], b"").await;
        assert_eq!((answer.status.as_u16(), &*answer.message()), (status, message), "{id}");
    }
    assert_eq!(admin.raw("GET /api/datasources/%31", &[], b"").await.json()["name"], "a");
    let answer = admin.get("/api/datasources/uid/none").await;
    assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "message": "Data source not found",
      "traceID": "[trace]"
    }
    "#);
}

#[tokio::test]
async fn t60_a08_a09_another_organisations_data_sources_are_absent() {
    let app = TestApp::start().await;
    let org = app.create_org("Second Org.").await;
    let (first, second) = (app.as_admin(), app.as_role_in(org, Role::Admin).await);
    let secret = json!({ "secureJsonData": { "password": "canary" } });
    first.create(&build::with(source("a"), secret.clone())).await;
    assert_eq!(second.get(PATH).await.text(), "[]");
    for path in [ONE, "/api/datasources/1"] {
        let (theirs, never) =
            (second.get(path).await, second.get("/api/datasources/uid/never").await);
        assert_eq!((theirs.status.as_u16(), theirs.message()), (404, never.message()), "{path}");
    }
    assert_eq!(second.put(ONE, &source("stolen")).await.status, 404);
    assert_eq!(second.delete(ONE).await.status, 404);
    for path in ["/api/datasources/proxy/uid/a/x", "/api/datasources/proxy/1/x"] {
        let answer = second.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.message()),
            (404, "Unable to find datasource")
        );
    }
    // The same uid, name and number are free there, and each is its organisation's default.
    let own = second.create(&build::with(source("a"), json!({ "database": "second" }))).await;
    assert_eq!(
        json!([own["id"], own["orgId"], own["isDefault"], own["secureJsonFields"]]),
        json!([1, 2, true, {}])
    );
    second.put(ONE, &build::with(source("renamed"), secret)).await;
    assert_eq!(second.get(PATH).await.json()[0]["name"], "renamed");
    let theirs = first.get(ONE).await.json();
    assert_eq!(
        json!([theirs["name"], theirs["orgId"], theirs["isDefault"]]),
        json!(["a", 1, true])
    );
    assert_eq!(second.delete(ONE).await.status, 200);
    assert_eq!(first.get(PATH).await.json().as_array().unwrap().len(), 1);
    assert_eq!(second.get("/api/org").await.json()["name"], "Second Org.");
}

#[tokio::test]
async fn t57_t58_the_organisation_of_a_request() {
    let app = TestApp::start().await;
    let org = app.create_org("Second Org.").await;
    let (token, other) = (app.as_admin(), app.as_role_in(org, Role::Admin).await);
    let ask = async |client: &Client, path: &str, header: Option<&str>| {
        let request = client.request(Method::GET, path);
        let request = match header {
            Some(org) => request.header("x-grafana-org-id", org),
            None => request,
        };
        client.send(request).await
    };
    for (path, header) in [
        ("/api/org", Some("2")),
        ("/api/org?targetOrgId=2", None),
        ("/api/org?targetOrgId=2", Some("1")),
    ] {
        let answer = ask(&token, path, header).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["messageId"]),
            (401, &json!("api-key.organization-mismatch"))
        );
        assert_eq!(answer.message(), "API key does not belong to the requested organization");
    }
    for (path, header) in [
        ("/api/org", Some("1")),
        ("/api/org", Some("x")),
        ("/api/org?targetOrgId=x", None),
        ("/api/org?targetOrgId=1", Some("2")),
    ] {
        assert_eq!(ask(&token, path, header).await.json()["id"], 1, "{path} {header:?}");
    }
    assert_eq!(ask(&other, "/api/org", None).await.json()["id"], 2);
    let (root, user) = (app.as_admin_user(), app.create_user("bob", OrgId::MAIN, "Admin").await);
    assert_eq!(ask(&user, "/api/org", Some("2")).await.status, 401);
    assert_eq!(ask(&user, "/api/org", Some("3")).await.status, 401);
    let joining = json!({ "loginOrEmail": "bob", "role": "Viewer" });
    assert_eq!(root.post("/api/orgs/2/users", &joining).await.status, 200);
    for (path, header, org) in [
        ("/api/org", None, 1),
        ("/api/org", Some("2"), 2),
        ("/api/org?targetOrgId=2", None, 2),
        ("/api/org?targetOrgId=1", Some("2"), 1),
    ] {
        assert_eq!(ask(&user, path, header).await.json()["id"], org, "{path} {header:?}");
    }
    // The role is that of the organisation.
    let request =
        user.request(Method::POST, PATH).header("x-grafana-org-id", "2").json(&source("a"));
    check_lacks(&user.send(request).await, "datasources:create");
    assert_eq!(user.post(PATH, &source("a")).await.status, 200);
}
