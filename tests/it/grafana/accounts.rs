//! Service accounts (contract 6.3): made, found, listed, changed, deleted.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use auth::Role;
use harness::{Answer, Client, TestApp};
use http::Method;
use insta::assert_json_snapshot;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sourcegate_core::OrgId;
use store::{Admin, Rights};

use crate::store::items::{ACCESS, Items, text};

pub(super) const PATH: &str = "/api/serviceaccounts";

/// Makes a service account; gives its number.
pub(super) async fn account(client: &Client, name: &str, role: &str) -> u64 {
    let made = client.post(PATH, &json!({ "name": name, "role": role })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_u64().unwrap()
}

/// Makes a token as a body asks for it; gives the answer.
pub(super) async fn token(client: &Client, account: u64, body: &Value) -> Answer {
    client.post(&format!("{PATH}/{account}/tokens"), body).await
}

/// Makes a token; gives who uses it.
pub(super) async fn with_token(
    app: &TestApp,
    client: &Client,
    account: u64,
    body: &Value,
) -> Client {
    let made = token(client, account, body).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let key = made.json()["key"].as_str().unwrap().to_owned();
    Client::new(app.address(), Some(format!("Bearer {key}")))
}

pub(super) async fn patch(client: &Client, account: u64, body: &Value) -> Answer {
    let path = format!("{PATH}/{account}");
    client.send(client.request(Method::PATCH, &path).json(body)).await
}

/// What an answer says, without what differs in every answer.
pub(super) fn said(answer: &Answer) -> Value {
    let mut body = answer.json();
    for name in ["traceID", "accessErrorId"] {
        if body.get(name).is_some() {
            body[name] = json!("…");
        }
    }
    json!({ "status": answer.status.as_u16(), "body": body })
}

#[track_caller]
pub(super) fn is_refused(answer: &Answer, status: u16, message_id: &str, message: &str) {
    let body = answer.json();
    let told = (answer.status.as_u16(), body["messageId"].as_str(), body["message"].as_str());
    assert_eq!(told, (status, Some(message_id), Some(message)), "{body}");
    assert_eq!(body["statusCode"], status);
}

/// A second organisation with the key of the first, and its administrator.
async fn second_organisation(app: &TestApp) -> Client {
    let items = Items::of(app);
    for key in [("ORG#1", "META"), ("KEY#1", "current")] {
        let mut item = items.get(ACCESS, key).await;
        item.insert("pk".to_owned(), text(key.0.replace('1', "2")));
        items.put(ACCESS, item).await;
    }
    let org = OrgId::new(2).unwrap();
    let made = Admin::new(app.store().clone()).create_token(org, Role::Admin).await.unwrap();
    Client::new(app.address(), Some(format!("Bearer {}", made.text.expose_secret())))
}

#[tokio::test]
async fn a_service_account_lives_its_whole_life() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let made = admin.post(PATH, &json!({ "name": "My CI", "role": "Editor" })).await;
    let listed = r#"{"id":3,"uid":"sa3","name":"My CI","login":"sa-1-my-ci","orgId":1,"isDisabled":false,"role":"Editor","tokens":0,"avatarUrl":""}"#;
    assert_eq!((made.status.as_u16(), &*made.text()), (201, listed));
    let path = format!("{PATH}/3");
    assert_json_snapshot!(admin.get(&path).await.json(), { ".createdAt" => "[time]", ".updatedAt" => "[time]" }, @r#"
    {
      "avatarUrl": "",
      "createdAt": "[time]",
      "id": 3,
      "isDisabled": false,
      "login": "sa-1-my-ci",
      "name": "My CI",
      "orgId": 1,
      "role": "Editor",
      "teams": [],
      "tokens": 0,
      "uid": "sa3",
      "updatedAt": "[time]"
    }
    "#);
    let changed = patch(&admin, 3, &json!({ "role": "None", "isDisabled": true })).await;
    assert_json_snapshot!(changed.json(), { ".serviceaccount.createdAt" => "[time]", ".serviceaccount.updatedAt" => "[time]" }, @r#"
    {
      "id": 3,
      "message": "Service account updated",
      "name": "My CI",
      "serviceaccount": {
        "avatarUrl": "",
        "createdAt": "[time]",
        "id": 3,
        "isDisabled": true,
        "login": "sa-1-my-ci",
        "name": "My CI",
        "orgId": 1,
        "role": "None",
        "teams": [],
        "tokens": 0,
        "uid": "sa3",
        "updatedAt": "[time]"
      }
    }
    "#);
    let found = admin.get(&format!("{PATH}/search?query=MY+c")).await;
    let listed = listed.replace("false", "true").replace("Editor", "None");
    let page =
        format!(r#"{{"totalCount":1,"serviceAccounts":[{listed}],"page":1,"perPage":1000}}"#);
    assert_eq!(found.text(), page);
}

#[tokio::test]
async fn a_deleted_account_is_as_one_that_never_was() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    assert_eq!(account(&admin, "a", "Viewer").await, 3);
    let path = format!("{PATH}/3");
    let deleted = admin.delete(&path).await;
    assert_eq!(
        (deleted.status.as_u16(), &*deleted.text()),
        (200, r#"{"message":"Service account deleted"}"#)
    );
    for answer in
        [admin.get(&path).await, admin.delete(&path).await, patch(&admin, 3, &json!({})).await]
    {
        is_refused(&answer, 404, "serviceaccounts.ErrNotFound", "service account not found");
    }
    // No token of it is a list without any, as in Grafana.
    assert_eq!(admin.get(&format!("{path}/tokens")).await.json(), json!([]));
    let answer = token(&admin, 3, &json!({ "name": "a" })).await;
    is_refused(&answer, 404, "serviceaccounts.ErrNotFound", "service account not found");
}

#[tokio::test]
async fn names_are_one_where_they_make_one_login() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let (first, _) =
        (account(&admin, "My CI", "Viewer").await, account(&admin, "other", "None").await);
    let taken = |answer: &Answer| {
        is_refused(
            answer,
            400,
            "serviceaccounts.ErrAlreadyExists",
            "service account already exists",
        );
    };
    for name in ["My CI", "my-ci", "MY CI"] {
        taken(&admin.post(PATH, &json!({ "name": name })).await);
        // Its own login does not stand in its way.
        assert_eq!(patch(&admin, first, &json!({ "name": name })).await.status, 200, "{name}");
    }
    taken(&patch(&admin, first, &json!({ "name": "Other", "role": "Admin" })).await);
    assert_eq!(
        admin.get(&format!("{PATH}/{first}")).await.json()["role"],
        "Viewer",
        "nothing half"
    );
    let renamed = patch(&admin, first, &json!({ "name": "next" })).await.json();
    assert_eq!(renamed["serviceaccount"]["login"], "sa-1-next");
    account(&admin, "my ci", "Viewer").await;
    assert_eq!(admin.delete(&format!("{PATH}/{first}")).await.status, 200);
    let again = account(&admin, "Next", "Viewer").await;
    assert!(again > first, "no number is given again");
}

#[tokio::test]
async fn a_role_is_one_of_four_and_not_above_the_callers() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let role = async |body: Value| admin.post(PATH, &body).await.json()["role"].clone();
    assert_eq!(role(json!({ "name": "a" })).await, "Viewer");
    assert_eq!(role(json!({ "name": "b", "role": null, "isDisabled": null })).await, "Viewer");
    assert_eq!(role(json!({ "name": "c", "role": "" })).await, "Viewer");
    assert_eq!(role(json!({ "name": "d", "role": "none" })).await, "None");
    assert_eq!(role(json!({ "name": "e", "role": "ADMIN" })).await, "Admin");
    let id = account(&admin, "f", "Viewer").await;
    for bad in ["Root", "Grafana Admin", " Viewer", "Viewer,Admin"] {
        for answer in [
            admin.post(PATH, &json!({ "name": "g", "role": bad })).await,
            patch(&admin, id, &json!({ "role": bad })).await,
        ] {
            let id = "serviceaccounts.ErrInvalidRoleSpecified";
            is_refused(&answer, 400, id, "invalid role specified");
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(bad) && detail.contains("Editor"), "{detail}");
        }
    }
    // Who administers the server and is no administrator of this organisation gives nobody a role in it.
    let rights = Rights { role: Role::Viewer, is_server_admin: true };
    let password = secrecy::SecretString::from("a password");
    let store = Admin::new(app.store().clone());
    assert!(store.create_user(OrgId::MAIN, "root", &password, rights).await.unwrap());
    let root = Client::basic(app.address(), "root", "a password");
    for (answer, action) in [
        (root.post(PATH, &json!({ "name": "g", "role": "Viewer" })).await, "create"),
        (patch(&root, id, &json!({ "role": "Admin" })).await, "write"),
    ] {
        let message = answer.message();
        assert_eq!(answer.status, 403, "{message}");
        assert!(message.ends_with(&format!("needed: serviceaccounts:{action}")), "{message}");
    }
}

