//! Settings on the left, what is sent on the right.

use super::*;
use crate::SourceName;

pub(crate) fn settings(url: &str, json: &str) -> Settings {
    Settings {
        name: SourceName::parse("a").unwrap(),
        type_text: "prometheus".to_owned(),
        access: "proxy".to_owned(),
        url: url.to_owned(),
        user: String::new(),
        database: String::new(),
        basic_auth: false,
        basic_auth_user: String::new(),
        with_credentials: false,
        json_data: JsonText::object(json.to_owned()).unwrap(),
        api_version: String::new(),
    }
}

fn target(json: &str) -> Result<HttpTarget, BadConnection> {
    HttpTarget::of(&settings("https://h", json))
}

#[track_caller]
fn check_headers(json: &str, expected: &[&str]) {
    let target = target(json).unwrap();
    let names: Vec<_> = target.headers.iter().map(|header| header.name.as_str()).collect();
    assert_eq!(names, expected, "{json}");
}

#[test]
fn k05_no_request_over_http_brings_a_database_its_password() {
    for type_text in ["postgres", "grafana-postgresql-datasource", "mysql", "mssql"] {
        let mut settings = settings("db.example:5432", r#"{"sslmode":"verify-full"}"#);
        settings.type_text = type_text.to_owned();
        settings.user = "reader".to_owned();
        assert_eq!(HttpTarget::of(&settings), Err(BadConnection::NotHttp), "{type_text}");
    }
}

#[test]
fn t70_headers_are_numbered_from_one_without_a_gap() {
    check_headers(r#"{"httpHeaderName1":"X-A","httpHeaderName2":"X-B"}"#, &["x-a", "x-b"]);
    check_headers(r#"{"httpHeaderName1":"X-A","httpHeaderName3":"X-C"}"#, &["x-a"]);
    check_headers(r#"{"httpHeaderName2":"X-B"}"#, &[]);
    check_headers(r#"{"httpHeaderName1":"Authorization"}"#, &["authorization"]);
}

#[test]
fn h10_forbidden_header_names_are_refused() {
    for name in [
        "Host",
        "Content-Length",
        "transfer-encoding",
        "Connection",
        "",
        " ",
        ":path",
        "X Foo",
        "Trailer",
    ] {
        let json = serde_json::json!({ "httpHeaderName1": name }).to_string();
        let refused = target(&json).unwrap_err();
        assert_eq!(refused, BadConnection::HeaderName("1".to_owned()), "{name:?}");
    }
}

#[test]
fn k22_a_secret_in_place_of_a_header_name_is_not_told() {
    let refused = target(r#"{"httpHeaderName1":"Bearer canary-4711"}"#).unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused}");
}

#[test]
fn h11_a_hundred_headers_are_the_limit() {
    let json = |count: usize| {
        let all =
            (1..=count).map(|n| (format!("httpHeaderName{n}"), Value::from(format!("X-{n}"))));
        Value::Object(all.collect()).to_string()
    };
    assert_eq!(target(&json(100)).unwrap().headers.len(), 100);
    assert_eq!(target(&json(101)).unwrap_err(), BadConnection::TooManyHeaders(101));
}

#[test]
fn basic_auth_goes_before_the_plain_user() {
    let mut source = settings("http://h", "{}");
    assert_eq!(HttpTarget::of(&source).unwrap().auth, None);
    source.user = "u".to_owned();
    let basic =
        |user: &str, password| Some(Auth::Basic(BasicAuth { user: user.to_owned(), password }));
    assert_eq!(HttpTarget::of(&source).unwrap().auth, basic("u", "password"));
    source.basic_auth = true;
    assert_eq!(HttpTarget::of(&source).unwrap().auth, basic("", "basicAuthPassword"));
}

#[test]
fn only_needed_secrets_are_named() {
    let json = r#"{"tlsAuth":true,"tlsAuthWithCACert":true,"httpHeaderName1":"X-A"}"#;
    let named = |url: &str| {
        let target = HttpTarget::of(&settings(url, json)).unwrap();
        target.secrets().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(named("http://h"), ["httpHeaderValue1"]);
    assert_eq!(
        named("https://h"),
        ["httpHeaderValue1", "tlsCACert", "tlsClientCert", "tlsClientKey"]
    );
}

#[test]
fn timeouts_are_seconds_as_number_or_text() {
    for (json, expected) in [
        (r#"{"timeout":2}"#, 2),
        (r#"{"timeout":"3"}"#, 3),
        (r#"{"timeout":0}"#, 30),
        (r#"{"timeout":-1}"#, 30),
        (r#"{"timeout":"x"}"#, 30),
        ("{}", 30),
    ] {
        assert_eq!(target(json).unwrap().timeout, Duration::from_secs(expected), "{json}");
    }
}

#[test]
fn flags_of_another_type_and_signing_are_refused_at_use() {
    assert_eq!(
        target(r#"{"tlsSkipVerify":"yes"}"#).unwrap_err(),
        BadConnection::Field("tlsSkipVerify")
    );
    assert_eq!(
        target(r#"{"sigV4Auth":true}"#).unwrap_err(),
        BadConnection::Unsupported("sigV4Auth")
    );
}

#[test]
fn a_url_that_is_not_http_is_no_target() {
    assert_eq!(HttpTarget::of(&settings("redis://h", "{}")).unwrap_err(), BadConnection::NotHttp);
    assert_eq!(HttpTarget::of(&settings("", "{}")).unwrap_err(), BadConnection::NoUrl);
}
