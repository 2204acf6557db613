//! What is sent to an endpoint over a real socket, and what its answers come to.

use secrecy::ExposeSecret;
use serde_json::json;
use sourcegate_core::{Classify, OauthSpec};

use super::*;
use crate::tests::{Double, egress, secrets};

const TOKEN: &str = r#"{"access_token":"t","expires_in":60}"#;

fn endpoint(url: &str, style: u8) -> TokenEndpoint {
    let spec = OauthSpec {
        token_url: format!("{url}/token?tenant=a"),
        auth_style: style,
        ..OauthSpec::default()
    };
    let secrets = secrets(&[("oauth.clientID", "robot"), ("oauth.clientSecret", "canary")]);
    TokenEndpoint::new(&egress(), None, &TokenGrant::of(&spec).unwrap(), &secrets).unwrap()
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Answers requests with credentials in a header in one way, and those with credentials in the form in another.
async fn double(by_header: String, by_form: String) -> Double {
    Double::serving(move |mut peer| {
        let (by_header, by_form) = (by_header.clone(), by_form.clone());
        async move {
            let Some(head) = peer.head().await else { return };
            let has_header = head.contains("authorization: Basic");
            peer.write(if has_header { &by_header } else { &by_form }.as_bytes()).await;
        }
    })
    .await
}

/// Asks; gives the token with its way, or the cause, and how often was asked.
async fn asked(
    double: &Double,
    style: u8,
    learnt: Option<Way>,
) -> (Result<(String, Way), &'static str>, usize) {
    let outcome = endpoint(&double.url, style).ask(learnt).await;
    let outcome = outcome.map(|(issued, way)| (issued.token.expose_secret().to_owned(), way));
    let outcome = outcome.map_err(|error| {
        assert!(!format!("{error} {error:?}").contains("canary"));
        error.cause().unwrap()
    });
    (outcome, double.heads().len())
}

#[tokio::test]
async fn a_form_is_posted_and_the_request_says_who_sends_it() {
    let double = Double::answering(answer("200 OK", TOKEN)).await;
    asked(&double, 2, None).await.0.unwrap();
    let heads = double.heads();
    // `robot:canary`
    for line in [
        "POST /token?tenant=a HTTP/1.1\r\n",
        "\r\ncontent-type: application/x-www-form-urlencoded\r\n",
        "\r\naccept: application/json\r\n",
        "\r\nvia: 1.1 sourcegate\r\n",
        "\r\nauthorization: Basic cm9ib3Q6Y2FuYXJ5\r\n",
        "\r\ncontent-length: 29\r\n",
    ] {
        assert!(heads[0].contains(line), "{line} in {}", heads[0]);
    }
}

#[tokio::test]
async fn perses_1_7_the_style_is_as_configured_or_found_out() {
    let (token, refused) = (answer("200 OK", TOKEN), answer("401 Unauthorized", ""));
    let got = |way| Ok(("t".to_owned(), way));
    for (style, learnt, header_only, form_only) in [
        (2, None, (got(Way::Header), 1), (Err("token_refused"), 1)),
        (1, None, (Err("token_refused"), 1), (got(Way::Form), 1)),
        (0, None, (got(Way::Header), 1), (got(Way::Form), 2)),
        (0, Some(Way::Form), (Err("token_refused"), 1), (got(Way::Form), 1)),
        (0, Some(Way::Header), (got(Way::Header), 1), (Err("token_refused"), 1)),
        (1, Some(Way::Header), (Err("token_refused"), 1), (got(Way::Form), 1)),
    ] {
        let by_header = double(token.clone(), refused.clone()).await;
        assert_eq!(asked(&by_header, style, learnt).await, header_only, "{style} {learnt:?}");
        let by_form = double(refused.clone(), token.clone()).await;
        assert_eq!(asked(&by_form, style, learnt).await, form_only, "{style} {learnt:?}");
    }
    let nobody = double(refused.clone(), refused).await;
    assert_eq!(asked(&nobody, 0, None).await, (Err("token_refused"), 2));
}

#[tokio::test]
async fn t06_s38_bad_answers_are_no_tokens_and_secrets_are_sent_once() {
    let elsewhere = Double::answering(answer("200 OK", TOKEN)).await;
    let moved = |status: &str| {
        format!("HTTP/1.1 {status}\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url)
    };
    let long = json!({ "access_token": "t", "more": "x".repeat(MOST_BYTES) });
    let endless = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned()
        + &format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(3);
    for (answer, cause) in [
        (moved("302 Found"), "token_redirect"),
        (moved("307 Temporary Redirect"), "token_redirect"),
        (answer("500 Oh", "canary"), "token_status"),
        (answer("429 Slower", ""), "token_status"),
        (answer("404 Not Found", "<html>"), "token_status"),
        (answer("200 OK", "<html>canary"), "token_answer"),
        (answer("204 No Content", ""), "token_answer"),
        (answer("200 OK", r#"{"token_type":"Bearer"}"#), "token_answer"),
        (answer("200 OK", &long.to_string()), "limit_bytes"),
        (endless, "limit_bytes"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_owned(), "token_closed"),
        ("SSH-2.0-canary\r\n\r\n".to_owned(), "token_closed"),
        (answer("400 No", r#"{"error":"invalid_scope"}"#), "token_refused"),
    ] {
        let double = Double::closing(answer.clone()).await;
        assert_eq!(asked(&double, 0, None).await, (Err(cause), 1), "{answer}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn s39_a_token_endpoint_is_dialled_like_a_data_source() {
    for (url, cause) in [
        ("http://169.254.169.254", "denied_egress"),
        ("http://127.0.0.1:1", "connect"),
        ("http://nowhere.invalid", "dns"),
    ] {
        let error = endpoint(url, 0).ask(None).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause));
        assert!(!error.public().contains("169.254"), "{error}");
    }
}

#[test]
fn k22_debug_shows_no_credential() {
    let shown = format!("{:?}", endpoint("http://h/canary", 0));
    assert_eq!(shown, r#"TokenEndpoint { host: Some("h"), .. }"#);
}
