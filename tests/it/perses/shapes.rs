//! Documents that are not of the form that they must be: refused, and told without what was in them.

use harness::{Answer, TestApp};
use http::Method;
use serde_json::{Value, json};

use super::{check, made, project, source, with_proxy};

const SECRETS: &str = "/api/v1/globalsecrets";
const SOURCES: &str = "/api/v1/globaldatasources";

/// What must come back in no answer.
const CANARY: &str = "CANARY";

#[track_caller]
fn check_untold(answer: &Answer, sent: &Value) {
    assert_eq!(answer.status, 400, "{sent}: {}", answer.text());
    assert!(!answer.text().contains(CANARY), "{sent}: {}", answer.text());
}

#[tokio::test]
async fn k01_what_is_no_field_of_a_secret_or_no_text_is_neither_stored_nor_told() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for spec in [
        json!({ "authorization": { "type": "Bearer", "token": CANARY } }),
        json!({ "authorization": { "type": "Bearer", "credentials": [CANARY] } }),
        json!({ "authorization": { "credentials": { "a": CANARY } } }),
        json!({ "authorization": [CANARY] }),
        json!({ "basicAuth": { "username": "u", "password": "p", "Password": CANARY } }),
        json!({ "basicAuth": { "username": "u", "password": "p" }, "tlsConfig": [CANARY, true] }),
        json!({ "tlsConfig": { "ca": "c", "cert": ["x"], "key": [CANARY] } }),
        json!({ "basicauth2": { "password": CANARY } }),
        json!(format!(r#"{{"basicAuth": {{"password": "{CANARY}"}}}}"#)),
        json!([CANARY]),
    ] {
        let sent = json!({ "kind": "GlobalSecret", "metadata": { "name": "s" }, "spec": spec });
        check_untold(&admin.post(SECRETS, &sent).await, &sent);
    }
    assert_eq!(admin.get(SECRETS).await.text(), "[]\n");
    // Names are read in any case, as by Perses.
    let folded = json!({ "BasicAuth": { "UserName": "u", "Password": CANARY } });
    let sent = json!({ "kind": "GlobalSecret", "metadata": { "name": "s" }, "spec": folded });
    let kept = made(&admin, SECRETS, &sent).await;
    assert_eq!(kept["spec"], json!({ "basicAuth": { "password": "<secret>", "username": "u" } }));
}

#[tokio::test]
async fn t03_a_data_source_of_another_form_is_refused_and_not_told() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let fields =
        json!([format!("http://h/?t={CANARY}"), [], { "X": CANARY }, null, null, null, null, null]);
    let plugin = json!(["P", null, { "proxy": { "kind": "HTTPProxy", "spec": fields } }]);
    let url = "http://h.test";
    let mut documents = vec![
        json!(["GlobalDatasource", ["x", "", null], [null, false, plugin]]),
        with_proxy("x", &fields),
        with_proxy("x", &json!({ "url": url, "headers": format!("Bearer {CANARY}") })),
        with_proxy("x", &json!({ "url": url, "headers": { "X": [CANARY] } })),
        with_proxy("x", &json!({ "url": url, "allowedEndpoint": [CANARY] })),
        with_proxy("x", &json!({ "url": url, "Secret": CANARY })),
    ];
    let mut direct = source("x", url);
    direct["spec"]["plugin"]["spec"] = json!({ "directUrl": format!("http://u:{CANARY}@h") });
    documents.push(direct);
    let mut described = source("x", url);
    described["spec"]["plugin"]["metadata"] = json!({ "version": [CANARY] });
    documents.push(described);
    for sent in documents {
        check_untold(&admin.post(SOURCES, &sent).await, &sent);
        let unsaved = json!({ "method": "GET", "spec": sent["spec"] });
        check_untold(&admin.post("/proxy/unsaved/globaldatasources/x", &unsaved).await, &unsaved);
    }
    assert_eq!(admin.get(SOURCES).await.text(), "[]\n");
}

#[tokio::test]
async fn perses_3_2_what_clients_could_not_decode_is_refused_at_create_and_update() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    project(&admin, "p").await;
    let of = |spec: Value| json!({ "kind": "Dashboard", "metadata": { "name": "d", "project": "p" }, "spec": spec });
    let (all, one) = ("/api/v1/projects/p/dashboards", "/api/v1/projects/p/dashboards/d");
    made(&admin, all, &of(json!({ "duration": "1h" }))).await;
    for (spec, said) in [
        (json!({ "duration": 5 }), "spec.duration must be a string"),
        (json!({ "panels": [] }), "spec.panels must be an object"),
        (json!({ "layouts": {} }), "spec.layouts must be an array"),
        (json!({ "display": 3 }), "spec.display must be an object"),
    ] {
        let said = format!("bad request: code=400, message={said}, internal={said}");
        check(&admin.post(all, &of(spec.clone())).await, 400, &said);
        check(&admin.put(one, &of(spec)).await, 400, &said);
    }
    let sent = json!({ "kind": "Project", "metadata": { "name": "q" }, "spec": { "display": { "name": 1 } } });
    assert_eq!(admin.post("/api/v1/projects", &sent).await.status, 400);
}

#[tokio::test]
async fn perses_0_2_only_get_and_post_ask_for_the_project_first() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let path = "/proxy/projects/nope/datasources/x/y";
    let said = r#"bad request: metadata.project "nope" doesn't exist"#;
    check(&admin.get(path).await, 400, said);
    check(&admin.post(path, &json!({})).await, 400, said);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = admin.send_text(method.clone(), path, "").await;
        assert_eq!(answer.status, 404, "{method}: {}", answer.text());
        assert!(answer.message().starts_with("document not found: "), "{}", answer.message());
    }
}

#[tokio::test]
async fn perses_0_3_what_is_not_there_near_its_paths_is_said_in_its_words() {
    let app = TestApp::start().await;
    for path in ["/api/v1/nope", "/proxy/x", "/api/validate/x"] {
        check(&app.as_admin().get(path).await, 404, "Not Found");
    }
    check(&app.as_admin().get("/api/nope").await, 404, "Not found");
}
