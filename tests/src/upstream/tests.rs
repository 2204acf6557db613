use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::process::plain_client;

#[expect(clippy::disallowed_methods, reason = "a test server's own client")]
async fn send(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A broken transfer may end in a reset.
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_request_is_recorded_as_it_came() {
    let upstream = FakeUpstream::start().await;
    let request = "POST /a%2Fb/../c//d?q={%20}&q=2 HTTP/1.1\r\nHost: x\r\nB: 1\r\na: 2\r\nb: 3\r\n\
                   Content-Length: 5\r\nConnection: close\r\n\r\nhello";
    let answer = send(upstream.address(), request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok"), "{answer}");
    let recorded = upstream.only_request();
    assert_eq!(recorded.method, "POST");
    assert_eq!(recorded.target, "/a%2Fb/../c//d?q={%20}&q=2");
    let names: Vec<_> = recorded.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "B", "a", "b", "Content-Length", "Connection"]);
    assert_eq!(recorded.all("b"), ["1", "3"]);
    assert_eq!((recorded.text().as_str(), recorded.whole), ("hello", true));
}

#[tokio::test]
async fn requests_of_one_connection_are_told_apart() {
    let upstream = FakeUpstream::start().await;
    let client = plain_client();
    for path in ["/first", "/second"] {
        let body = "x".repeat(100_000);
        client.post(upstream.url() + path).body(body).send().await.unwrap().text().await.unwrap();
    }
    let seen = upstream.seen();
    assert_eq!((seen.accepted, seen.requests.len()), (1, 2));
    assert_eq!(seen.requests[1].target, "/second");
    assert_eq!(seen.requests[1].body.len(), 100_000);
}

#[tokio::test]
async fn the_latest_rule_for_a_path_answers() {
    let upstream = FakeUpstream::start().await;
    upstream.when("GET", "/a", Answer::status(204).header("x", "1").header("x", "2"));
    upstream.answer(Answer::status(500));
    upstream.answer(Answer::status(503));
    let client = plain_client();
    let special = client.get(upstream.url() + "/a?q").send().await.unwrap();
    assert_eq!(special.status(), StatusCode::NO_CONTENT);
    assert_eq!(special.headers().get_all("x").iter().count(), 2);
    let other = client.get(upstream.url() + "/b").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_cut_body_breaks_the_transfer() {
    let upstream = FakeUpstream::start().await;
    upstream.answer(Answer::status(200).cut_after(["one", "two"]));
    let answer = send(upstream.address(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.contains("two") && !answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_fed_body_goes_piece_by_piece_and_sees_the_client_go() {
    let upstream = FakeUpstream::start().await;
    let (answer, feed) = Answer::fed();
    upstream.answer(answer);
    let mut answer = plain_client().get(upstream.url()).send().await.unwrap();
    feed.send("first");
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "first");
    drop(answer);
    feed.closed().await;
    upstream.wait_for(|seen| seen.open == 0).await;
}

#[tokio::test]
async fn a_raw_upstream_takes_its_turns() {
    let first = Script::answer("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na").then_answer("");
    let upstream = RawUpstream::start([first, Script::greet("garbage").reset()]).await;
    let head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = send(upstream.address(), &format!("{head}{head}")).await;
    assert!(answer.ends_with("\r\n\r\na"), "{answer}");
    assert_eq!(send(upstream.address(), "").await, "garbage");
    assert_eq!(upstream.heard()[0].bytes, format!("{head}{head}").as_bytes());
    assert_eq!(upstream.connections(), 2);
}
