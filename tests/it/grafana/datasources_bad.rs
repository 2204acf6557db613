//! What is not saved, and what is said of it (contract 1.5; bad input classes B, H, K).

use harness::{Answer, TestApp, build};
use http::Method;
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};

const PATH: &str = "/api/datasources";
const ONE: &str = "/api/datasources/uid/a";
const MIB: usize = 1 << 20;

/// What is expected of a body that is refused.
struct Expected {
    status: u16,
    message: &'static str,
    cause: &'static str,
}

const fn bad(cause: &'static str) -> Expected {
    Expected { status: 400, message: "bad request data", cause }
}

#[track_caller]
fn check_answer(answer: &Answer, expected: &Expected, sent: &str) {
    let found = (answer.status.as_u16(), answer.message(), answer.cause());
    let expected = (expected.status, expected.message.to_owned(), expected.cause.to_owned());
    assert_eq!(found, expected, "{sent}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json", "{sent}");
}

/// Sends bodies by POST and by PUT: each is refused as expected, and leaves what is there alone.
async fn check(expected: &Expected, bodies: impl IntoIterator<Item = Vec<u8>>) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&build::with(build::plain("a", "http://h"), json!({ "uid": "a" }))).await;
    let before = admin.get(PATH).await.text();
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        for (method, path) in [(Method::POST, PATH), (Method::PUT, ONE)] {
            let answer = admin.send_text(method, path, body.clone()).await;
            check_answer(&answer, expected, &shown);
        }
    }
    assert_eq!(admin.get(PATH).await.text(), before);
    assert_eq!(admin.get(ONE).await.json()["version"], 1);
}

/// A body that would be saved but for these fields.
fn bodies<const N: usize>(fields: [Value; N]) -> impl Iterator<Item = Vec<u8>> {
    fields
        .into_iter()
        .map(|fields| build::with(build::plain("n", "http://h"), fields).to_string().into_bytes())
}

#[tokio::test]
async fn t08_b05_what_is_not_json_is_refused() {
    let utf16 = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let texts: [&[u8]; 13] = [
        b"not json",
        b"{",
        b"{\"name\":",
        b"{\"name\":\"x}",
        b"{'name':'x'}",
        b"{\"type\":\"x\",\"access\":\"proxy\"} x",
        b"{\"type\":\"x\",\"access\":\"proxy\"}{}",
        b"{\"type\":\"x\",\"access\":\"proxy\",}",
        b"\xef\xbb\xbf{\"type\":\"x\",\"access\":\"proxy\"}",
        b"{\"type\":\"x\",\"access\":\"proxy\",\"name\":\"\\ud800\"}",
        b"{\"type\":\"x\",\"access\":\"proxy\",\"name\":\"\xff\"}",
        b"{\"type\":\"x\",\"access\":\"proxy\",\"name\":\"a\nb\"}",
        b"{\"type\":\"x\",\"access\":\"proxy\",\"version\":NaN}",
    ];
    check(&bad("bad_json"), texts.into_iter().map(<[u8]>::to_vec).chain([utf16])).await;
}

#[tokio::test]
async fn b01_deep_nesting_is_refused() {
    let around = |open: &str, inner: &str, close: &str| {
        format!("{open}{}{inner}{}{close}", "[".repeat(129), "]".repeat(129)).into_bytes()
    };
    let deep = [
        vec![b'['; 200_000],
        "{\"jsonData\":".repeat(80_000).into_bytes(),
        around("", "", ""),
        around("{\"type\":\"x\",\"access\":\"proxy\",\"jsonData\":{\"x\":", "1", "}}"),
        around("{\"type\":\"x\",\"access\":\"proxy\",\"unknown\":", "", "}"),
    ];
    check(&bad("bad_json"), deep).await;
}

#[tokio::test]
async fn b03_a_key_that_comes_twice_is_refused() {
    let twice = [
        r#"{"type":"a","type":"b","access":"proxy"}"#,
        r#"{"type":"a","access":"proxy","secureJsonData":{},"secureJsonData":{}}"#,
        r#"{"type":"a","access":"proxy","secureJsonData":{"k":"1","k":"2"}}"#,
        r#"{"type":"a","access":"proxy","jsonData":{"x":[{"k":1,"\u006b":2}]}}"#,
        r#"{"type":"a","access":"proxy","unknown":1,"unknown":1}"#,
    ];
    check(&bad("duplicate_key"), twice.map(|text| text.as_bytes().to_vec())).await;
}

