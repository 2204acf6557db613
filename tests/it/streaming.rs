//! Bytes pass as they come, both ways, and whoever goes away is missed on the other side.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use harness::upstream::{Answer, FakeUpstream, RawUpstream, Script};
use harness::{Client, TestApp, build};
use http::Method;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::local::binary::Binary;

/// More than the buffers of the sockets on the way hold together.
const MUCH: usize = 64 << 20;

const PATIENCE: Duration = Duration::from_secs(30);

async fn proxied(app: &TestApp, url: &str) -> (Client, String) {
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", url)).await;
    (admin, proxy)
}

/// Opens a connection and sends the head of a request on it.
async fn begin(app: &TestApp, client: &Client, request: &str, line: &str) -> TcpStream {
    let mut stream = app.connect().await;
    let credential = client.authorization();
    let head = format!(
        "{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: {credential}\r\n{line}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Reads until what came ends with `end`.
async fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut came = Vec::new();
    while !came.ends_with(end.as_bytes()) {
        let byte = timeout(PATIENCE, stream.read_u8()).await.expect("in time");
        came.push(byte.expect("more to come"));
    }
    String::from_utf8(came).unwrap()
}

#[tokio::test]
async fn an_answer_comes_head_first_and_piece_by_piece() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let (client, proxy) = proxied(&app, &upstream.url()).await;
    let (answer, feed) = Answer::fed();
    upstream.answer(answer);
    let mut response = client.request(Method::GET, &proxy).send().await.unwrap();
    for piece in ["one", "two", "three"] {
        feed.send(piece);
        assert_eq!(response.chunk().await.unwrap().unwrap(), piece);
    }
    drop(feed);
    assert_eq!(response.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn an_upload_arrives_piece_by_piece() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let (client, proxy) = proxied(&app, &upstream.url()).await;
    for (line, pieces) in [
        ("transfer-encoding: chunked", ["3\r\none\r\n", "3\r\ntwo\r\n0\r\n\r\n"]),
        ("content-length: 6", ["one", "two"]),
    ] {
        let mut stream = begin(&app, &client, &format!("POST {proxy}"), line).await;
        stream.write_all(pieces[0].as_bytes()).await.unwrap();
        let first = |body: &[u8]| body == b"one";
        upstream.wait_for(|seen| seen.requests.last().is_some_and(|last| first(&last.body))).await;
        stream.write_all(pieces[1].as_bytes()).await.unwrap();
        read_to(&mut stream, "\r\n\r\nok").await;
        let arrived = upstream.requests().pop().unwrap();
        assert_eq!((arrived.text().as_str(), arrived.whole), ("onetwo", true), "{line}");
    }
}

#[tokio::test]
async fn an_answer_may_begin_before_the_upload_ends() {
    let app = TestApp::start().await;
    let begun = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n";
    // The end of the upload looks like the end of a head.
    let script = Script::answer(begun).then_answer("3\r\ntwo\r\n0\r\n\r\n");
    let upstream = RawUpstream::start([script]).await;
    let (client, proxy) = proxied(&app, &upstream.url()).await;
    let mut stream =
        begin(&app, &client, &format!("POST {proxy}"), "transfer-encoding: chunked").await;
    stream.write_all(b"3\r\nabc\r\n").await.unwrap();
    let head = read_to(&mut stream, "3\r\none\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    stream.write_all(b"3\r\ndef\r\n0\r\n\r\n").await.unwrap();
    read_to(&mut stream, "3\r\ntwo\r\n0\r\n\r\n").await;
    let heard = upstream.wait_for(|heard| heard[0].bytes.ends_with(b"0\r\n\r\n")).await;
    assert!(heard[0].bytes.ends_with(b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_request_at_the_upstream() {
    let app = TestApp::start().await;

    // Before there is an answer.
    let silent = RawUpstream::start([Script::greet("").hold()]).await;
    let (client, proxy) = proxied(&app, &silent.url()).await;
    let stream = begin(&app, &client, &format!("GET {proxy}"), "x: y").await;
    silent.wait_for(|heard| heard.first().is_some_and(|first| !first.bytes.is_empty())).await;
    drop(stream);
    silent.wait_for(|heard| heard[0].is_over).await;

    // In the middle of the answer.
    let upstream = FakeUpstream::start().await;
    let source = build::plain("v", &upstream.url());
    let proxy = client.create_proxied(&source).await;
    let (answer, feed) = Answer::fed();
    upstream.answer(answer);
    let mut response = client.request(Method::GET, &proxy).send().await.unwrap();
    feed.send("one");
    assert_eq!(response.chunk().await.unwrap().unwrap(), "one");
    drop(response);
    timeout(PATIENCE, feed.closed()).await.expect("the upstream is told");
    upstream.wait_for(|seen| seen.open == 0).await;

    // In the middle of the upload.
    upstream.answer(Answer::ok("ok"));
    let mut stream = begin(&app, &client, &format!("POST {proxy}"), "content-length: 6").await;
    stream.write_all(b"one").await.unwrap();
    upstream.wait_for(|seen| seen.requests.len() == 2 && seen.requests[1].body == b"one").await;
    drop(stream);
    let seen = upstream.wait_for(|seen| seen.open == 0).await;
    assert!(!seen.requests[1].whole, "half an upload is not a whole one");

    assert_eq!(client.get(&proxy).await.text(), "ok", "and the gateway goes on");
}

#[tokio::test]
async fn h26_an_answer_that_breaks_off_breaks_off_for_the_caller() {
    let app = TestApp::start().await;
    let (chunked, length) =
        (FakeUpstream::start().await, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n");
    chunked.answer(Answer::status(200).cut_after(["half"]));
    let sized = RawUpstream::start([Script::answer(format!("{length}half"))]).await;
    let reset = RawUpstream::start([Script::answer(format!("{length}half")).reset()]).await;
    let admin = app.as_admin();
    for (name, url) in [("chunked", chunked.url()), ("sized", sized.url()), ("reset", reset.url())]
    {
        let proxy = admin.create_proxied(&build::plain(name, &url)).await;
        let response = admin.request(Method::GET, &proxy).send().await.unwrap();
        assert_eq!(response.status(), 200, "{name}");
        assert!(response.bytes().await.is_err(), "{name}: half an answer is not a whole one");
    }
}

#[tokio::test]
async fn expectations_are_met_here() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let (client, proxy) = proxied(&app, &upstream.url()).await;
    let line = "content-length: 3\r\nexpect: 100-continue";
    let mut stream = begin(&app, &client, &format!("POST {proxy}"), line).await;
    assert_eq!(read_to(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").await.unwrap();
    read_to(&mut stream, "\r\n\r\nok").await;
    let arrived = upstream.only_request();
    assert_eq!((arrived.text().as_str(), arrived.header("expect")), ("abc", None));
}

/// Writes bytes for as long as somebody takes them, `MUCH` at most, and tells how many were taken.
async fn pour(stream: &mut TcpStream) -> usize {
    let piece = vec![b'x'; 64 << 10];
    let mut poured = 0;
    while poured < MUCH {
        let some = &piece[..piece.len().min(MUCH - poured)];
        match timeout(Duration::from_millis(500), stream.write(some)).await {
            Ok(written) => poured += written.unwrap(),
            Err(_) => break,
        }
    }
    poured
}

/// Writes the rest of `MUCH` bytes.
async fn finish(stream: &mut TcpStream, poured: usize) {
    stream.write_all(&vec![b'x'; MUCH - poured]).await.unwrap();
}

async fn accept_head(listener: TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    read_to(&mut stream, "\r\n\r\n").await;
    stream
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_not_taken_in() {
    let app = TestApp::start().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (client, proxy) = proxied(&app, &url).await;
    let upstream = tokio::spawn(async move {
        let mut stream = accept_head(listener).await;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {MUCH}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let poured = pour(&mut stream).await;
        (stream, poured)
    });
    let mut stream = begin(&app, &client, &format!("GET {proxy}"), "x: y").await;
    let (mut writing, poured) = upstream.await.unwrap();
    assert!(poured < MUCH, "{poured} bytes went into the gateway");

    let rest = tokio::spawn(async move { finish(&mut writing, poured).await });
    read_to(&mut stream, "\r\n\r\n").await;
    let mut body = Vec::new();
    stream.read_to_end(&mut body).await.unwrap();
    rest.await.unwrap();
    assert!(body.len() == MUCH && body.iter().all(|byte| *byte == b'x'), "{} bytes", body.len());
}

#[tokio::test]
async fn an_upload_that_nobody_reads_is_not_taken_in() {
    let app = TestApp::start().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (client, proxy) = proxied(&app, &url).await;
    let line = format!("content-length: {MUCH}");
    let mut stream = begin(&app, &client, &format!("POST {proxy}"), &line).await;
    let mut reading = accept_head(listener).await;
    let poured = pour(&mut stream).await;
    assert!(poured < MUCH, "{poured} bytes went into the gateway");

    let rest = tokio::spawn(async move {
        finish(&mut stream, poured).await;
        read_to(&mut stream, "\r\n\r\nok").await
    });
    let mut body = vec![0; MUCH];
    reading.read_exact(&mut body).await.unwrap();
    assert!(body.iter().all(|byte| *byte == b'x'));
    reading.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    rest.await.unwrap();
}

#[tokio::test]
#[ignore = "minutes long: make soak"]
async fn soak_large_bodies_pass_in_flat_memory() {
    let folder = TempDir::new().unwrap();
    let server = Binary::start(folder.path(), &[]).await;
    let client = server.admin(&folder.path().join(".sourcegate"));

    let upstream = FakeUpstream::start().await;
    let source = build::with(
        build::plain("u", &upstream.url()),
        serde_json::json!({ "jsonData": { "timeout": 600 } }),
    );
    let proxy = client.create_proxied(&source).await;
    upstream.answer(Answer::ok(vec![b'x'; 50 << 20]));
    assert_eq!(client.get(&proxy).await.body.len(), 50 << 20);
    let before = server.process.peak_kib();
    for _ in 0..40 {
        let upload = client.request(Method::POST, &proxy).body(vec![b'y'; 50 << 20]);
        assert_eq!(client.send(upload).await.body.len(), 50 << 20);
    }
    let more = server.process.grown_kib(before);
    assert!(more < 8 << 10, "{more} KiB more than after the first answer");
}

#[tokio::test]
#[ignore = "minutes long: make soak"]
async fn soak_memory_is_flat_over_100_000_requests() {
    let folder = TempDir::new().unwrap();
    let server = Binary::start(folder.path(), &["--log", "json"]).await;
    let client = server.admin(&folder.path().join(".sourcegate"));
    let proxy = client
        .create_proxied(&build::plain("u", &harness::nginx::Nginx::shared().await.url()))
        .await;
    let ask = |times: usize| {
        let callers = (0..8).map(|_| {
            let (client, path) = (client.clone(), format!("{proxy}/open/"));
            tokio::spawn(async move {
                for _ in 0..times / 8 {
                    assert_eq!(client.get(&path).await.status, 200);
                }
            })
        });
        futures_util::future::try_join_all(callers.collect::<Vec<_>>())
    };
    ask(10_000).await.unwrap();
    let before = server.process.peak_kib();
    ask(100_000).await.unwrap();
    let more = server.process.grown_kib(before);
    assert!(more < 8 << 10, "{more} KiB more than after 10,000 requests");
}
