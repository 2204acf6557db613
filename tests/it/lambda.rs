//! The built functions under `cargo lambda watch`, each behind the routes of the root manifest.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod clients;
mod invoke;

use std::time::Duration;

use harness::build::{plain, with};
use harness::process::Process;
use harness::upstream::{Answer, FakeUpstream};
use harness::watch::Emulator;
use harness::{Client, TestApp};
use http::Method;
use serde_json::json;

use crate::events::functions::{offering, proxy_settings, registry_settings, settings};

/// How many events a function takes at once where one machine serves many.
const LOOPS: usize = 8;

/// The emulator with all functions, on the tables of a running gateway.
struct Watched {
    client: Client,
    app: TestApp,
    emulator: Emulator,
    _functions: [Process; 5],
}

impl Watched {
    /// Starts them; each function takes so many events at once.
    async fn start(loops: usize) -> Self {
        let (app, emulator) = (offering().await, Emulator::with_concurrency(loops).await);
        let start = |name, mut settings: Vec<(String, String)>| {
            if loops > 1 {
                settings.push(("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), loops.to_string()));
            }
            let settings = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            emulator.function(name, settings)
        };
        let functions = [
            // It makes key pairs, and so has the key.
            start("access", proxy_settings(app.data())),
            start("datasources", registry_settings(app.data())),
            start("http-proxy", proxy_settings(app.data())),
            start("perses-api", settings(app.data())),
            start("sql-proxy", proxy_settings(app.data())),
        ];
        let client =
            Client::new(emulator.address(), Some(app.as_admin().authorization().to_owned()));
        Self { client, app, emulator, _functions: functions }
    }

    /// Registers a data source with a password, over the emulator.
    async fn source(&self, uid: &str, upstream: &FakeUpstream) {
        let fields = json!({
            "uid": uid,
            "basicAuth": true,
            "basicAuthUser": "user",
            "secureJsonData": { "basicAuthPassword": "password" },
        });
        self.client.create(&with(plain(uid, &upstream.url()), fields)).await;
    }
}

#[tokio::test]
async fn the_functions_share_one_registry_with_the_gateway_beside_them() {
    share_one_registry(Watched::start(1).await).await;
}

#[tokio::test]
async fn the_functions_share_one_registry_with_the_gateway_beside_them_with_eight_loops() {
    share_one_registry(Watched::start(LOOPS).await).await;
}

async fn share_one_registry(watched: Watched) {
    let health = watched.client.get("/api/health").await;
    assert_eq!((health.status.as_u16(), &health.json()["database"]), (200, &json!("ok")));
    let upstream = FakeUpstream::start().await;
    watched.source("shared", &upstream).await;
    let listed = watched.client.get("/api/datasources").await;
    assert_eq!(listed.json()[0]["uid"], "shared");
    assert_eq!(listed.json(), watched.app.as_admin().get("/api/datasources").await.json());
    let absent = watched.client.get("/api/nothing?x=y").await;
    assert_eq!((absent.status.as_u16(), absent.message().as_str()), (404, "Not found"));
    let anonymous = Client::new(watched.emulator.address(), None);
    assert_eq!(anonymous.get("/api/datasources").await.status, 401);
    assert_eq!(anonymous.get("/api/datasources/proxy/uid/shared").await.status, 401);
}

#[tokio::test]
async fn requests_and_answers_pass_byte_for_byte() {
    pass_byte_for_byte(Watched::start(1).await).await;
}

#[tokio::test]
async fn requests_and_answers_pass_byte_for_byte_with_eight_loops() {
    pass_byte_for_byte(Watched::start(LOOPS).await).await;
}

async fn pass_byte_for_byte(watched: Watched) {
    let upstream = FakeUpstream::start().await;
    watched.source("up", &upstream).await;
    let bytes: Vec<u8> = (0..=255).collect();
    upstream.answer(Answer::status(203).body(bytes.clone()).header("content-type", "x/y"));
    let path = "/api/datasources/proxy/uid/up/a%2Fb/%20/c?q=a+b&q=%7Bx%7D&flag";
    // Without a binary type the emulator itself refuses what is not UTF-8.
    let request = watched.client.request(Method::POST, path).body(bytes.clone());
    let request = request.header("content-type", "application/octet-stream");
    let answer = watched.client.send(request).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (203, &bytes[..]));
    assert_eq!(answer.header("content-type"), "x/y");
    let got = upstream.only_request();
    assert_eq!(got.target, "/a%2Fb/%20/c?q=a+b&q=%7Bx%7D&flag");
    assert_eq!(got.body, bytes);
    // Basic authentication of user:password.
    assert_eq!(got.header("authorization"), Some("Basic dXNlcjpwYXNzd29yZA=="));
    assert_eq!(got.header("lambda-runtime-aws-request-id"), None);
}

#[tokio::test]
async fn answers_stream_and_break_as_the_data_source_does() {
    stream_and_break(Watched::start(1).await).await;
}

#[tokio::test]
async fn answers_stream_and_break_as_the_data_source_does_with_eight_loops() {
    stream_and_break(Watched::start(LOOPS).await).await;
}

async fn stream_and_break(watched: Watched) {
    let upstream = FakeUpstream::start().await;
    watched.source("up", &upstream).await;
    let path = "/api/datasources/proxy/uid/up/x";
    // The emulator's deadline is always ten minutes after 1970: no deadline, or nothing would be waited for.
    let (answer, feed) = Answer::fed();
    upstream.answer(answer.after(Duration::from_millis(50)));
    feed.send("first");
    let mut response = watched.client.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut came = Vec::new();
    while came != b"first" {
        came.extend_from_slice(&response.chunk().await.unwrap().expect("more"));
    }
    feed.send("last");
    drop(feed);
    while let Some(piece) = response.chunk().await.unwrap() {
        came.extend_from_slice(&piece);
    }
    assert_eq!(came, b"firstlast");

    upstream.answer(Answer::status(200).cut_after(["one ", "two"]));
    let response = watched.client.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err(), "half an answer must not look whole");
    upstream.answer(Answer::ok("whole"));
    assert_eq!(watched.client.get(path).await.text(), "whole", "the next one is served");
}