#[tokio::test]
async fn only_administrators_see_and_change_service_accounts() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a", "Viewer").await;
    let made = token(&admin, id, &json!({ "name": "t" })).await.json();
    let routes = |id: &str, token: &str| {
        [
            (Method::POST, PATH.to_owned(), "serviceaccounts:create"),
            (Method::GET, format!("{PATH}/search"), "serviceaccounts:read"),
            (Method::GET, format!("{PATH}/{id}"), "serviceaccounts:read"),
            (Method::PATCH, format!("{PATH}/{id}"), "serviceaccounts:write"),
            (Method::DELETE, format!("{PATH}/{id}"), "serviceaccounts:delete"),
            (Method::GET, format!("{PATH}/{id}/tokens"), "serviceaccounts:read"),
            (Method::POST, format!("{PATH}/{id}/tokens"), "serviceaccounts:write"),
            (Method::DELETE, format!("{PATH}/{id}/tokens/{token}"), "serviceaccounts:write"),
            (Method::GET, "/api/auth/keys".to_owned(), "serviceaccounts:read"),
        ]
    };
    let before = admin.get(&format!("{PATH}/search")).await.text();
    for role in [Role::None, Role::Viewer, Role::Editor] {
        let caller = app.as_role(role).await;
        let (id, token) = (id.to_string(), made["id"].to_string());
        // Rights come before ids and bodies.
        for (id, token) in [(&*id, &*token), ("999", "9"), ("abc", "0")] {
            for (method, path, action) in routes(id, token) {
                let answer = caller.send_text(method.clone(), &path, "not json").await;
                let message = answer.message();
                assert_eq!(answer.status, 403, "{role} {method} {path}: {message}");
                assert!(message.ends_with(&format!("needed: {action}")), "{path}: {message}");
            }
        }
    }
    for (method, path, _) in routes("1", "1") {
        let answer = app.anonymous().send_text(method, &path, "not json").await;
        assert_eq!((answer.status.as_u16(), &*answer.message()), (401, "Unauthorized"), "{path}");
    }
    // Three more were made for the callers above.
    let after = admin.get(&format!("{PATH}/search?query=a")).await.json();
    let before: Value = serde_json::from_str(&before).unwrap();
    let one = |list: &Value| {
        list["serviceAccounts"].as_array().unwrap().iter().find(|one| one["id"] == id).cloned()
    };
    assert!(one(&after).is_some());
    assert_eq!(one(&after), one(&before));
}

