//! How many roles and bindings there may be: whom they alone let in reads them all.

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use harness::TestApp;
use serde_json::json;

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
    // What is there can be changed, and makes room.
    assert_eq!(admin.put("/api/v1/globalroles/last", &one("last")).await.status, 200);
    assert_eq!(admin.delete("/api/v1/globalroles/last").await.status, 204);
    made(&admin, "/api/v1/globalrolebindings", &binding("more", None, "r", &["bob"])).await;
}
