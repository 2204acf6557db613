//! Whole issuers: a real one, found by its discovery document, and those whose document leads elsewhere.

use std::time::Duration;

use harness::TestApp;
use harness::oidc::{CLIENT, Oidc};
use harness::signer::{Signer, configured, key_set, verifier};
use harness::upstream::{Answer, FakeUpstream};
use serde_json::{Value, json};

use super::bearer;

const RULES: &str =
    r#"[{"claim":"groups","value":"ops","org":1,"role":"Admin"},{"org":1,"role":"Viewer"}]"#;
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A gateway that accepts an issuer's tokens and looks at once when it meets an unknown key.
async fn gate(issuer: &str) -> TestApp {
    let mut config = configured(&[("ISSUER", issuer), ("RULES", RULES)]);
    config.times.pause = Duration::ZERO;
    let jwt = verifier(config);
    TestApp::with(|setup| setup.jwt = jwt).await
}

async fn status(app: &TestApp, token: &str) -> u16 {
    bearer(app, token).get("/api/datasources").await.status.as_u16()
}

#[tokio::test]
async fn a_real_issuer_s_tokens_make_callers() {
    let issuer = Oidc::start().await;
    let app = gate(&issuer.issuer()).await;
    let viewer = bearer(&app, &issuer.token(&json!({})).await);
    let user = viewer.get("/api/user").await;
    assert_eq!((user.status.as_u16(), &user.json()["login"]), (200, &json!(CLIENT)));
    let source = harness::build::plain("s", "http://127.0.0.1:9");
    assert_eq!(viewer.post("/api/datasources", &source).await.status, 403);
    let admin = bearer(&app, &issuer.token(&json!({ "groups": ["dev", "ops"] })).await);
    assert_eq!(admin.post("/api/datasources", &source).await.status, 200);
}

#[tokio::test]
async fn a_real_issuer_changes_its_keys() {
    let issuer = Oidc::start().await;
    let app = gate(&issuer.issuer()).await;
    let mut tokens = vec![issuer.token(&json!({})).await];
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        issuer.add_key(algorithm).await;
        tokens.push(issuer.token(&json!({})).await);
        for token in &tokens {
            assert_eq!(status(&app, token).await, 200, "{algorithm}");
        }
    }
    issuer.replace_keys("ES256").await;
    let newest = issuer.token(&json!({})).await;
    assert_eq!(status(&app, &newest).await, 200);
    for token in &tokens {
        let answer = bearer(&app, token).get("/api/datasources").await;
        let reason = "Failed to verify JWT: its key is none of the issuer's";
        assert_eq!((answer.status.as_u16(), &*answer.message()), (401, reason));
    }
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused_whoever_issued_it() {
    let (ours, other) = (Oidc::start().await, Oidc::start().await);
    let app = gate(&ours.issuer()).await;
    let answer = bearer(&app, &other.token(&json!({})).await).get("/api/user").await;
    let reason = "Failed to verify JWT: its key is none of the issuer's";
    assert_eq!((answer.status.as_u16(), &*answer.message()), (401, reason));
    let mut config = configured(&[("ISSUER", &ours.issuer()), ("RULES", RULES)]);
    config.settings.audience = vec!["https://other.test".to_owned()];
    let jwt = verifier(config);
    let app = TestApp::with(|setup| setup.jwt = jwt).await;
    let answer = bearer(&app, &ours.token(&json!({})).await).get("/api/user").await;
    let reason = "Failed to verify JWT: its aud names nobody here";
    assert_eq!((answer.status.as_u16(), &*answer.message()), (401, reason));
}

/// An issuer whose document is `document`, with a key set at `/keys`.
async fn issuing(document: impl FnOnce(&str) -> Value, signer: &Signer) -> FakeUpstream {
    let place = FakeUpstream::start().await;
    place.answer(Answer::status(404));
    place.when("GET", DISCOVERY, Answer::json(&document(&place.url())));
    place.when("GET", "/keys", key_set(&[signer]));
    place
}

#[tokio::test]
async fn the_document_says_where_the_keys_are() {
    let signer = Signer::elliptic("k");
    let document = |url: &str| json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
    let place = issuing(document, &signer).await;
    let app = gate(&place.url()).await;
    assert_eq!(status(&app, &signer.token(json!({ "iss": place.url() }))).await, 200);
    let asked: Vec<_> = place.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(asked, [DISCOVERY, "/keys"]);
}

#[tokio::test]
async fn a13_a_document_of_another_issuer_or_that_leads_away_is_not_believed() {
    let signer = Signer::elliptic("k");
    let elsewhere = harness::signer::publishing(&[&signer]).await;
    let away = |uri: &'static str| move |url: &str| json!({ "issuer": url, "jwks_uri": uri });
    let other =
        |url: &str| json!({ "issuer": "https://other.test", "jwks_uri": format!("{url}/keys") });
    let slash =
        |url: &str| json!({ "issuer": format!("{url}/"), "jwks_uri": format!("{url}/keys") });
    let silent = |url: &str| json!({ "issuer": url });
    for place in [
        issuing(other, &signer).await,
        issuing(slash, &signer).await,
        issuing(silent, &signer).await,
        issuing(away("http://169.254.169.254/keys"), &signer).await,
        issuing(away("http://issuer.test/keys"), &signer).await,
        issuing(away("file:///etc/passwd"), &signer).await,
        issuing(away("/keys"), &signer).await,
    ] {
        check_unavailable(&place, &signer).await;
        assert_eq!(place.only_request().target, DISCOVERY);
    }
    let document = |url: &str| json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
    let place = issuing(document, &signer).await;
    let moved = Answer::status(302).header("location", &format!("{}/x", elsewhere.url()));
    place.when("GET", DISCOVERY, moved);
    check_unavailable(&place, &signer).await;
    assert_eq!(elsewhere.seen().accepted, 0);
}

async fn check_unavailable(place: &FakeUpstream, signer: &Signer) {
    let mut config = configured(&[("ISSUER", &place.url()), ("RULES", RULES)]);
    config.times.deadline = Duration::from_secs(30);
    let jwt = verifier(config);
    let app = TestApp::with(|setup| setup.jwt = jwt).await;
    let token = signer.token(json!({ "iss": place.url() }));
    let answer = bearer(&app, &token).get("/api/datasources").await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (503, "jwks"));
}
