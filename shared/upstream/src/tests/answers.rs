//! What a caller gets for what a data source answers.

use http::StatusCode;
use http_body_util::BodyExt;
use sourcegate_core::{Classify, Kind};

use super::{Double, Gate, lines};
use crate::{Error, UpstreamTiming};

const NO_BODY: &str = "content-length: 0\r\n\r\n";

fn classes(error: &Error) -> (Kind, Option<&'static str>) {
    (error.kind(), error.cause())
}

#[tokio::test]
async fn t61_the_request_arrives_as_planned() {
    let double = Double::answering(format!("HTTP/1.1 200 OK\r\n{NO_BODY}")).await;
    let gate = Gate::to(&format!("{}/base/", double.url));
    let request = http::Request::builder()
        .uri("/ignored?b=2&a=1")
        .header("authorization", "Bearer theirs")
        .header("x-panel-id", "7")
        .body(crate::Body::empty())
        .unwrap();
    gate.send("api/v1/x%2F", request).await.unwrap();
    let host = double.url.strip_prefix("http://").unwrap();
    let heads = double.heads();
    assert_eq!(heads.len(), 1);
    let mut lines: Vec<_> = heads[0].trim_end().lines().collect();
    assert_eq!(lines.remove(0), "GET /base/api/v1/x%2F?b=2&a=1 HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: {host}");
    let expected = [
        host.as_str(),
        "user-agent: Grafana/13.0.0",
        "via: 1.1 sourcegate",
        "x-forwarded-for: 192.0.2.7",
        "x-panel-id: 7",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn t72_h33_a_401_becomes_a_400() {
    let answer =
        "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\ncontent-length: 6\r\n\r\ncanary";
    let double = Double::answering(answer).await;
    let error = Gate::to(&double.url).get("").await.unwrap_err();
    assert_eq!(classes(&error), (Kind::Invalid, Some("auth_upstream")));
    assert_eq!(error.public(), "Authentication to data source failed");
}

#[tokio::test]
async fn h34_statuses_about_the_gateway_itself_become_502() {
    for status in [407, 421, 426, 511] {
        let double = Double::answering(format!("HTTP/1.1 {status} X\r\n{NO_BODY}")).await;
        let error = Gate::to(&double.url).get("").await.unwrap_err();
        assert_eq!(classes(&error), (Kind::Upstream, Some("upstream_status")), "{status}");
        assert_eq!(error.public(), format!("data source answered {status}"));
    }
}

#[tokio::test]
async fn other_statuses_pass() {
    for status in [200, 204, 299, 304, 400, 403, 404, 405, 429, 500, 503, 599] {
        let double = Double::answering(format!("HTTP/1.1 {status} X\r\n{NO_BODY}")).await;
        let answer = Gate::to(&double.url).get("").await.unwrap();
        assert_eq!(answer.status(), status);
    }
}

#[tokio::test]
async fn t73_t74_answers_pass_without_cookies_and_redirects_are_not_followed() {
    let answer = "HTTP/1.1 302 Found\r\nset-cookie: a=1\r\nlocation: http://169.254.169.254/\r\n\
                  x-own: 1\r\ncontent-length: 4\r\n\r\nbody";
    let double = Double::answering(answer).await;
    let answer = Gate::to(&double.url).get("").await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    let expected = [
        "content-length: 4",
        "content-security-policy: sandbox",
        "location: http://169.254.169.254/",
        "via: 1.1 sourcegate",
        "x-content-type-options: nosniff",
        "x-own: 1",
    ];
    assert_eq!(lines(answer.headers()), expected);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "body");
    assert_eq!(double.connections(), 1);
}

#[tokio::test]
async fn the_log_learns_host_status_and_time() {
    let double = Double::answering(format!("HTTP/1.1 204 X\r\n{NO_BODY}")).await;
    let answer = Gate::to(&double.url).get("").await.unwrap();
    let timing = answer.extensions().get::<UpstreamTiming>().unwrap();
    assert_eq!(format!("http://{}", timing.host), double.url);
    assert_eq!(timing.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.extensions().len(), 1);
}

#[tokio::test]
async fn h19_trailers_of_an_answer_are_dropped() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-late\r\n\r\n\
                  3\r\nabc\r\n0\r\nx-late: 1\r\n\r\n";
    let double = Double::answering(answer).await;
    let answer = Gate::to(&double.url).get("").await.unwrap();
    let body = answer.into_body().collect().await.unwrap();
    assert!(body.trailers().is_none());
    assert_eq!(body.to_bytes(), "abc");
}

#[tokio::test]
async fn an_answer_of_http_1_0_becomes_one_of_1_1() {
    let double = Double::closing("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    let answer = Gate::to(&double.url).get("").await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_11);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "all of it");
}

#[tokio::test]
async fn interim_answers_are_not_the_answer() {
    let answer = format!("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n{NO_BODY}");
    let double = Double::answering(answer).await;
    let answer = Gate::to(&double.url).get("").await.unwrap();
    assert_eq!((answer.status(), answer.headers().get("link")), (StatusCode::OK, None));
}

#[tokio::test]
async fn a_refused_connection_is_a_502_with_its_cause() {
    let double = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", double.local_addr().unwrap());
    drop(double);
    let error = Gate::to(&url).get("").await.unwrap_err();
    assert_eq!(classes(&error), (Kind::Upstream, Some("connect")));
    assert_eq!(error.public(), "cannot connect to the data source");
}

#[tokio::test]
async fn an_address_that_must_not_be_reached_is_a_502_with_its_cause() {
    let error = Gate::to("http://169.254.169.254").get("latest/meta-data").await.unwrap_err();
    assert_eq!(classes(&error), (Kind::Upstream, Some("denied_egress")));
    assert!(!error.public().contains("169.254"), "{}", error.public());
}
