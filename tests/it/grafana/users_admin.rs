//! What who administers the server does to users: passwords, who is shut out, who administers the server.

use auth::Role;
use futures_util::future::join_all;
use harness::app::PASSWORD;
use harness::{Client, TestApp};
use http::Method;
use serde_json::{Value, json};

use super::permissions::{account, create};
use super::users::{check, logins, make, user};

#[tokio::test]
async fn a_password_set_for_somebody_works_at_once_and_the_old_one_does_not() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let bob = make(&admin, &user("bob")).await;
    let as_bob = |password: &str| Client::basic(app.address(), "bob", password);
    assert_eq!(as_bob(PASSWORD).get("/api/datasources").await.status, 200);
    // What Terraform draws: bytes that were no text.
    let drawn = "\u{fffd}\u{1}\u{7f}:é".repeat(16);
    let path = format!("/api/admin/users/{bob}/password");
    check(&admin.put(&path, &json!({ "password": drawn })).await, 200, "User password updated");
    assert_eq!(as_bob(&drawn).get("/api/datasources").await.status, 200);
    for path in ["/api/datasources", "/api/datasources/proxy/uid/u/x"] {
        check(&as_bob(PASSWORD).get(path).await, 401, "Invalid username or password");
    }
}

#[tokio::test]
async fn who_is_shut_out_stays_out_until_he_is_let_in() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let bob = make(&admin, &user("bob")).await;
    let himself = Client::basic(app.address(), "bob", PASSWORD);
    assert_eq!(himself.get("/api/user").await.status, 200);
    let switch = async |what: &str| {
        admin.send_text(Method::POST, &format!("/api/admin/users/{bob}/{what}"), "").await
    };
    check(&switch("disable").await, 200, "User disabled");
    check(&switch("disable").await, 200, "User disabled");
    for path in ["/api/user", "/api/datasources", "/api/datasources/proxy/uid/u/x"] {
        check(&himself.get(path).await, 401, "Invalid username or password");
    }
    assert_eq!(admin.get(&format!("/api/users/{bob}")).await.json()["isDisabled"], true);
    assert_eq!(admin.get("/api/users?query=bob").await.json()[0]["isDisabled"], true);
    check(&switch("enable").await, 200, "User enabled");
    assert_eq!(himself.get("/api/user").await.status, 200);
}

#[tokio::test]
async fn the_last_administrator_of_the_server_stays() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let root = admin.get("/api/user").await.json()["id"].as_u64().unwrap();
    let last = "cannot remove last grafana admin";
    let permit = async |caller: &Client, id: u64, body: Value| {
        caller.put(&format!("/api/admin/users/{id}/permissions"), &body).await
    };
    check(&permit(&admin, root, json!({ "isGrafanaAdmin": false })).await, 400, last);
    check(
        &admin.send_text(Method::POST, &format!("/api/admin/users/{root}/disable"), "").await,
        400,
        last,
    );
    check(&admin.delete(&format!("/api/admin/users/{root}")).await, 400, last);
    let bob = make(&admin, &user("bob")).await;
    let himself = Client::basic(app.address(), "bob", PASSWORD);
    assert_eq!(himself.get("/api/users").await.status, 403);
    check(
        &permit(&admin, bob, json!({ "isGrafanaAdmin": true })).await,
        200,
        "User permissions updated",
    );
    assert_eq!(himself.get("/api/users").await.status, 200);
    // Go's client leaves out what is false.
    check(&permit(&himself, root, json!({})).await, 200, "User permissions updated");
    check(&permit(&himself, bob, json!({})).await, 400, last);
    assert_eq!(admin.get("/api/users").await.status, 403);
    check(
        &permit(&himself, root, json!({ "isGrafanaAdmin": true })).await,
        200,
        "User permissions updated",
    );
    // Of two who take it from each other at once, one is too late.
    let takes =
        join_all([permit(&himself, root, json!({})), permit(&himself, bob, json!({}))]).await;
    let statuses: Vec<_> = takes.iter().map(|answer| answer.status.as_u16()).collect();
    assert!(
        statuses.contains(&200) && statuses.iter().any(|status| [400, 403].contains(status)),
        "{statuses:?}"
    );
    let users = app.store().users().await.unwrap();
    assert_eq!(users.iter().filter(|user| user.is_server_admin).count(), 1);
}

