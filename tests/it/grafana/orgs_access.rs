//! Who may do what with organisations and users, and what others learn of them: nothing (bad input classes A and P).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use auth::Role;
use harness::{Answer, Client, TestApp};
use http::Method;
use serde_json::{Value, json};
use sourcegate_core::OrgId;

/// Every route that names an organisation, with a body that would do.
fn routes(org: &str, user: &str) -> Vec<(Method, String, Value)> {
    let org = format!("/api/orgs/{org}");
    let (member, role) = (format!("{org}/users/{user}"), json!({ "role": "Admin" }));
    vec![
        (Method::GET, org.clone(), json!({})),
        (Method::PUT, org.clone(), json!({ "name": "stolen" })),
        (Method::DELETE, org.clone(), json!({})),
        (Method::GET, format!("{org}/users"), json!({})),
        (Method::GET, format!("{org}/users/search"), json!({})),
        (Method::POST, format!("{org}/users"), json!({ "loginOrEmail": "ann", "role": "Admin" })),
        (Method::PATCH, member.clone(), role),
        (Method::DELETE, member, json!({})),
    ]
}

/// Every route of the server's administrators, with a body that would do.
fn server_routes(user: &str) -> Vec<(Method, String, Value)> {
    let (one, admin) = (format!("/api/users/{user}"), format!("/api/admin/users/{user}"));
    let none = json!({});
    vec![
        (Method::GET, "/api/orgs".to_owned(), none.clone()),
        (Method::POST, "/api/orgs".to_owned(), json!({ "name": "n" })),
        (Method::GET, "/api/orgs/name/Main%20Org.".to_owned(), none.clone()),
        (Method::GET, "/api/users".to_owned(), none.clone()),
        (Method::GET, "/api/users/search".to_owned(), none.clone()),
        (Method::GET, "/api/users/lookup?loginOrEmail=admin".to_owned(), none.clone()),
        (Method::GET, one.clone(), none.clone()),
        (Method::PUT, one.clone(), json!({ "login": "stolen" })),
        (Method::GET, format!("{one}/orgs"), none.clone()),
        (Method::GET, format!("{one}/teams"), none.clone()),
        (Method::POST, format!("{one}/using/1"), none.clone()),
        (Method::GET, "/api/admin/stats".to_owned(), none.clone()),
        (
            Method::POST,
            "/api/admin/users".to_owned(),
            json!({ "login": "n", "password": "secret" }),
        ),
        (Method::DELETE, admin.clone(), none.clone()),
        (Method::PUT, format!("{admin}/password"), json!({ "password": "stolen" })),
        (Method::PUT, format!("{admin}/permissions"), json!({ "isGrafanaAdmin": true })),
        (Method::POST, format!("{admin}/disable"), none.clone()),
        (Method::POST, format!("{admin}/enable"), none),
    ]
}

async fn ask(client: &Client, (method, path, body): &(Method, String, Value)) -> Answer {
    let request = client.request(method.clone(), path);
    client.send(if method == Method::GET { request } else { request.json(body) }).await
}

/// An answer without what differs by design: the number for support, and that of the trace.
#[track_caller]
fn told(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    for name in ["accessErrorId", "traceID"] {
        assert!(body.as_object_mut().unwrap().remove(name).is_some(), "{body}");
    }
    (answer.status.as_u16(), body)
}

#[tokio::test]
async fn a08_a09_another_organisation_is_as_absent_as_one_that_never_was() {
    let app = TestApp::start().await;
    let (second, third) = (app.create_org("Second").await, app.create_org("Third").await);
    let ann = app.create_user("ann", second, "Admin").await;
    let bob = app.create_user("bob", third, "Admin").await;
    let bob_id = bob.get("/api/user").await.json()["id"].to_string();
    let token = app.as_role_in(second, Role::Admin).await;
    let admin = app.as_admin_user();
    let before = (admin.get("/api/orgs").await.text(), admin.get("/api/orgs/3/users").await.text());
    for caller in [&ann, &token] {
        let never = routes("77", "9999");
        for org in ["3", "1", "0", "-1", "x", "2147483648", "9223372036854775808", "%00", "2%20"] {
            for (theirs, never) in routes(org, &bob_id).iter().zip(&never) {
                let (theirs, never) = (ask(caller, theirs).await, ask(caller, never).await);
                assert_eq!(told(&theirs), told(&never), "{org}");
                assert_eq!(theirs.status, 403);
            }
        }
        // Of a user of others nothing is told within one's own either.
        for (method, body) in
            [(Method::PATCH, json!({ "role": "None" })), (Method::DELETE, json!({}))]
        {
            let ask_for = async |user: &str| {
                let answer =
                    ask(caller, &(method.clone(), format!("/api/org/users/{user}"), body.clone()))
                        .await;
                (answer.status.as_u16(), answer.message())
            };
            assert_eq!(ask_for(&bob_id).await, ask_for("9999").await);
            assert_eq!(ask_for(&bob_id).await, (404, "User not found".to_owned()));
        }
    }
    assert_eq!(
        (admin.get("/api/orgs").await.text(), admin.get("/api/orgs/3/users").await.text()),
        before
    );
}

