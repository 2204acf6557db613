//! Who may do what with one data source, as its clients say and see it (contract 1.1 row 24, 1.5).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use auth::{Role, Token};
use harness::{Answer, Client, TestApp, build};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sourcegate_core::OrgId;

pub(super) const PERMISSIONS: &str = "/api/access-control/datasources/a";

/// The path of a data source, or below it.
pub(super) fn path(uid: &str, below: &str) -> String {
    format!("/api/access-control/datasources/{uid}{below}")
}

/// Creates a data source of that name and uid.
pub(super) async fn create(app: &TestApp, uid: &str) -> Value {
    let source = build::with(build::plain(uid, "http://127.0.0.1:9"), json!({ "uid": uid }));
    app.as_admin().create(&source).await
}

/// A service account with a token, and its number.
pub(super) async fn account(app: &TestApp, role: Role) -> (Client, u32) {
    let token = app.token(role).await;
    let id = Token::parse(&token).unwrap().owner().get();
    (Client::new(app.address(), Some(format!("Bearer {token}"))), id)
}

/// A user of the first organisation with a password, and his number.
pub(super) async fn user(app: &TestApp, login: &str, role: Role) -> (Client, i64) {
    let password = "a password of his".to_owned().into();
    let admin = store::Admin::new(app.store().clone());
    assert!(admin.create_user(OrgId::MAIN, login, &password, role.into()).await.unwrap());
    let client = Client::basic(app.address(), login, "a password of his");
    let id = client.get("/api/user").await.json()["id"].as_i64().unwrap();
    (client, id)
}

/// Gives somebody a level.
pub(super) async fn give(app: &TestApp, uid: &str, to: &str, level: &str) -> Answer {
    app.as_admin().post(&path(uid, to), &json!({ "permission": level })).await
}

/// Who was given what, as `7 Edit` or `Viewer Query`.
async fn given(app: &TestApp, uid: &str) -> Vec<String> {
    let all = app.as_admin().get(&path(uid, "")).await.json();
    let one = |one: &Value| {
        let who = one["builtInRole"].as_str().map(ToOwned::to_owned);
        let who = who.unwrap_or_else(|| one["userId"].to_string());
        format!("{who} {}", one["permission"].as_str().unwrap())
    };
    all.as_array().unwrap().iter().map(one).collect()
}

#[track_caller]
fn check(answer: &Answer, message: &str) {
    assert_eq!((answer.status.as_u16(), &*answer.message()), (200, message), "{}", answer.text());
}

#[tokio::test]
async fn what_roles_may_do_is_shown_until_something_else_is_said() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let shown = app.as_admin().get(PERMISSIONS).await;
    assert_json_snapshot!(shown.json(), @r#"
    [
      {
        "actions": [
          "datasources:read",
          "datasources:query",
          "datasources.id:read"
        ],
        "builtInRole": "Viewer",
        "id": 1,
        "isInherited": false,
        "isManaged": true,
        "isServiceAccount": false,
        "permission": "Query",
        "roleName": "managed:builtins:viewer:permissions"
      },
      {
        "actions": [
          "datasources:read",
          "datasources:query",
          "datasources.id:read"
        ],
        "builtInRole": "Editor",
        "id": 2,
        "isInherited": false,
        "isManaged": true,
        "isServiceAccount": false,
        "permission": "Query",
        "roleName": "managed:builtins:editor:permissions"
      },
      {
        "actions": [
          "datasources:read",
          "datasources:query",
          "datasources:write",
          "datasources:delete",
          "datasources.id:read",
          "datasources.permissions:read",
          "datasources.permissions:write"
        ],
        "builtInRole": "Admin",
        "id": 3,
        "isInherited": false,
        "isManaged": false,
        "isServiceAccount": false,
        "permission": "Admin",
        "roleName": "basic:admin"
      }
    ]
    "#);
}

#[tokio::test]
async fn a_permission_is_given_changed_and_taken_away() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let (_, bob) = user(&app, "bob", Role::None).await;
    let (_, robot) = account(&app, Role::None).await;
    check(&give(&app, "a", &format!("/users/{bob}"), "Edit").await, "Permission updated");
    check(&give(&app, "a", &format!("/users/{robot}"), "Query").await, "Permission updated");
    check(&give(&app, "a", "/builtInRoles/Editor", "Admin").await, "Permission updated");
    check(&give(&app, "a", "/builtInRoles/Viewer", "").await, "Permission removed");
    let all = app.as_admin().get(PERMISSIONS).await.json();
    let expected = json!({
        "id": 3 + bob,
        "roleName": format!("managed:users:{bob}:permissions"),
        "isManaged": true,
        "isInherited": false,
        "isServiceAccount": false,
        "userId": bob,
        "userLogin": "bob",
        "actions": [
            "datasources:read", "datasources:query", "datasources:write", "datasources:delete",
            "datasources.id:read",
        ],
        "permission": "Edit",
    });
    assert_eq!(all[1], expected);
    assert_eq!((&all[2]["userId"], &all[2]["isServiceAccount"]), (&json!(robot), &json!(true)));
    assert!(all[2]["userLogin"].is_string(), "{all}");
    let expected = [
        "Editor Admin".to_owned(),
        format!("{bob} Edit"),
        format!("{robot} Query"),
        "Admin Admin".to_owned(),
    ];
    assert_eq!(given(&app, "a").await, expected);
    check(&give(&app, "a", &format!("/users/{bob}"), "Query").await, "Permission updated");
    check(&give(&app, "a", &format!("/users/{bob}"), "Query").await, "Permission updated");
    check(&give(&app, "a", &format!("/users/{robot}"), "").await, "Permission removed");
    check(&give(&app, "a", &format!("/users/{robot}"), "").await, "Permission removed");
    // Administrators have it, and keep it.
    check(&give(&app, "a", "/builtInRoles/Admin", "Admin").await, "Permission updated");
    let expected = ["Editor Admin".to_owned(), format!("{bob} Query"), "Admin Admin".to_owned()];
    assert_eq!(given(&app, "a").await, expected);
}

