//! Who a caller is: tokens and passwords, and what is neither (contract 0.2; bad input class A).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use auth::{Credential, Role};
use aws_sdk_dynamodb::types::AttributeValue;
use harness::{Answer, Client, TestApp};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::json;

/// One route of each kind that needs a caller.
const GUARDED: [&str; 7] = [
    "/api/datasources",
    "/api/datasources/1",
    "/api/datasources/uid/u",
    "/api/datasources/proxy/uid/u/x",
    "/api/datasources/proxy/1/x",
    "/api/org",
    "/api/user",
];

#[track_caller]
fn check(answer: &Answer, message: &str, message_id: Option<&str>) {
    let body = answer.json();
    let found = (answer.status.as_u16(), body["message"].as_str(), body["messageId"].as_str());
    assert_eq!(found, (401, Some(message), message_id), "{body}");
    assert_eq!(body["statusCode"].as_u64(), message_id.map(|_| 401));
    assert!(!answer.headers.contains_key("www-authenticate"));
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// Gives the key under which a token is stored.
fn stored_as(token: &str) -> String {
    let header = http::HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    let read = Credential::of(&[(http::header::AUTHORIZATION, header)].into_iter().collect());
    let Ok(Credential::Token(token)) = read else { panic!("no token") };
    format!("TOKEN#{}", token.hash().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn bearer(app: &TestApp, token: &str) -> Client {
    Client::new(app.address(), Some(format!("Bearer {token}")))
}

#[tokio::test]
async fn t52_a01_what_is_no_credential_is_the_same_as_none() {
    let app = TestApp::start().await;
    let valid = app.as_admin().authorization().to_owned();
    let twice = format!("authorization: {valid}");
    let joined = format!("authorization: {valid}, {valid}");
    let glued = format!("authorization: {valid},{valid}");
    let blanks = format!("authorization: {}", valid.replace(' ', "  "));
    let attempts: [&[&str]; 11] = [
        &[],
        &["authorization:"],
        &["authorization: Bearer"],
        &["authorization: Bearer "],
        &["authorization: Bearer  x"],
        &["authorization: Digest username=\"a\""],
        &["authorization: x"],
        &[&twice, &twice],
        &[&joined],
        &[&glued],
        &[&blanks],
    ];
    let mut bodies = BTreeSet::new();
    for lines in attempts {
        for path in GUARDED {
            let answer = app.anonymous().raw(&format!("GET {path}"), lines, b"").await;
            check(&answer, "Unauthorized", None);
            let text = answer.text();
            bodies.insert(text.split("traceID").next().unwrap().to_owned());
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let answer = app.anonymous().get("/api/datasources").await;
    assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "message": "Unauthorized",
      "traceID": "[trace]"
    }
    "#);
}

#[tokio::test]
async fn t53_t55_a02_a_token_comes_as_bearer_or_as_the_user_api_key() {
    let app = TestApp::start().await;
    let token = app.token(Role::Viewer).await;
    for client in [
        bearer(&app, &token),
        Client::new(app.address(), Some(format!("bearer {token}"))),
        Client::basic(app.address(), "api_key", &token),
    ] {
        for path in ["/api/datasources", "/api/user"] {
            assert_eq!(client.get(path).await.status, 200);
        }
    }
    for client in [
        bearer(&app, "nope"),
        Client::basic(app.address(), "api_key", "nope"),
        Client::basic(app.address(), "api_key", ""),
    ] {
        check(&client.get("/api/datasources").await, "Invalid API key", Some("api-key.invalid"));
    }
    // A token is no password of somebody else.
    let other = Client::basic(app.address(), "admin", &token).get("/api/datasources").await;
    check(&other, "Invalid username or password", None);
}

#[tokio::test]
async fn t53_a04_a_wrong_checksum_is_refused_without_a_look() {
    let app = TestApp::start().await;
    let token = app.token(Role::Admin).await;
    let (body, checksum) = token.rsplit_once('_').unwrap();
    let last = if token.ends_with('0') { '1' } else { '0' };
    let calls = app.calls().total();
    for wrong in [
        format!("{}{last}", &token[..token.len() - 1]),
        format!("{body}_{}", checksum.to_uppercase().replace(char::is_numeric, "0")),
        body.to_owned(),
        format!("{body}_"),
        format!("{token}0"),
        token.replace("glsa_", "glsb_"),
        token[5..].to_owned(),
        "glsa_iNValIdinValiDinvalidinvalidinva_5b582697".to_owned(),
        "x".repeat(4096),
    ] {
        for path in GUARDED {
            let answer = bearer(&app, &wrong).get(path).await;
            check(&answer, "Invalid API key", Some("api-key.invalid"));
        }
    }
    let answer =
        bearer(&app, "eyJrIjoiT0tTcG1pUlY2RnVKZTFVaDFsNFZXdE9ZWmNrMkZYbk").get("/api/org").await;
    assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "message": "Invalid API key: keys that start with eyJrIjoi are gone; use a service account token (glsa_…)",
      "messageId": "api-key.invalid",
      "statusCode": 401,
      "traceID": "[trace]"
    }
    "#);
    assert_eq!(app.calls().total(), calls, "no table was asked");
}

#[tokio::test]
async fn t54_a05_d20_unknown_expired_and_revoked_tokens_are_refused() {
    let app = TestApp::start().await;
    let stranger = TestApp::start().await.token(Role::Admin).await;
    let answer = bearer(&app, &stranger).get("/api/datasources").await;
    check(&answer, "Invalid API key", Some("api-key.invalid"));
    let token = app.token(Role::Admin).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let expire = async |at: u64| {
        let update = app.dynamodb().update_item().table_name("sourcegate-access");
        let update = update.key("pk", text(&stored_as(&token))).key("sk", text("-"));
        let update = update.update_expression("SET expires = :at");
        let at = AttributeValue::N(at.to_string());
        update.expression_attribute_values(":at", at).send().await.unwrap();
    };
    expire(now + 600).await;
    assert_eq!(bearer(&app, &token).get("/api/datasources").await.status, 200);
    // The item of an expired token is still there.
    for past in [now, now - 1, 1] {
        expire(past).await;
        let answer = bearer(&app, &token).get("/api/datasources").await;
        check(&answer, "Expired API key", Some("api-key.expired"));
    }
    let revoke = app.dynamodb().delete_item().table_name("sourcegate-access");
    revoke.key("pk", text(&stored_as(&token))).key("sk", text("-")).send().await.unwrap();
    let answer = bearer(&app, &token).get("/api/datasources").await;
    check(&answer, "Invalid API key", Some("api-key.invalid"));
}

#[tokio::test]
async fn a05_a_disabled_owner_and_a_closing_organisation_end_their_tokens() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let set = async |pk: &str, sk: &str, flag: &str, value: bool| {
        let update = app.dynamodb().update_item().table_name("sourcegate-access");
        let update = update.key("pk", text(pk)).key("sk", text(sk));
        let update = update.update_expression("SET #flag = :value");
        let update = update.expression_attribute_names("#flag", flag);
        let value = AttributeValue::Bool(value);
        update.expression_attribute_values(":value", value).send().await.unwrap();
    };
    for (pk, sk, flag) in [("SA#1", "0000000001", "disabled"), ("ORG#1", "META", "deleting")] {
        set(pk, sk, flag, true).await;
        check(&admin.get("/api/datasources").await, "Invalid API key", Some("api-key.invalid"));
        set(pk, sk, flag, false).await;
        assert_eq!(admin.get("/api/datasources").await.status, 200, "{pk}");
    }
    let user = app.as_admin_user();
    assert_eq!(user.get("/api/datasources").await.status, 200);
    set("USER#admin", "-", "disabled", true).await;
    check(&user.get("/api/datasources").await, "Invalid username or password", None);
}

#[tokio::test]
async fn a03_a_token_in_the_query_is_none() {
    let app = TestApp::start().await;
    let token = app.token(Role::Admin).await;
    for path in GUARDED {
        let answer = app.anonymous().get(&format!("{path}?auth_token={token}")).await;
        check(&answer, "Unauthorized", None);
        assert!(!answer.text().contains(&token));
    }
}

#[tokio::test]
async fn t52_passwords_are_checked_and_logins_are_not_told_apart() {
    let app = TestApp::start().await;
    let password = app.admin_line("SOURCEGATE_ADMIN_PASSWORD");
    let login = |name: &str, password: &str| Client::basic(app.address(), name, password);
    for name in ["admin", "ADMIN"] {
        let answer = login(name, &password).get("/api/user").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["login"]),
            (200, &json!("admin")),
            "{name}"
        );
    }
    let longer = format!("{password} ");
    for (name, password) in
        [("admin", "wrong"), ("admin", ""), ("nobody", &*password), ("", ""), ("admin", &longer)]
    {
        let answer = login(name, password).get("/api/user").await;
        check(&answer, "Invalid username or password", None);
        assert!(!answer.text().contains("admin"), "{}", answer.text());
    }
    for malformed in ["Basic !!!", "Basic bm8tY29sb24=", "Basic /w=="] {
        let client = Client::new(app.address(), Some(malformed.to_owned()));
        check(&client.get("/api/user").await, "Invalid Basic Auth Header", None);
    }
}

#[tokio::test]
async fn t52_cookies_and_forwarded_identities_are_no_credentials() {
    let app = TestApp::start().await;
    for (name, value) in [
        ("cookie", "grafana_session=x"),
        ("x-webauth-user", "admin"),
        ("x-grafana-user", "admin"),
        ("x-grafana-id", "admin"),
        ("proxy-authorization", app.as_admin().authorization()),
        ("x-ds-authorization", app.as_admin().authorization()),
        ("x-api-key", app.as_admin().authorization()),
    ] {
        let stranger = app.anonymous();
        let request = stranger.request(Method::GET, "/api/datasources").header(name, value);
        check(&stranger.send(request).await, "Unauthorized", None);
    }
}
