//! Who belongs to an organisation and as what (Grafana's `/api/orgs/{id}/users` and `/api/org/users`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use auth::Role;
use futures_util::future::join_all;
use harness::{Answer, Client, TestApp};
use insta::assert_json_snapshot;
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

fn joining(who: &str, role: &str) -> Value {
    json!({ "loginOrEmail": who, "role": role })
}

fn role(role: &str) -> Value {
    json!({ "role": role })
}

/// Lists who is in an organisation, with his role.
async fn members(client: &Client, path: &str) -> Vec<(String, String)> {
    let listed = client.get(path).await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let listed = listed.json();
    listed.as_array().unwrap().iter().map(|one| (text(one, "login"), text(one, "role"))).collect()
}

/// The number of a user.
async fn id(app: &TestApp, login: &str) -> Value {
    let path = format!("/api/users/lookup?loginOrEmail={login}");
    app.as_admin_user().get(&path).await.json()["id"].clone()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(login, role)| ((*login).to_owned(), (*role).to_owned())).collect()
}

#[tokio::test]
async fn members_come_change_and_go() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    app.create_org("Second").await;
    let bob = app.create_user("Bob", OrgId::MAIN, "Viewer").await;
    let users = "/api/orgs/2/users";
    assert_eq!(members(&admin, users).await, pairs(&[("admin", "Admin")]), "the maker");
    let added = admin.post(users, &joining("BOB", "editor")).await;
    check(&added, 200, "User added to organization");
    let bob_id = id(&app, "bob").await;
    assert_eq!(added.json()["userId"], bob_id);
    let again = admin.post(users, &joining("bob", "Viewer")).await;
    check(&again, 409, "User is already member of this organization");
    assert_eq!(again.json()["userId"], bob_id);
    assert_eq!(members(&admin, users).await, pairs(&[("admin", "Admin"), ("Bob", "Editor")]));
    let listed = admin.get(users).await.json();
    assert_json_snapshot!(listed[1], { ".created" => "[time]", ".updated" => "[time]" }, @r#"
    {
      "authLabels": [],
      "avatarUrl": "",
      "created": "[time]",
      "email": "Bob",
      "isDisabled": false,
      "isExternallySynced": false,
      "isProvisioned": false,
      "lastSeenAt": "0001-01-01T00:00:00Z",
      "lastSeenAtAge": "",
      "login": "Bob",
      "name": "",
      "orgId": 2,
      "role": "Editor",
      "uid": "user:3",
      "updated": "[time]",
      "userId": 3
    }
    "#);
    let one = format!("{users}/{bob_id}");
    for (given, shown) in [("None", "None"), ("viewer", "Viewer"), ("ADMIN", "Admin")] {
        check(&admin.patch(&one, &role(given)).await, 200, "Organization user updated");
        assert_eq!(members(&admin, users).await[1].1, shown);
    }
    // He is what he is in each of them.
    let named = bob.request(http::Method::GET, "/api/org/users").header("x-grafana-org-id", "2");
    assert_eq!(bob.send(named).await.status, 200);
    assert_eq!(bob.get("/api/org/users").await.status, 403);
    check(&admin.delete(&one).await, 200, "User removed from organization");
    check(&admin.delete(&one).await, 404, "User not found");
    check(&admin.patch(&one, &role("Viewer")).await, 404, "User not found");
    assert_eq!(members(&admin, users).await, pairs(&[("admin", "Admin")]));
    let named = bob.request(http::Method::GET, "/api/org").header("x-grafana-org-id", "2");
    assert_eq!(bob.send(named).await.status, 401);
    assert_eq!(bob.get("/api/org").await.status, 200);
}

#[tokio::test]
async fn an_organisation_s_administrator_does_the_same_in_his_own() {
    let app = TestApp::start().await;
    app.create_org("Second").await;
    let ann = app.create_user("ann", OrgId::new(2).unwrap(), "Admin").await;
    app.create_user("bob", OrgId::MAIN, "Viewer").await;
    for users in ["/api/org/users", "/api/orgs/2/users"] {
        check(&ann.post(users, &joining("bob", "Viewer")).await, 200, "User added to organization");
        let all = pairs(&[("admin", "Admin"), ("ann", "Admin"), ("bob", "Viewer")]);
        assert_eq!(members(&ann, users).await, all);
        let one = format!("{users}/{}", id(&app, "bob").await);
        check(&ann.patch(&one, &role("Editor")).await, 200, "Organization user updated");
        check(&ann.delete(&one).await, 200, "User removed from organization");
    }
    // He stays a user, also of no organisation at all: only who runs the server deletes him.
    let admin = app.as_admin_user();
    let bob = id(&app, "bob").await;
    check(
        &admin.delete(&format!("/api/org/users/{bob}")).await,
        200,
        "User removed from organization",
    );
    assert_eq!(admin.get(&format!("/api/users/{bob}")).await.json()["login"], "bob");
    assert_eq!(admin.get(&format!("/api/users/{bob}/orgs")).await.text(), "[]");
    let bob_himself = Client::basic(app.address(), "bob", harness::app::PASSWORD);
    check(&bob_himself.get("/api/user").await, 401, "Unauthorized");
    check(
        &ann.post("/api/org/users", &joining("bob", "Viewer")).await,
        200,
        "User added to organization",
    );
    assert_eq!(bob_himself.get("/api/user").await.json()["orgId"], 2);
}

