//! What of a caller's headers reaches a data source, and what is added (contract 2.4 and 2.5).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::upstream::{FakeUpstream, Recorded};
use harness::{Answer, Client, TestApp, build};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// A gateway with one data source before a recording upstream.
struct Stage {
    app: TestApp,
    upstream: FakeUpstream,
    client: Client,
    proxy: String,
}

impl Stage {
    async fn with(fields: Value) -> Self {
        let app = TestApp::start().await;
        let upstream = FakeUpstream::start().await;
        let client = app.as_admin();
        let source = build::with(build::plain("u", &upstream.url()), fields);
        let proxy = client.create_proxied(&source).await;
        Self { app, upstream, client, proxy }
    }

    async fn send(&self, lines: &[&str]) -> Answer {
        self.client.raw(&format!("GET {}/x", self.proxy), lines, b"").await
    }

    /// Sends a request that must pass, and gives what arrived.
    async fn arrived(&self, lines: &[&str]) -> Recorded {
        let answer = self.send(lines).await;
        assert_eq!(answer.text(), "ok", "{lines:?}");
        self.upstream.requests().pop().unwrap()
    }

    /// Sends a request that must be refused, and of which nothing may arrive.
    async fn refused(&self, lines: &[&str], status: u16, cause: &str) {
        let before = self.upstream.requests().len();
        let answer = self.send(lines).await;
        assert_eq!((answer.status.as_u16(), &*answer.cause()), (status, cause), "{lines:?}");
        assert_eq!(self.upstream.requests().len(), before, "{lines:?}");
    }
}

/// The headers that arrived, sorted; the upstream's own address left out.
fn shown(arrived: &Recorded) -> String {
    let line = |(name, value): &(String, String)| format!("{}: {value}", name.to_ascii_lowercase());
    let mut lines: Vec<_> = arrived.headers.iter().map(line).collect();
    lines.retain(|line| !line.starts_with("host: 127.0.0.1:"));
    lines.sort();
    lines.join("\n")
}