#[tokio::test]
async fn a05_a_disabled_account_is_refused_at_once_and_a_deleted_one_too() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a", "Viewer").await;
    let robot = with_token(&app, &admin, id, &json!({ "name": "t" })).await;
    let status = async || robot.get("/api/datasources").await.status.as_u16();
    assert_eq!(status().await, 200);
    for (disabled, expected) in [(true, 401), (false, 200)] {
        patch(&admin, id, &json!({ "isDisabled": disabled })).await;
        assert_eq!(status().await, expected);
    }
    patch(&admin, id, &json!({ "role": "None" })).await;
    assert_eq!(status().await, 403);
    assert_eq!(admin.delete(&format!("{PATH}/{id}")).await.status, 200);
    assert_eq!(robot.get("/api/datasources").await.message(), "Invalid API key");
    let items = Items::of(&app);
    assert_eq!(items.partition(ACCESS, "SATOKEN#1").await.len(), 1, "the first start's alone");
    assert_eq!(items.partition(ACCESS, "TOKENNAME#1").await.len(), 1);
    assert_eq!(items.partition(ACCESS, "SANAME#1").await.len(), 1);
}

#[tokio::test]
async fn a08_another_organisations_service_accounts_are_as_absent() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a", "Viewer").await;
    let number = token(&admin, id, &json!({ "name": "t" })).await.json()["id"].clone();
    let other = second_organisation(&app).await;
    let send = async |method: Method, path: String| {
        let body = json!({ "name": "x", "role": "Admin" });
        other.send(other.request(method, &path).json(&body)).await
    };
    for (method, rest) in [
        (Method::GET, String::new()),
        (Method::PATCH, String::new()),
        (Method::GET, "/tokens".to_owned()),
        (Method::POST, "/tokens".to_owned()),
        (Method::DELETE, format!("/tokens/{number}")),
        (Method::DELETE, String::new()),
    ] {
        let theirs = send(method.clone(), format!("{PATH}/{id}{rest}")).await;
        let absent = send(method.clone(), format!("{PATH}/999999{rest}")).await;
        assert_eq!(said(&theirs), said(&absent), "{method} {rest}");
    }
    let listed = other.get(&format!("{PATH}/search")).await.json();
    assert_eq!(listed["totalCount"], 1, "its own: {listed}");
    // Names are each organisation's own.
    account(&other, "a", "Viewer").await;
    assert_eq!(admin.get(&format!("{PATH}/{id}/tokens")).await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn paths_take_a_slash_at_their_end_and_a_uid_for_a_number() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let made = admin.post(&format!("{PATH}/"), &json!({ "name": "a" })).await;
    assert_eq!(made.status, 201);
    let (id, uid) = (made.json()["id"].clone(), made.json()["uid"].as_str().unwrap().to_owned());
    for path in [format!("{PATH}/{id}/"), format!("{PATH}/{uid}")] {
        assert_eq!(admin.get(&path).await.json()["id"], id, "{path}");
    }
    let shown = admin.get(&format!("{PATH}/{id}?accesscontrol=true")).await.json();
    let expected = json!({
        "serviceaccounts:read": true, "serviceaccounts:write": true, "serviceaccounts:delete": true,
    });
    assert_eq!(shown["accessControl"], expected);
    let user = app.as_admin().get("/api/user").await.json();
    let listed = admin.get(&format!("{PATH}/search?query=admin-1")).await.json();
    assert_eq!(user["login"], listed["serviceAccounts"][0]["login"]);
}
