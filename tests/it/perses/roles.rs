//! Roles and who is bound to them: contract/perses.md 4.3, 4.4 and 7.1, cases 31 and 35.

mod giving;
mod limits;
mod naming;

use auth::Role;
use harness::{Client, TestApp};
use http::Method;
use serde_json::{Value, json};
use sourcegate_core::OrgId;

use harness::upstream::FakeUpstream;

use super::{basic_auth, check, in_project, made, project, source};

/// A role, global or of a project.
fn role(name: &str, project: Option<&str>, actions: &Value, scopes: &Value) -> Value {
    let spec = json!({ "permissions": [{ "actions": actions, "scopes": scopes }] });
    placed("Role", name, project, &spec)
}

/// A binding of users to a role.
fn binding(name: &str, project: Option<&str>, role: &str, users: &[&str]) -> Value {
    let subject = |user: &&str| json!({ "kind": "User", "name": user });
    let subjects: Vec<_> = users.iter().map(subject).collect();
    placed("RoleBinding", name, project, &json!({ "role": role, "subjects": subjects }))
}

fn placed(kind: &str, name: &str, project: Option<&str>, spec: &Value) -> Value {
    match project {
        None => {
            json!({ "kind": format!("Global{kind}"), "metadata": { "name": name }, "spec": spec })
        }
        Some(project) => {
            json!({ "kind": kind, "metadata": { "name": name, "project": project }, "spec": spec })
        }
    }
}

/// Makes a role and binds users to it.
async fn give(
    admin: &Client,
    project: Option<&str>,
    (actions, scopes): (Value, Value),
    users: &[&str],
) {
    let name = format!("r{}", actions.to_string().len() * 100 + scopes.to_string().len());
    let (roles, bindings) = match project {
        None => ("/api/v1/globalroles", "/api/v1/globalrolebindings"),
        Some(_) => ("/api/v1/roles", "/api/v1/rolebindings"),
    };
    made(admin, roles, &role(&name, project, &actions, &scopes)).await;
    made(admin, bindings, &binding(&name, project, &name, users)).await;
}

async fn bob(app: &TestApp) -> Client {
    app.create_user("bob", OrgId::MAIN, "None").await
}

#[tokio::test]
async fn perses_3_2_roles_and_bindings_live_and_end_as_other_documents_do() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    bob(&app).await;
    project(&admin, "p").await;
    for (path, one) in [
        ("/api/v1/globalroles", role("One", None, &json!(["READ"]), &json!(["dashboard"]))),
        ("/api/v1/globalrolebindings", binding("One", None, "one", &["Bob"])),
        ("/api/v1/projects/p/roles", role("One", Some("p"), &json!(["*"]), &json!(["*"]))),
        ("/api/v1/projects/p/rolebindings", binding("One", Some("p"), "one", &["bob"])),
    ] {
        let first = made(&admin, path, &one).await;
        assert_eq!(
            (&first["metadata"]["name"], &first["metadata"]["version"]),
            (&json!("one"), &json!(0))
        );
        check(&admin.post(path, &one).await, 409, "document already exists");
        let own = format!("{path}/one");
        let second = admin.put(&own, &one).await.json();
        assert_eq!(second["metadata"]["version"], 1, "{second}");
        assert_eq!(second["spec"], first["spec"]);
        assert_eq!(admin.get(&own).await.json(), second);
        assert_eq!(admin.get(path).await.json(), json!([second]));
        let metadata_only = admin.get(&format!("{path}?metadata_only=true&name=ON")).await.json();
        assert_eq!(metadata_only[0]["spec"], json!({}));
        assert_eq!(admin.get(&format!("{path}?name=x")).await.text(), "[]\n");
        let options = admin.request(Method::OPTIONS, path);
        assert_eq!(admin.send(options).await.header("allow"), "OPTIONS, GET, POST");
        assert!(admin.get(&format!("{own}?pretty")).await.text().contains("\n  \"spec\""));
    }
    let global = admin.get("/api/v1/globalroles/one").await.json();
    assert_eq!(
        global["spec"],
        json!({ "permissions": [{ "actions": ["read"], "scopes": ["Dashboard"] }] })
    );
    let all = admin.get("/api/v1/rolebindings").await.json();
    assert_eq!(all[0]["metadata"]["project"], "p");
    for path in ["/api/v1/globalroles", "/api/v1/projects/p/rolebindings"] {
        let own = format!("{path}/one");
        assert_eq!(admin.delete(&own).await.status, 204);
        check(&admin.get(&own).await, 404, "document not found");
        check(&admin.delete(&own).await, 404, "document not found");
    }
}

