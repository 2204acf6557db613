//! Data sources that are down, slow, rude or wrong: a clear error each, and the gateway goes on.

use std::time::Duration;

use harness::upstream::{Answer, FakeUpstream, RawUpstream, Script};
use harness::{Client, TestApp, build};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::json;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn proxied(client: &Client, upstream: &RawUpstream) -> String {
    let url = upstream.url();
    client.create_proxied(&build::plain(&url, &url)).await
}

#[tokio::test]
async fn t75_what_is_down_is_502_until_it_is_up() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let (client, address) = (app.as_admin(), upstream.address());
    let proxy = client.create_proxied(&build::plain("u", &upstream.url())).await;
    assert_eq!(client.get(&proxy).await.text(), "ok");
    drop(upstream);
    // The connection that was kept may take one request with it.
    client.get(&proxy).await;
    let answer = client.get(&proxy).await;
    assert_eq!(answer.status, 502);
    assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "cause": "connect",
      "message": "cannot connect to the data source",
      "traceID": "[trace]"
    }
    "#);
    let _again = FakeUpstream::start_at(address).await;
    assert_eq!(client.get(&proxy).await.text(), "ok");
}

#[tokio::test]
async fn t75_what_is_slow_is_504_at_the_sources_own_timeout() {
    let app = TestApp::start().await;
    let upstream = RawUpstream::start([Script::greet("").hold()]).await;
    let client = app.as_admin();
    for timeout in [json!(1), json!("0.5")] {
        let source = build::with(
            build::plain(&timeout.to_string(), &upstream.url()),
            json!({ "jsonData": { "timeout": timeout } }),
        );
        let proxy = client.create_proxied(&source).await;
        let answer = client.get(&proxy).await;
        assert_eq!((answer.status.as_u16(), &*answer.cause()), (504, "timeout"), "{timeout}");
        let said = format!(
            "data source did not answer within {} s",
            timeout.to_string().trim_matches('"')
        );
        assert_eq!(answer.message(), said);
    }
    upstream.wait_for(|heard| heard.len() == 2 && heard.iter().all(|one| one.is_over)).await;
}

#[tokio::test]
async fn t75_an_answer_that_stops_is_broken_off_at_the_timeout() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let client = app.as_admin();
    let source =
        build::with(build::plain("u", &upstream.url()), json!({ "jsonData": { "timeout": 1 } }));
    let proxy = client.create_proxied(&source).await;
    let (answer, feed) = Answer::fed();
    upstream.answer(answer);
    let mut response = client.request(Method::GET, &proxy).send().await.unwrap();
    feed.send("one");
    assert_eq!(response.chunk().await.unwrap().unwrap(), "one");
    assert!(response.chunk().await.is_err(), "half an answer is not a whole one");
    feed.closed().await;
    upstream.answer(Answer::status(200).endless(vec![b'x'; 1 << 10]));
    assert!(client.request(Method::GET, &proxy).send().await.unwrap().bytes().await.is_err());
}

#[tokio::test]
async fn h25_h30_garbage_is_502() {
    let app = TestApp::start().await;
    let client = app.as_admin();
    let huge = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(1_000));
    for (answer, cause) in [
        ("hello\r\n\r\n", "upstream_protocol"),
        ("<html>HTTP/0.9</html>", "upstream_protocol"),
        ("HTTP/0.9 200 OK\r\n\r\n", "upstream_protocol"),
        ("HTTP/1.1 2000 OK\r\n\r\n", "upstream_protocol"),
        ("HTTP/1.1 20 OK\r\n\r\n", "upstream_protocol"),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "upstream_protocol"),
        ("HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n", "upstream_protocol"),
        ("HTTP/1.1 200 OK\r\na: b\rset-cookie: c\r\n\r\n", "upstream_protocol"),
        ("HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n", "upstream_protocol"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            "upstream_protocol",
        ),
        ("HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", "upstream_protocol"),
        (&huge, "upstream_protocol"),
        (&many, "upstream_protocol"),
        ("", "upstream_closed"),
        ("HTTP/1.1 200", "upstream_closed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n", "upstream_closed"),
    ] {
        let upstream = RawUpstream::start([Script::answer(answer)]).await;
        let proxy = proxied(&client, &upstream).await;
        let got = client.get(&proxy).await;
        let shown = &answer[..answer.len().min(60)];
        assert_eq!((got.status.as_u16(), &*got.cause()), (502, cause), "{shown:?}");
        let said = match cause {
            "upstream_protocol" => "data source sent an answer that is not valid HTTP",
            _ => "data source closed the connection before its answer was complete",
        };
        assert_eq!(got.message(), said, "{shown:?}");
        assert_eq!(upstream.connections(), 1, "{shown:?}: asked once");
    }
    let upstream = FakeUpstream::start().await;
    let proxy = client.create_proxied(&build::plain("good", &upstream.url())).await;
    assert_eq!(client.get(&proxy).await.text(), "ok", "and the gateway goes on");
}

