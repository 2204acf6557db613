//! What is no permission: wrong types, names, numbers and amounts, each refused by name and nothing written.

use std::ops::Range;

use auth::Role;
use aws_sdk_dynamodb::types::AttributeValue;
use harness::{TestApp, build};
use http::Method;
use serde_json::{Value, json};

use super::permissions::{PERMISSIONS, account, create, give, path, user};
use crate::store::items::{ACCESS, Item, Items, REGISTRY, text};

#[tokio::test]
async fn wrong_types_are_bad_request_data() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let admin = app.as_admin();
    let before = admin.get(PERMISSIONS).await.text();
    let values = [json!(true), json!(1.5), json!("x"), json!([]), json!({}), json!(7)];
    let entry = |field: &str, value: &Value| json!({ "permissions": [build::with(json!({ "permission": "Edit" }), json!({ field: value }))] });
    let is_number = |value: &Value| value.is_i64();
    for value in &values {
        for field in ["userId", "teamId"] {
            if !is_number(value) {
                let answer = admin.post(PERMISSIONS, &entry(field, value)).await;
                let told = (answer.status.as_u16(), answer.message());
                assert_eq!(told, (400, "bad request data".to_owned()), "{field} {value}");
            }
        }
        for field in ["builtInRole", "permission"] {
            if !value.is_string() {
                let answer = admin.post(PERMISSIONS, &entry(field, value)).await;
                let told = (answer.status.as_u16(), answer.message());
                assert_eq!(told, (400, "bad request data".to_owned()), "{field} {value}");
            }
        }
        if !value.is_array() {
            let answer = admin.post(PERMISSIONS, &json!({ "permissions": value })).await;
            assert_eq!((answer.status.as_u16(), &*answer.message()), (400, "bad request data"));
        }
        if !value.is_string() {
            let body = json!({ "permission": value });
            let answer = admin.post(&path("a", "/builtInRoles/Viewer"), &body).await;
            assert_eq!((answer.status.as_u16(), &*answer.message()), (400, "bad request data"));
        }
    }
    for body in ["not json", "[", "{\"permission\":\"Edit\",\"permission\":\"\"}", "7", "null x"] {
        for below in ["", "/users/7", "/builtInRoles/Viewer"] {
            let answer = admin.send_text(Method::POST, &path("a", below), body).await;
            assert_eq!((answer.status.as_u16(), &*answer.message()), (400, "bad request data"));
        }
    }
    let big = json!({ "userId": 9_223_372_036_854_775_808_u64, "permission": "Edit" });
    let answer = admin.post(PERMISSIONS, &json!({ "permissions": [big] })).await;
    assert_eq!((answer.status.as_u16(), &*answer.message()), (400, "bad request data"));
    assert_eq!(admin.get(PERMISSIONS).await.text(), before);
}

#[tokio::test]
async fn what_is_not_known_is_named() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let before = app.as_admin().get(PERMISSIONS).await.text();
    let (_, robot) = account(&app, Role::None).await;
    let robot = format!("/users/{robot}");
    let level = "resourcePermissions.invalidPermission";
    let role = "accesscontrol.invalidBuiltInRole";
    let nobody = "accesscontrol.assignmentEntityNotFound";
    let param = "resourcePermissions.invalidParam";
    for (below, permission, status, id, message) in [
        (&*robot, "View", 400, level, "Permission [View] is invalid for this resource type"),
        (&*robot, "edit", 400, level, "Permission [edit] is invalid for this resource type"),
        (&*robot, " ", 400, level, "Permission [ ] is invalid for this resource type"),
        ("/builtInRoles/viewer", "Edit", 400, role, "built-in role [viewer] is not valid"),
        (
            "/builtInRoles/Grafana%20Admin",
            "Edit",
            400,
            role,
            "built-in role [Grafana Admin] is not valid",
        ),
        (
            "/builtInRoles/None",
            "Edit",
            400,
            "accesscontrol.noneRoleAssignment",
            "none role cannot receive permissions",
        ),
        ("/users/999999", "Edit", 404, nobody, "user not found"),
        ("/users/4294967296", "Edit", 404, nobody, "user not found"),
        ("/users/9223372036854775807", "Edit", 404, nobody, "user not found"),
        ("/users/9223372036854775808", "Edit", 400, param, "Param [userID] is invalid"),
        ("/users/0", "Edit", 400, param, "Param [userID] is invalid"),
        ("/users/-1", "Edit", 400, param, "Param [userID] is invalid"),
        ("/users/01", "Edit", 400, param, "Param [userID] is invalid"),
        ("/users/bob", "Edit", 400, param, "Param [userID] is invalid"),
        ("/teams/3", "Edit", 404, nobody, "team not found"),
        ("/teams/3", "", 404, nobody, "team not found"),
        ("/teams/x", "Edit", 400, param, "Param [teamID] is invalid"),
    ] {
        let answer = give(&app, "a", below, permission).await;
        let body = answer.json();
        let told = (answer.status.as_u16(), body["messageId"].as_str(), body["message"].as_str());
        assert_eq!(told, (status, Some(id), Some(message)), "{below} {permission}");
        assert_eq!(body["statusCode"], status);
    }
    let always = "built-in role [Admin] always has permission [Admin]; set it to nothing else";
    for permission in ["", "Query", "Edit"] {
        let answer = give(&app, "a", "/builtInRoles/Admin", permission).await;
        assert_eq!((answer.status.as_u16(), &*answer.message()), (400, always));
    }
    let team = json!({ "permissions": [{ "teamId": 3, "permission": "Query" }] });
    let answer = app.as_admin().post(PERMISSIONS, &team).await;
    assert_eq!((answer.status.as_u16(), &*answer.message()), (404, "team not found"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("team 3"), "{}", answer.text());
    assert_eq!(app.as_admin().get(PERMISSIONS).await.text(), before);
}

