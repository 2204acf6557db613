//! Secrets: masked, kept, bound. Contract/perses.md 3.5 and 7.1, cases 23 to 25; `faults.md` K.

use harness::TestApp;
use harness::upstream::FakeUpstream;
use serde_json::json;

use super::{basic_auth, check, in_project, made, project, source, with_proxy};

const SECRETS: &str = "/api/v1/globalsecrets";
const SOURCES: &str = "/api/v1/globaldatasources";

#[tokio::test]
async fn perses_cases_23_to_25_a_secret_comes_back_masked() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    project(&admin, "p").await;
    let mut local = in_project(basic_auth("s"), "p");
    for (path, sent) in [(SECRETS, &basic_auth("s")), ("/api/v1/projects/p/secrets", &local)] {
        let first = admin.post(path, sent).await;
        assert!(first.text().contains(r#"{"password":"\u003csecret\u003e","username":"Basil"}"#));
        check(&admin.post(path, sent).await, 409, "document already exists");
        let one = format!("{path}/s");
        for answer in [admin.put(&one, sent).await, admin.get(&one).await] {
            assert_eq!(answer.json()["spec"]["basicAuth"]["password"], "<secret>");
        }
        assert_eq!(admin.delete(&one).await.status, 204);
        check(&admin.get(&one).await, 404, "document not found");
    }
    local["kind"] = "Datasource".into();
    // Perses asks no more than that the kind is some kind.
    made(&admin, "/api/v1/projects/p/secrets", &local).await;
}

#[tokio::test]
async fn perses_8_13_what_comes_back_masked_is_kept() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let masked = made(&admin, SECRETS, &basic_auth("s")).await;
    let named = with_proxy("x", &json!({ "url": upstream.url(), "secret": "s" }));
    made(&admin, SOURCES, &named).await;
    let mut renamed = masked;
    renamed["spec"]["basicAuth"]["username"] = "Ada".into();
    assert_eq!(admin.put(&format!("{SECRETS}/s"), &renamed).await.status, 200);
    admin.get("/proxy/globaldatasources/x/api").await;
    let sent = upstream.requests().pop().unwrap();
    // `Ada:Detective`
    assert_eq!(sent.header("authorization"), Some("Basic QWRhOkRldGVjdGl2ZQ=="));
    let said = "bad request: basicAuth.password is masked, and no value is stored that the mask could stand for; send the value";
    renamed["metadata"]["name"] = "t".into();
    check(&admin.post(SECRETS, &renamed).await, 400, said);
}

#[tokio::test]
async fn k04_a_secret_goes_where_somebody_has_bound_it_who_may_change_it() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let elsewhere = FakeUpstream::start().await;
    made(&admin, SECRETS, &basic_auth("s")).await;
    // A token that may write data sources and nothing else.
    let account = json!({ "name": "writer", "role": "Admin" });
    let id = admin.post("/api/serviceaccounts", &account).await.json()["id"].clone();
    let permissions: Vec<_> = ["read", "query", "create", "write"]
        .iter()
        .map(|verb| json!({ "action": format!("datasources:{verb}"), "scope": "datasources:*" }))
        .collect();
    let token = json!({ "name": "t", "limits": { "permissions": permissions } });
    let made_token = admin.post(&format!("/api/serviceaccounts/{id}/tokens"), &token).await;
    let key = made_token.json()["key"].as_str().expect("a token").to_owned();
    let writer = harness::Client::new(app.address(), Some(format!("Bearer {key}")));
    let at = |url: String| with_proxy("x", &json!({ "url": url, "secret": "s" }));
    let answer = writer.post(SOURCES, &at(upstream.url())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let refused = admin.get("/proxy/globaldatasources/x/api").await;
    assert_eq!((refused.status.as_u16(), &*refused.cause()), (403, "secret_not_bound"));
    // The administrator's save says that it may.
    assert_eq!(admin.put(&format!("{SOURCES}/x"), &at(upstream.url())).await.status, 200);
    assert_eq!(admin.get("/proxy/globaldatasources/x/api").await.text(), "ok");
    // Moved by the other one it goes nowhere.
    assert_eq!(writer.put(&format!("{SOURCES}/x"), &at(elsewhere.url())).await.status, 200);
    let refused = admin.get("/proxy/globaldatasources/x/api").await;
    assert_eq!((refused.status.as_u16(), &*refused.cause()), (403, "secret_not_bound"));
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn k06_a_secret_that_is_made_again_is_not_bound() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    made(&admin, SECRETS, &basic_auth("s")).await;
    made(&admin, SOURCES, &with_proxy("x", &json!({ "url": upstream.url(), "secret": "s" }))).await;
    assert_eq!(admin.get("/proxy/globaldatasources/x/api").await.text(), "ok");
    assert_eq!(admin.delete(&format!("{SECRETS}/s")).await.status, 204);
    let said = "document not found: unable to forward the request to the datasource \"x\", secret \"s\" attached doesn't exist";
    check(&admin.get("/proxy/globaldatasources/x/api").await, 404, said);
    made(&admin, SECRETS, &basic_auth("s")).await;
    let refused = admin.get("/proxy/globaldatasources/x/api").await;
    assert_eq!((refused.status.as_u16(), &*refused.cause()), (403, "secret_not_bound"));
}

#[tokio::test]
async fn a_project_s_data_source_has_no_global_secret() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    project(&admin, "p").await;
    made(&admin, SECRETS, &basic_auth("s")).await;
    let named = with_proxy("x", &json!({ "url": upstream.url(), "secret": "s" }));
    made(&admin, "/api/v1/datasources", &in_project(named, "p")).await;
    let said = "document not found: unable to forward the request to the datasource \"x\", secret \"s\" attached doesn't exist";
    check(&admin.get("/proxy/projects/p/datasources/x/api").await, 404, said);
    made(&admin, SOURCES, &source("plain", &upstream.url())).await;
    assert_eq!(admin.get("/proxy/globaldatasources/plain/api").await.text(), "ok");
}
