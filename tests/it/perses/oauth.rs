//! Tokens for client credentials: contract/perses.md 1.7, `faults.md` T06 to T12, S38, S39.

mod answers;
mod processes;

use futures_util::future::join_all;
use harness::nginx::Nginx;
use harness::oauth::{CLIENT, Oauth};
use harness::oidc::{self, Oidc};
use harness::upstream::FakeUpstream;
use harness::{Answer, Client, TestApp, build};
use serde_json::{Value, json};

use super::{in_project, made, project, with_proxy};

const SECRETS: &str = "/api/v1/globalsecrets";
const SOURCES: &str = "/api/v1/globaldatasources";
const X: &str = "/proxy/globaldatasources/x/api/x";

fn secret(name: &str, oauth: &Value) -> Value {
    json!({ "kind": "GlobalSecret", "metadata": { "name": name }, "spec": { "oauth": oauth } })
}

/// Makes a secret `s`, and a data source `x` at a url that it goes to.
async fn registered(admin: &Client, url: &str, oauth: &Value) {
    made(admin, SECRETS, &secret("s", oauth)).await;
    let named = with_proxy("x", &json!({ "url": url, "secret": "s" }));
    made(admin, SOURCES, &named).await;
}

#[track_caller]
fn said(answer: &Answer, status: u16, cause: &str) {
    assert!(!answer.text().contains("canary"), "{}", answer.text());
    let got = (answer.status.as_u16(), answer.cause());
    assert_eq!(got, (status, cause.to_owned()), "{}", answer.text());
}

#[tokio::test]
async fn perses_1_7_a_real_issuer_gives_one_token_for_all_scopes_and_what_is_not_saved() {
    let app = TestApp::start().await;
    let (admin, upstream, issuer) =
        (app.as_admin(), FakeUpstream::start().await, Oidc::start().await);
    let oauth = json!({
        "clientID": oidc::CLIENT, "clientSecret": oidc::SECRET,
        "tokenURL": format!("{}/token", issuer.issuer()),
        "endpointParams": { "claims": [r#"{"groups":["a b"]}"#] },
    });
    project(&admin, "p").await;
    registered(&admin, &upstream.url(), &oauth).await;
    made(&admin, "/api/v1/secrets", &in_project(secret("s", &oauth), "p")).await;
    let local = in_project(with_proxy("x", &json!({ "url": upstream.url(), "secret": "s" })), "p");
    made(&admin, "/api/v1/datasources", &local).await;
    let dashboard = json!({
        "kind": "Dashboard", "metadata": { "name": "d", "project": "p" },
        "spec": { "datasources": { "x": local["spec"] } },
    });
    made(&admin, "/api/v1/dashboards", &dashboard).await;
    let viewer = app.as_viewer().await;
    let mut tokens = Vec::new();
    for path in [
        X,
        "/proxy/projects/p/datasources/x/api",
        "/proxy/projects/p/dashboards/d/datasources/x/api",
    ] {
        let answer = viewer.get(path).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "ok"), "{path}");
        tokens.push(upstream.requests().pop().unwrap().header("authorization").unwrap().to_owned());
    }
    let unsaved = json!({ "method": "GET", "spec": local["spec"] });
    let answer = admin.post("/proxy/unsaved/projects/p/datasources/api", &unsaved).await;
    assert_eq!(answer.text(), "ok");
    tokens.push(upstream.requests().pop().unwrap().header("authorization").unwrap().to_owned());
    assert!(tokens[0].starts_with("Bearer eyJ"), "{tokens:?}");
    // One secret's is all its data sources'; another secret's is another.
    assert!(tokens[1..].iter().all(|token| *token == tokens[1]) && tokens[0] != tokens[1]);
    // The credentials of the caller go nowhere.
    assert!(!tokens.iter().any(|token| token.contains("glsa_")));
}

