//! Users as who administers the server sees and changes them (Grafana's `/api/users` and `/api/admin`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::app::PASSWORD;
use harness::{Answer, Client, TestApp};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sourcegate_core::OrgId;

#[track_caller]
pub(super) fn check(answer: &Answer, status: u16, message: &str) {
    assert_eq!(
        (answer.status.as_u16(), &*answer.message()),
        (status, message),
        "{}",
        answer.text()
    );
}

pub(super) fn user(login: &str) -> Value {
    json!({ "login": login, "password": PASSWORD })
}

/// Makes a user; gives his number.
pub(super) async fn make(admin: &Client, body: &Value) -> u64 {
    let made = admin.post("/api/admin/users", body).await;
    check(&made, 200, "User created");
    made.json()["id"].as_u64().unwrap()
}

pub(super) async fn logins(admin: &Client, query: &str) -> Vec<String> {
    let listed = admin.get(&format!("/api/users{query}")).await.json();
    listed.as_array().unwrap().iter().map(|one| one["login"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_user_is_made_found_changed_and_deleted() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    // grafana-backup sends the whole saved user.
    let body = json!({ "id": 77, "name": "Ada L.", "email": " Ada@Example.org ", "login": "ada", "password": PASSWORD, "OrgId": null, "isAdmin": true });
    let made = admin.post("/api/admin/users", &body).await;
    let id = made.json()["id"].as_u64().unwrap();
    assert_eq!(
        made.json(),
        json!({ "id": id, "uid": format!("user:{id}"), "message": "User created" })
    );
    let read = admin.get(&format!("/api/users/{id}")).await;
    assert_json_snapshot!(read.json(), { ".id" => "[id]", ".uid" => "[uid]", ".createdAt" => "[time]", ".updatedAt" => "[time]" }, @r#"
    {
      "authLabels": [],
      "avatarUrl": "",
      "createdAt": "[time]",
      "email": "Ada@Example.org",
      "id": "[id]",
      "isDisabled": false,
      "isExternal": false,
      "isExternallySynced": false,
      "isGrafanaAdmin": false,
      "isGrafanaAdminExternallySynced": false,
      "isProvisioned": false,
      "login": "ada",
      "name": "Ada L.",
      "orgId": 1,
      "theme": "",
      "uid": "[uid]",
      "updatedAt": "[time]"
    }
    "#);
    for same in
        ["lookup?loginOrEmail=ADA", "lookup?loginOrEmail=ada%40example.org", &format!("user:{id}")]
    {
        assert_eq!(admin.get(&format!("/api/users/{same}")).await.text(), read.text(), "{same}");
    }
    assert_eq!(
        admin.get(&format!("/api/users/{id}/orgs")).await.json(),
        json!([{ "orgId": 1, "name": "Main Org.", "role": "Viewer" }])
    );
    assert_eq!(admin.get(&format!("/api/users/{id}/teams")).await.text(), "[]");
    let listed = admin.get("/api/users?query=EXAMPLE").await.json();
    assert_json_snapshot!(listed, { "[].id" => "[id]", "[].uid" => "[uid]" }, @r#"
    [
      {
        "authLabels": [],
        "avatarUrl": "",
        "email": "Ada@Example.org",
        "id": "[id]",
        "isAdmin": false,
        "isDisabled": false,
        "isProvisioned": false,
        "lastSeenAt": "0001-01-01T00:00:00Z",
        "lastSeenAtAge": "",
        "login": "ada",
        "name": "Ada L.",
        "uid": "[uid]"
      }
    ]
    "#);
}

#[tokio::test]
async fn a_user_is_called_otherwise_and_goes() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let body = json!({ "login": "ada", "email": "ada@example.org", "password": PASSWORD });
    let id = make(&admin, &body).await;
    let ada = Client::basic(app.address(), "ada", PASSWORD);
    assert_eq!(ada.get("/api/user").await.status, 200);
    // The whole body of a play of Ansible's.
    let change = json!({ "name": "Ada", "email": "ada@x", "login": "lovelace", "password": "x", "OrgId": 1, "theme": "" });
    check(&admin.put(&format!("/api/users/{id}"), &change).await, 200, "User updated");
    assert_eq!(ada.get("/api/user").await.status, 401);
    let lovelace = Client::basic(app.address(), "lovelace", PASSWORD);
    assert_eq!(lovelace.get("/api/user").await.json()["name"], "Ada");
    check(&admin.get("/api/users/lookup?loginOrEmail=ada").await, 404, "user not found");
    check(&admin.delete(&format!("/api/admin/users/{id}")).await, 200, "User deleted");
    check(&admin.delete(&format!("/api/admin/users/{id}")).await, 404, "user not found");
    assert_eq!(lovelace.get("/api/user").await.status, 401);
    assert_eq!(logins(&admin, "").await, ["admin"]);
    assert_eq!(admin.get("/api/org/users").await.json().as_array().unwrap().len(), 1);
    // Login and email are free again, the number is not.
    assert!(make(&admin, &body).await > id);
}

#[tokio::test]
async fn a_new_user_is_in_one_organisation() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    app.create_org("Second").await;
    for (number, (org, expected)) in [
        (json!({}), 1),
        (json!({ "OrgId": 0 }), 1),
        (json!({ "orgId": 2 }), 2),
        (json!({ "OrgId": 2 }), 2),
    ]
    .into_iter()
    .enumerate()
    {
        let id = make(&admin, &harness::build::with(user(&format!("u{number}")), org)).await;
        assert_eq!(admin.get(&format!("/api/users/{id}/orgs")).await.json()[0]["orgId"], expected);
        assert_eq!(admin.get(&format!("/api/users/{id}")).await.json()["orgId"], expected);
    }
    for org in [json!(3), json!(-1), json!(2_147_483_648_u64), json!(9_223_372_036_854_775_807_u64)]
    {
        let body = harness::build::with(user("x"), json!({ "OrgId": org }));
        check(&admin.post("/api/admin/users", &body).await, 400, "organization not found");
    }
    let body = harness::build::with(user("x"), json!({ "OrgId": 9_223_372_036_854_775_808_u64 }));
    check(&admin.post("/api/admin/users", &body).await, 400, "bad request data");
    check(&admin.get("/api/users/lookup?loginOrEmail=x").await, 404, "user not found");
}

#[tokio::test]
async fn a_login_and_an_email_are_one_user_s() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let with_email =
        |login: &str, email: &str| json!({ "login": login, "email": email, "password": PASSWORD });
    let ada = make(&admin, &with_email("ada", "ada@x")).await;
    let bob = make(&admin, &json!({ "email": "bob@x", "password": PASSWORD })).await;
    assert_eq!(admin.get(&format!("/api/users/{bob}")).await.json()["login"], "bob@x");
    for (login, email) in [
        ("ADA", "new@x"),
        ("new", "ADA@x"),
        ("ada@x", "new@x"),
        ("new", "ada"),
        ("bob@x", ""),
        ("new", "BOB@x"),
        ("admin", ""),
    ] {
        let answer = admin.post("/api/admin/users", &with_email(login, email)).await;
        let email = if email.is_empty() { login } else { email };
        check(
            &answer,
            412,
            &format!("User with email '{email}' or username '{login}' already exists"),
        );
        if login != "admin" {
            let answer =
                admin.put(&format!("/api/users/{ada}"), &json!({ "login": "BOB@x" })).await;
            check(&answer, 409, "Update would result in user login conflict");
        }
    }
    let conflict = "Update would result in user login conflict";
    check(
        &admin
            .put(&format!("/api/users/{ada}"), &json!({ "login": "ada", "email": "bob@x" }))
            .await,
        409,
        conflict,
    );
    // His own he may take over, both ways and in another case.
    for change in [
        json!({ "login": "ada@x" }),
        json!({ "login": "ada@x", "email": "ada@y" }),
        json!({ "login": "ada@y" }),
        json!({ "login": "Ada", "email": "Ada@Y" }),
        json!({ "login": "ada", "email": "ada" }),
    ] {
        check(&admin.put(&format!("/api/users/{ada}"), &change).await, 200, "User updated");
    }
    let shown = admin.get(&format!("/api/users/{ada}")).await.json();
    assert_eq!((&shown["login"], &shown["email"]), (&json!("ada"), &json!("ada")));
    for freed in ["ada@x", "ada@y"] {
        make(&admin, &user(freed)).await;
    }
}

#[tokio::test]
async fn the_list_is_sought_and_paged_until_it_is_empty() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    for login in ["dave", "Bob", "carol"] {
        make(&admin, &user(login)).await;
    }
    assert_eq!(logins(&admin, "").await, ["admin", "Bob", "carol", "dave"]);
    assert_eq!(logins(&admin, "?page=0&perpage=2").await, ["admin", "Bob"]);
    for perpage in 1..=5 {
        let mut all = Vec::new();
        for page in 1.. {
            let some = logins(&admin, &format!("?perpage={perpage}&page={page}")).await;
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        assert_eq!(all, ["admin", "Bob", "carol", "dave"]);
    }
    let page = admin.get("/api/users/search?perpage=2&page=2&query=a").await.json();
    let told = json!([
        page["totalCount"],
        page["page"],
        page["perPage"],
        page["users"].as_array().unwrap().len()
    ]);
    assert_eq!(told, json!([3, 2, 2, 1]));
    assert!(
        logins(&admin, "?page=18446744073709551615&perpage=18446744073709551615").await.is_empty()
    );
    let stats = admin.get("/api/admin/stats").await.json();
    assert_eq!(json!([stats["orgs"], stats["users"], stats["admins"]]), json!([1, 4, 1]));
}

#[tokio::test]
async fn fields_are_judged_and_nothing_is_written() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let bob = make(&admin, &user("bob")).await;
    let before = admin.get("/api/users").await.text();
    let long = "é".repeat(191);
    for (fields, message) in [
        (json!({ "login": "", "email": "" }), "Need to specify either username or email"),
        (json!({ "login": " ", "email": null }), "Need to specify either username or email"),
        (json!({ "login": "a:b" }), "login must have no colon: `Basic` ends it there"),
        (json!({ "login": "API_KEY" }), "login must not be api_key, which stands for a token"),
        (json!({ "login": "a\u{7}b" }), "login has a control character"),
        (json!({ "login": &long }), "login has 191 characters; at most 190 are saved"),
        (json!({ "email": &long }), "email has 191 characters; at most 190 are saved"),
        (json!({ "name": &long }), "name has 191 characters; at most 190 are saved"),
        (json!({ "email": "a\nb" }), "email has a control character"),
        (json!({ "login": 1 }), "bad request data"),
        (json!({ "email": {} }), "bad request data"),
        (json!({ "name": [] }), "bad request data"),
    ] {
        let body = harness::build::with(user("x"), fields);
        check(&admin.post("/api/admin/users", &body).await, 400, message);
        check(&admin.put(&format!("/api/users/{bob}"), &body).await, 400, message);
    }
    for (password, message) in [
        (json!("abc"), "New password is too short"),
        (json!(""), "New password is too short"),
        (json!(null), "New password is too short"),
        (json!("x".repeat(1_025)), "password has 1025 bytes; at most 1024 are saved"),
        (json!(12345), "bad request data"),
    ] {
        let body = harness::build::with(user("x"), json!({ "password": password }));
        let answer = admin.post("/api/admin/users", &body).await;
        check(&answer, 400, message);
        assert!(!answer.text().contains("12345"));
        let path = format!("/api/admin/users/{bob}/password");
        check(&admin.put(&path, &json!({ "password": password })).await, 400, message);
    }
    check(
        &admin
            .put(
                &format!("/api/admin/users/{bob}/permissions"),
                &json!({ "isGrafanaAdmin": "yes" }),
            )
            .await,
        400,
        "bad request data",
    );
    assert_eq!(admin.get("/api/users").await.text(), before);
    assert_eq!(Client::basic(app.address(), "bob", PASSWORD).get("/api/user").await.status, 200);
    let longest = "é".repeat(190);
    make(&admin, &user(&longest)).await;
    assert_eq!(Client::basic(app.address(), &longest, PASSWORD).get("/api/user").await.status, 200);
}

