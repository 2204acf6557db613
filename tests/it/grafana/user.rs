//! Oneself: who one is, where, what one is called and one's own password (Grafana's `/api/user`).

use auth::Role;
use harness::app::PASSWORD;
use harness::{Answer, Client, TestApp};
use http::Method;
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};
use sourcegate_core::OrgId;

#[track_caller]
fn check(answer: &Answer, status: u16, message: &str) {
    assert_eq!(
        (answer.status.as_u16(), &*answer.message()),
        (status, message),
        "{}",
        answer.text()
    );
}

async fn use_org(client: &Client, org: impl std::fmt::Display) -> Answer {
    client.send_text(Method::POST, &format!("/api/user/using/{org}"), "").await
}

async fn org_of(client: &Client) -> Value {
    client.get("/api/org").await.json()["id"].clone()
}

#[tokio::test]
async fn a_caller_is_told_who_and_where_he_is() {
    let app = TestApp::start().await;
    assert_snapshot!(app.as_role(Role::None).await.get("/api/org").await.text(), @r#"{"id":1,"name":"Main Org.","address":{"address1":"","address2":"","city":"","zipCode":"","state":"","country":""}}"#);
    let admin = app.as_admin_user().get("/api/user").await;
    assert_json_snapshot!(admin.json(), { ".createdAt" => "[time]", ".updatedAt" => "[time]" }, @r#"
    {
      "authLabels": [],
      "avatarUrl": "",
      "createdAt": "[time]",
      "email": "",
      "id": 2,
      "isDisabled": false,
      "isExternal": false,
      "isExternallySynced": false,
      "isGrafanaAdmin": true,
      "isGrafanaAdminExternallySynced": false,
      "isProvisioned": false,
      "login": "admin",
      "name": "admin",
      "orgId": 1,
      "theme": "",
      "uid": "user:2",
      "updatedAt": "[time]"
    }
    "#);
    let account = app.as_role(Role::Editor).await.get("/api/user").await.json();
    assert_json_snapshot!(json!([account["id"], account["login"], account["name"], account["orgId"]]), @r#"
    [
      0,
      "sa-1-editor-4",
      "editor-4",
      1
    ]
    "#);
    assert!(account["uid"].as_str().unwrap().starts_with("service-account:"));
    let bob = app.create_user("Bob", OrgId::MAIN, "Viewer").await;
    let shown = bob.get("/api/user").await.json();
    let told = json!([shown["login"], shown["email"], shown["name"], shown["isGrafanaAdmin"]]);
    assert_eq!(told, json!(["Bob", "Bob", "", false]));
}

#[tokio::test]
async fn what_is_about_users_is_not_for_programs() {
    let app = TestApp::start().await;
    let token = app.as_admin();
    for (method, path) in [
        (Method::PUT, "/api/user"),
        (Method::GET, "/api/user/orgs"),
        (Method::GET, "/api/user/teams"),
        (Method::PUT, "/api/user/password"),
    ] {
        let answer = token.send_text(method, path, "{}").await;
        check(&answer, 403, "Endpoint only available for users");
        assert_eq!(
            app.anonymous().get(path).await.status,
            if path == "/api/user/password" { 404 } else { 401 }
        );
    }
}

#[tokio::test]
async fn a_token_is_in_its_own_organisation_for_ever() {
    let app = TestApp::start().await;
    app.create_org("Second").await;
    let token = app.as_role(Role::None).await;
    check(&use_org(&token, 1).await, 200, "Active organization changed");
    check(&use_org(&token, 2).await, 401, "Not a valid organization");
    assert_eq!(org_of(&token).await, 1);
}

#[tokio::test]
async fn a_user_switches_among_his_organisations_for_all_his_requests() {
    let app = TestApp::start().await;
    let (second, third) = (app.create_org("Second").await, app.create_org("Third").await);
    let admin = app.as_admin_user();
    let bob = app.create_user("bob", second, "Editor").await;
    let joining = json!({ "loginOrEmail": "bob", "role": "Admin" });
    assert_eq!(admin.post("/api/orgs/1/users", &joining).await.status, 200);
    assert_eq!(org_of(&bob).await, 2);
    check(&use_org(&bob, 1).await, 200, "Active organization changed");
    assert_eq!(
        (org_of(&bob).await, bob.get("/api/user").await.json()["orgId"].clone()),
        (json!(1), json!(1))
    );
    // A request that names one is about that one, and changes nothing.
    let named = bob.request(Method::GET, "/api/org").header("x-grafana-org-id", "2");
    assert_eq!(bob.send(named).await.json()["name"], "Second");
    assert_eq!(org_of(&bob).await, 1);
    for (org, status, message) in [
        (third.to_string().as_str(), 401, "Not a valid organization"),
        ("99", 401, "Not a valid organization"),
        ("0", 401, "Not a valid organization"),
        ("-1", 401, "Not a valid organization"),
        ("9223372036854775807", 401, "Not a valid organization"),
        ("9223372036854775808", 400, "id is invalid"),
        ("x", 400, "id is invalid"),
        ("%31%2F", 400, "id is invalid"),
    ] {
        check(&use_org(&bob, org).await, status, message);
    }
    assert_eq!(org_of(&bob).await, 1);
    // Who administers the server switches others, to their own organisations.
    let id = bob.get("/api/user").await.json()["id"].clone();
    let switch = async |org: &str| {
        admin.send_text(Method::POST, &format!("/api/users/{id}/using/{org}"), "").await
    };
    check(&switch("2").await, 200, "Active organization changed");
    assert_eq!(org_of(&bob).await, 2);
    check(&switch("3").await, 401, "Not a valid organization");
    check(&switch("acme").await, 400, "orgId is invalid");
    let nobody = admin.send_text(Method::POST, "/api/users/9999/using/1", "").await;
    check(&nobody, 401, "Not a valid organization");
    assert_eq!(app.anonymous().send_text(Method::POST, "/api/user/using/1", "").await.status, 401);
}

#[tokio::test]
async fn a_user_sees_his_organisations_in_the_order_of_their_names() {
    let app = TestApp::start().await;
    app.create_org("Zoo").await;
    app.create_org("Aviary").await;
    let listed = app.as_admin_user().get("/api/user/orgs").await;
    assert_snapshot!(listed.text(), @r#"[{"orgId":3,"name":"Aviary","role":"Admin"},{"orgId":1,"name":"Main Org.","role":"Admin"},{"orgId":2,"name":"Zoo","role":"Admin"}]"#);
    assert_eq!(app.as_admin_user().get("/api/user/teams").await.text(), "[]");
}

#[tokio::test]
async fn a_user_changes_what_he_is_called_and_where_nothing_came_it_stays() {
    let app = TestApp::start().await;
    let bob = app.create_user("bob", OrgId::MAIN, "Viewer").await;
    let put = async |client: &Client, body: Value| client.put("/api/user", &body).await;
    check(
        &put(&bob, json!({ "login": "bob", "name": "Bob B.", "email": "b@example.org" })).await,
        200,
        "User updated",
    );
    check(
        &put(
            &bob,
            json!({ "email": " b2@example.org ", "login": "", "name": "", "theme": "dark" }),
        )
        .await,
        200,
        "User updated",
    );
    // Without a login the email is it, as in Grafana.
    assert_eq!(bob.get("/api/user").await.status, 401);
    let bob = Client::basic(app.address(), "b2@example.org", PASSWORD);
    let shown = bob.get("/api/user").await.json();
    assert_eq!(
        json!([shown["login"], shown["email"], shown["name"]]),
        json!(["b2@example.org", "b2@example.org", "Bob B."])
    );
    for nameless in [json!({}), json!({ "name": "x" }), json!({ "login": " ", "email": null })] {
        let answer = put(&bob, nameless).await;
        check(&answer, 400, "Need to specify either username or email");
        assert_eq!(answer.json()["messageId"], "user.empty-username-and-email");
    }
    check(
        &put(&bob, json!({ "login": "ADMIN" })).await,
        409,
        "Update would result in user login conflict",
    );
}

#[tokio::test]
async fn a_changed_password_ends_the_old_one_at_once() {
    let app = TestApp::start().await;
    let bob = app.create_user("bob", OrgId::MAIN, "Viewer").await;
    assert_eq!(bob.get("/api/datasources").await.status, 200);
    let put = async |body: Value| bob.put("/api/user/password", &body).await;
    check(
        &put(json!({ "oldPassword": "wrong", "newPassword": "new one" })).await,
        400,
        "Invalid old password",
    );
    check(&put(json!({ "newPassword": "new one" })).await, 400, "Invalid old password");
    for short in [
        json!({ "oldPassword": PASSWORD, "newPassword": "abc" }),
        json!({ "oldPassword": PASSWORD }),
        json!({}),
    ] {
        let answer = put(short).await;
        check(&answer, 400, "New password is too short");
        assert_eq!(answer.json()["messageId"], "password.password-policy-too-short");
    }
    let long = "x".repeat(1_025);
    check(
        &put(json!({ "oldPassword": PASSWORD, "newPassword": long })).await,
        400,
        "newPassword has 1025 bytes; at most 1024 are saved",
    );
    let differing =
        json!({ "oldPassword": PASSWORD, "newPassword": "new one", "confirmNew": "new on" });
    check(&put(differing).await, 400, "confirmNew must be the same as newPassword, or be left out");
    check(&put(json!({ "oldPassword": 1 })).await, 400, "bad request data");
    assert_eq!(bob.get("/api/user").await.status, 200, "nothing was written");
    let right =
        json!({ "oldPassword": PASSWORD, "newPassword": "new one", "confirmNew": "new one" });
    check(&put(right).await, 200, "User password changed");
    for path in ["/api/user", "/api/datasources", "/api/datasources/proxy/uid/u/x"] {
        check(&bob.get(path).await, 401, "Invalid username or password");
    }
    assert_eq!(Client::basic(app.address(), "bob", "new one").get("/api/user").await.status, 200);
}

#[tokio::test]
async fn a_user_logs_in_by_his_email_too() {
    let app = TestApp::start().await;
    app.create_user("bob", OrgId::MAIN, "Viewer").await;
    let as_bob = |login: &str| Client::basic(app.address(), login, PASSWORD);
    let change = json!({ "login": "bob", "email": "Bob@Example.org" });
    check(&as_bob("bob").put("/api/user", &change).await, 200, "User updated");
    for login in ["bob", "bob@example.org", "BOB@example.ORG"] {
        let shown = as_bob(login).get("/api/user").await;
        assert_eq!(
            (shown.status.as_u16(), &shown.json()["login"]),
            (200, &json!("bob")),
            "{login}"
        );
    }
    for (login, password) in [
        ("bob@example.org", "wrong"),
        ("bob@example.com", PASSWORD),
        ("@", PASSWORD),
        (&"@".repeat(5_000), PASSWORD),
    ] {
        let client = Client::basic(app.address(), login, password);
        check(&client.get("/api/user").await, 401, "Invalid username or password");
    }
    // One read by the login, one more by the email: as many for one that nobody has.
    let reads = async |login: &str| {
        let before = app.calls().of("BatchGetItem");
        as_bob(login).get("/api/datasources/uid/none").await;
        app.calls().of("BatchGetItem") - before
    };
    let (by_login, by_email, by_none) =
        (reads("bob").await, reads("bob@example.org").await, reads("x@example.org").await);
    assert_eq!((by_email, by_none), (by_login + 1, 2));
    check(
        &as_bob("bob").put("/api/user", &json!({ "login": "bob", "email": "b2@x" })).await,
        200,
        "User updated",
    );
    assert_eq!(as_bob("bob@example.org").get("/api/user").await.status, 401);
    assert_eq!(as_bob("b2@x").get("/api/user").await.status, 200);
}