#[tokio::test]
async fn other_methods_and_paths_are_not_found() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let admin = app.as_admin();
    for (method, below) in [
        (Method::PUT, ""),
        (Method::DELETE, ""),
        (Method::GET, "/users/7"),
        (Method::DELETE, "/users/7"),
        (Method::GET, "/builtInRoles/Viewer"),
        (Method::POST, "/users"),
        (Method::POST, "/roles/Viewer"),
    ] {
        let answer = admin.send(admin.request(method.clone(), &path("a", below))).await;
        let told = (answer.status.as_u16(), answer.message());
        assert_eq!(told, (404, "Not found".to_owned()), "{method} {below}");
    }
    let answer = admin.post(&path("description", ""), &json!({})).await;
    assert_eq!(answer.message(), "Not found");
}

/// Says in the table that roles and accounts were given something before.
async fn fill(app: &TestApp, roles: &[&str], accounts: Range<u32>) {
    let fill = |item: &mut Item| {
        let accounts = accounts.map(|id| id.to_string());
        let all = roles.iter().map(|role| (*role).to_owned()).chain(accounts);
        let one = |who: String| (who, text("Query"));
        item.insert("permissions".to_owned(), AttributeValue::M(all.map(one).collect()));
    };
    Items::of(app).change(REGISTRY, ("DS#1", "a"), fill).await;
}

/// Puts service accounts of these numbers beside the one that is there.
async fn plant(app: &TestApp, ids: Range<u32>) {
    let items = Items::of(app);
    let one = items.partition(ACCESS, "SA#1").await.swap_remove(0);
    let numbered = |id: u32| {
        let mut item = one.clone();
        item.insert("sk".to_owned(), text(format!("{id:010}")));
        item
    };
    items.put_all(ACCESS, ids.map(numbered)).await;
}

#[tokio::test]
async fn a_source_has_500_assignees_at_most() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let (_, robot) = account(&app, Role::None).await;
    let robot = format!("/users/{robot}");
    plant(&app, 1_000..1_498).await;
    fill(&app, &["Viewer", "Editor"], 1_000..1_497).await;
    assert_eq!(give(&app, "a", &robot, "Edit").await.message(), "Permission updated");
    fill(&app, &["Viewer", "Editor"], 1_000..1_498).await;
    let refused = give(&app, "a", &robot, "Edit").await;
    let text = "permissions: one data source has 500 at most; remove some first";
    assert_eq!((refused.status.as_u16(), &*refused.message()), (400, text));
    assert_eq!(refused.cause(), "limit_count");
    assert_eq!(give(&app, "a", "/builtInRoles/Viewer", "").await.message(), "Permission removed");
    assert_eq!(give(&app, "a", &robot, "Edit").await.message(), "Permission updated");
    // Those who are gone take nobody's place.
    fill(&app, &["Viewer", "Editor"], 2_000..2_498).await;
    assert_eq!(give(&app, "a", &robot, "Edit").await.message(), "Permission updated");
    let item = Items::of(&app).get(REGISTRY, ("DS#1", "a")).await;
    assert_eq!(item["permissions"].as_m().unwrap().len(), 3);
    let many = vec![json!({ "builtInRole": "Viewer" }); 1_001];
    let refused = app.as_admin().post(PERMISSIONS, &json!({ "permissions": many })).await;
    let text = "permissions has 1001 entries; at most 1000 are changed at once";
    assert_eq!((refused.status.as_u16(), &*refused.message()), (400, text));
}

#[tokio::test]
async fn d17_a_damaged_user_stands_in_nobody_s_way_and_keeps_what_he_was_given() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let mut ids = Vec::new();
    for login in ["bob", "carol"] {
        ids.push(user(&app, login, Role::Viewer).await.1);
    }
    let to = |at: usize| format!("/users/{}", ids[at]);
    assert_eq!(give(&app, "a", &to(0), "Edit").await.status, 200);
    let items = Items::of(&app);
    let key = ("USER#bob", "-");
    let was = items.get(ACCESS, key).await;
    items.change(ACCESS, key, |item| drop(item.insert("orgs".to_owned(), text("none")))).await;
    // Others are given and shown what is theirs; to him nothing is given, and nothing is his that nobody took.
    assert_eq!(give(&app, "a", &to(1), "Query").await.status, 200);
    let refused = give(&app, "a", &to(0), "Admin").await;
    assert_eq!((refused.status.as_u16(), &*refused.cause()), (500, "bad_record"));
    let shown = |all: Value| -> Vec<_> {
        all.as_array().unwrap().iter().filter_map(|one| one["userId"].as_i64()).collect()
    };
    let admin = app.as_admin();
    assert_eq!(shown(admin.get(PERMISSIONS).await.json()), ids[1..]);
    items.put(ACCESS, was.clone()).await;
    assert_eq!(shown(admin.get(PERMISSIONS).await.json()), ids);
    // It can be taken from him while nobody can read who he is.
    items.change(ACCESS, key, |item| drop(item.insert("orgs".to_owned(), text("none")))).await;
    assert_eq!(give(&app, "a", &to(0), "").await.status, 200);
    items.put(ACCESS, was).await;
    assert_eq!(shown(admin.get(PERMISSIONS).await.json()), ids[1..]);
}