#[tokio::test]
async fn perses_1_7_a_real_issuer_knows_both_styles_and_no_wrong_secret() {
    let app = TestApp::start().await;
    let (admin, upstream, issuer) =
        (app.as_admin(), FakeUpstream::start().await, Oidc::start().await);
    for (name, style, secret_text) in
        [("form", 1, oidc::SECRET), ("header", 2, oidc::SECRET), ("wrong", 0, "canary")]
    {
        let oauth = json!({
            "clientID": oidc::CLIENT, "clientSecret": secret_text, "authStyle": style,
            "tokenURL": format!("{}/token", issuer.issuer()),
        });
        made(&admin, SECRETS, &secret(name, &oauth)).await;
        let named = with_proxy(name, &json!({ "url": upstream.url(), "secret": name }));
        made(&admin, SOURCES, &named).await;
        let answer = admin.get(&format!("/proxy/globaldatasources/{name}/api")).await;
        if name == "wrong" {
            said(&answer, 502, "token_refused");
            let text = "token endpoint refused to give a token: 401, invalid_client";
            assert_eq!(answer.message(), text);
        } else {
            assert_eq!(answer.text(), "ok", "{name}");
        }
    }
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test]
async fn perses_1_7_what_is_sent_to_the_endpoint() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    let oauth = build::with(
        server.spec(),
        json!({
            "scopes": ["read", "a:b"], "authStyle": 1,
            "endpointParams": { "grant_type": ["own"], "audience": ["x&y"] },
        }),
    );
    registered(&admin, &server.url(), &oauth).await;
    assert_eq!(admin.get(X).await.text(), "1");
    let [asked] = &server.asked()[..] else { panic!("{:?}", server.asked()) };
    let form = format!(
        "audience=x%26y&grant_type=own&scope=read+a%3Ab&client_id={CLIENT}&client_secret={}",
        harness::oauth::SECRET
    );
    assert_eq!((asked.authorization.as_deref(), &*asked.form), (None, &*form));
}

#[tokio::test]
async fn t09_a_hundred_requests_at_once_ask_once() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    server.take(std::time::Duration::from_millis(200));
    registered(&admin, &server.url(), &server.spec()).await;
    let answers = join_all((0..100).map(|_| admin.get(X))).await;
    assert!(answers.iter().all(|answer| answer.text() == "1"), "{:?}", answers[0]);
    assert_eq!((server.asked().len(), server.served().len()), (1, 100));
    // What refuses a request asks for no token, and neither does a data source that the secret is not bound to.
    let other = with_proxy(
        "y",
        &json!({ "url": server.url(), "secret": "s", "allowedEndpoints":
        [{ "endpointPattern": "/b", "method": "GET" }] }),
    );
    made(&admin, SOURCES, &other).await;
    assert_eq!(admin.get("/proxy/globaldatasources/y/a").await.status, 403);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn t07_a_token_that_ends_is_got_anew() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    registered(&admin, &server.url(), &server.spec()).await;
    server.say(json!({ "expires_in": 2 }));
    let first = admin.get(X).await.text();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let mut asked = 1;
    while admin.get(X).await.text() == first {
        asked += 1;
        assert!(std::time::Instant::now() < deadline, "the first token is used for ever");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(asked > 5, "it was not remembered");
    assert_eq!(server.refused(), 0);
    // One that has ended when it comes is used for what waited for it, and not kept.
    server.say(json!({ "expires_in": -1 }));
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let token = admin.get(X).await.text();
        if seen.last() != Some(&token) {
            seen.push(token);
        }
        assert!(std::time::Instant::now() < deadline + std::time::Duration::from_secs(10));
    }
}

#[tokio::test]
async fn t08_a_refused_token_is_exchanged_and_the_request_repeated() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    registered(&admin, &server.url(), &server.spec()).await;
    assert_eq!(admin.get(X).await.text(), "1");
    server.revoke();
    let post = async |body: &str| {
        let request = admin.request(http::Method::POST, X).body(body.to_owned());
        admin.send(request).await
    };
    // Queries of Prometheus come as forms.
    assert_eq!(post("query=up").await.text(), "2");
    assert_eq!(server.served().last(), Some(&(2, "query=up".to_owned())));
    assert_eq!((server.asked().len(), server.refused()), (2, 1));
    // The one that came in its place is not exchanged just after.
    server.revoke();
    for _ in 0..3 {
        said(&admin.get(X).await, 400, "auth_upstream");
    }
    assert_eq!((server.asked().len(), server.refused()), (2, 4));
}

#[tokio::test]
async fn t08_what_is_too_much_to_be_kept_is_not_repeated() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    registered(&admin, &server.url(), &server.spec()).await;
    assert_eq!(admin.get(X).await.text(), "1");
    server.revoke();
    let large = admin.request(http::Method::POST, X).body("x".repeat(70_000));
    said(&admin.send(large).await, 400, "auth_upstream");
    assert_eq!(server.asked().len(), 1);
    // The next one finds the token gone.
    assert_eq!(admin.get(X).await.text(), "2");
}

