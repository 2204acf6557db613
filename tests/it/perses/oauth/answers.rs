//! Endpoints that are down, slow, or answer what is no token: nothing goes to the data source, and nobody is told a secret.

use std::time::Duration;

use futures_util::future::join_all;
use harness::oauth::Oauth;
use harness::upstream::{Answer, FakeUpstream, RawUpstream, Script};
use harness::{TestApp, build};
use serde_json::json;

use super::{SECRETS, SOURCES, X, made, registered, said, secret, with_proxy};

#[tokio::test]
async fn t06_s38_what_is_no_token_is_a_502_with_its_cause() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let endpoint = FakeUpstream::start().await;
    let long = "x".repeat(70_000);
    let token = |token: &str| Answer::json(&json!({ "access_token": token }));
    let cases = [
        ("text", Answer::ok("<html>canary</html>"), "token_answer"),
        ("empty", Answer::ok(""), "token_answer"),
        ("none", Answer::json(&json!({ "token_type": "Bearer" })), "token_answer"),
        ("blank", token(""), "token_answer"),
        ("line", token("canary\r\nX-A: b"), "token_answer"),
        (
            "type",
            Answer::json(&json!({ "access_token": "canary", "token_type": "mac" })),
            "token_answer",
        ),
        ("huge", token(&long), "limit_bytes"),
        ("endless", Answer::status(200).endless(long), "limit_bytes"),
        ("cut", Answer::status(200).cut_after(["{\"access_token\":\"canary\""]), "token_closed"),
        ("moved", Answer::status(307).header("location", &upstream.url()), "token_redirect"),
        ("gone", Answer::status(404), "token_status"),
        ("down", Answer::status(503).body("canary"), "token_status"),
        ("busy", Answer::status(429), "token_status"),
        ("refused", Answer::status(401).body("canary"), "token_refused"),
    ];
    for (name, answer, cause) in cases {
        endpoint.when("POST", &format!("/{name}"), answer);
        let oauth = json!({ "clientID": "a", "clientSecret": "canary",
            "tokenURL": format!("{}/{name}", endpoint.url()) });
        made(&admin, SECRETS, &secret(name, &oauth)).await;
        let named = with_proxy(name, &json!({ "url": upstream.url(), "secret": name }));
        made(&admin, SOURCES, &named).await;
        let before = endpoint.requests().len();
        said(&admin.get(&format!("/proxy/globaldatasources/{name}/api")).await, 502, cause);
        // Only a refusal may be for the way in which the credentials came.
        let tries = if cause == "token_refused" { 2 } else { 1 };
        assert_eq!(endpoint.requests().len() - before, tries, "{name}");
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn s39_an_endpoint_is_dialled_by_the_rules_of_data_sources() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let raw = RawUpstream::start([Script::greet(b"220 hello\r\n")]).await;
    let closed = harness::process::free_address();
    for (name, url, status, cause) in [
        ("metadata", "http://169.254.169.254/token".to_owned(), 502, "denied_egress"),
        ("own", format!("http://{}/token", app.address()), 502, "denied_egress"),
        ("name", "http://nowhere.invalid/token".to_owned(), 502, "dns"),
        ("closed", format!("http://{closed}/token"), 502, "connect"),
        ("no-tls", format!("https://{}/token", raw.address()), 502, "tls"),
    ] {
        let oauth = json!({ "clientID": "a", "clientSecret": "canary", "tokenURL": url });
        made(&admin, SECRETS, &secret(name, &oauth)).await;
        let named = with_proxy(name, &json!({ "url": upstream.url(), "secret": name }));
        made(&admin, SOURCES, &named).await;
        let answer = admin.get(&format!("/proxy/globaldatasources/{name}/api")).await;
        said(&answer, status, cause);
        assert_eq!(answer.message(), "cannot reach the token endpoint of the data source's secret");
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn t06_an_endpoint_that_fails_is_asked_once_and_left_alone_for_a_moment() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let endpoint = FakeUpstream::start().await;
    endpoint.answer(Answer::status(500).after(Duration::from_millis(100)));
    let oauth = json!({ "clientID": "a", "clientSecret": "b",
        "tokenURL": format!("{}/token", endpoint.url()) });
    registered(&admin, &upstream.url(), &oauth).await;
    let answers = join_all((0..50).map(|_| admin.get(X))).await;
    answers.iter().for_each(|answer| said(answer, 502, "token_status"));
    assert_eq!(endpoint.requests().len(), 1);
    endpoint.answer(Answer::json(&json!({ "access_token": "t" })));
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while admin.get(X).await.status != 200 {
        assert!(std::time::Instant::now() < deadline, "it is left alone for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(endpoint.requests().len(), 2);
    assert_eq!(upstream.only_request().header("authorization"), Some("Bearer t"));
}

#[tokio::test]
async fn t06_an_endpoint_that_says_nothing_is_a_504() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let endpoint = FakeUpstream::start().await;
    endpoint.answer(Answer::ok("too late").after(Duration::from_secs(60)));
    let oauth = json!({ "clientID": "a", "clientSecret": "b",
        "tokenURL": format!("{}/token", endpoint.url()) });
    registered(&admin, &upstream.url(), &oauth).await;
    let answers = join_all((0..10).map(|_| admin.get(X))).await;
    answers.iter().for_each(|answer| said(answer, 504, "token_timeout"));
    assert_eq!((endpoint.requests().len(), upstream.requests().len()), (1, 0));
}

#[tokio::test]
async fn t06_who_waits_for_anothers_token_waits_no_longer_than_for_his_data_source() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let endpoint = FakeUpstream::start().await;
    endpoint.answer(Answer::ok("too late").after(Duration::from_secs(60)));
    let oauth = json!({ "clientID": "a", "clientSecret": "b",
        "tokenURL": format!("{}/token", endpoint.url()) });
    made(&admin, SECRETS, &secret("s", &oauth)).await;
    for (name, timeout) in [("x", "30s"), ("y", "1s")] {
        let proxy = json!({ "url": upstream.url(), "secret": "s", "timeout": timeout });
        made(&admin, SOURCES, &with_proxy(name, &proxy)).await;
    }
    let waiting = async {
        while endpoint.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let begun = std::time::Instant::now();
        said(&admin.get("/proxy/globaldatasources/y/api").await, 504, "timeout");
        begun.elapsed()
    };
    let (asking, waited) = tokio::join!(admin.get(X), waiting);
    said(&asking, 504, "token_timeout");
    assert!(waited < Duration::from_secs(9), "{waited:?}");
    assert_eq!((endpoint.requests().len(), upstream.requests().len()), (1, 0));
}

#[tokio::test]
async fn what_could_not_be_asked_is_refused_at_the_save() {
    let app = TestApp::start().await;
    let (admin, server) = (app.as_admin(), Oauth::start().await);
    for (change, text) in [
        (json!({ "authStyle": 9 }), "oauth.authStyle 9 is none"),
        (json!({ "tokenURL": "ftp://h/token" }), "url has a scheme that no data source uses"),
        (json!({ "tokenURL": "http://a:canary@h/token" }), "url has a user or password in it"),
        (json!({ "endpointParams": { "client_secret": ["canary"] } }), "which would be shown"),
        (
            json!({ "scopes": ["a"], "endpointParams": { "scope": ["b"] } }),
            "oauth.endpointParams has a scope beside oauth.scopes",
        ),
    ] {
        let answer = admin.post(SECRETS, &secret("s", &build::with(server.spec(), change))).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.message().contains(text), "{}", answer.text());
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
    let mut sent = secret("s", &server.spec());
    sent["spec"]["tlsConfig"] = json!({ "maxVersion": "TLS10" });
    let answer = admin.post(SECRETS, &sent).await;
    assert!(answer.message().contains("tlsConfig.maxVersion TLS10 is not spoken any more"));
}
