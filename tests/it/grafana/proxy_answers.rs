//! What of a data source's answer reaches the caller (contract 2.2 and 2.5).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::upstream::{Answer, FakeUpstream, RawUpstream, Script};
use harness::{TestApp, build};
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::json;

/// Status line and headers as they came over the wire, the clock's left out.
fn head(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let head = text.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
    let (first, rest) = head.split_once("\r\n").unwrap();
    let mut lines: Vec<_> = rest.split("\r\n").filter(|line| !line.starts_with("date:")).collect();
    lines.sort_unstable();
    format!("{first}\n{}", lines.join("\n"))
}

/// One answer of a data source, as it reaches a caller on the wire.
async fn wire(sent: &str) -> Vec<u8> {
    let app = TestApp::start().await;
    let upstream = RawUpstream::start([Script::answer(sent)]).await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &upstream.url())).await;
    let request = format!(
        "GET {proxy} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: {}\r\n\r\n",
        admin.authorization()
    );
    app.raw(request).await
}

#[tokio::test]
async fn t73_h01_h31_h35_answers_do_not_speak_for_the_gateway() {
    let answer = wire(
        "HTTP/1.1 203 Whatever\r\nSet-Cookie: a=1\r\nSet-Cookie: grafana_session=b\r\n\
         Content-Security-Policy: default-src *\r\nX-Content-Type-Options: sniff\r\n\
         Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\n\
         Strict-Transport-Security: max-age=1\r\nClear-Site-Data: *\r\nAlt-Svc: h3\r\n\
         Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: Basic\r\nProxy-Authorization: x\r\nTE: x\r\nTrailer: x-late\r\n\
         Upgrade: h2c\r\nWWW-Authenticate: Basic\r\nX-Accel-Redirect: /etc\r\n\
         Server: theirs\r\nX-Powered-By: php\r\nVia: 1.0 cache\r\nETag: \"x\"\r\n\
         Content-Type: text/html\r\nX-Twice: 1\r\nX-Twice: 2\r\nContent-Length: 5\r\n\r\n<br/>",
    )
    .await;
    assert_snapshot!(head(&answer), @r#"
    http/1.1 203 non authoritative information
    connection: close
    content-length: 5
    content-security-policy: sandbox
    content-type: text/html
    etag: "x"
    server: theirs
    via: 1.0 cache
    via: 1.1 sourcegate
    x-content-type-options: nosniff
    x-powered-by: php
    x-twice: 1
    x-twice: 2
    "#);
    assert!(answer.ends_with(b"\r\n\r\n<br/>"));
}

#[tokio::test]
async fn t74_s37_redirects_are_handed_on_and_never_followed() {
    let app = TestApp::start().await;
    let (upstream, evil) = (FakeUpstream::start().await, FakeUpstream::start().await);
    let source = build::with(
        build::plain("u", &upstream.url()),
        json!({
            "basicAuth": true,
            "basicAuthUser": "reader",
            "jsonData": { "httpHeaderName1": "X-Api-Key" },
            "secureJsonData": { "basicAuthPassword": "canary-1", "httpHeaderValue1": "canary-2" },
        }),
    );
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&source).await;
    let targets = [
        evil.url() + "/landing",
        "http://169.254.169.254/latest/".into(),
        "//evil/".into(),
        "/a".into(),
    ];
    for status in [301, 302, 303, 307, 308] {
        for target in &targets {
            upstream.answer(Answer::status(status).header("location", target).body("moved"));
            let answer = admin.raw(&format!("POST {proxy}/x"), &["content-length: 1"], b"y").await;
            let got = (answer.status.as_u16(), answer.header("location"), answer.text());
            assert_eq!(got, (status, target.as_str(), "moved".to_owned()));
            assert!(!format!("{answer:?}").contains("canary"));
        }
    }
    assert_eq!(upstream.requests().len(), 20);
    assert_eq!(upstream.requests()[0].header("x-api-key"), Some("canary-2"));
    assert_eq!(evil.seen().accepted, 0);
}

#[tokio::test]
async fn other_statuses_and_their_bodies_pass() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &upstream.url())).await;
    for status in
        [200, 201, 206, 299, 400, 403, 404, 405, 409, 418, 422, 429, 500, 502, 503, 504, 599]
    {
        let body = format!("{{\"status\":\"error\",\"number\":{status}}}");
        upstream.answer(Answer::status(status).body(body.clone()).header("retry-after", "7"));
        let answer = admin.get(&proxy).await;
        let got = (answer.status.as_u16(), answer.text(), answer.header("retry-after"));
        assert_eq!(got, (status, body, "7"));
    }
    for status in [204, 304] {
        upstream.answer(Answer::status(status).header("etag", "\"x\""));
        let answer = admin.get(&proxy).await;
        assert_eq!((answer.status.as_u16(), answer.header("etag")), (status, "\"x\""));
        assert!(answer.body.is_empty());
    }
}

#[tokio::test]
async fn h34_statuses_about_the_gateway_itself_are_502() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &upstream.url())).await;
    for status in [407, 421, 426, 511] {
        let answer = Answer::status(status).header("proxy-authenticate", "Basic").body("canary");
        upstream.answer(answer.header("www-authenticate", "Basic"));
        let answer = admin.get(&proxy).await;
        let got = (answer.status.as_u16(), answer.cause(), answer.message());
        let said = format!("data source answered {status}");
        assert_eq!(got, (502, "upstream_status".to_owned(), said));
        for challenge in ["proxy-authenticate", "www-authenticate"] {
            assert!(!answer.headers.contains_key(challenge), "{status} {challenge}");
        }
    }
    assert_json_snapshot!(admin.get(&proxy).await.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "cause": "upstream_status",
      "message": "data source answered 511",
      "traceID": "[trace]"
    }
    "#);
}

#[tokio::test]
async fn b09_compressed_answers_pass_unopened() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &upstream.url())).await;
    for (coding, bytes) in
        [("gzip", &b"\x1f\x8b\x08\0\0\0\0\0\0\x03no deflate"[..]), ("br, gzip", b"\0\xff")]
    {
        upstream.answer(Answer::ok(bytes).header("content-encoding", coding));
        let answer =
            admin.raw(&format!("GET {proxy}"), &["accept-encoding: gzip, br;q=0.5"], b"").await;
        assert_eq!((answer.header("content-encoding"), &*answer.body), (coding, bytes));
        let arrived = upstream.requests().pop().unwrap();
        assert_eq!(arrived.header("accept-encoding"), Some("gzip, br;q=0.5"));
    }
    admin.raw(&format!("GET {proxy}"), &[], b"").await;
    assert_eq!(upstream.requests().pop().unwrap().header("accept-encoding"), None);
}

#[tokio::test]
async fn h19_trailers_of_an_answer_are_dropped() {
    let answer = wire(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n\
         3\r\nabc\r\n0\r\nSet-Cookie: a=1\r\n\r\n",
    )
    .await;
    let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    assert!(text.ends_with("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), "{text}");
    assert!(!text.contains("trailer") && !text.contains("set-cookie"), "{text}");
}
