use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use lambda_http::RequestExt as _;
use serde_json::json;

use super::*;
use crate::process::plain_client;

fn path(api: &RuntimeApi, rest: &str) -> String {
    format!("http://{}/.rt/x{VERSION}runtime/invocation/{rest}", api.endpoint())
}

/// Takes the next event as a function does; its id and text.
async fn take(api: &RuntimeApi) -> (String, String) {
    let next = plain_client().get(path(api, "next")).send().await.unwrap();
    assert!(next.headers().contains_key("lambda-runtime-deadline-ms"));
    let id = next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned();
    (id, next.text().await.unwrap())
}

#[tokio::test]
async fn a_streamed_answer_is_read_as_api_gateway_does() {
    let api = RuntimeApi::start().await;
    let invocation = api.send(json!({"an": "event"}));
    let (id, event) = take(&api).await;
    assert_eq!(event, r#"{"an":"event"}"#);
    let prelude = r#"{"statusCode":201,"headers":{"A":"2","b":"3"},"multiValueHeaders":{"a":["1","2"]},"cookies":["c=d"]}"#;
    let body = [prelude.as_bytes(), &[0; 8], b"body\0\0\0\0\0\0\0\0rest"].concat();
    let answer = plain_client().post(path(&api, &format!("{id}/response"))).body(body);
    let answer =
        answer.header("content-type", "application/vnd.awslambda.http-integration-response");
    assert_eq!(answer.send().await.unwrap().status(), 202);
    let answered = invocation.answered().await;
    assert_eq!((answered.status, answered.whole), (201, true));
    assert_eq!(answered.text(), "body\0\0\0\0\0\0\0\0rest");
    let headers = [("a", "1"), ("a", "2"), ("b", "3"), ("set-cookie", "c=d")];
    assert_eq!(answered.headers, headers.map(|(n, v)| (n.to_owned(), v.to_owned())));
    assert_eq!(api.polls(), 1);
}

#[tokio::test]
async fn a_broken_answer_and_a_reported_error_are_told_apart() {
    let api = RuntimeApi::start().await;
    let mut broken = api.send(json!(1));
    let failing = api.send(json!(2));
    let (id, _) = take(&api).await;
    let (pieces, body) = mpsc::unbounded_channel();
    let body = stream::unfold(body, |mut body| async { Some((body.recv().await?, body)) });
    let body = reqwest::Body::wrap(StreamBody::new(body));
    let request = plain_client().post(path(&api, &format!("{id}/response"))).body(body);
    let sent = tokio::spawn(request.send());
    pieces.send(Ok(Frame::data(Bytes::from("half")))).unwrap();
    assert!(matches!(broken.next().await, Said::Started(_)));
    assert!(matches!(broken.next().await, Said::Piece(piece) if piece == "half"));
    pieces.send(Err(std::io::Error::other("cut"))).unwrap();
    assert!(matches!(broken.next().await, Said::Broke));
    assert!(sent.await.unwrap().is_err());

    let (id, _) = take(&api).await;
    let report = plain_client().post(path(&api, &format!("{id}/error"))).body("{}");
    assert_eq!(report.send().await.unwrap().status(), 202);
    assert_eq!(failing.failed().await.body, "{}");
}

#[tokio::test]
async fn polls_can_be_refused() {
    let api = RuntimeApi::start().await;
    api.refuse_polls(1);
    let refused = plain_client().get(path(&api, "next")).send().await.unwrap();
    assert_eq!(refused.status(), 500);
    api.send(json!(1));
    take(&api).await;
}

fn request(event: &Value) -> lambda_http::Request {
    lambda_http::request::from_str(&event.to_string()).unwrap()
}

#[test]
fn events_are_what_lambda_http_reads() {
    let call = Call::new("PUT", "/a%2Fb//c?q=1&q=%C3%A4+b&flag").header("X", "1").header("x", "2");
    let call = call.header("Cookie", "a=b; c=d").body([0xff, 0]);
    for event in [call.rest(), call.http()] {
        let request = request(&event);
        assert_eq!(request.raw_http_path(), "/a%2Fb//c");
        assert_eq!(request.method(), "PUT");
        assert_eq!(request.body().as_ref(), [0xff, 0]);
        assert_eq!(request.headers()["cookie"], "a=b; c=d");
        let query = request.query_string_parameters();
        assert_eq!(query.all("q").unwrap(), ["1", "ä b"], "{event}");
        assert!(query.first("flag").is_some());
    }
    let bare = Call::new("GET", "/");
    assert_eq!(bare.rest()["queryStringParameters"], Value::Null);
    assert!(request(&bare.rest()).body().is_empty() && request(&bare.http()).body().is_empty());
}

#[test]
fn the_recorded_events_are_what_lambda_http_reads() {
    let encoded = request(&recorded("grafana/proxy-encoded-path"));
    let path = "/api/datasources/proxy/uid/prom/api/v1/label/a%2Fb%20%C3%A4//values";
    assert_eq!(encoded.raw_http_path(), path);
    let query = request(&recorded("grafana/proxy-query")).query_string_parameters();
    assert_eq!(
        query.first("query"),
        Some(r#"sum by (job)(rate(http_requests_total{path=~"/a/b"}[5m]))"#)
    );
    assert_eq!(query.all("match[]").unwrap(), ["up", "b+c"]);
    let bytes: Vec<_> = (0..=255).collect();
    assert_eq!(request(&recorded("grafana/binary-body")).body().as_ref(), bytes);
    let created: Value =
        serde_json::from_slice(request(&recorded("grafana/create")).body().as_ref()).unwrap();
    assert_eq!(created["secureJsonData"]["basicAuthPassword"], "event-password");
    for name in ["list", "by-uid", "multi-value-headers"] {
        assert!(request(&recorded(&format!("grafana/{name}"))).body().is_empty());
    }
    assert_eq!(recorded("grafana/bad-base64")["isBase64Encoded"], true);
}
