use axum::{
    Router,
    body::{Body, Bytes},
    routing::{get, post},
};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tower::ServiceExt;

use super::{json::parse, *};
use crate::{Options, stack};

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    name: String,
    #[serde(rename = "jsonData")]
    json_data: Option<Box<RawValue>>,
}

async fn echo(Json(wanted): Json<Wanted>) -> String {
    let raw = wanted.json_data.as_deref().map_or("-", RawValue::get);
    format!("{}|{raw}", wanted.name)
}

async fn send(content_type: Option<&str>, body: impl Into<Body>) -> (StatusCode, String) {
    let mut request = Request::post("/");
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let router = stack(Router::new().route("/", post(echo)), Options::default());
    let response = router.oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Checks that a body is refused as Grafana does, with this cause and a detail that begins so.
#[track_caller]
fn check_refused(body: &[u8], cause: &str, detail: &str) {
    let error = crate::Error::from(parse::<Wanted>(body).err().unwrap());
    let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
    assert_eq!(crate::status(error.kind()), 400, "{shown}");
    assert_eq!(error.message(), "bad request data", "{shown}");
    assert_eq!(error.cause(), Some(cause), "{shown}");
    let found = error.detail().unwrap();
    assert!(found.starts_with(detail), "{shown}: {found}");
}

#[test]
fn b01_deep_json_is_refused() {
    check_refused("[".repeat(200_000).as_bytes(), "bad_json", "not JSON at line 1 column 128");
    let ignored = format!(r#"{{"x":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    check_refused(ignored.as_bytes(), "bad_json", "not JSON at line 1 column 132");
}

#[tokio::test]
async fn b02_wide_json_is_over_the_limit() {
    let keys: Vec<String> = (0..1_000_000).map(|n| format!("\"{n}\":0")).collect();
    let (status, _) = send(None, format!("{{{}}}", keys.join(","))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn b03_duplicate_keys_are_refused() {
    let twice = "the same key twice at line 1 column";
    let check = |body: &str, column: usize| {
        check_refused(body.as_bytes(), "duplicate_key", &format!("{twice} {column}"));
    };
    check(r#"{"type":"a","type":"b"}"#, 18);
    check(r#"{"secureJsonData":{"a":"1"},"secureJsonData":{}}"#, 44);
    check(r#"{"jsonData":{"a":1,"b":{},"a":2}}"#, 29);
    check(r#"{"list":[{"a":1},{"a":1,"a":2}]}"#, 27);
    check(r#"{"a":1,"\u0061":2}"#, 15);
    check(r#"{"":1,"":2}"#, 8);
    assert!(parse::<Wanted>(br#"{"a":{"x":1},"b":{"x":1},"A":0}"#).is_ok());
}

#[test]
fn b05_what_is_not_one_json_text_in_utf8_is_refused() {
    check_refused(b"\xef\xbb\xbf{}", "bad_json", "not JSON");
    check_refused(br#"{"a":"\ud800"}"#, "bad_json", "not JSON");
    check_refused(br#"{"\udc00x":1}"#, "bad_json", "not JSON");
    check_refused(b"{\"a\":\"\xff\"}", "bad_json", "not UTF-8");
    check_refused(b"\xff\xfe{\0}\0", "bad_json", "not UTF-8");
    check_refused(b"{\0}\0", "bad_json", "not JSON");
    check_refused(b"{} {}", "bad_json", "not JSON");
    check_refused(b"{}x", "bad_json", "not JSON");
    check_refused(b"{\"a\":", "bad_json", "the text ends too early");
    check_refused(b"{\"a\":1e999}", "bad_json", "not JSON");
}

#[test]
fn b06_many_keys_are_read() {
    let keys: Vec<String> = (0..100_000).map(|n| format!("\"{n}\":0")).collect();
    assert!(parse::<Wanted>(format!("{{{}}}", keys.join(",")).as_bytes()).is_ok());
}

#[test]
fn a_wrong_type_is_told_without_the_value() {
    let secret = br#"{"name":{"hunter2":1}}"#;
    check_refused(secret, "bad_json", "expected a string at line 1 column 8");
    check_refused(br#"{"name":12345}"#, "bad_json", "expected a string at line 1 column 13");
    let tricky = br#""x, expected y""#;
    check_refused(tricky, "bad_json", "expected an object at line 1 column 15");
    let error = crate::Error::from(parse::<Value>(br#"{"a":"hunter2" "b"}"#).unwrap_err());
    assert!(!error.chain().to_string().contains("hunter2"));
}

#[tokio::test]
async fn b07_only_json_in_utf8_is_read() {
    let check = async |content_type: &str, expected: u16| {
        let (status, body) = send(Some(content_type), "{}").await;
        assert_eq!(status, expected, "{content_type}: {body}");
    };
    check("application/json", 200).await;
    check("Application/JSON; charset=UTF-8", 200).await;
    check("application/json;charset=\"utf-8\"", 200).await;
    check("application/merge-patch+json", 200).await;
    check("application/json; charset=utf-16", 415).await;
    check("application/jsonp", 415).await;
    check("text/json", 415).await;
    check("text/plain", 415).await;
    check("multipart/form-data; boundary=x", 415).await;
    check("", 415).await;
    assert_eq!(send(None, "{}").await.0, StatusCode::OK);
    let (_, body) = send(Some("text/plain"), "{}").await;
    assert!(body.contains("content type `text/plain` is not supported"), "{body}");
}

#[tokio::test]
async fn an_empty_body_is_the_zero_object() {
    assert_eq!(send(None, "").await, (StatusCode::OK, "|-".to_owned()));
    assert_eq!(send(None, " \n").await, (StatusCode::OK, "|-".to_owned()));
}

#[tokio::test]
async fn a_raw_part_is_kept_byte_for_byte() {
    let raw = r#"{ "n": 123456789012345678901234567890.10, "s":"\u0041" }"#;
    let (status, body) = send(None, format!(r#"{{"name":"p","jsonData":{raw}}}"#)).await;
    assert_eq!((status, body), (StatusCode::OK, format!("p|{raw}")));
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_names_the_limit() {
    let padded = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
    let streamed = |body: String| {
        Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(body))]))
    };
    assert_eq!(send(None, padded(BODY_LIMIT_BYTES)).await.0, StatusCode::OK);
    assert_eq!(send(None, streamed(padded(BODY_LIMIT_BYTES))).await.0, StatusCode::OK);
    for body in [padded(BODY_LIMIT_BYTES + 1).into(), streamed(padded(BODY_LIMIT_BYTES + 1))] {
        let (status, body) = send(None, body).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(body.contains("more than 1048576 bytes"), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn b17_a_slow_body_is_408() {
    let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
    let (status, body) = send(None, Body::from_stream(never)).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert!(body.contains("within 30 seconds"), "{body}");
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Short(String);

impl TryFrom<String> for Short {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() > 8 { Err("too long") } else { Ok(Self(text)) }
    }
}

#[derive(Deserialize)]
struct Place {
    name: Short,
    id: Option<u32>,
}

async fn fetch(target: &str) -> (u16, String) {
    let place =
        |Path(place): Path<Place>| async move { format!("{}|{:?}", place.name.0, place.id) };
    let tail = |raw: RawPath| async move {
        format!("{:?}|{:?}|{:?}", raw.as_str(), raw.after(2), raw.query())
    };
    let router = Router::new()
        .route("/n/{name}", get(place))
        .route("/n/{name}/{id}", get(place))
        .nest("/raw", Router::new().route("/{uid}", get(tail)).route("/{uid}/{*rest}", get(tail)));
    let request = Request::get(target).body(Body::empty()).unwrap();
    let response = stack(router, Options::default()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn path_parameters_are_decoded_once() {
    assert_eq!(fetch("/n/a%2Fb").await, (200, "a/b|None".to_owned()));
    assert_eq!(fetch("/n/%2541/7").await, (200, "%41|Some(7)".to_owned()));
}

#[tokio::test]
async fn a_bad_path_parameter_is_refused() {
    let check = async |target: &str, status: u16, message: &str| {
        let (found, body) = fetch(target).await;
        assert_eq!(found, status, "{target}: {body}");
        assert!(body.contains(message), "{target}: {body}");
    };
    check("/n/much-too-long", 400, "bad path: too long").await;
    check("/n/a/9223372036854775808", 400, "bad path").await;
    check("/n/%c0%ae", 400, "bad path").await;
    check("/n/%zz", 404, "not found").await;
    check("/n/a%2", 404, "not found").await;
}

#[tokio::test]
async fn the_raw_path_is_what_was_sent() {
    let (_, body) = fetch("/raw/u/a%2Fb/%2e%2e//c'{d}?q=%2B&q").await;
    assert_eq!(body, r#""/raw/u/a%2Fb/%2e%2e//c'{d}"|Some("a%2Fb/%2e%2e//c'{d}")|Some("q=%2B&q")"#);
    assert_eq!(fetch("/raw/u").await.1, r#""/raw/u"|None|None"#);
}
