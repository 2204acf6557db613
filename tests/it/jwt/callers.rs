//! Who a good token makes its bearer, where, and for how long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::{Credential, Role};
use aws_sdk_dynamodb::types::AttributeValue;
use egress::{Dns, Egress, Timeouts};
use gateway::{Entry, Gateway, Hop};
use harness::build::{plain, with};
use harness::signer::{accepting, key_set, publishing, verifier};
use harness::upstream::FakeUpstream;
use harness::{Answer, TestApp};
use http::Request;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sourcegate_core::{Policy, Reference, Uid};
use store::{Keyring, Vault};
use upstream::{Limits, Upstream};

use super::{Accepting, bearer};
use crate::store::items::{ACCESS, Items};

const LIST: &str = "/api/datasources";

fn by_group() -> Value {
    json!([
        { "claim": "groups", "value": "ops", "org": 1, "role": "Admin" },
        { "claim": "groups", "value": "edit", "org": 1, "role": "Editor" },
        { "claim": "groups", "value": "look", "org": 1, "role": "Viewer" },
        { "claim": "groups", "value": "none", "org": 1, "role": "None" },
        { "claim": "groups", "value": "two", "org": 2, "role": "Admin" },
    ])
}

/// Makes the second organisation.
async fn second(app: &TestApp) {
    let items = Items::of(app);
    let mut meta = items.get(ACCESS, ("ORG#1", "META")).await;
    meta.insert("pk".to_owned(), AttributeValue::S("ORG#2".to_owned()));
    meta.insert("name".to_owned(), AttributeValue::S("Second Org.".to_owned()));
    items.put(ACCESS, meta).await;
}

#[track_caller]
fn check_refusal(answer: &Answer, status: u16, message: &str) {
    assert_eq!((answer.status.as_u16(), &*answer.message()), (status, message));
}