#[tokio::test]
async fn who_administers_the_server_keeps_it_in_no_organisation() {
    let app = TestApp::start().await;
    let root = app.as_admin_user();
    let bob = make(&root, &user("bob")).await;
    let number = root.get("/api/user").await.json()["id"].as_u64().unwrap();
    let role = json!({ "role": "Admin" });
    assert_eq!(root.patch(&format!("/api/org/users/{bob}"), &role).await.status, 200);
    // An organisation's administrator puts out the server's.
    let himself = Client::basic(app.address(), "bob", PASSWORD);
    let put_out = himself.delete(&format!("/api/org/users/{number}")).await;
    check(&put_out, 200, "User removed from organization");
    let users = root.get("/api/users").await.json();
    assert_eq!(users.as_array().map(Vec::len), Some(2), "{users}");
    assert_eq!(root.get("/api/users?targetOrgId=1").await.status, 401);
    // He lets himself in again.
    let joining = json!({ "loginOrEmail": "admin", "role": "Viewer" });
    check(&root.post("/api/orgs/1/users", &joining).await, 200, "User added to organization");
    assert_eq!(root.get("/api/users?targetOrgId=1").await.status, 200);
}

#[tokio::test]
async fn who_administers_the_server_reaches_nothing_of_an_organisation_that_he_is_not_in() {
    let app = TestApp::start().await;
    let root = app.as_admin_user();
    let bob = make(&root, &user("bob")).await;
    let number = root.get("/api/user").await.json()["id"].as_u64().unwrap();
    let admin = app.as_admin();
    create(&app, "u").await;
    let account = account(&app, Role::Admin).await.1;
    let account = format!("/api/serviceaccounts/{account}");
    let tokens = format!("{account}/tokens");
    // It is given to him by name, and he was the organisation's administrator.
    let given = json!({ "permission": "Admin" });
    let permissions = "/api/access-control/datasources/u";
    let to = format!("{permissions}/users/{number}");
    assert_eq!(admin.post(&to, &given).await.status, 200);
    assert_eq!(root.delete(&format!("/api/org/users/{number}")).await.status, 400);
    let role = json!({ "role": "Admin" });
    assert_eq!(root.patch(&format!("/api/org/users/{bob}"), &role).await.status, 200);
    assert_eq!(root.get(&account).await.status, 200);
    assert_eq!(root.delete(&format!("/api/org/users/{number}")).await.status, 200);
    let shut = [
        "/api/datasources",
        "/api/datasources/uid/u",
        "/api/datasources/proxy/uid/u/",
        "/api/datasources/correlations",
        permissions,
        "/api/serviceaccounts/search",
        &account,
        &tokens,
        "/api/auth/keys",
    ];
    for path in shut {
        assert_eq!(root.get(path).await.status, 403, "{path}");
    }
    let named = json!({ "name": "x" });
    for path in ["/api/datasources", "/api/serviceaccounts", &tokens] {
        assert_eq!(root.post(path, &named).await.status, 403, "{path}");
    }
    // What names no organisation means none: not the one that he was in, nor the first.
    let me = root.get("/api/user").await.json();
    assert_eq!((&me["orgId"], root.get("/api/user/orgs").await.json()), (&json!(0), json!([])));
    assert_eq!(root.get("/api/org").await.status, 404);
    assert_eq!(root.put("/api/org", &named).await.status, 404);
    assert_eq!(root.get("/api/org/users").await.status, 404);
    let joining = json!({ "loginOrEmail": "admin", "role": "Viewer" });
    assert_eq!(root.post("/api/org/users", &joining).await.status, 404);
    // What names one, he runs, whichever it is.
    assert_eq!(root.get("/api/orgs/1").await.json()["name"], "Main Org.");
    let made = root.post("/api/orgs", &named).await.json()["orgId"].as_u64().unwrap();
    let other = json!({ "loginOrEmail": "bob", "role": "Admin" });
    let members = format!("/api/orgs/{made}/users");
    check(&root.post(&members, &other).await, 200, "User added to organization");
    assert_eq!(root.delete(&format!("{members}/{number}")).await.status, 200);
    check(&root.delete(&format!("/api/orgs/{made}")).await, 200, "Organization deleted");
    // A member who may see nothing is no more in it: its accounts would open what is shut to him.
    check(&root.post("/api/orgs/1/users", &joining).await, 200, "User added to organization");
    assert_eq!(root.get("/api/serviceaccounts/search").await.status, 403);
    assert_eq!(root.get("/api/datasources/uid/u").await.status, 200);
    assert_eq!(root.delete("/api/datasources/uid/u").await.status, 403);
}

#[tokio::test]
async fn d04_a14_of_30_users_of_one_login_one_is_made() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let bodies: Vec<_> = (0..15)
        .map(|n| json!({ "login": "One", "email": format!("e{n}@x"), "password": PASSWORD }))
        .collect();
    let answers = join_all(bodies.iter().map(|body| admin.post("/api/admin/users", body))).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(made, 1, "{answers:?}");
    assert!(answers.iter().all(|answer| [200, 412, 429].contains(&answer.status.as_u16())));
    let bodies: Vec<_> = (0..15)
        .map(|n| json!({ "login": format!("l{n}"), "email": "one@x", "password": PASSWORD }))
        .collect();
    let answers = join_all(bodies.iter().map(|body| admin.post("/api/admin/users", body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(logins(&admin, "").await.len(), 3);
}