#[tokio::test]
async fn h27_h29_what_an_answer_has_too_much_of_is_not_in_the_next() {
    let app = TestApp::start().await;
    let client = app.as_admin();
    for (answer, status, body) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789HTTP/1.1 500 No\r\n\r\n",
            200,
            "0123456789",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", 204, ""),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nabcde", 304, ""),
    ] {
        let more = Script::answer(answer).then_answer(OK).hold();
        let upstream = RawUpstream::start([more, Script::answer(OK)]).await;
        let proxy = proxied(&client, &upstream).await;
        let first = client.get(&proxy).await;
        assert_eq!((first.status.as_u16(), &*first.text()), (status, body));
        let second = client.get(&proxy).await;
        assert_eq!((second.status.as_u16(), &*second.text()), (200, "ok"), "{answer:?}");
        assert_eq!(upstream.connections(), 2, "the first connection is not used again");
    }
}

#[tokio::test]
async fn connections_that_end_while_idle_cost_no_request() {
    let app = TestApp::start().await;
    let client = app.as_admin();
    let upstream = RawUpstream::start([Script::answer(OK)]).await;
    let proxy = proxied(&client, &upstream).await;
    for number in 0..30 {
        assert_eq!(client.get(&proxy).await.text(), "ok", "request {number}");
    }
}

#[tokio::test]
async fn nothing_is_sent_twice_that_could_have_been_done() {
    let app = TestApp::start().await;
    let client = app.as_admin();
    let upstream = RawUpstream::start([Script::answer("")]).await;
    let proxy = proxied(&client, &upstream).await;
    for (number, method) in ["POST", "DELETE", "PUT", "GET"].into_iter().enumerate() {
        let request = client.request(method.parse().unwrap(), &proxy).body("once");
        let answer = client.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.cause()),
            (502, "upstream_closed"),
            "{method}"
        );
        assert_eq!(upstream.connections(), number + 1, "{method}");
    }
}

#[tokio::test]
async fn one_slow_data_source_does_not_hold_up_another() {
    let app = TestApp::start().await;
    let client = app.as_admin();
    let silent = RawUpstream::start([Script::greet("").hold()]).await;
    let upstream = FakeUpstream::start().await;
    let slow = proxied(&client, &silent).await;
    let quick = client.create_proxied(&build::plain("quick", &upstream.url())).await;
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let (client, slow) = (client.clone(), slow.clone());
            tokio::spawn(async move { client.request(Method::GET, &slow).send().await.map(drop) })
        })
        .collect();
    silent.wait_for(|heard| heard.len() == 100).await;
    let answers = (0..20).map(|_| client.get(&quick));
    let answers =
        tokio::time::timeout(Duration::from_secs(20), futures_util::future::join_all(answers));
    assert!(answers.await.unwrap().iter().all(|answer| answer.text() == "ok"));
    assert!(waiting.iter().all(|waits| !waits.is_finished()));
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    silent.wait_for(|heard| heard.iter().all(|one| one.is_over)).await;
}
