//! Canaries: texts that nobody but the right one may ever see again, put into the real binary wherever a secret goes.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod canaries;
mod server;
mod tokens;
mod types;

use std::time::Duration;

use harness::upstream::{Answer, FakeUpstream, RawUpstream, Script};
use harness::{Client, build};
use http::Method;
use serde_json::{Value, json};

use canaries::Canaries;
use server::Server;

const PATH: &str = "/api/datasources/uid/u";
const PROXY: &str = "/api/datasources/proxy/uid/u";

/// A data source with a canary wherever one can be.
fn source(canaries: &Canaries, upstream: &FakeUpstream) -> Value {
    let Canaries { sealed, in_url, in_json, .. } = canaries;
    let fields = json!({
        "uid": "u",
        "url": format!("{}/base?token={in_url}", upstream.url()),
        "basicAuth": true,
        "basicAuthUser": "reader",
        "jsonData": {
            "httpHeaderName1": "X-Key",
            "httpHeaderValue1": in_json,
            "apiKey": in_json,
        },
        "secureJsonData": { "basicAuthPassword": sealed, "httpHeaderValue1": sealed, "unused": sealed },
    });
    build::with(build::plain("canary", &upstream.url()), fields)
}

/// Writes and reads as an administrator does, rightly and wrongly.
async fn administer(server: &Server, admin: &Client, canaries: &Canaries, source: &Value) {
    let made = server.keep(admin.post("/api/datasources", source).await);
    assert_eq!(made.status, 200, "{}", made.text());
    for (expected, changed) in [
        (409, json!({})),
        (409, json!({ "name": "other" })),
        (400, json!({ "name": 7 })),
        (400, json!({ "secureJsonData": { "a": [canaries.sealed] } })),
        (400, json!({ "secureJsonData": canaries.sealed })),
        (
            400,
            json!({ "secureJsonData": { "basicAuthPassword": format!("\n{}", canaries.sealed) } }),
        ),
        (400, json!({ "secureJsonData": { "a": canaries.sealed.repeat(3_000) } })),
        (400, json!({ "jsonData": canaries.in_json })),
        (400, json!({ "jsonData": [canaries.in_json] })),
        (400, json!({ "url": format!("http://u:{}@127.0.0.1/", canaries.in_url) })),
        (400, json!({ "url": format!("http://169.254.169.254/?token={}", canaries.in_url) })),
        (400, json!({ "url": format!("ht tp://127.0.0.1/?token={}", canaries.in_url) })),
        (400, json!({ "url": format!("http://127.0.0.1/?t={}", canaries.in_url.repeat(9)) })),
    ] {
        let body = build::with(source.clone(), changed);
        let answer = server.keep_failed(admin.post("/api/datasources", &body).await);
        assert_eq!(answer.status, expected, "{}", answer.text());
    }
    let broken = source.to_string();
    for at in [broken.len() - 1, broken.len() - 30, broken.len() / 2] {
        let request = admin.request(Method::POST, "/api/datasources");
        let request = request.header("content-type", "application/json");
        let answer = server.keep_failed(admin.send(request.body(broken[..at].to_owned())).await);
        assert_eq!(answer.status, 400);
    }
    let mut change = source.clone();
    change["version"] = json!(1);
    assert_eq!(server.keep(admin.put(PATH, &change).await).status, 200);
    assert_eq!(server.keep_failed(admin.put(PATH, &json!({})).await).status, 400);
    assert_eq!(server.keep_failed(admin.put(PATH, &change).await).status, 409);
    let mut moved = source.clone();
    moved["url"] = json!("http://127.0.0.1:9/");
    moved["secureJsonData"].take();
    let moved = server.keep_failed(admin.put(PATH, &moved).await);
    assert_eq!((moved.status.as_u16(), &*moved.cause()), (400, "secret_must_be_resent"));
    assert!(server.keep(admin.get(PATH).await).text().contains(&canaries.in_url));
    server.keep(admin.get("/api/datasources").await);
}

/// Reads as somebody who may not write: he sees that there is a value, and not which.
async fn read(server: &Server, viewer: &Client, canaries: &Canaries) {
    for path in [PATH, "/api/datasources", "/api/datasources/1"] {
        let answer = server.keep(viewer.get(path).await);
        assert_eq!(answer.status, 200);
        let text = answer.text();
        assert!(!text.contains(&canaries.in_url), "{text}");
        assert!(text.contains("?token=***"), "{text}");
        let read = answer.json();
        let shown = if read.is_array() { &read[0] } else { &read };
        assert_eq!(shown["jsonData"]["httpHeaderValue1"], "***");
    }
    let answer = server.keep_failed(viewer.put(PATH, &json!({})).await);
    assert_eq!(answer.status, 403);
    assert_eq!(server.keep_failed(viewer.delete(PATH).await).status, 403);
}

