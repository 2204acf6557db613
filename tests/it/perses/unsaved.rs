//! Data sources that are not saved: contract/perses.md 1.11.

use harness::TestApp;
use harness::upstream::FakeUpstream;
use serde_json::{Value, json};

use super::{basic_auth, check, made, project, with_proxy};

const GLOBAL: &str = "/proxy/unsaved/globaldatasources/api/v1/query?a=%2F";

fn sent(url: &str, change: &Value) -> Value {
    let mut proxy = json!({ "url": url });
    if let (Some(proxy), Some(change)) = (proxy.as_object_mut(), change.as_object()) {
        proxy.extend(change.clone());
    }
    let spec = with_proxy("x", &proxy)["spec"].clone();
    // `query=up`
    json!({ "method": "POST", "body": "cXVlcnk9dXA=", "spec": spec })
}

#[tokio::test]
async fn perses_1_11_a_request_goes_through_what_is_not_saved() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    project(&admin, "p").await;
    for path in [
        GLOBAL,
        "/proxy/unsaved/projects/p/datasources/api/v1/query?a=%2F",
        "/proxy/unsaved/projects/p/dashboards/d/datasources/api/v1/query?a=%2F",
    ] {
        let answer = admin.post(path, &sent(&upstream.url(), &json!({}))).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "ok"), "{path}");
        let arrived = upstream.requests().pop().unwrap();
        assert_eq!((&*arrived.method, &*arrived.target), ("POST", "/api/v1/query?a=%2F"));
        assert_eq!(arrived.header("authorization"), None);
        assert_eq!(arrived.body, b"query=up");
    }
    for path in ["/proxy/unsaved/globaldatasources", "/proxy/unsaved/projects/p/datasources/"] {
        let answer = admin.post(path, &sent(&upstream.url(), &json!({}))).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "ok"), "{path}");
        assert_eq!(upstream.requests().pop().unwrap().target, "/");
    }
    let get =
        json!({ "method": "GET", "body": null, "spec": sent(&upstream.url(), &json!({}))["spec"] });
    assert_eq!(admin.post(GLOBAL, &get).await.text(), "ok");
    assert!(admin.get("/api/v1/globaldatasources").await.text().starts_with("[]"));
}

#[tokio::test]
async fn perses_1_11_what_is_wrong_is_said_in_its_words() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let with = |field: &str, value: Value| {
        let mut sent = sent("http://h.test", &json!({}));
        sent[field] = value;
        sent
    };
    check(&admin.post(GLOBAL, &with("method", json!(""))).await, 400, "missing field 'method'");
    let said = r#"invalid method "PATCH""#;
    check(&admin.post(GLOBAL, &with("method", json!("PATCH"))).await, 400, said);
    let bad = admin.post(GLOBAL, &with("body", json!("abc!"))).await;
    assert!(bad.status == 400 && bad.message().starts_with("the body is not base64"));
    let said = "invalid config: url cannot be empty";
    check(&admin.post(GLOBAL, &sent("", &json!({}))).await, 400, said);
    let other = admin.get("/proxy/unsaved/globaldatasources").await;
    assert_eq!(other.status, 405, "{}", other.text());
    let said = "forbidden access: missing 'create' global permission for 'GlobalDatasource' kind";
    check(&app.as_viewer().await.post(GLOBAL, &json!({})).await, 403, said);
}

#[tokio::test]
async fn k04_what_is_not_saved_binds_no_secret() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    made(&admin, "/api/v1/globalsecrets", &basic_auth("s")).await;
    let named = sent(&upstream.url(), &json!({ "secret": "s" }));
    let refused = admin.post(GLOBAL, &named).await;
    assert_eq!((refused.status.as_u16(), &*refused.cause()), (403, "secret_not_bound"));
    let saved = with_proxy("x", &json!({ "url": upstream.url(), "secret": "s" }));
    made(&admin, "/api/v1/globaldatasources", &saved).await;
    assert_eq!(admin.post(GLOBAL, &named).await.text(), "ok");
    let arrived = upstream.only_request();
    assert_eq!(arrived.header("authorization"), Some("Basic QmFzaWw6RGV0ZWN0aXZl"));
}
