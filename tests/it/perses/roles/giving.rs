//! Nobody gives more than he holds: whoever may write roles and bindings may not widen his own rights, nor another's.

use harness::{Answer, TestApp};
use serde_json::json;
use sourcegate_core::OrgId;

use super::{binding, bob, give, made, project, role};

const ROLES: &str = "/api/v1/projects/p/roles";
const BINDINGS: &str = "/api/v1/projects/p/rolebindings";
const REST: &str =
    "which its author does not hold himself; leave it out, or let somebody do it who holds it";

#[track_caller]
fn check_refused(answer: &Answer, said: &str) {
    let said = format!("forbidden access: {said}");
    assert_eq!((answer.status.as_u16(), answer.message()), (403, said));
    assert_eq!(answer.cause(), "beyond_own_rights");
}

#[tokio::test]
async fn perses_4_3_whoever_may_write_roles_may_not_widen_his_own() {
    let app = TestApp::start().await;
    let (admin, bob) = (app.as_admin(), bob(&app).await);
    project(&admin, "p").await;
    let held = json!(["Role", "RoleBinding", "Dashboard"]);
    give(&admin, Some("p"), (json!(["read", "create", "update"]), held.clone()), &["bob"]).await;
    let own = admin.get(ROLES).await.json()[0].clone();
    let own_path = format!("{ROLES}/{}", own["metadata"]["name"].as_str().expect("a name"));

    let beyond = |verb: &str, kind: &str| {
        format!("this would give '{verb}' permission in 'p' project for '{kind}' kind, {REST}")
    };
    for (actions, scopes, verb, kind) in [
        (json!(["*"]), json!(["*"]), "read", "*"),
        (json!(["read"]), json!(["Dashboard", "Secret"]), "read", "Secret"),
        (json!(["*"]), json!(["Dashboard"]), "delete", "Dashboard"),
        (json!(["read"]), json!(["Folder"]), "read", "Folder"),
    ] {
        let sent = role("wide", Some("p"), &actions, &scopes);
        check_refused(&bob.post(ROLES, &sent).await, &beyond(verb, kind));
        // By the path without a project too, and for the role that he has.
        check_refused(&bob.post("/api/v1/roles", &sent).await, &beyond(verb, kind));
        let mut wider = own.clone();
        wider["spec"] = sent["spec"].clone();
        check_refused(&bob.put(&own_path, &wider).await, &beyond(verb, kind));
    }
    assert_eq!(admin.get(&own_path).await.json()["spec"], own["spec"]);
    // What he holds he gives, in one role or in several.
    made(&bob, ROLES, &role("readers", Some("p"), &json!(["read"]), &held)).await;
    assert_eq!(bob.put(&own_path, &own).await.status, 200);
    let eve = app.create_user("eve", OrgId::MAIN, "None").await;
    made(&bob, BINDINGS, &binding("readers", Some("p"), "readers", &["eve"])).await;
    assert_eq!(eve.get("/api/v1/projects/p/dashboards").await.status, 200);
}

#[tokio::test]
async fn perses_4_3_whoever_may_write_bindings_takes_no_role_that_holds_more() {
    let app = TestApp::start().await;
    let (admin, bob) = (app.as_admin(), bob(&app).await);
    project(&admin, "p").await;
    give(&admin, Some("p"), (json!(["*"]), json!(["RoleBinding"])), &["bob"]).await;
    made(&admin, ROLES, &role("owner", Some("p"), &json!(["*"]), &json!(["*"]))).await;
    let said = format!("this would give 'read' permission in 'p' project for '*' kind, {REST}");
    check_refused(&bob.post(BINDINGS, &binding("mine", Some("p"), "owner", &["bob"])).await, &said);
    // Nor does he join one that somebody else has made.
    let theirs = binding("theirs", Some("p"), "owner", &["admin"]);
    made(&admin, BINDINGS, &theirs).await;
    let joined = binding("theirs", Some("p"), "owner", &["admin", "bob"]);
    check_refused(&bob.put(&format!("{BINDINGS}/theirs"), &joined).await, &said);
    // One that is not there yet may come to give anything.
    let early = binding("early", Some("p"), "later", &["bob"]);
    let said = "the role is not there, so that it may come to give what the binding's author does not hold himself; make the role first";
    check_refused(&bob.post(BINDINGS, &early).await, said);
    made(&admin, ROLES, &role("later", Some("p"), &json!(["read"]), &json!(["RoleBinding"]))).await;
    made(&bob, BINDINGS, &early).await;
    // Whoever widens it must hold what it gives from then on.
    let wider = role("later", Some("p"), &json!(["read"]), &json!(["Secret"]));
    assert_eq!(admin.put(&format!("{ROLES}/later"), &wider).await.status, 200);
    assert_eq!(bob.get("/api/v1/projects/p/secrets").await.status, 200);
}

#[tokio::test]
async fn perses_4_3_global_roles_are_for_who_holds_them_globally() {
    let app = TestApp::start().await;
    let (admin, bob) = (app.as_admin(), bob(&app).await);
    let kinds = json!(["GlobalRole", "GlobalRoleBinding", "Project", "Role"]);
    give(&admin, None, (json!(["*"]), kinds.clone()), &["bob"]).await;
    made(&bob, "/api/v1/globalroles", &role("same", None, &json!(["*"]), &kinds)).await;
    let sent = role("more", None, &json!(["create"]), &json!(["Secret"]));
    let said = format!("this would give 'create' global permission for 'Secret' kind, {REST}");
    check_refused(&bob.post("/api/v1/globalroles", &sent).await, &said);
    // He owns the project that he makes, and gives everything there and nothing of it elsewhere.
    project(&bob, "p").await;
    made(&bob, BINDINGS, &binding("early", Some("p"), "all", &["bob"])).await;
    made(&bob, ROLES, &role("all", Some("p"), &json!(["*"]), &json!(["*"]))).await;
    check_refused(&bob.post("/api/v1/globalroles", &sent).await, &said);
    project(&admin, "q").await;
    let sent = role("all", Some("q"), &json!(["*"]), &json!(["*"]));
    let said = format!("this would give 'read' permission in 'q' project for '*' kind, {REST}");
    check_refused(&bob.post("/api/v1/projects/q/roles", &sent).await, &said);
    // A viewer reads everything, and so gives that.
    let eve = app.create_user("eve", OrgId::MAIN, "Viewer").await;
    give(&admin, None, (json!(["create"]), json!(["Role", "GlobalRole"])), &["eve"]).await;
    let path = "/api/v1/projects/q/roles";
    made(&eve, path, &role("viewer", Some("q"), &json!(["read"]), &json!(["*"]))).await;
    let users = role("users", None, &json!(["read"]), &json!(["User"]));
    let said = format!("this would give 'read' global permission for 'User' kind, {REST}");
    check_refused(&eve.post("/api/v1/globalroles", &users).await, &said);
}
