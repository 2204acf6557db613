//! Projects, and what goes with them: contract/perses.md 7.1, case 26.

use aws_sdk_dynamodb::types::AttributeValue;
use harness::TestApp;
use harness::upstream::FakeUpstream;
use serde_json::json;

use super::{basic_auth, check, in_project, made, project, source};

#[tokio::test]
async fn perses_case_26_a_project_goes_with_everything_in_it() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    project(&admin, "perses").await;
    project(&admin, "perses-2").await;
    for project in ["perses", "perses-2"] {
        let mut sent = in_project(source("x", &upstream.url()), project);
        sent["spec"]["default"] = true.into();
        made(&admin, "/api/v1/datasources", &sent).await;
        made(&admin, "/api/v1/secrets", &in_project(basic_auth("s"), project)).await;
        let dashboard = json!({
            "kind": "Dashboard", "metadata": { "name": "d", "project": project },
            "spec": { "datasources": { "own": sent["spec"] } },
        });
        made(&admin, "/api/v1/dashboards", &dashboard).await;
    }
    let before = items(&app).await;
    assert_eq!(admin.delete("/api/v1/projects/perses").await.status, 204);
    let said = r#"bad request: metadata.project "perses" doesn't exist"#;
    check(&admin.get("/api/v1/projects/perses/dashboards").await, 400, said);
    check(&admin.get("/proxy/projects/perses/datasources/x/api").await, 400, said);
    let after = items(&app).await;
    let gone: Vec<_> = before.iter().filter(|sk| !after.contains(sk)).collect();
    assert_eq!(after.len() + gone.len(), before.len());
    assert!(after.iter().all(|sk| !sk.split('#').any(|part| part == "perses")), "{after:?}");
    assert_eq!(admin.get("/proxy/projects/perses-2/datasources/x/api").await.text(), "ok");
    // Under its name nothing of it is found again.
    project(&admin, "perses").await;
    let path = "/proxy/projects/perses/dashboards/d/datasources/own/api";
    assert_eq!(admin.get(path).await.status, 404);
}

/// The sort keys of everything that documents and their secrets leave in the registry.
async fn items(app: &TestApp) -> Vec<String> {
    let table = store::Config::read(|_| None).tables.registry;
    let mut keys = Vec::new();
    for pk in ["PERSES#1", "SEC#1"] {
        let asked = app.dynamodb().query().table_name(&table).key_condition_expression("pk = :pk");
        let asked = asked.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        let found = asked.send().await.expect("the table");
        keys.extend(found.items().iter().map(|item| item["sk"].as_s().cloned().expect("a text")));
    }
    keys
}

#[tokio::test]
async fn a_project_that_is_not_there_is_not_removed() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    check(&admin.delete("/api/v1/projects/nope").await, 404, "document not found");
    check(&admin.get("/api/v1/projects/nope").await, 404, "document not found");
    project(&admin, "Perses").await;
    let shown = admin.get("/api/v1/projects/perses").await.json();
    assert_eq!((&shown["kind"], &shown["spec"]), (&json!("Project"), &json!({})));
}
