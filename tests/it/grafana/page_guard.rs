//! A web page in the user's browser cannot drive the listener of a laptop.

use harness::{Answer, Client, TestApp};
use insta::assert_json_snapshot;

/// One route of each kind.
const ROUTES: [&str; 6] = [
    "GET /api/health",
    "GET /api/datasources",
    "POST /api/datasources",
    "GET /api/datasources/proxy/uid/none/x",
    "GET /api/user",
    "GET /nowhere",
];

/// Sends a request whose header lines are these alone.
async fn ask(app: &TestApp, request: &str, lines: &[&str]) -> Answer {
    let admin = app.as_admin();
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let credential = admin.authorization();
    let head = format!(
        "{request} HTTP/1.1\r\nconnection: close\r\nauthorization: {credential}\r\n{lines}\r\n"
    );
    Answer::parse(&app.raw(head).await)
}

async fn check_refused(app: &TestApp, lines: &[&str], status: u16, cause: &str) {
    for request in ROUTES {
        let answer = ask(app, request, lines).await;
        let found = (answer.status.as_u16(), answer.cause());
        assert_eq!(found, (status, cause.to_owned()), "{request} {lines:?}: {}", answer.text());
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
}

async fn check_served(app: &TestApp, lines: &[&str]) {
    let answer = ask(app, "GET /api/datasources", lines).await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "[]"), "{lines:?}");
}

#[tokio::test]
async fn h23_another_host_is_421() {
    let app = TestApp::with(|setup| setup.hosts = vec!["gate.test".to_owned()]).await;
    let port = app.address().port();
    for host in [
        "evil.test",
        "localhost.evil.test",
        "127.0.0.2",
        "169.254.169.254",
        "localhost:x",
        "",
        "gate.test.",
        "x@localhost",
    ] {
        check_refused(&app, &[&format!("host: {host}")], 421, "host_not_served").await;
        check_refused(&app, &[&format!("host: {host}:{port}")], 421, "host_not_served").await;
    }
    for host in ["localhost", "127.0.0.1", "[::1]", "LocalHost", "gate.test"] {
        check_served(&app, &[&format!("host: {host}")]).await;
        check_served(&app, &[&format!("host: {host}:{port}")]).await;
    }
    let answer = ask(&app, "GET /api/health", &["host: evil.test"]).await;
    assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "cause": "host_not_served",
      "message": "host `evil.test` is not served here",
      "traceID": "[trace]"
    }
    "#);
}

#[tokio::test]
async fn h23_no_host_and_two_are_400() {
    let app = TestApp::start().await;
    check_refused(&app, &[], 400, "host_unclear").await;
    check_refused(&app, &["host: localhost", "host: localhost"], 400, "host_unclear").await;
    check_refused(&app, &["host: localhost", "host: evil.test"], 400, "host_unclear").await;
}

#[tokio::test]
async fn p11_the_absolute_form_is_judged_by_its_own_host() {
    let app = TestApp::start().await;
    let answer = ask(&app, "GET http://evil.test/api/datasources", &["host: localhost"]).await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (421, "host_not_served"));
    let answer = ask(&app, "GET http://localhost/api/datasources", &["host: evil.test"]).await;
    assert_eq!(answer.status, 421);
    let answer = ask(&app, "GET http://localhost/api/datasources", &["host: localhost"]).await;
    assert_eq!(answer.text(), "[]");
}

#[tokio::test]
async fn a_page_of_another_origin_is_403() {
    let app = TestApp::start().await;
    let host = format!("host: {}", app.address());
    let port = app.address().port();
    let own = format!("origin: http://127.0.0.1:{port}");
    for foreign in [
        "origin: http://evil.test".to_owned(),
        "origin: null".to_owned(),
        "origin:".to_owned(),
        format!("origin: https://127.0.0.1:{port}"),
        "origin: http://127.0.0.1".to_owned(),
        format!("origin: http://127.0.0.1:{}", port ^ 1),
        format!("origin: http://localhost.evil.test:{port}"),
        format!("origin: file://127.0.0.1:{port}"),
    ] {
        check_refused(&app, &[&host, &foreign], 403, "foreign_origin").await;
    }
    check_refused(&app, &[&host, &own, &own], 403, "foreign_origin").await;
    check_refused(&app, &[&host, "sec-fetch-site: cross-site"], 403, "foreign_origin").await;
    check_refused(&app, &[&host, &own, "sec-fetch-site: cross-site"], 403, "foreign_origin").await;
    check_served(&app, &[&host, &own]).await;
    for site in ["same-origin", "same-site", "none"] {
        check_served(&app, &[&host, &format!("sec-fetch-site: {site}")]).await;
    }
    let answer = ask(&app, "GET /api/health", &[&host, "origin: http://evil.test"]).await;
    assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "cause": "foreign_origin",
      "message": "requests from other origins are not served",
      "traceID": "[trace]"
    }
    "#);
}

#[tokio::test]
async fn a_page_gets_neither_a_preflight_nor_a_form_through() {
    let app = TestApp::start().await;
    let host = format!("host: {}", app.address());
    let preflight = ["origin: http://evil.test", "access-control-request-method: PUT", &host];
    let answer = ask(&app, "OPTIONS /api/datasources", &preflight).await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (403, "foreign_origin"));
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")));
    // A form posts without asking first, as a type that is none of JSON.
    let client: Client = app.as_admin();
    let form =
        client.request(http::Method::POST, "/api/datasources").header("content-type", "text/plain");
    let answer = client.send(form.body(r#"{"type":"x","access":"proxy"}"#)).await;
    assert_eq!(answer.status, 415);
    assert_eq!(client.get("/api/datasources").await.text(), "[]");
}

/// Whether a browser would ask its user for a password: it must not, whoever refuses.
#[tokio::test]
async fn a_401_never_asks_for_a_password() {
    let app = TestApp::start().await;
    for authorization in
        [None, Some("Basic !!!"), Some("Basic YWRtaW46eA=="), Some("Bearer x"), Some("Negotiate x")]
    {
        let client = Client::new(app.address(), authorization.map(str::to_owned));
        for path in ["/api/datasources", "/api/datasources/proxy/uid/u/x", "/api/user"] {
            let answer = client.get(path).await;
            assert_eq!(answer.status, 401, "{authorization:?} {path}");
            assert!(!answer.headers.contains_key("www-authenticate"), "{authorization:?} {path}");
        }
    }
}