#[tokio::test]
async fn only_who_administers_the_server_runs_it() {
    let app = TestApp::start().await;
    let bob = app.create_user("bob", OrgId::MAIN, "Admin").await;
    let bob_id = bob.get("/api/user").await.json()["id"].to_string();
    let admin = app.as_admin_user();
    let before = (admin.get("/api/orgs").await.text(), admin.get("/api/users").await.text());
    for caller in [bob, app.as_admin(), app.as_viewer().await] {
        for (theirs, never) in server_routes(&bob_id).iter().zip(&server_routes("9999")) {
            let (theirs, never) = (ask(&caller, theirs).await, ask(&caller, never).await);
            assert_eq!(theirs.status, 403, "{}", theirs.text());
            assert_eq!(told(&theirs), told(&never));
        }
        for (route, bad) in server_routes("x").iter().map(|route| (route, "not json")) {
            let answer = caller.send_text(route.0.clone(), &route.1, bad).await;
            assert_eq!(answer.status, 403, "rights come before ids and bodies: {route:?}");
        }
    }
    let stranger = app.anonymous();
    for route in server_routes("1").iter().chain(&routes("1", "1")) {
        assert_eq!(ask(&stranger, route).await.status, 401, "{route:?}");
    }
    assert_eq!((admin.get("/api/orgs").await.text(), admin.get("/api/users").await.text()), before);
}

#[tokio::test]
async fn t56_a_refusal_names_the_permission_that_is_missing() {
    let app = TestApp::start().await;
    let viewer = app.as_viewer().await;
    for (method, path, action) in [
        (Method::POST, "/api/orgs", "orgs:create"),
        (Method::GET, "/api/orgs", "orgs:read"),
        (Method::PUT, "/api/org", "orgs:write"),
        (Method::DELETE, "/api/orgs/9", "orgs:delete"),
        (Method::GET, "/api/org/users", "org.users:read"),
        (Method::POST, "/api/org/users", "org.users:add"),
        (Method::PATCH, "/api/org/users/1", "org.users:write"),
        (Method::DELETE, "/api/org/users/1", "org.users:remove"),
        (Method::GET, "/api/users", "users:read"),
        (Method::PUT, "/api/users/1", "users:write"),
        (Method::POST, "/api/admin/users", "users:create"),
        (Method::DELETE, "/api/admin/users/1", "users:delete"),
        (Method::PUT, "/api/admin/users/1/password", "users.password:write"),
    ] {
        let answer = viewer.send_text(method, path, "{}").await;
        let message = format!(
            "You'll need additional permissions to perform this action. Permissions needed: {action}"
        );
        assert_eq!((answer.status.as_u16(), answer.message()), (403, message), "{path}");
    }
}

#[tokio::test]
async fn t57_t58_a08_data_sources_of_one_s_organisations_stay_apart() {
    let app = TestApp::start().await;
    let second = app.create_org("Second").await;
    let ann = app.create_user("ann", second, "Admin").await;
    let admin = app.as_admin_user();
    let joining = json!({ "loginOrEmail": "ann", "role": "Viewer" });
    assert_eq!(admin.post("/api/orgs/1/users", &joining).await.status, 200);
    let source = |name: &str| {
        harness::build::with(harness::build::plain(name, "http://h"), json!({ "uid": "u" }))
    };
    let in_org = |method: Method, org: &str, path: &str| {
        ann.request(method, path).header("x-grafana-org-id", org)
    };
    app.as_admin().create(&source("first")).await;
    ann.create(&source("second")).await;
    let path = "/api/datasources/uid/u";
    for (org, query, name) in [
        ("1", "", "first"),
        ("2", "", "second"),
        ("1", "?targetOrgId=2", "second"),
        ("2", "?targetOrgId=1", "first"),
    ] {
        let read = ann.send(in_org(Method::GET, org, &format!("{path}{query}"))).await;
        assert_eq!(read.json()["name"], name, "{org} {query}");
    }
    // An administrator there is a viewer here.
    assert_eq!(ann.send(in_org(Method::DELETE, "1", path)).await.status, 403);
    assert_eq!(ann.send(in_org(Method::GET, "3", path)).await.status, 401);
    let token = app.as_role_in(second, Role::Admin).await;
    let answer =
        token.send(token.request(Method::GET, "/api/org").header("x-grafana-org-id", "1")).await;
    assert_eq!(answer.json()["messageId"], "api-key.organization-mismatch");
}
