//! How many roles and bindings there may be: whom they alone let in reads them all.

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use harness::TestApp;
use serde_json::json;
use sourcegate_core::{DocumentId, DocumentKind, DocumentName, OrgId, RoleSpec};
use store::{Admin, ArchivedDocument, Conflicts, DocumentDraft, Restored, Values};

use super::{binding, bob, check, made, project, role};

/// Copies the organisation's one role until there are so many.
async fn filled(app: &TestApp, many: usize) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let get = app.dynamodb().get_item().table_name("sourcegate-access");
    let get = get.key("pk", text("ROLE#1")).key("sk", text("GROLE#r")).send().await;
    let role = get.expect("the table").item.expect("the role");
    let copy = |n: usize| {
        let mut copy = role.clone();
        copy.insert("sk".to_owned(), text(&format!("GROLE#copy{n}")));
        let put = PutRequest::builder().set_item(Some(copy)).build().expect("an item");
        WriteRequest::builder().put_request(put).build()
    };
    let all: Vec<_> = (1..many).map(copy).collect();
    for some in all.chunks(25) {
        let write = app.dynamodb().batch_write_item();
        write.request_items("sourcegate-access", some.to_vec()).send().await.expect("the table");
    }
}

/// Restores a role that gives nothing.
async fn restored(app: &TestApp, kind: DocumentKind, own: &str) -> Restored {
    let name = |text: &str| DocumentName::parse(text).expect("a name");
    let project = kind.is_of_project().then(|| name("p"));
    let draft = DocumentDraft {
        id: DocumentId { kind, project, name: name(own) },
        tags: [].into(),
        spec: RoleSpec::default().text(),
        default_of: None,
        values: Values::new(),
        locals: Vec::new(),
        named: [].into(),
        subjects: Vec::new(),
    };
    let wanted = ArchivedDocument { org: OrgId::MAIN, draft, maker: None, bound: [].into() };
    let admin = Admin::new(app.store().clone());
    admin.restore_document(&wanted, Conflicts::Kept).await.expect("the tables")
}

#[tokio::test]
async fn what_is_left_of_a_project_that_is_gone_is_in_no_restored_role_s_way() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    project(&admin, "p").await;
    made(&admin, "/api/v1/roles", &role("r", Some("p"), &json!(["read"]), &json!(["*"]))).await;
    assert_eq!(admin.delete("/api/v1/projects/p").await.status, 204);
    project(&admin, "p").await;
    assert_eq!(restored(&app, DocumentKind::Role, "r").await, Restored::Created);
    let there = Restored::Kept("it is there already".to_owned());
    assert_eq!(restored(&app, DocumentKind::Role, "r").await, there);
}

#[tokio::test]
async fn an_organisation_has_a_thousand_roles_and_bindings_at_most() {
    let app = TestApp::start().await;
    let (admin, _bob) = (app.as_admin(), bob(&app).await);
    project(&admin, "p").await;
    let one = |name: &str| role(name, None, &json!(["read"]), &json!(["Dashboard"]));
    made(&admin, "/api/v1/globalroles", &one("r")).await;
    filled(&app, 999).await;
    made(&admin, "/api/v1/globalroles", &one("last")).await;
    let said = "bad request: the organisation has 1000 roles and bindings, and more it cannot have; delete some, or name more users in one binding";
    for (path, sent) in [
        ("/api/v1/globalroles", one("more")),
        ("/api/v1/globalrolebindings", binding("more", None, "r", &["bob"])),
        ("/api/v1/roles", role("more", Some("p"), &json!(["read"]), &json!(["*"]))),
        ("/api/v1/rolebindings", binding("more", Some("p"), "r", &["bob"])),
    ] {
        let refused = admin.post(path, &sent).await;
        check(&refused, 400, said);
        assert_eq!(refused.cause(), "limit_count", "{path}");
    }
    // Who restores an archive is not held to it: as many were there where it comes from.
    let kind = DocumentKind::GlobalRole;
    let restored = restored(&app, kind, "restored").await;
    assert_eq!(restored, Restored::Created);
    assert_eq!(admin.delete("/api/v1/globalroles/restored").await.status, 204);
    // What is there can be changed, and makes room.
    assert_eq!(admin.put("/api/v1/globalroles/last", &one("last")).await.status, 200);
    assert_eq!(admin.delete("/api/v1/globalroles/last").await.status, 204);
    made(&admin, "/api/v1/globalrolebindings", &binding("more", None, "r", &["bob"])).await;
}