#[tokio::test]
async fn t06_t07_type_and_access_are_required() {
    let missing = [
        json!({ "type": null }),
        json!({ "type": "" }),
        json!({ "access": null }),
        json!({ "access": "" }),
    ];
    let empty = ["", "{}", " \n", r#"{"name":"n"}"#, r#"{"name":"n","type":"x"}"#];
    let empty = empty.map(|text| text.as_bytes().to_vec());
    check(&bad(""), bodies(missing).chain(empty)).await;
}

#[tokio::test]
async fn t22_fields_of_the_wrong_type_are_refused() {
    let texts =
        ["name", "type", "access", "url", "user", "database", "basicAuthUser", "uid", "apiVersion"];
    let texts = texts.into_iter().flat_map(|field| {
        [json!(1), json!(true), json!([]), json!({})].map(|value| json!({ field: value }))
    });
    let flags = ["basicAuth", "withCredentials", "isDefault"].into_iter().flat_map(|field| {
        [json!("true"), json!(1), json!(0), json!({})].map(|value| json!({ field: value }))
    });
    let others = [
        json!({ "version": "1" }),
        json!({ "version": 1.5 }),
        json!({ "version": 9_223_372_036_854_775_808_u64 }),
        json!({ "version": true }),
        json!({ "secureJsonData": [] }),
        json!({ "secureJsonData": "x" }),
        json!({ "secureJsonData": { "password": 5 } }),
        json!({ "secureJsonData": { "password": null } }),
        json!({ "secureJsonData": { "password": ["x"] } }),
    ];
    let all: Vec<_> =
        texts.chain(flags).chain(others).map(|fields| bodies([fields]).next().unwrap()).collect();
    let whole = ["[]", "1", "null", "\"x\"", "[{}]"].map(|text| text.as_bytes().to_vec());
    check(&bad("bad_json"), all.into_iter().chain(whole)).await;
}

#[tokio::test]
async fn t22_json_data_is_an_object() {
    let kinds =
        [json!([]), json!(1), json!("{}"), json!(true)].map(|value| json!({ "jsonData": value }));
    check(&bad(""), bodies(kinds)).await;
}

#[tokio::test]
async fn t08_a_refusal_tells_where_and_never_what() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for body in [
        r#"{"type":"x","access":"proxy","secureJsonData":{"password":123456789}}"#,
        r#"{"type":"x","access":"proxy","secureJsonData":"123456789"}"#,
        r#"{"type":"x","access":"proxy","secureJsonData":{"password":"123456789"#,
        r#"{"type":"x","access":"proxy","secureJsonData":{"password":"123456789"},}"#,
    ] {
        let answer = admin.send_text(Method::POST, PATH, body).await;
        assert_eq!(answer.status, 400);
        assert!(!answer.text().contains("123456789"), "{}", answer.text());
    }
    let answer = admin.send_text(Method::POST, PATH, "{\n\"type\": 5}").await;
    assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "cause": "bad_json",
      "detail": "expected a string at line 2 column 9",
      "message": "bad request data",
      "traceID": "[trace]"
    }
    "#);
    let typed =
        admin.post(PATH, &build::with(build::plain("n", ""), json!({ "uid": "a b" }))).await;
    assert_eq!(typed.json()["traceID"].as_str().unwrap().len(), 32);
    assert_snapshot!(typed.text().rsplit_once(",\"traceID\"").unwrap().0, @r#"{"statusCode":400,"messageId":"datasource.uidInvalid","detail":"uid `a b` must be 1 to 40 characters of a-z, A-Z, 0-9, `_` and `-`","message":"Invalid datasource UID.""#);
}

