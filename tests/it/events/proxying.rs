//! What the proxy streams to the Runtime API, and how it ends.

use harness::build::{plain, with};
use harness::runtime_api::Said;
use harness::upstream::{Answer, FakeUpstream};
use serde_json::json;

use super::functions::Functions;

async fn started() -> (Functions, FakeUpstream) {
    let (functions, upstream) = (Functions::start().await, FakeUpstream::start().await);
    let uid = json!({ "uid": "up" });
    functions.create(&with(plain("Upstream", &upstream.url()), uid)).await;
    (functions, upstream)
}

#[tokio::test]
async fn bytes_status_and_headers_come_as_the_data_source_sent_them() {
    let (functions, upstream) = started().await;
    let bytes: Vec<u8> = (0..=255).collect();
    let answer = Answer::status(203).body(bytes.clone());
    // A text type, for which lambda_http would have replaced what is not UTF-8.
    let answer = answer.header("content-type", "application/json").header("x-one", "1");
    let answer = answer.header("x-many", "a").header("x-many", "b");
    upstream.answer(answer.header("set-cookie", "session=1"));
    let answer = functions.proxied("GET", "up/x").await;
    assert_eq!((answer.status, answer.whole, answer.body.as_slice()), (203, true, &bytes[..]));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-one"), Some("1"));
    assert_eq!(answer.header("set-cookie"), None);
    let many: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "x-many").collect();
    assert_eq!(many.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let mode = answer.reported.get("lambda-runtime-function-response-mode");
    assert_eq!(mode.map(|mode| mode.as_bytes()), Some(&b"streaming"[..]));
}

#[tokio::test]
async fn an_answer_without_a_byte_is_an_answer() {
    let (functions, upstream) = started().await;
    for (status, method) in [(200, "GET"), (204, "GET"), (304, "GET"), (200, "HEAD"), (200, "POST")]
    {
        upstream.answer(Answer::status(status));
        let answer = functions.proxied(method, "up").await;
        let seen = (answer.status, answer.whole, answer.body.len());
        assert_eq!(seen, (status, true, 0), "{method}");
    }
    let request = upstream.requests().pop().expect("a request");
    assert_eq!((request.method.as_str(), request.body.len()), ("POST", 0));
}

#[tokio::test]
async fn the_first_bytes_come_before_the_last_are_there() {
    let (functions, upstream) = started().await;
    let (answer, feed) = Answer::fed();
    upstream.answer(answer);
    feed.send("first");
    let call = functions.call("GET", "/api/datasources/proxy/uid/up/x");
    let mut invocation = functions.http_proxy.api.send(call.rest());
    let mut came = Vec::new();
    while !came.ends_with(b"first") {
        match invocation.next().await {
            Said::Started(_) => {}
            Said::Piece(piece) => came.extend_from_slice(&piece),
            said => panic!("{said:?}"),
        }
    }
    feed.send("last");
    drop(feed);
    while !came.ends_with(b"firstlast") {
        let Said::Piece(piece) = invocation.next().await else { panic!("it ends too soon") };
        came.extend_from_slice(&piece);
    }
    assert!(matches!(invocation.next().await, Said::Ended));
}

#[tokio::test]
async fn an_upstream_that_breaks_off_breaks_the_answer() {
    let (functions, upstream) = started().await;
    upstream.answer(Answer::status(200).cut_after(["one ", "two"]));
    let answer = functions.proxied("GET", "up/x").await;
    assert_eq!((answer.status, answer.whole), (200, false));
    assert!(b"one two".starts_with(&answer.body), "no word of ours is in it: {}", answer.text());
    upstream.answer(Answer::ok("whole"));
    let answer = functions.proxied("GET", "up/x").await;
    assert_eq!((answer.text().as_str(), answer.whole), ("whole", true), "the next one is served");
}

#[tokio::test]
async fn a_large_body_goes_both_ways_whole() {
    let (functions, upstream) = started().await;
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    upstream.answer(Answer::ok(sent.repeat(4)));
    let call = functions.call("POST", "/api/datasources/proxy/uid/up/x").body(sent.clone());
    let answer = functions.http_proxy.api.invoke(call.rest()).await;
    assert!(answer.whole && answer.body == sent.repeat(4), "{} bytes", answer.body.len());
    assert!(upstream.only_request().body == sent);
}

#[tokio::test]
async fn a_function_urls_event_keeps_path_and_query_byte_for_byte() {
    let (functions, upstream) = started().await;
    let target = "/api/datasources/proxy/uid/up/a%2Fb/%20/c?q=a+b&q=%7B%22x%22%7D&flag&'{}";
    let call = functions.call("GET", target).header("Cookie", "a=b");
    let answer = functions.http_proxy.api.invoke(call.http()).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    let request = upstream.only_request();
    assert_eq!(request.target, "/a%2Fb/%20/c?q=a+b&q=%7B%22x%22%7D&flag&'{}");
    assert_eq!(request.header("cookie"), None);
}