#[tokio::test]
async fn members_are_sought_and_paged() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    for login in ["carol", "Bob", "dave"] {
        app.create_user(login, OrgId::MAIN, "Viewer").await;
    }
    let logins = async |path: &str| -> Vec<String> {
        let all = members(&admin, path).await;
        all.into_iter().map(|(login, _)| login).collect()
    };
    assert_eq!(logins("/api/org/users").await, ["admin", "Bob", "carol", "dave"]);
    assert_eq!(logins("/api/org/users?query=A").await, ["admin", "carol", "dave"]);
    assert_eq!(logins("/api/orgs/1/users?limit=2").await, ["admin", "Bob"]);
    for users in ["/api/org/users", "/api/orgs/1/users"] {
        let page = admin.get(&format!("{users}/search?perpage=3&page=2&query=")).await.json();
        let told = json!([
            page["totalCount"],
            page["page"],
            page["perPage"],
            page["orgUsers"][0]["login"]
        ]);
        assert_eq!(told, json!([4, 2, 3, "dave"]));
        let page = admin.get(&format!("{users}/search?query=o")).await.json();
        assert_eq!((&page["totalCount"], &page["perPage"]), (&json!(2), &json!(1000)));
    }
    let named = admin.get("/api/org/users/lookup?query=bob&limit=0").await.json();
    assert_eq!(
        named,
        json!([{ "uid": named[0]["uid"], "userId": id(&app, "bob").await, "login": "Bob", "avatarUrl": "" }])
    );
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    app.create_org("Second").await;
    let one = format!("/api/orgs/2/users/{}", id(&app, "admin").await);
    let less = "Cannot change role so that there is no organization admin left";
    check(&admin.patch(&one, &role("Viewer")).await, 400, less);
    check(&admin.delete(&one).await, 400, "Cannot remove last organization admin");
    check(&admin.patch(&one, &role("Admin")).await, 200, "Organization user updated");
    app.create_user("ann", OrgId::new(2).unwrap(), "Editor").await;
    check(&admin.patch(&one, &role("Viewer")).await, 400, less);
    let ann = format!("/api/orgs/2/users/{}", id(&app, "ann").await);
    check(&admin.patch(&ann, &role("Admin")).await, 200, "Organization user updated");
    // One who is shut out administers nothing.
    let shut_out = format!("/api/admin/users/{}", id(&app, "ann").await);
    let disabled = admin.post(&format!("{shut_out}/disable"), &json!({})).await;
    assert_eq!(disabled.status, 200, "{}", disabled.text());
    check(&admin.patch(&one, &role("Viewer")).await, 400, less);
    check(&admin.delete(&one).await, 400, "Cannot remove last organization admin");
    assert_eq!(admin.post(&format!("{shut_out}/enable"), &json!({})).await.status, 200);
    check(&admin.patch(&one, &role("Viewer")).await, 200, "Organization user updated");
    check(&admin.delete(&ann).await, 400, "Cannot remove last organization admin");
    // Nobody is missed who could not come.
    assert_eq!(admin.post(&format!("{shut_out}/disable"), &json!({})).await.status, 200);
    check(&admin.patch(&ann, &role("Editor")).await, 200, "Organization user updated");
    check(&admin.patch(&ann, &role("Admin")).await, 200, "Organization user updated");
    assert_eq!(admin.post(&format!("{shut_out}/enable"), &json!({})).await.status, 200);
    check(&admin.delete(&one).await, 200, "User removed from organization");
}