#[tokio::test]
async fn t65_h01_h06_p19_what_is_for_the_gateway_stays_here() {
    let stage = Stage::with(json!({})).await;
    let arrived = stage
        .arrived(&[
            "Cookie: grafana_session=s; x=1",
            "Referer: http://localhost/d/1?token=x",
            "X-Grafana-User: root",
            "X-Grafana-Id: e30",
            "X-Grafana-Org-Id: 1",
            "X-Grafana-Device-Id: d",
            "X-Forwarded-Host: e",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Port: 1",
            "X-Forwarded-For: 192.0.2.1",
            "Forwarded: for=192.0.2.1",
            "X-Real-IP: 192.0.2.1",
            "X-DS-Authorization: Bearer z",
            "X-JWT-Assertion: z",
            "X-WebAuth-User: root",
            "X-HTTP-Method-Override: DELETE",
            "X-Original-URL: /admin",
            "Keep-Alive: timeout=5",
            "Proxy-Authorization: Basic eDp5",
            "Proxy-Authenticate: Basic",
            "Proxy-Connection: keep-alive",
            "TE: trailers",
            "Trailer: x-late",
            "Upgrade: h2c",
            "User-Agent: theirs/1",
            "Accept: a/b",
            "X-Panel-Id: 7",
            "X-Twice: 1",
            "X-Twice: 2",
        ])
        .await;
    assert_snapshot!(shown(&arrived), @r"
    accept: a/b
    user-agent: Grafana/13.0.0
    via: 1.1 sourcegate
    x-forwarded-for: 127.0.0.1
    x-grafana-referer: http://localhost/d/1?token=x
    x-panel-id: 7
    x-twice: 1
    x-twice: 2
    ");
    let host = stage.upstream.address().to_string();
    assert_eq!(arrived.header("host"), Some(host.as_str()));
}

#[tokio::test]
async fn t66_t67_h07_only_listed_cookies_go_along_and_no_session() {
    let cookies = ["Cookie: z=0; grafana_session=s; x=1; grafana_session_expiry=9", "Cookie: xy=2"];
    for (keep, expected) in [
        (json!(["x"]), Some("x=1")),
        (json!(["xy", "x"]), Some("x=1; xy=2")),
        (json!(["x[]"]), Some("x=1; xy=2")),
        (json!(["[]"]), Some("x=1; xy=2; z=0")),
        (json!(["grafana_session"]), None),
        (json!(["grafana_session[]", "grafana_session_expiry"]), None),
        (json!([]), None),
    ] {
        let stage = Stage::with(json!({ "jsonData": { "keepCookies": keep } })).await;
        let arrived = stage.arrived(&cookies).await;
        assert_eq!(arrived.header("cookie"), expected, "{keep}");
    }
}

#[tokio::test]
async fn t69_h05_the_callers_authorization_never_becomes_the_data_sources() {
    let stage = Stage::with(json!({
        "basicAuth": true,
        "basicAuthUser": "reader",
        "secureJsonData": { "basicAuthPassword": "pässword" },
    }))
    .await;
    let arrived = stage.arrived(&["X-DS-Authorization: Bearer z"]).await;
    assert_eq!(arrived.all("authorization"), ["Basic cmVhZGVyOnDDpHNzd29yZA=="]);
    assert_eq!(arrived.header("x-ds-authorization"), None);
}

#[tokio::test]
async fn t71_t87_nobody_is_named_to_a_data_source() {
    let stage = Stage::with(json!({ "jsonData": { "oauthPassThru": true } })).await;
    for client in [stage.app.as_admin(), stage.app.as_admin_user()] {
        let answer = client.raw(&format!("GET {}", stage.proxy), &["X-ID-Token: t"], b"").await;
        assert_eq!(answer.text(), "ok");
        let arrived = stage.upstream.requests().pop().unwrap();
        let names = arrived.names();
        assert_eq!(names, ["host", "user-agent", "via", "x-forwarded-for"]);
    }
}

#[tokio::test]
async fn t70_h11_configured_headers_are_counted_from_one_to_the_first_gap() {
    let stage = Stage::with(json!({
        "jsonData": {
            "httpHeaderName1": "X-One", "httpHeaderName2": "X-No-Value", "httpHeaderName4": "X-Four",
        },
        "secureJsonData": {
            "httpHeaderValue1": "one", "httpHeaderValue3": "no name", "httpHeaderValue4": "four",
        },
    }))
    .await;
    let arrived = stage.arrived(&["x-one: theirs", "X-NO-VALUE: theirs"]).await;
    assert_eq!(arrived.all("x-one"), ["one"]);
    assert_eq!((arrived.header("x-no-value"), arrived.header("x-four")), (None, None));
}

#[tokio::test]
async fn h02_t84_headers_that_connection_lists_take_nothing_of_ours_away() {
    let stage = Stage::with(json!({
        "basicAuth": true,
        "basicAuthUser": "a",
        "jsonData": { "httpHeaderName1": "X-Scope-OrgID" },
        "secureJsonData": { "basicAuthPassword": "b", "httpHeaderValue1": "tenant" },
    }))
    .await;
    let listed =
        "Connection: Authorization, X-Scope-OrgID, X-Forwarded-For, Via, User-Agent, X-Mine";
    let arrived = stage.arrived(&[listed, "X-Mine: 1", "X-Kept: 1"]).await;
    assert_snapshot!(shown(&arrived), @r"
    authorization: Basic YTpi
    user-agent: Grafana/13.0.0
    via: 1.1 sourcegate
    x-forwarded-for: 127.0.0.1
    x-kept: 1
    x-scope-orgid: tenant
    ");
    let answer = stage.send(&["Connection: Content-Security-Policy, X-Content-Type-Options"]).await;
    assert_eq!(answer.header("content-security-policy"), "sandbox");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn h03_a_tenant_is_the_configured_one_in_every_spelling() {
    let stage = Stage::with(json!({
        "jsonData": { "httpHeaderName1": "X-Scope-OrgID" },
        "secureJsonData": { "httpHeaderValue1": "tenant" },
    }))
    .await;
    for lines in [
        &["X-Scope-OrgID: other"][..],
        &["x-scope-orgid: other", "X-SCOPE-ORGID: third"],
        &["X-Scope-OrgId:", "X-Scope-OrgID: other"],
    ] {
        assert_eq!(stage.arrived(lines).await.all("x-scope-orgid"), ["tenant"], "{lines:?}");
    }
    for line in
        ["X_Scope_OrgID: other", "X-Scope_OrgID: other", "Content_Length: 9", "X_Forwarded_For: a"]
    {
        stage.refused(&[line], 400, "bad_header").await;
    }
    let open = Stage::with(json!({})).await;
    assert_eq!(open.arrived(&["X-Scope-OrgID: other"]).await.all("x-scope-orgid"), [""; 0]);
}

#[tokio::test]
async fn h13_h21_huge_heads_are_431_and_upgrades_501() {
    let stage = Stage::with(json!({})).await;
    let long = format!("X-Long: {}", "x".repeat(64 << 10));
    let medium = format!("X-Medium: {}", "x".repeat(16 << 10));
    let many: Vec<String> = (0..500).map(|n| format!("X-{n}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for lines in [&[long.as_str()][..], &[medium.as_str()], &many] {
        assert_eq!(stage.send(lines).await.status, 431);
    }
    let websocket = ["Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
    let answer = stage.send(&websocket).await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (501, "upgrade_not_offered"));
    stage.refused(&["Connection: upgrade", "Upgrade: TLS/1.0"], 501, "upgrade").await;
    assert_eq!(stage.upstream.seen().accepted, 0);
}

#[tokio::test]
async fn h22_one_range_passes_and_many_do_not() {
    let stage = Stage::with(json!({})).await;
    let arrived = stage.arrived(&["Range: bytes=0-0"]).await;
    assert_eq!(arrived.header("range"), Some("bytes=0-0"));
    let many = format!("Range: bytes={}", vec!["0-0"; 1000].join(","));
    for lines in
        [&["Range: bytes=0-0,2-2"][..], &[&many], &["Range: bytes=0-0", "Range: bytes=2-2"]]
    {
        assert_eq!(stage.arrived(lines).await.header("range"), None, "{lines:?}");
    }
}

#[tokio::test]
async fn h23_the_host_is_the_data_sources_own() {
    let stage = Stage::with(json!({})).await;
    let (app, port) = (&stage.app, stage.app.address().port());
    let credential = stage.client.authorization();
    let request = |target: &str, hosts: &str| {
        format!(
            "GET {target} HTTP/1.1\r\n{hosts}connection: close\r\nauthorization: {credential}\r\n\r\n"
        )
    };
    let local = format!("http://localhost:{port}{}", stage.proxy);
    let foreign = format!("http://other.test{}", stage.proxy);
    for (target, hosts, status) in [
        (stage.proxy.as_str(), "", 400),
        (&stage.proxy, "host: localhost\r\nhost: localhost\r\n", 400),
        (&stage.proxy, "host: other.test\r\n", 421),
        (&foreign, "host: localhost\r\n", 421),
        (&local, "host: other.test\r\n", 421),
        (&stage.proxy, "host: localhost\r\n", 200),
        (&local, "host: 127.0.0.1\r\n", 200),
    ] {
        let answer = Answer::parse(&app.raw(request(target, hosts)).await);
        assert_eq!(answer.status, status, "{target} {hosts:?}");
    }
    let address = stage.upstream.address().to_string();
    let arrived = stage.upstream.requests();
    assert_eq!(arrived.len(), 2);
    assert!(arrived.iter().all(|request| request.header("host") == Some(address.as_str())));
}

#[tokio::test]
async fn a_request_that_was_here_before_is_508() {
    let stage = Stage::with(json!({})).await;
    for via in
        ["Via: 1.1 sourcegate", "Via: 1.0 cache, 1.1 Sourcegate", "via: HTTP/1.1 sourcegate (x)"]
    {
        stage.refused(&[via], 508, "loop").await;
    }
    let arrived = stage.arrived(&["Via: 1.0 cache"]).await;
    assert_eq!(arrived.all("via"), ["1.0 cache", "1.1 sourcegate"]);
    // No route is a data source, whatever credential that data source would lend.
    for path in ["/api/health", "/api/datasources", "/api/org"] {
        let request = stage.client.request(http::Method::GET, path);
        let answer = stage.client.send(request.header("via", "1.1 sourcegate")).await;
        assert_eq!((answer.status.as_u16(), &*answer.cause()), (508, "loop"), "{path}");
    }

    // Another gateway, which is at an address that may be dialled.
    let credential = stage.client.authorization();
    let through = build::with(
        build::plain("loop", &format!("http://{}{}", stage.app.address(), stage.proxy)),
        json!({
            "jsonData": { "httpHeaderName1": "Authorization" },
            "secureJsonData": { "httpHeaderValue1": credential },
        }),
    );
    let second = TestApp::start().await;
    let proxy = second.as_admin().create_proxied(&through).await;
    let before = stage.upstream.requests().len();
    let answer = second.as_admin().get(&proxy).await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (508, "loop"));
    assert_eq!(stage.upstream.requests().len(), before);
}

#[tokio::test]
async fn h19_trailers_of_a_request_are_dropped() {
    let stage = Stage::with(json!({})).await;
    let lines = ["Transfer-Encoding: chunked", "Trailer: Authorization"];
    let body = b"3\r\nabc\r\n0\r\nAuthorization: x\r\nX-Scope-OrgID: y\r\n\r\n";
    let answer = stage.client.raw(&format!("POST {}", stage.proxy), &lines, body).await;
    assert_eq!(answer.text(), "ok");
    let arrived = stage.upstream.only_request();
    assert_eq!((&*arrived.body, arrived.whole), (&b"abc"[..], true));
    let text = format!("{:?}", arrived.headers).to_ascii_lowercase();
    assert!(
        !text.contains("authorization") && !text.contains("orgid") && !text.contains("trailer")
    );
}

#[tokio::test]
async fn t84_two_lengths_smuggle_nothing() {
    let stage = Stage::with(json!({})).await;
    let hidden = format!("GET {}/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n", stage.proxy);
    let body = format!("0\r\n\r\n{hidden}");
    let length = format!("Content-Length: {}", body.len());
    let lines = [length.as_str(), "Transfer-Encoding: chunked"];
    let answer =
        stage.client.raw(&format!("POST {}/x", stage.proxy), &lines, body.as_bytes()).await;
    assert!(matches!(answer.status.as_u16(), 200 | 400), "{}", answer.status);
    let arrived = stage.upstream.requests();
    assert!(arrived.iter().all(|request| request.target == "/x" && request.body.is_empty()));
    assert!(arrived.len() <= 1, "{arrived:?}");
}