#[tokio::test]
async fn t08_many_refused_at_once_exchange_once() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    registered(&admin, &server.url(), &server.spec()).await;
    assert_eq!(admin.get(X).await.text(), "1");
    server.revoke();
    server.take(std::time::Duration::from_millis(100));
    let answers = join_all((0..50).map(|_| admin.get(X))).await;
    assert!(answers.iter().all(|answer| answer.text() == "2"), "{:?}", answers[0]);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn t10_a_changed_secret_gets_a_token_of_its_own() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    registered(&admin, &server.url(), &server.spec()).await;
    assert_eq!(admin.get(X).await.text(), "1");
    server.change_secret("other-canary");
    let changed = build::with(server.spec(), json!({ "clientSecret": "other-canary" }));
    assert_eq!(admin.put(&format!("{SECRETS}/s"), &secret("s", &changed)).await.status, 200);
    assert_eq!(admin.get(X).await.text(), "2");
    let wrong = build::with(server.spec(), json!({ "clientSecret": "wrong-canary" }));
    assert_eq!(admin.put(&format!("{SECRETS}/s"), &secret("s", &wrong)).await.status, 200);
    said(&admin.get(X).await, 502, "token_refused");
    assert_eq!(server.served().len(), 2);
}

#[tokio::test]
async fn k04_a_token_goes_only_where_its_secret_is_bound() {
    let app = TestApp::start().await;
    let (admin, server, elsewhere) =
        (app.as_admin(), Oauth::start().await, FakeUpstream::start().await);
    registered(&admin, &server.url(), &server.spec()).await;
    assert_eq!(admin.get(X).await.text(), "1");
    let spec = with_proxy("y", &json!({ "url": elsewhere.url(), "secret": "s" }))["spec"].clone();
    let unsaved = json!({ "method": "GET", "spec": spec });
    let answer = admin.post("/proxy/unsaved/globaldatasources/api", &unsaved).await;
    said(&answer, 403, "secret_not_bound");
    assert!(elsewhere.requests().is_empty());
    // To another endpoint the client's credentials go only if they are sent again.
    let mut moved = admin.get(&format!("{SECRETS}/s")).await.json();
    moved["spec"]["oauth"]["tokenURL"] = json!(format!("{}/token", elsewhere.url()));
    let answer = admin.put(&format!("{SECRETS}/s"), &moved).await;
    said(&answer, 400, "secret_must_be_resent");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn perses_case_41_the_token_endpoint_has_the_secret_s_tls() {
    let app = TestApp::start().await;
    let (admin, upstream, nginx) =
        (app.as_admin(), FakeUpstream::start().await, Nginx::shared().await);
    let asked = async |name: &str, tls: Value| {
        let mut sent = secret(
            name,
            &json!({ "clientID": "a", "clientSecret": "b",
            "tokenURL": format!("{}/open/token", nginx.secure_url()) }),
        );
        sent["spec"]["tlsConfig"] = tls;
        made(&admin, SECRETS, &sent).await;
        let named = with_proxy(name, &json!({ "url": upstream.url(), "secret": name }));
        made(&admin, SOURCES, &named).await;
        admin.get(&format!("/proxy/globaldatasources/{name}/api")).await
    };
    said(&asked("roots", json!({})).await, 502, "tls");
    // It answers, if with no token.
    let ca = json!({ "ca": nginx.authority() });
    said(&asked("own", ca.clone()).await, 502, "token_answer");
    for (name, versions, cause) in [
        ("newest", json!({ "minVersion": "TLS13" }), "tls"),
        ("oldest", json!({ "minVersion": "TLS10", "maxVersion": "TLS12" }), "token_answer"),
    ] {
        said(&asked(name, build::with(ca.clone(), versions)).await, 502, cause);
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn perses_1_7_versions_of_tls_are_heeded_towards_the_data_source() {
    let app = TestApp::start().await;
    let (admin, nginx) = (app.as_admin(), Nginx::shared().await);
    for (name, versions, status) in [
        ("usual", json!({}), 200),
        ("old", json!({ "maxVersion": "TLS12" }), 200),
        ("new", json!({ "minVersion": "TLS13" }), 502),
    ] {
        let tls = build::with(json!({ "ca": nginx.authority() }), versions);
        let sent = json!({ "kind": "GlobalSecret", "metadata": { "name": name },
            "spec": { "tlsConfig": tls } });
        made(&admin, SECRETS, &sent).await;
        let url = format!("{}/open/", nginx.secure_url());
        made(&admin, SOURCES, &with_proxy(name, &json!({ "url": url, "secret": name }))).await;
        let answer = admin.get(&format!("/proxy/globaldatasources/{name}/x")).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
    }
}