#[tokio::test]
async fn whom_an_issuer_vouches_for_is_told_who_he_is() {
    let gate = Accepting::start(&by_group()).await;
    let ada = gate.client(json!({ "groups": ["look"] }));
    let user = ada.get("/api/user").await;
    assert_eq!(user.status, 200, "{}", user.text());
    assert_json_snapshot!(user.json(), @r#"
    {
      "authLabels": [
        "JWT"
      ],
      "avatarUrl": "",
      "createdAt": "0001-01-01T00:00:00Z",
      "email": "",
      "id": 0,
      "isDisabled": false,
      "isExternal": true,
      "isExternallySynced": false,
      "isGrafanaAdmin": false,
      "isGrafanaAdminExternallySynced": false,
      "login": "ada",
      "name": "ada",
      "orgId": 1,
      "theme": "",
      "uid": "jwt:ada",
      "updatedAt": "0001-01-01T00:00:00Z"
    }
    "#);
    assert_eq!(ada.get("/api/org").await.json()["name"], "Main Org.");
}

#[tokio::test]
async fn t53_claims_decide_what_the_caller_may_do() {
    let gate = Accepting::start(&by_group()).await;
    let source = |name: &str| with(plain(name, "http://127.0.0.1:9"), json!({ "uid": name }));
    for (groups, lists, creates) in [
        (json!(["ops"]), 200, 200),
        (json!(["edit"]), 200, 403),
        (json!("look"), 200, 403),
        (json!(["none"]), 403, 403),
        (json!(["none", "look", "ops"]), 200, 200),
    ] {
        let caller = gate.client(json!({ "groups": groups }));
        assert_eq!(caller.get(LIST).await.status, lists, "{groups}");
        let made = caller
            .post(LIST, &source(&format!("s{}", groups.as_array().map_or(0, Vec::len))))
            .await;
        assert_eq!(made.status, creates, "{groups}: {}", made.text());
    }
    for none in [json!([]), json!(["Ops"]), json!(null)] {
        let answer = gate.client(json!({ "groups": none })).get(LIST).await;
        check_refusal(&answer, 401, "Failed to verify JWT: no rule gives its claims a role here");
    }
}

#[tokio::test]
async fn t58_a_request_picks_one_of_the_caller_s_organisations() {
    let gate = Accepting::start(&by_group()).await;
    second(&gate.app).await;
    let org = async |groups: Value, path: &str, header: Option<&str>| {
        let caller = gate.client(json!({ "groups": groups }));
        let request = caller.request(http::Method::GET, path);
        let request = match header {
            Some(org) => request.header("x-grafana-org-id", org),
            None => request,
        };
        let answer = caller.send(request).await;
        (answer.status.as_u16(), answer.json()["id"].as_i64())
    };
    let both = || json!(["two", "look"]);
    // The order is that of the rules, not of the groups.
    assert_eq!(org(both(), "/api/org", None).await, (200, Some(1)));
    assert_eq!(org(both(), "/api/org", Some("2")).await, (200, Some(2)));
    assert_eq!(org(both(), "/api/org?targetOrgId=2", Some("1")).await, (200, Some(2)));
    assert_eq!(org(json!(["two"]), "/api/org", None).await, (200, Some(2)));
    for other in ["1", "3"] {
        assert_eq!(org(json!(["two"]), "/api/org", Some(other)).await, (401, None), "{other}");
    }
    for none in ["0", "-1", "x"] {
        assert_eq!(org(json!(["two"]), "/api/org", Some(none)).await, (200, Some(2)), "{none}");
    }
    // The role is that of the organisation: a viewer here, an administrator there.
    let caller = gate.client(json!({ "groups": both() }));
    let source = plain("s", "http://127.0.0.1:9");
    assert_eq!(caller.post(LIST, &source).await.status, 403);
}

#[tokio::test]
async fn an_organisation_that_is_closed_or_absent_ends_its_callers() {
    let gate = Accepting::start(&by_group()).await;
    let two = gate.client(json!({ "groups": ["two"] }));
    check_refusal(&two.get(LIST).await, 401, "Unauthorized");
    second(&gate.app).await;
    assert_eq!(two.get(LIST).await.status, 200);
    let items = Items::of(&gate.app);
    let close = |meta: &mut crate::store::items::Item| {
        meta.insert("deleting".to_owned(), AttributeValue::Bool(true));
    };
    items.change(ACCESS, ("ORG#2", "META"), close).await;
    check_refusal(&two.get(LIST).await, 401, "Unauthorized");
    assert_eq!(gate.client(json!({ "groups": ["look"] })).get(LIST).await.status, 200);
}

#[tokio::test]
async fn who_is_called_as_a_user_is_not_that_user() {
    let gate = Accepting::start(&by_group()).await;
    assert_ne!(gate.app.as_admin_user().get("/api/user").await.json()["id"], 0);
    let namesake = gate.client(json!({ "sub": "admin", "groups": ["look"] }));
    let answer = namesake.get("/api/user").await.json();
    assert_eq!((&answer["login"], &answer["id"]), (&json!("admin"), &json!(0)));
    assert_eq!(answer["isGrafanaAdmin"], json!(false));
    assert_eq!(namesake.post(LIST, &plain("s", "http://h")).await.status, 403);
}

#[tokio::test]
async fn a_login_comes_from_the_claim_that_is_set() {
    let gate = Accepting::start(&by_group()).await;
    let mut config = accepting(&gate.place, &by_group());
    config.settings.login_claim = "profile.email".to_owned();
    let jwt = verifier(config);
    let app = TestApp::with(|setup| setup.jwt = jwt).await;
    let token = json!({ "groups": "look", "profile": { "email": "ada@issuer.test" } });
    let user = bearer(&app, &gate.signer.token(token)).get("/api/user").await.json();
    assert_eq!((&user["login"], &user["uid"]), (&json!("ada@issuer.test"), &json!("jwt:ada")));
    let answer = bearer(&app, &gate.signer.token(json!({ "groups": "look" }))).get(LIST).await;
    check_refusal(&answer, 401, "Failed to verify JWT: its claim for logins is missing");
}

#[tokio::test]
async fn t87_h06_a_token_never_goes_upstream() {
    let gate = Accepting::start(&by_group()).await;
    let upstream = FakeUpstream::start().await;
    let proxy = gate.app.as_admin().create_proxied(&plain("s", &upstream.url())).await;
    let passing =
        with(plain("p", &upstream.url()), json!({ "jsonData": { "oauthPassThru": true } }));
    let passing = gate.app.as_admin().create_proxied(&passing).await;
    let token = gate.signer.token(json!({ "groups": "look" }));
    let caller = bearer(&gate.app, &token);
    for path in [proxy, passing] {
        let request = caller.request(http::Method::GET, &format!("{path}/x"));
        let request = request.header("x-jwt-assertion", &token).header("x-id-token", &token);
        let answer = caller.send(request).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "ok"));
        let refused = caller.get(&format!("{path}/x?auth_token={token}")).await;
        assert!(refused.status.is_client_error(), "{}", refused.status);
    }
    let requests = upstream.requests();
    assert_eq!(requests.len(), 2);
    let signature = token.rsplit('.').next().unwrap();
    for request in requests {
        assert_eq!(request.header("authorization"), None);
        let leaked: Vec<_> =
            request.headers.iter().filter(|(_, value)| value.contains(signature)).collect();
        assert!(leaked.is_empty() && !request.target.contains(signature), "{leaked:?}");
    }
}