#[tokio::test]
async fn a14_administrators_who_put_each_other_out_leave_one() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    app.create_org("Second").await;
    for number in 0..5 {
        app.create_user(&format!("u{number}"), OrgId::new(2).unwrap(), "Admin").await;
    }
    let listed = admin.get("/api/orgs/2/users").await.json();
    let paths: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("/api/orgs/2/users/{}", one["userId"]))
        .collect();
    let outs = join_all(paths.iter().enumerate().map(|(at, path)| {
        let admin = &admin;
        async move {
            match at % 2 {
                0 => admin.delete(path).await,
                _ => admin.patch(path, &role("Viewer")).await,
            }
        }
    }));
    let answers = outs.await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((paths.len(), done), (6, 5), "{answers:?}");
    let left = members(&admin, "/api/orgs/2/users").await;
    assert_eq!(left.iter().filter(|(_, role)| role == "Admin").count(), 1, "{left:?}");
}

#[tokio::test]
async fn what_is_no_member_no_role_or_no_user_is_refused() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    app.create_user("bob", OrgId::MAIN, "Viewer").await;
    app.create_org("Second").await;
    for (body, status, message, detail) in [
        (json!({}), 400, "bad request data", "required value LoginOrEmail must not be empty"),
        (
            json!({ "loginOrEmail": "", "role": "Viewer" }),
            400,
            "bad request data",
            "required value LoginOrEmail must not be empty",
        ),
        (
            json!({ "loginOrEmail": "bob" }),
            400,
            "bad request data",
            "required value Role must not be empty",
        ),
        (
            joining("bob", "root"),
            400,
            "Invalid role specified",
            "role must be None, Viewer, Editor or Admin",
        ),
        (
            json!({ "loginOrEmail": 1, "role": "Viewer" }),
            400,
            "bad request data",
            "expected a string",
        ),
        (json!({ "loginOrEmail": "bob", "role": 1 }), 400, "bad request data", "expected a string"),
        (joining("nobody", "Viewer"), 404, "User not found", ""),
        (joining(&"x".repeat(5_000), "Viewer"), 404, "User not found", ""),
    ] {
        for users in ["/api/orgs/2/users", "/api/org/users"] {
            let answer = admin.post(users, &body).await;
            check(&answer, status, message);
            assert!(
                answer.json()["detail"].as_str().unwrap_or_default().starts_with(detail),
                "{}",
                answer.text()
            );
        }
    }
    assert_eq!(members(&admin, "/api/orgs/2/users").await.len(), 1, "nothing was written");
}

#[tokio::test]
async fn numbers_of_members_are_judged_as_those_of_users() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    app.create_user("bob", OrgId::MAIN, "Viewer").await;
    app.create_org("Second").await;
    for (user, status, message) in [
        ("abc", 400, "userId is invalid"),
        ("9223372036854775808", 400, "userId is invalid"),
        ("-1", 404, "User not found"),
        ("0", 404, "User not found"),
        ("9999", 404, "User not found"),
        ("9223372036854775807", 404, "User not found"),
    ] {
        for users in ["/api/orgs/2/users", "/api/org/users"] {
            check(&admin.patch(&format!("{users}/{user}"), &role("Viewer")).await, status, message);
            check(&admin.delete(&format!("{users}/{user}")).await, status, message);
        }
    }
    let bob = format!("/api/orgs/2/users/{}", id(&app, "bob").await);
    check(&admin.patch(&bob, &role("root")).await, 400, "Invalid role specified");
    check(&admin.patch(&bob, &json!({})).await, 400, "bad request data");
    check(
        &admin.post("/api/orgs/99/users", &joining("bob", "Viewer")).await,
        404,
        "Organization not found",
    );
    assert_eq!(members(&admin, "/api/orgs/2/users").await.len(), 1, "nothing was written");
}

#[tokio::test]
async fn a_token_of_an_administrator_runs_its_organisation_s_members() {
    let app = TestApp::start().await;
    app.create_user("bob", OrgId::MAIN, "Viewer").await;
    let token = app.as_admin();
    let bob = format!("/api/org/users/{}", id(&app, "bob").await);
    check(&token.patch(&bob, &role("Editor")).await, 200, "Organization user updated");
    check(&token.delete(&bob).await, 200, "User removed from organization");
    for role in [Role::Editor, Role::Viewer, Role::None] {
        let less = app.as_role(role).await;
        for path in [
            "/api/org/users",
            "/api/org/users/lookup",
            "/api/org/users/search",
            "/api/orgs/1/users",
        ] {
            assert_eq!(less.get(path).await.status, 403, "{role} {path}");
        }
        assert_eq!(less.post("/api/org/users", &joining("bob", "Viewer")).await.status, 403);
        assert_eq!(less.delete(&bob).await.status, 403);
    }
}