#[tokio::test]
async fn perses_4_3_bad_roles_and_bindings_are_refused_in_its_words() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    bob(&app).await;
    project(&admin, "p").await;
    let twice = |said: &str| format!("bad request: code=400, message={said}, internal={said}");
    let (roles, bindings) = ("/api/v1/roles", "/api/v1/globalrolebindings");
    let bad = role("x", Some("p"), &json!(["read"]), &json!(["GlobalSecret"]));
    let said = r#"invalid scope: "GlobalSecret" for a Role scope"#;
    check(&admin.post(roles, &bad).await, 400, &twice(said));
    let bad = role("x", Some("p"), &json!(["write"]), &json!(["*"]));
    check(&admin.post(roles, &bad).await, 400, &twice(r#""write" has no associated struct"#));
    let bad = role("x", Some("nope"), &json!(["read"]), &json!(["*"]));
    let said = r#"bad request: metadata.project "nope" doesn't exist"#;
    check(&admin.post(roles, &bad).await, 400, said);
    let said = "rolebinding subjects cannot be empty";
    check(&admin.post(bindings, &binding("x", None, "r", &[])).await, 400, &twice(said));
    let said =
        r#"bad request: subject "nobody" is no user of this organisation; make the user first"#;
    check(&admin.post(bindings, &binding("x", None, "r", &["bob", "nobody"])).await, 400, said);
    made(&admin, bindings, &binding("x", None, "r", &["bob"])).await;
    let other = binding("x", None, "other", &["bob"]);
    let said = "bad request: spec.role can't be updated";
    check(&admin.put(&format!("{bindings}/x"), &other).await, 400, said);
}

#[tokio::test]
async fn perses_case_31_who_lacks_the_right_makes_no_role() {
    let app = TestApp::start().await;
    let (bob, viewer) = (bob(&app).await, app.as_viewer().await);
    let sent = role("r", None, &json!(["*"]), &json!(["*"]));
    let said = "forbidden access: missing 'create' global permission for 'GlobalRole' kind";
    for client in [&bob, &viewer] {
        check(&client.post("/api/v1/globalroles", &sent).await, 403, said);
    }
    let sent = binding("b", None, "r", &["bob"]);
    let said = "forbidden access: missing 'create' global permission for 'GlobalRoleBinding' kind";
    check(&bob.post("/api/v1/globalrolebindings", &sent).await, 403, said);
    let said = "forbidden access: missing 'read' global permission for 'GlobalRole' kind";
    check(&bob.get("/api/v1/globalroles/r").await, 403, said);
}

#[tokio::test]
async fn perses_4_3_a_project_s_role_holds_there_and_nowhere_else() {
    let app = TestApp::start().await;
    let (admin, bob) = (app.as_admin(), bob(&app).await);
    for name in ["p", "q"] {
        project(&admin, name).await;
        made(&admin, "/api/v1/datasources", &in_project(source("x", "http://h.test"), name)).await;
    }
    let (p, q) = ("/api/v1/projects/p/datasources", "/api/v1/projects/q/datasources");
    let lacks = |verb: &str, project: &str| {
        format!(
            "forbidden access: missing '{verb}' permission in '{project}' project for 'Datasource' kind"
        )
    };
    check(&bob.get(p).await, 403, &lacks("read", "p"));
    assert_eq!(bob.get("/api/v1/datasources").await.text(), "[]\n");
    give(&admin, Some("p"), (json!(["read", "create"]), json!(["Datasource"])), &["BOB"]).await;
    assert_eq!(bob.get(p).await.json()[0]["metadata"]["name"], "x");
    check(&bob.get(q).await, 403, &lacks("read", "q"));
    let seen = bob.get("/api/v1/datasources").await.json();
    assert_eq!(seen.as_array().map(Vec::len), Some(1), "{seen}");
    assert_eq!(bob.get("/api/v1/projects").await.text(), "[]\n");
    let mine = in_project(source("mine", "http://h.test"), "p");
    made(&bob, "/api/v1/datasources", &mine).await;
    made(&bob, p, &in_project(source("too", "http://h.test"), "p")).await;
    let theirs = in_project(source("mine", "http://h.test"), "q");
    check(&bob.post("/api/v1/datasources", &theirs).await, 403, &lacks("create", "q"));
    check(&bob.delete(&format!("{p}/mine")).await, 403, &lacks("delete", "p"));
    check(&bob.put(&format!("{p}/mine"), &mine).await, 403, &lacks("update", "p"));
    let said = "forbidden access: missing 'create' global permission for 'GlobalDatasource' kind";
    check(&bob.post("/api/v1/globaldatasources", &source("g", "http://h.test")).await, 403, said);
}

#[tokio::test]
async fn perses_4_4_requests_go_through_what_roles_let_one_read() {
    let app = TestApp::start().await;
    let (admin, bob, upstream) = (app.as_admin(), bob(&app).await, FakeUpstream::start().await);
    project(&admin, "p").await;
    let url = upstream.url();
    made(&admin, "/api/v1/datasources", &in_project(source("x", &url), "p")).await;
    made(&admin, "/api/v1/globaldatasources", &source("g", &url)).await;
    let (own, global) = ("/proxy/projects/p/datasources/x/api", "/proxy/globaldatasources/g/api");
    let said = "forbidden access: missing 'read' permission in 'p' project for 'Datasource' kind";
    check(&bob.get(own).await, 403, said);
    check(
        &bob.get("/proxy/projects/nope/datasources/x/api").await,
        403,
        &said.replace("'p'", "'nope'"),
    );
    give(&admin, Some("p"), (json!(["read"]), json!(["Datasource"])), &["bob"]).await;
    assert_eq!(bob.get(own).await.text(), "ok");
    // A method that changes something needs no more.
    assert_eq!(bob.post(own, &json!({})).await.text(), "ok");
    assert_eq!(bob.get(global).await.status, 403);
    give(&admin, None, (json!(["read"]), json!(["GlobalDatasource"])), &["bob"]).await;
    assert_eq!(bob.get(global).await.text(), "ok");
    assert_eq!(admin.delete("/api/v1/rolebindings").await.status, 405);
    let bindings = admin.get("/api/v1/rolebindings").await.json();
    let name = bindings[0]["metadata"]["name"].as_str().expect("a name").to_owned();
    let path = format!("/api/v1/projects/p/rolebindings/{name}");
    assert_eq!(admin.delete(&path).await.status, 204);
    check(&bob.get(own).await, 403, said);
}

#[tokio::test]
async fn perses_case_35_the_creator_of_a_project_may_create_in_it_and_delete_it() {
    let app = TestApp::start().await;
    let (admin, bob) = (app.as_admin(), bob(&app).await);
    let eve = app.create_user("eve", OrgId::MAIN, "None").await;
    let sent = json!({ "kind": "Project", "metadata": { "name": "p" }, "spec": {} });
    let said = "forbidden access: missing 'create' global permission for 'Project' kind";
    check(&bob.post("/api/v1/projects", &sent).await, 403, said);
    give(&admin, None, (json!(["create"]), json!(["Project"])), &["bob", "eve"]).await;
    made(&bob, "/api/v1/projects", &sent).await;
    made(&bob, "/api/v1/datasources", &in_project(source("x", "http://h.test"), "p")).await;
    made(&bob, "/api/v1/secrets", &in_project(basic_auth("s"), "p")).await;
    // He lets others in.
    give(&bob, Some("p"), (json!(["read"]), json!(["Datasource"])), &["eve"]).await;
    assert_eq!(eve.get("/api/v1/projects/p/datasources/x").await.status, 200);
    assert_eq!(bob.get("/api/v1/projects").await.json()[0]["metadata"]["name"], "p");
    assert_eq!(eve.get("/api/v1/projects").await.text(), "[]\n");
    let said = "forbidden access: missing 'delete' permission in 'p' project for 'Project' kind";
    check(&eve.delete("/api/v1/projects/p").await, 403, said);
    assert_eq!(bob.delete("/api/v1/projects/p").await.status, 204);
    // Who makes the next one of that name owns that, and nobody else anything in it.
    made(&eve, "/api/v1/projects", &sent).await;
    made(&eve, "/api/v1/datasources", &in_project(source("x", "http://h.test"), "p")).await;
    assert_eq!(bob.get("/api/v1/projects/p/datasources/x").await.status, 403);
    assert_eq!(eve.get("/api/v1/projects/p/roles").await.text(), "[]\n");
}

#[tokio::test]
async fn what_was_given_in_a_project_ends_with_it() {
    let app = TestApp::start().await;
    let (admin, bob) = (app.as_admin(), bob(&app).await);
    project(&admin, "p").await;
    give(&admin, Some("p"), (json!(["*"]), json!(["*"])), &["bob"]).await;
    let names = |list: &Value| list.as_array().map(Vec::len);
    let name = admin.get("/api/v1/projects/p/roles").await.json()[0]["metadata"]["name"].clone();
    let one = format!("/api/v1/projects/p/roles/{}", name.as_str().expect("a name"));
    assert_eq!(bob.get(&one).await.status, 200);
    assert_eq!(admin.delete("/api/v1/projects/p").await.status, 204);
    assert_eq!(admin.get("/api/v1/roles").await.text(), "[]\n");
    project(&admin, "p").await;
    for list in ["roles", "rolebindings"] {
        assert_eq!(admin.get(&format!("/api/v1/{list}")).await.text(), "[]\n");
        assert_eq!(admin.get(&format!("/api/v1/projects/p/{list}")).await.text(), "[]\n");
    }
    check(&admin.get(&one).await, 404, "document not found");
    check(&admin.delete(&one).await, 404, "document not found");
    assert_eq!(bob.get("/api/v1/projects/p/datasources").await.status, 403);
    // A role of the same name is a new one, and what was left of the old one is swept.
    let new = role(name.as_str().expect("a name"), Some("p"), &json!(["read"]), &json!(["Secret"]));
    assert_eq!(made(&admin, "/api/v1/roles", &new).await["metadata"]["version"], 0);
    assert_eq!(bob.get("/api/v1/projects/p/secrets").await.status, 403);
    assert_eq!(names(&admin.get("/api/v1/roles").await.json()), Some(1));
    let asked = app.dynamodb().query().table_name(store::Config::read(|_| None).tables.access);
    let asked = asked.key_condition_expression("pk = :pk").expression_attribute_values(
        ":pk",
        aws_sdk_dynamodb::types::AttributeValue::S("ROLE#1".to_owned()),
    );
    assert_eq!(asked.send().await.expect("the table").count(), 1);
}

#[tokio::test]
async fn who_comes_later_under_a_login_inherits_nothing() {
    let app = TestApp::start().await;
    let (admin, root) = (app.as_admin(), app.as_admin_user());
    let bob = bob(&app).await;
    project(&admin, "p").await;
    give(&admin, Some("p"), (json!(["read"]), json!(["*"])), &["bob"]).await;
    let path = "/api/v1/projects/p/dashboards";
    assert_eq!(bob.get(path).await.status, 200);
    let id = root.get("/api/users/lookup?loginOrEmail=bob").await.json()["id"].clone();
    assert_eq!(root.delete(&format!("/api/orgs/1/users/{id}")).await.status, 200);
    let back = json!({ "loginOrEmail": "bob", "role": "None" });
    assert_eq!(root.post("/api/orgs/1/users", &back).await.status, 200);
    assert_eq!(bob.get(path).await.status, 403, "he has left and come again");
    assert_eq!(root.delete(&format!("/api/admin/users/{id}")).await.status, 200);
    let another = app.create_user("bob", OrgId::MAIN, "None").await;
    assert_eq!(another.get(path).await.status, 403);
    // Saved again, the binding names who is called so now.
    let binding = admin.get("/api/v1/projects/p/rolebindings").await.json()[0].clone();
    let own = format!(
        "/api/v1/projects/p/rolebindings/{}",
        binding["metadata"]["name"].as_str().expect("a name")
    );
    assert_eq!(admin.put(&own, &binding).await.status, 200);
    assert_eq!(another.get(path).await.status, 200);
}

#[tokio::test]
async fn a07_roles_of_one_organisation_give_nothing_in_another() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let theirs = app.create_org("theirs").await;
    let their_admin = app.as_role_in(theirs, Role::Admin).await;
    let bob = bob(&app).await;
    let said = r#"bad request: subject "bob" is no user of this organisation; make the user first"#;
    let sent = binding("b", None, "r", &["bob"]);
    check(&their_admin.post("/api/v1/globalrolebindings", &sent).await, 400, said);
    give(&admin, None, (json!(["*"]), json!(["*"])), &["bob"]).await;
    assert_eq!(bob.get("/api/v1/globalsecrets").await.status, 200);
    assert_eq!(their_admin.get("/api/v1/globalroles").await.text(), "[]\n");
    let there =
        bob.request(Method::GET, "/api/v1/globalsecrets").header("X-Grafana-Org-Id", theirs.get());
    assert_eq!(bob.send(there).await.status, 401);
    let root = app.as_admin_user();
    let joins = json!({ "loginOrEmail": "bob", "role": "None" });
    assert_eq!(root.post(&format!("/api/orgs/{theirs}/users"), &joins).await.status, 200);
    let there =
        bob.request(Method::GET, "/api/v1/globalsecrets").header("X-Grafana-Org-Id", theirs.get());
    assert_eq!(bob.send(there).await.status, 403);
    // Nor do they give anything of Grafana's.
    assert_eq!(bob.get("/api/datasources").await.status, 403);
    assert_eq!(bob.get("/api/org/users").await.status, 403);
}

