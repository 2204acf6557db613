//! The variables that turn JWTs on, as operators set them on each of our programs.

use harness::oidc::AUDIENCE;
use harness::runtime_api::Call;
use harness::signer::{ISSUER, Signer, publishing};
use serde_json::json;
use tempfile::TempDir;

use crate::events::functions::{Function, offering, proxy_settings, registry_settings};
use crate::local::binary::{Binary, run, text};

/// The variables for the issuer whose keys are at a place.
fn variables(keys: &str) -> Vec<(String, String)> {
    let rules = r#"[{"claim":"groups","value":"ops","org":1,"role":"Admin"}]"#;
    [
        ("SOURCEGATE_JWT_ISSUER", ISSUER),
        ("SOURCEGATE_JWT_AUDIENCE", AUDIENCE),
        ("SOURCEGATE_JWT_JWKS_URL", keys),
        ("SOURCEGATE_JWT_LOGIN_CLAIM", "email"),
        ("SOURCEGATE_JWT_RULES", rules),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[tokio::test]
async fn the_local_binary_accepts_tokens_and_logs_none() {
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    let folder = TempDir::new().unwrap();
    let variables = variables(&format!("{}/keys", place.url()));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    let binary = Binary::with(folder.path(), &["--log", "json"], &variables).await;
    let good = signer.token(json!({ "groups": ["ops"], "email": "ada@issuer.test" }));
    let bad = signer.token(json!({ "groups": ["ops"], "email": "ada@issuer.test", "exp": 1 }));
    for (token, status) in [(&good, 200), (&bad, 401)] {
        let caller = harness::Client::new(binary.address, Some(format!("Bearer {token}")));
        assert_eq!(caller.get("/api/datasources").await.status, status);
    }
    place.answer(harness::upstream::Answer::status(500));
    let unknown = signer.sign(json!({ "kid": "other" }), &json!({ "email": "eve@issuer.test" }));
    let caller = harness::Client::new(binary.address, Some(format!("Bearer {unknown}")));
    assert_eq!(caller.get("/api/datasources").await.status, 401);
    let log = binary.process.log();
    assert!(log.contains(r#""user":"jwt:ada@issuer.test""#), "{log}");
    assert!(log.contains("Failed to verify JWT: it has expired"), "{log}");
    for token in [&good, &bad, &unknown] {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let claims = message.rsplit('.').next().unwrap();
        assert!(!log.contains(signature) && !log.contains(claims), "{log}");
    }
}

#[tokio::test]
async fn the_local_binary_refuses_half_a_configuration() {
    let folder = TempDir::new().unwrap();
    let listen = ["--listen", "127.0.0.1:0"];
    let whole = variables("http://127.0.0.1:9/keys");
    for (name, value, expected) in [
        ("SOURCEGATE_JWT_RULES", "[]", "SOURCEGATE_JWT_RULES: no rule is in the list"),
        (
            "SOURCEGATE_JWT_RULES",
            "",
            "SOURCEGATE_JWT_RULES is not set although SOURCEGATE_JWT_ISSUER is",
        ),
        (
            "SOURCEGATE_JWT_ISSUER",
            "",
            "SOURCEGATE_JWT_ISSUER is not set although SOURCEGATE_JWT_AUDIENCE is",
        ),
        (
            "SOURCEGATE_JWT_JWKS_URL",
            "http://issuer.test/keys",
            "SOURCEGATE_JWT_JWKS_URL: `http://issuer.test/keys` must be",
        ),
    ] {
        let all = whole.iter().map(|(name, value)| (&**name, &**value));
        let all: Vec<_> = all.filter(|(known, _)| *known != name).chain([(name, value)]).collect();
        let output = run(folder.path(), &listen, &all).await;
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn the_functions_accept_tokens() {
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    let app = offering().await;
    let upstream = harness::upstream::FakeUpstream::start().await;
    let source =
        harness::build::with(harness::build::plain("s", &upstream.url()), json!({ "uid": "s" }));
    let keys = format!("{}/keys", place.url());
    let with_jwt = |mut settings: Vec<(String, String)>| {
        settings.extend(variables(&keys));
        settings
    };
    let registry = Function::start("datasources", with_jwt(registry_settings(app.data()))).await;
    let proxy = Function::start("http-proxy", with_jwt(proxy_settings(app.data()))).await;
    let token = signer.token(json!({ "groups": "ops", "email": "ada@issuer.test" }));
    let call = |method: &str, target: &str, token: &str| {
        Call::new(method, target).header("Authorization", &format!("Bearer {token}"))
    };
    let create = call("POST", "/api/datasources", &token).json(&source).rest();
    let made = registry.api.invoke(create).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let through = "/api/datasources/proxy/uid/s/x";
    let proxied = proxy.api.invoke(call("GET", through, &token).rest()).await;
    assert_eq!((proxied.status, proxied.text().as_str()), (200, "ok"));
    assert_eq!(upstream.only_request().header("authorization"), None);
    let stranger = signer.token(json!({ "groups": "dev", "email": "bob@issuer.test" }));
    let refused = registry.api.invoke(call("GET", "/api/datasources", &stranger).rest()).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    let refused = proxy.api.invoke(call("GET", through, &stranger).rest()).await;
    assert_eq!(refused.status, 401);
}