/// What the Terraform provider sends: all that changes at once, removals among it, and null where nothing does.
#[tokio::test]
async fn several_are_changed_at_once_or_none() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let admin = app.as_admin();
    let (_, bob) = user(&app, "bob", Role::None).await;
    let (_, robot) = account(&app, Role::None).await;
    let all = json!({ "permissions": [
        { "builtInRole": "Viewer" },
        { "builtInRole": "Editor", "permission": "Edit", "userId": 0, "teamId": 0 },
        { "userId": bob, "permission": "Query" },
        { "userId": robot, "permission": "Edit" },
        // Of two about the same the later one holds.
        { "userId": bob, "permission": "Admin", "builtInRole": "" },
    ]});
    check(&admin.post(PERMISSIONS, &all).await, "Permissions updated");
    let expected = [
        "Editor Edit".to_owned(),
        format!("{bob} Admin"),
        format!("{robot} Edit"),
        "Admin Admin".to_owned(),
    ];
    assert_eq!(given(&app, "a").await, expected);
    for nothing in [json!({ "permissions": null }), json!({ "permissions": [] }), json!({})] {
        check(&admin.post(PERMISSIONS, &nothing).await, "Permissions updated");
    }
    let bad = json!({ "permissions": [
        { "userId": robot },
        { "userId": 999_999, "permission": "Query" },
    ]});
    assert_eq!(admin.post(PERMISSIONS, &bad).await.status, 404);
    assert_eq!(given(&app, "a").await, expected);
}

#[tokio::test]
async fn settings_secrets_and_version_stay_as_they_are() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let secret = json!({ "uid": "a", "secureJsonData": { "password": "canary" } });
    admin.create(&build::with(build::plain("a", "http://127.0.0.1:9"), secret)).await;
    let source = "/api/datasources/uid/a";
    let before = admin.get(source).await.text();
    let sealed = ("SEC#1", "DS#a");
    let items = crate::store::items::Items::of(&app);
    let was = items.get(crate::store::items::REGISTRY, sealed).await;
    give(&app, "a", "/builtInRoles/Viewer", "").await;
    assert_eq!(admin.get(source).await.text(), before);
    assert_eq!(items.get(crate::store::items::REGISTRY, sealed).await, was);
    // A client that read version 1 before still writes, and leaves the permissions alone.
    let change = json!({ "version": 1, "database": "d" });
    let change = build::with(build::plain("a", "http://127.0.0.1:9"), change);
    assert_eq!(admin.put(source, &change).await.json()["datasource"]["version"], 2);
    assert_eq!(given(&app, "a").await, ["Editor Query", "Admin Admin"]);
    items.whole().await;
}

#[tokio::test]
async fn a_source_from_a_file_is_shared_like_others() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let items = crate::store::items::Items::of(&app);
    let read_only = |item: &mut crate::store::items::Item| {
        item.insert("readOnly".to_owned(), aws_sdk_dynamodb::types::AttributeValue::Bool(true));
    };
    items.change(crate::store::items::REGISTRY, ("DS#1", "a"), read_only).await;
    check(&give(&app, "a", "/builtInRoles/Viewer", "Edit").await, "Permission updated");
    // Who may edit it may not edit it over the API.
    let refused = app.as_viewer().await.delete("/api/datasources/uid/a").await;
    assert_eq!(refused.message(), "Cannot delete read-only data source");
}

#[tokio::test]
async fn what_can_be_given_is_described() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let description = path("description", "");
    let answer = app.as_admin().get(&description).await;
    let expected = json!({
        "assignments": {
            "users": true, "serviceAccounts": true, "teams": false, "builtInRoles": true,
        },
        "permissions": ["Query", "Edit", "Admin"],
    });
    assert_eq!(answer.json(), expected);
    let viewer = app.as_viewer().await;
    super::access::check_lacks(&viewer.get(&description).await, "datasources.permissions:read");
    give(&app, "a", "/builtInRoles/Viewer", "Admin").await;
    assert_eq!(viewer.get(&description).await.json(), expected);
}