#[tokio::test]
async fn t12_t14_t15_what_is_over_its_limit_has_a_message_id() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&build::with(build::plain("a", "http://h"), json!({ "uid": "a" }))).await;
    let name = ("datasource.nameInvalid", "Invalid datasource name.");
    let url = ("datasource.urlInvalid", "Invalid datasource url.");
    let uid = ("datasource.uidInvalid", "Invalid datasource UID.");
    let api = ("datasource.apiVersionInvalid", "Invalid datasource apiVersion.");
    let rows = [
        (name, "name", "x".repeat(191)),
        (name, "name", "é".repeat(100)),
        (name, "name", "\u{1f600}".repeat(191)),
        (name, "name", "a\0b".to_owned()),
        (name, "name", "a\nb".to_owned()),
        (name, "name", "a\u{85}b".to_owned()),
        (url, "url", format!("http://h/{}", "x".repeat(247))),
        (uid, "uid", "a b".to_owned()),
        (uid, "uid", "a/b".to_owned()),
        (uid, "uid", "*".to_owned()),
        (uid, "uid", "é".to_owned()),
        (uid, "uid", "a#b".to_owned()),
        (uid, "uid", "..".to_owned()),
        (uid, "uid", "a\0".to_owned()),
        (uid, "uid", "u".repeat(41)),
        (api, "apiVersion", "1".to_owned()),
        (api, "apiVersion", "v1 ".to_owned()),
    ];
    for ((message_id, message), field, value) in rows {
        let body = build::with(build::plain("n", "http://h"), json!({ field: value }));
        for answer in [admin.post(PATH, &body).await, admin.put(ONE, &body).await] {
            let json = answer.json();
            assert_eq!(
                (answer.status.as_u16(), &json["statusCode"]),
                (400, &json!(400)),
                "{field} {value}"
            );
            assert_eq!(
                (&json["messageId"], &json["message"]),
                (&json!(message_id), &json!(message)),
                "{value}"
            );
        }
    }
    let longest = json!({ "name": "x".repeat(190), "url": format!("http://h/{}", "x".repeat(246)), "uid": "u".repeat(40) });
    admin.create(&build::with(build::plain("n", ""), longest)).await;
    assert_eq!(admin.get(PATH).await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn t24_team_headers_are_set_elsewhere() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let body = build::with(build::plain("n", ""), json!({ "jsonData": { "teamHttpHeaders": {} } }));
    let message = |verb: &str| {
        format!(
            "Cannot {verb} datasource with team HTTP headers, need to use updateDatasourceLBACRules API"
        )
    };
    let answer = admin.post(PATH, &body).await;
    assert_eq!((answer.status.as_u16(), answer.message()), (403, message("create")));
    admin.create(&build::with(build::plain("a", ""), json!({ "uid": "a" }))).await;
    let answer = admin.put(ONE, &body).await;
    assert_eq!((answer.status.as_u16(), answer.message()), (403, message("update")));
    assert_eq!(admin.get(ONE).await.json()["jsonData"], json!({}));
}

#[tokio::test]
async fn h09_texts_that_cannot_be_sent_are_refused_without_being_told() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let value = |value: &str| json!({ "secureJsonData": { "httpHeaderValue1": value } });
    let control = "secureJsonData.httpHeaderValue1 has a control character";
    let rows = [
        (value("canary\r\nX: 1"), control),
        (value("canary\n"), control),
        (value("canary\0"), control),
        (value("canary\u{7f}"), control),
        (
            json!({ "secureJsonData": { "basicAuthPassword": "canary\n" } }),
            "secureJsonData.basicAuthPassword has a control character",
        ),
        (
            json!({ "secureJsonData": { "": "canary" } }),
            "secureJsonData has a name that is empty or has a control character",
        ),
        (json!({ "basicAuthUser": "a\n" }), "basicAuthUser has a control character"),
        (
            json!({ "basicAuthUser": "a:b" }),
            "basicAuthUser has a colon, which no user of basic authentication can have",
        ),
        (json!({ "user": "a\0" }), "user has a control character"),
        (json!({ "database": "a\r" }), "database has a control character"),
        (json!({ "type": "x\ny" }), "type has a control character"),
        (json!({ "access": "proxy\t" }), "access has a control character"),
    ];
    for (fields, message) in rows {
        let answer = admin.post(PATH, &build::with(build::plain("n", "http://h"), fields)).await;
        check_answer(&answer, &Expected { status: 400, message, cause: "bad_text" }, message);
        assert!(!answer.text().contains("canary"));
    }
    assert_eq!(admin.get(PATH).await.text(), "[]");
    // A certificate has lines.
    let pem = json!({ "secureJsonData": { "tlsCACert": "-----BEGIN\r\n\tx\n" } });
    admin.create(&build::with(build::plain("n", "http://h"), pem)).await;
}

