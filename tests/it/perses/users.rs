//! Users in Perses' form: contract/perses.md 4.2, 4.5 and 7.1, case 27.

use auth::Role;
use harness::{Client, TestApp};
use serde_json::{Value, json};

use super::{check, made, project};

const USERS: &str = "/api/v1/users";

fn user(name: &str, password: &str) -> Value {
    json!({
        "kind": "User",
        "metadata": { "name": name },
        "spec": {
            "firstName": "Bob",
            "lastName": "van Dyk",
            "nativeProvider": { "password": password },
        },
    })
}

#[tokio::test]
async fn perses_case_27_a_user_is_made_and_logs_in() {
    let app = TestApp::start().await;
    let root = app.as_admin_user();
    let sent = user("Bob", "correct horse");
    let first = made(&root, USERS, &sent).await;
    assert_eq!((&first["kind"], &first["metadata"]["name"]), (&json!("User"), &json!("bob")));
    let mut shown = sent["spec"].clone();
    shown["nativeProvider"]["password"] = "<secret>".into();
    assert_eq!(first["spec"], shown);
    check(&root.post(USERS, &sent).await, 409, "document already exists");
    let login = json!({ "login": "bob", "password": "correct horse" });
    let pair = app.anonymous().post("/api/auth/providers/native/login", &login).await.json();
    for name in ["access_token", "refresh_token"] {
        assert!(!pair[name].as_str().unwrap_or_default().is_empty(), "{pair}");
    }
    let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap_or_default());
    let bob = Client::new(app.address(), Some(bearer));
    assert_eq!(bob.get("/api/v1/user/whoami").await.json(), first);
    // He is a member without a role.
    assert_eq!(bob.get("/api/datasources").await.status, 403);
    assert_eq!(bob.get("/api/v1/globaldatasources").await.status, 403);
    let members = root.get("/api/org/users").await.json();
    let role = members.as_array().expect("a list").iter().find(|one| one["login"] == "bob");
    assert_eq!(role.expect("a member")["role"], "None");
}

