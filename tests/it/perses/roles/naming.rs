//! Data sources that name secrets: who may have them do so (contract/perses.md 3.4, 4.4).

use harness::TestApp;
use harness::upstream::FakeUpstream;
use serde_json::{Value, json};

use super::super::{basic_auth, check, in_project, made, project, source, with_proxy};
use super::{bob, give};

#[tokio::test]
async fn perses_4_4_an_unsaved_data_source_needs_create_and_what_names_a_secret_read_too() {
    let app = TestApp::start().await;
    let (admin, bob, upstream) = (app.as_admin(), bob(&app).await, FakeUpstream::start().await);
    project(&admin, "p").await;
    let path = "/proxy/unsaved/projects/p/datasources/api";
    let of = |source: Value| json!({ "method": "GET", "body": null, "spec": source["spec"] });
    let sent = of(source("x", &upstream.url()));
    let naming = with_proxy("x", &json!({ "url": upstream.url(), "secret": "s" }));
    made(&admin, "/api/v1/secrets", &in_project(basic_auth("s"), "p")).await;
    made(&admin, "/api/v1/datasources", &in_project(naming.clone(), "p")).await;
    let said = "forbidden access: missing 'create' permission in 'p' project for 'Datasource' kind";
    check(&bob.post(path, &sent).await, 403, said);
    give(&admin, Some("p"), (json!(["create"]), json!(["Datasource"])), &["bob"]).await;
    assert_eq!(bob.post(path, &sent).await.text(), "ok");
    let said = "forbidden access: missing 'read' permission in 'p' project for 'Secret' kind";
    check(&bob.post(path, &of(naming.clone())).await, 403, said);
    give(&admin, Some("p"), (json!(["read"]), json!(["Secret"])), &["bob"]).await;
    assert_eq!(bob.post(path, &of(naming)).await.text(), "ok");
}

#[tokio::test]
async fn perses_3_4_who_may_not_read_a_secret_names_none_and_gets_not_past_allowed_endpoints() {
    let app = TestApp::start().await;
    let (admin, bob, upstream) = (app.as_admin(), bob(&app).await, FakeUpstream::start().await);
    project(&admin, "p").await;
    made(&admin, "/api/v1/secrets", &in_project(basic_auth("s"), "p")).await;
    let naming = |name: &str, allowed: Value| {
        let proxy = json!({ "url": upstream.url(), "secret": "s", "allowedEndpoints": allowed });
        in_project(with_proxy(name, &proxy), "p")
    };
    let allowed = json!([{ "endpointPattern": "/api", "method": "GET" }]);
    made(&admin, "/api/v1/datasources", &naming("theirs", allowed)).await;
    let kinds = json!(["Datasource", "Dashboard"]);
    give(&admin, Some("p"), (json!(["*"]), kinds), &["bob"]).await;
    assert_eq!(bob.get("/proxy/projects/p/datasources/theirs/api").await.text(), "ok");
    assert_eq!(bob.get("/proxy/projects/p/datasources/theirs/admin").await.status, 403);
    let own = in_project(source("own", &upstream.url()), "p");
    made(&bob, "/api/v1/datasources", &own).await;
    let said = "forbidden access: missing 'read' permission in 'p' project for 'Secret' kind";
    check(&bob.post("/api/v1/datasources", &naming("more", json!([]))).await, 403, said);
    for name in ["own", "theirs"] {
        let path = format!("/api/v1/projects/p/datasources/{name}");
        check(&bob.put(&path, &naming(name, json!([]))).await, 403, said);
    }
    let spec = json!({ "datasources": { "a": naming("a", json!([]))["spec"] } });
    let dashboard =
        json!({ "kind": "Dashboard", "metadata": { "name": "d", "project": "p" }, "spec": spec });
    check(&bob.post("/api/v1/dashboards", &dashboard).await, 403, said);
    assert!(upstream.requests().iter().all(|seen| seen.target == "/api"));
}