#[tokio::test]
async fn a17_a_limited_token_gives_nobody_rights() {
    let app = TestApp::start().await;
    let root = app.as_admin_user();
    bob(&app).await;
    let account = json!({ "name": "ci", "role": "Admin" });
    let account = root.post("/api/serviceaccounts", &account).await.json()["id"].clone();
    let limited = json!({ "name": "t", "limits": { "networks": ["127.0.0.0/8"] } });
    let made = root.post(&format!("/api/serviceaccounts/{account}/tokens"), &limited).await.json();
    let key = made["key"].as_str().expect("a token");
    let limited = Client::new(app.address(), Some(format!("Bearer {key}")));
    let sent = role("r", None, &json!(["*"]), &json!(["*"]));
    let refused = limited.post("/api/v1/globalroles", &sent).await;
    assert_eq!((refused.status.as_u16(), &*refused.cause()), (403, "token_limits"));
    assert_eq!(limited.get("/api/v1/globalroles").await.status, 200);
    let project = json!({ "kind": "Project", "metadata": { "name": "p" }, "spec": {} });
    assert_eq!(limited.post("/api/v1/projects", &project).await.status, 200);
}

#[tokio::test]
async fn round_trips_grow_for_those_alone_whom_only_roles_let_in() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    project(&admin, "p").await;
    made(&admin, "/api/v1/datasources", &in_project(source("x", &upstream.url()), "p")).await;
    let viewer = app.create_user("viewer", OrgId::MAIN, "Viewer").await;
    let bob = bob(&app).await;
    give(&admin, Some("p"), (json!(["read"]), json!(["Datasource"])), &["bob", "viewer"]).await;
    for (client, expected) in [(&viewer, (1, 0, 0)), (&bob, (1, 1, 0))] {
        let before = app.calls();
        assert_eq!(client.get("/proxy/projects/p/datasources/x/api").await.text(), "ok");
        let cold = app.calls();
        let of = |name: &str| cold.of(name) - before.of(name);
        assert_eq!((of("BatchGetItem"), of("Query"), of("GetItem")), expected);
        assert_eq!(client.get("/proxy/projects/p/datasources/x/api").await.text(), "ok");
        assert_eq!(app.calls().reads(), cold.reads());
    }
}