#[tokio::test]
async fn perses_3_2_users_are_listed_changed_and_removed() {
    let app = TestApp::start().await;
    let root = app.as_admin_user();
    made(&root, USERS, &user("bob", "correct horse")).await;
    let names = |list: &Value| -> Vec<String> {
        let all = list.as_array().expect("a list").iter();
        all.map(|one| one["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&root.get(USERS).await.json()), ["admin", "bob"]);
    assert_eq!(names(&root.get(&format!("{USERS}?name=B")).await.json()), ["bob"]);
    let metadata_only = root.get(&format!("{USERS}?metadata_only=true")).await.json();
    assert_eq!(metadata_only[1]["spec"], json!({}));
    let own = format!("{USERS}/BOB");
    let mut changed = user("bob", "<secret>");
    changed["spec"]["lastName"] = "Dyk".into();
    let answer = root.put(&own, &changed).await.json();
    assert_eq!(answer["spec"]["lastName"], "Dyk");
    assert_eq!(root.get(&own).await.json(), answer);
    let bob = Client::basic(app.address(), "bob", "correct horse");
    assert_eq!(bob.get("/api/user").await.status, 200, "a mask is no password");
    assert_eq!(root.put(&own, &user("bob", "another one")).await.status, 200);
    assert_eq!(bob.get("/api/user").await.status, 401);
    let bob = Client::basic(app.address(), "bob", "another one");
    assert_eq!(bob.get("/api/user").await.status, 200);
    assert_eq!(root.delete(&own).await.status, 204);
    for gone in [root.get(&own).await, root.put(&own, &changed).await, root.delete(&own).await] {
        check(&gone, 404, "document not found");
    }
    check(
        &root.delete(&format!("{USERS}/admin")).await,
        400,
        "bad request: cannot remove last grafana admin",
    );
}

#[tokio::test]
async fn bad_users_are_refused_in_perses_words() {
    let app = TestApp::start().await;
    let root = app.as_admin_user();
    let twice = |said: &str| format!("bad request: code=400, message={said}, internal={said}");
    check(&root.post(USERS, &user("bob", "")).await, 400, "bad request: password cannot be empty");
    let said = r#""b b" is not a correct name. It should match the regexp: ^[a-zA-Z0-9_.-]+$"#;
    check(&root.post(USERS, &user("b b", "correct horse")).await, 400, &twice(said));
    let said = "bad request: a password has 4 to 1,024 bytes";
    check(&root.post(USERS, &user("bob", "abc")).await, 400, said);
    let role = json!({ "kind": "Role", "metadata": { "name": "x" } });
    check(&root.post(USERS, &role).await, 400, &twice(r#"invalid kind: "Role" for a User type"#));
    let reserved = root.post(USERS, &user("api_key", "correct horse")).await;
    assert_eq!(reserved.status, 400, "{}", reserved.text());
}

#[tokio::test]
async fn a07_users_are_for_who_administers_the_server() {
    let app = TestApp::start().await;
    let (admin, viewer) = (app.as_admin(), app.as_viewer().await);
    let root = app.as_admin_user();
    made(&root, USERS, &user("bob", "correct horse")).await;
    let (sent, own) = (user("eve", "correct horse"), format!("{USERS}/bob"));
    let lacks = |verb: &str| {
        format!("forbidden access: missing '{verb}' global permission for 'User' kind")
    };
    check(&app.anonymous().post(USERS, &sent).await, 401, "missing or malformed jwt");
    for client in [&admin, &viewer] {
        check(&client.post(USERS, &sent).await, 403, &lacks("create"));
        check(&client.put(&own, &user("bob", "taken over")).await, 403, &lacks("update"));
        check(&client.delete(&own).await, 403, &lacks("delete"));
    }
    assert_eq!(admin.get(&own).await.status, 200);
    check(&viewer.get(USERS).await, 403, &lacks("read"));
    check(&viewer.get(&own).await, 403, &lacks("read"));
    // A role that says everything lets them be seen and no more.
    let everything = json!({ "permissions": [{ "actions": ["*"], "scopes": ["*"] }] });
    let role = json!({ "kind": "GlobalRole", "metadata": { "name": "r" }, "spec": everything });
    made(&admin, "/api/v1/globalroles", &role).await;
    let spec = json!({ "role": "r", "subjects": [{ "kind": "User", "name": "bob" }] });
    let binding = json!({ "kind": "GlobalRoleBinding", "metadata": { "name": "b" }, "spec": spec });
    made(&admin, "/api/v1/globalrolebindings", &binding).await;
    let bob = Client::basic(app.address(), "bob", "correct horse");
    assert_eq!(bob.get(&own).await.status, 200);
    check(
        &bob.put(&format!("{USERS}/admin"), &user("admin", "taken over")).await,
        403,
        &lacks("update"),
    );
    check(&bob.post(USERS, &sent).await, 403, &lacks("create"));
}

#[tokio::test]
async fn a07_users_of_other_organisations_are_absent() {
    let app = TestApp::start().await;
    let theirs = app.create_org("theirs").await;
    app.create_user("their-user", theirs, "Viewer").await;
    let root = app.as_admin_user();
    let own = format!("{USERS}/their-user");
    for gone in [root.get(&own).await, root.delete(&own).await] {
        check(&gone, 404, "document not found");
    }
    assert!(!root.get(USERS).await.text().contains("their-user"));
    let their_admin = app.as_role_in(theirs, Role::Admin).await;
    assert_eq!(their_admin.get(&own).await.status, 200);
    check(&their_admin.get(&format!("{USERS}/nobody")).await, 404, "document not found");
}

#[tokio::test]
async fn perses_4_5_one_is_told_one_s_permissions() {
    let app = TestApp::start().await;
    let (admin, root) = (app.as_admin(), app.as_admin_user());
    made(&root, USERS, &user("bob", "correct horse")).await;
    let bob = Client::basic(app.address(), "bob", "correct horse");
    let path = format!("{USERS}/bob/permissions");
    assert_eq!(bob.get(&path).await.json(), json!({ "*": [] }));
    let said = "forbidden access: you can only retrieve your permissions";
    check(&admin.get(&path).await, 403, said);
    project(&admin, "p").await;
    let spec = json!({ "permissions": [{ "actions": ["read"], "scopes": ["Dashboard"] }] });
    for (kind, project) in [("GlobalRole", None), ("Role", Some("p"))] {
        let plural = format!("/api/v1/{}s", kind.to_lowercase());
        let metadata = json!({ "name": "r", "project": project.unwrap_or_default() });
        let role = json!({ "kind": kind, "metadata": metadata, "spec": spec });
        made(&admin, &plural, &role).await;
        let binds = json!({ "role": "r", "subjects": [{ "kind": "User", "name": "bob" }] });
        let metadata = json!({ "name": "b", "project": project.unwrap_or_default() });
        let binding =
            json!({ "kind": format!("{kind}Binding"), "metadata": metadata, "spec": binds });
        made(&admin, &plural.replace("roles", "rolebindings"), &binding).await;
    }
    let given = spec["permissions"].clone();
    assert_eq!(bob.get(&path).await.json(), json!({ "*": given, "p": given }));
    let viewer = app.create_user("viewer", sourcegate_core::OrgId::MAIN, "Viewer").await;
    let own = viewer.get(&format!("{USERS}/viewer/permissions")).await.json();
    assert_eq!(own["*"][0]["actions"], json!(["read"]));
    assert!(!own.to_string().contains("User"), "{own}");
    let own = root.get(&format!("{USERS}/admin/permissions")).await.json();
    assert_eq!(own["*"][0]["actions"], json!(["*"]));
    assert_eq!(
        own["*"][1],
        json!({ "actions": ["read", "create", "update", "delete"], "scopes": ["User"] })
    );
}