#[tokio::test]
async fn t89_a_warm_request_with_a_token_asks_nobody() {
    let gate = Accepting::start(&by_group()).await;
    let upstream = FakeUpstream::start().await;
    let proxy = gate.app.as_admin().create_proxied(&plain("s", &upstream.url())).await;
    let caller = gate.client(json!({ "groups": "look" }));
    assert_eq!(caller.get(&proxy).await.status, 200);
    let (before, fetches) = (gate.app.calls().total(), gate.place.requests().len());
    for _ in 0..20 {
        assert_eq!(caller.get(&proxy).await.status, 200);
    }
    assert_eq!((gate.app.calls().total(), gate.place.requests().len()), (before, fetches));
}

/// A token that is good for two or three seconds more: the issuer's clock may be a minute ahead.
fn short_lived() -> Value {
    json!({ "groups": "look", "exp": store::seconds_now() - 57 })
}

#[tokio::test]
async fn t89_a_token_ends_while_what_is_known_of_it_is_remembered() {
    let gate = Accepting::start(&by_group()).await;
    let upstream = FakeUpstream::start().await;
    let proxy = gate.app.as_admin().create_proxied(&plain("s", &upstream.url())).await;
    let caller = gate.client(short_lived());
    assert_eq!(caller.get(&proxy).await.status, 200);
    let (read, before) = (Instant::now(), gate.app.calls().total());
    let ended = loop {
        let answer = caller.get(&proxy).await;
        if answer.status != 200 {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    check_refusal(&ended, 401, "Failed to verify JWT: it has expired");
    assert!(read.elapsed() < Duration::from_secs(5), "its entry was still held");
    assert_eq!(gate.app.calls().total(), before, "no table was asked");
}

#[tokio::test]
async fn t89_the_gateway_itself_ends_what_it_was_handed() {
    let gate = Accepting::start(&by_group()).await;
    let place = publishing(&[&gate.signer]).await;
    let upstream = FakeUpstream::start().await;
    let source = with(plain("s", &upstream.url()), json!({ "uid": "s" }));
    gate.app.as_admin().create(&source).await;
    let key = std::fs::read_to_string(gate.app.data().join("key")).unwrap();
    let vault = Vault::new(Keyring::local(&key).unwrap(), "local".to_owned());
    let egress = Egress::new(Policy::local(None), Dns::System, Timeouts::default());
    let through = Upstream::new(egress, Limits::default());
    let gateway = Gateway::new(gate.app.store().clone(), vault, through);

    let settings = accepting(&place, &by_group()).settings;
    let keys = json!({ "keys": [gate.signer.jwk()] }).to_string();
    let keys = auth::jwt::Keys::parse(keys.as_bytes()).unwrap();
    let token = auth::jwt::Unverified::parse(&gate.signer.token(short_lived())).unwrap();
    let now = store::seconds_now();
    let assertion = Arc::new(auth::jwt::verify(&token, &keys, &settings, now).unwrap());
    let ask = async || {
        let credential = Credential::Assertion(Arc::clone(&assertion));
        let wanted = Reference::Uid(Uid::parse("s").unwrap());
        let entry = Entry { credential, org: None, wanted, peer: None };
        let request = Request::get("/x").body(gateway::Body::new(String::new())).unwrap();
        let hop = Hop { tail: "x", peer: None };
        let proxied = gateway.proxy(entry, hop, request).await;
        proxied.map(|proxied| proxied.granted.caller().role()).map_err(|error| error.to_string())
    };
    assert_eq!(ask().await, Ok(Role::Viewer));
    let read = Instant::now();
    while ask().await.is_ok() {
        assert!(read.elapsed() < Duration::from_secs(5), "its entry was still held");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ask().await, Err("Failed to verify JWT: it has expired".to_owned()));
}

#[tokio::test]
async fn a_token_that_the_issuer_s_newer_keys_do_not_know_is_forgotten() {
    let gate = Accepting::start(&by_group()).await;
    let mut config = accepting(&gate.place, &by_group());
    config.times.believed = Duration::ZERO;
    config.times.pause = Duration::ZERO;
    let jwt = verifier(config);
    let app = TestApp::with(|setup| setup.jwt = jwt).await;
    let caller = bearer(&app, &gate.signer.token(json!({ "groups": "look" })));
    assert_eq!(caller.get(LIST).await.status, 200);
    gate.place.answer(key_set(&[]));
    check_refusal(
        &caller.get(LIST).await,
        401,
        "Failed to verify JWT: its key is none of the issuer's",
    );
    gate.place.answer(key_set(&[&gate.signer]));
    assert_eq!(caller.get(LIST).await.status, 200);
}