#[tokio::test]
async fn h10_h11_headers_that_are_not_the_callers_to_set_are_refused() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let named = |name: &str| json!({ "jsonData": { "httpHeaderName1": name } });
    let mut refused: Vec<_> = [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Via",
        "",
        " ",
        ":path",
        "X Foo",
        "X\r\nY",
        "é",
    ]
    .map(named)
    .into();
    let many = |count: usize| -> Value {
        (1..=count).map(|n| (format!("httpHeaderName{n}"), json!("X-A"))).collect()
    };
    refused.push(json!({ "jsonData": many(101) }));
    refused.push(json!({ "jsonData": { "httpHeaderName1": "X-A", "httpHeaderName3": "Host" } }));
    for fields in refused {
        let body = build::with(build::plain("n", "http://h"), fields.clone());
        let answer = admin.post(PATH, &body).await;
        assert_eq!((answer.status.as_u16(), &*answer.cause()), (400, "bad_header"), "{fields}");
    }
    assert_eq!(admin.get(PATH).await.text(), "[]");
    for (name, fields) in [("many", many(100)), ("gap", json!({ "httpHeaderName2": "X-A" }))] {
        admin
            .create(&build::with(build::plain(name, "http://h"), json!({ "jsonData": fields })))
            .await;
    }
}

#[tokio::test]
async fn b02_b07_k23_d18_bodies_have_a_type_and_a_largest_size() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for said in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "",
    ] {
        let request = admin.request(Method::POST, PATH).header("content-type", said);
        let answer = admin.send(request.body(build::plain("n", "").to_string())).await;
        assert_eq!((answer.status.as_u16(), &*answer.cause()), (415, "content_type"), "{said}");
    }
    let padded = |bytes: usize| {
        let body = build::plain("padded", "").to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let too_large = Expected {
        status: 413,
        message: "the body has more than 1048576 bytes",
        cause: "body_too_large",
    };
    let answer = admin.send_text(Method::POST, PATH, padded(MIB + 1)).await;
    check_answer(&answer, &too_large, "one byte over");
    // Without a length said before.
    let chunks =
        futures_util::stream::iter((0..=16).map(|_| Ok::<_, std::io::Error>(vec![b' '; MIB / 16])));
    let answer = admin.send_text(Method::POST, PATH, reqwest::Body::wrap_stream(chunks)).await;
    check_answer(&answer, &too_large, "in chunks");
    let wide: Value = (0..80_000).map(|n| (n.to_string(), json!(1))).collect();
    let over = [
        (
            json!({ "jsonData": { "x": "x".repeat(262_137) } }),
            "jsonData has 262145 bytes; at most 262144 are saved",
        ),
        (
            json!({ "secureJsonData": { "k": "x".repeat(65_537) } }),
            "secureJsonData.k has 65537 bytes; at most 65536 are saved",
        ),
        (
            json!({ "secureJsonData": { "k".repeat(256): "x" } }),
            "a name in secureJsonData has 256 bytes; at most 255 are saved",
        ),
        (json!({ "jsonData": wide }), "jsonData has 788891 bytes; at most 262144 are saved"),
    ];
    for (fields, message) in over {
        let answer = admin.post(PATH, &build::with(build::plain("n", ""), fields)).await;
        check_answer(&answer, &Expected { status: 400, message, cause: "limit_bytes" }, message);
    }
    assert_eq!(admin.get(PATH).await.text(), "[]");
    assert_eq!(admin.send_text(Method::POST, PATH, padded(MIB)).await.status, 200);
}