/// Sends requests through the data source: answered, refused, broken.
async fn query(server: &Server, viewer: &Client, canaries: &Canaries, upstream: &FakeUpstream) {
    let ask = async |status: u16| {
        let path = format!("{PROXY}/q?secret={}", canaries.in_query);
        let request = viewer.request(Method::POST, &path).body(canaries.in_query.clone());
        let request = request.header("cookie", format!("a={}", canaries.in_query));
        let answer = server.keep_failed(viewer.send(request).await);
        assert_eq!(answer.status, status, "{}", answer.text());
    };
    upstream.answer(Answer::ok("fine"));
    ask(200).await;
    let challenge = Answer::status(401).header("www-authenticate", "Basic realm=\"x\"");
    upstream.answer(challenge.body("who?"));
    ask(400).await;
    upstream.answer(Answer::status(407));
    ask(502).await;
    upstream.answer(Answer::status(500).body("oh"));
    ask(500).await;
    let cut = viewer.request(Method::GET, &format!("{PROXY}/cut"));
    upstream.answer(Answer::status(200).cut_after(["begun"]));
    let broken = cut.send().await.expect("a head").bytes().await;
    assert!(broken.is_err(), "it breaks off");
}

/// Sends requests through data sources that do not get as far as an answer.
async fn fail(server: &Server, admin: &Client, canaries: &Canaries, source: &Value) {
    let garbage = RawUpstream::start([Script::answer(b"garbage\r\n\r\n")]).await;
    let greeting = RawUpstream::start([Script::greet(b"220 hello\r\n")]).await;
    let silent = FakeUpstream::start().await;
    silent.answer(Answer::ok("too late").after(Duration::from_secs(60)));
    let closed = harness::process::free_address();
    let query = format!("?token={}", canaries.in_url);
    let cases = [
        ("garbage", 502, json!({ "url": format!("http://{}/{query}", garbage.address()) })),
        ("closed", 502, json!({ "url": format!("http://{closed}/{query}") })),
        ("unknown", 502, json!({ "url": format!("http://nowhere.invalid/{query}") })),
        ("no-tls", 502, json!({ "url": format!("https://{}/{query}", greeting.address()) })),
        (
            "slow",
            504,
            json!({
                "url": format!("http://{}/{query}", silent.address()),
                "jsonData": { "timeout": 1, "apiKey": canaries.in_json },
            }),
        ),
        (
            "pem",
            400,
            json!({
                "url": format!("https://{closed}/{query}"),
                "jsonData": { "tlsAuth": true, "tlsAuthWithCACert": true, "apiKey": canaries.in_json },
                "secureJsonData": {
                    "tlsCACert": format!("-----BEGIN {0}-----\n{0}", canaries.sealed),
                    "tlsClientCert": canaries.sealed,
                    "tlsClientKey": canaries.sealed,
                },
            }),
        ),
        ("sigv4", 501, json!({ "jsonData": { "sigV4Auth": true, "apiKey": canaries.in_json } })),
    ];
    for (name, status, fields) in cases {
        let source = build::with(source.clone(), json!({ "name": name, "uid": name }));
        let source = build::with(source, fields);
        let made = server.keep(admin.post("/api/datasources", &source).await);
        assert_eq!(made.status, 200, "{name}: {}", made.text());
        let path = format!("/api/datasources/proxy/uid/{name}/q?secret={}", canaries.in_query);
        let answer = server.keep_failed(admin.get(&path).await);
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
    }
}

/// Comes with credentials that are none.
async fn knock(server: &Server, canaries: &Canaries) {
    let Canaries { typed, .. } = canaries;
    let address = server.address();
    let token = format!("glsa_{typed}_00000000");
    for client in [
        Client::basic(address, "admin", typed),
        Client::basic(address, typed, "x"),
        Client::basic(address, "api_key", typed),
        Client::new(address, Some(format!("Bearer {token}"))),
        Client::new(address, Some(format!("Bearer eyJrIjoi{typed}"))),
        Client::new(address, Some(format!("Digest {typed}"))),
        Client::new(address, Some(typed.clone())),
    ] {
        for path in ["/api/datasources", PROXY] {
            assert_eq!(server.keep_failed(client.get(path).await).status, 401, "{path}");
        }
    }
    let anonymous = Client::new(address, None);
    for path in ["/api/datasources", PROXY, "/api/user"] {
        let path = format!("{path}?auth_token={typed}&apikey={typed}");
        assert_eq!(server.keep_failed(anonymous.get(&path).await).status, 401, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a03_k01_k02_k22_k27_no_canary_comes_back() {
    let canaries = Canaries::draw();
    let upstream = FakeUpstream::start().await;
    let mut server = Server::start(&canaries.password).await;
    let (admin, viewer) = (server.admin(), server.viewer().await);
    let user = Client::basic(server.address(), "admin", &canaries.password);
    assert_eq!(server.keep(user.get("/api/user").await).status, 200);
    let source = source(&canaries, &upstream);

    administer(&server, &admin, &canaries, &source).await;
    read(&server, &viewer, &canaries).await;
    query(&server, &viewer, &canaries, &upstream).await;
    fail(&server, &admin, &canaries, &source).await;
    tokens::ask(&server, &admin, &canaries).await;
    knock(&server, &canaries).await;
    let arrived = upstream.requests();
    let first = arrived.first().expect("a request");
    assert_eq!(first.header("x-key"), Some(&*canaries.sealed), "it went where it belongs");
    assert!(server.is_in_a_file(&canaries.in_url), "a url is no secret of the tables");
    server.search_files(&canaries);
    assert_eq!(server.keep(admin.delete(PATH).await).status, 200);
    assert_eq!(server.keep_failed(admin.get(PATH).await).status, 404);

    server.stop().await;
    server.search_answers(&canaries);
    server.search_log(&canaries);
    server.search_files(&canaries);
}