#[tokio::test]
async fn whom_nobody_is_is_404_on_every_route() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let change = json!({ "login": "x", "password": "long enough", "isGrafanaAdmin": true });
    for user in [
        "9999",
        "0",
        "-1",
        "abc",
        "user:9999",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "1.0",
        "%00",
    ] {
        let one = format!("/api/users/{user}");
        for path in [one.clone(), format!("{one}/orgs"), format!("{one}/teams")] {
            check(&admin.get(&path).await, 404, "user not found");
        }
        check(&admin.put(&one, &change).await, 404, "user not found");
        let one = format!("/api/admin/users/{user}");
        check(&admin.delete(&one).await, 404, "user not found");
        for path in ["password", "permissions"] {
            check(&admin.put(&format!("{one}/{path}"), &change).await, 404, "user not found");
        }
        for path in ["disable", "enable"] {
            check(
                &admin.send_text(Method::POST, &format!("{one}/{path}"), "").await,
                404,
                "user not found",
            );
        }
    }
    for query in [
        "",
        "?loginOrEmail=",
        "?loginOrEmail=x",
        "?login=admin",
        &format!("?loginOrEmail={}", "x".repeat(5_000)),
    ] {
        check(&admin.get(&format!("/api/users/lookup{query}")).await, 404, "user not found");
    }
}

#[tokio::test]
async fn users_are_of_no_use_to_organisations_that_are_gone() {
    let app = TestApp::start().await;
    let second = app.create_org("Second").await;
    let bob = app.create_user("bob", second, "Admin").await;
    let admin = app.as_admin_user();
    let joining = json!({ "loginOrEmail": "bob", "role": "Viewer" });
    assert_eq!(admin.post("/api/orgs/1/users", &joining).await.status, 200);
    assert_eq!(bob.get("/api/org").await.json()["id"], 2);
    let token = app.as_role_in(OrgId::new(2).unwrap(), auth::Role::Admin).await;
    assert_eq!(token.get("/api/org").await.status, 200);
    check(&admin.delete("/api/orgs/2").await, 200, "Organization deleted");
    assert_eq!(bob.get("/api/org").await.json()["id"], 1, "he falls to another of his");
    assert_eq!(bob.get("/api/user/orgs").await.json().as_array().unwrap().len(), 1);
    check(&token.get("/api/org").await, 401, "Invalid API key");
}
