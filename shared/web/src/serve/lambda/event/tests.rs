use serde_json::{Value, json};

use super::*;

fn request(event: &Value) -> HeadAndBody {
    let text = event.to_string();
    Event::parse(text.as_bytes()).unwrap().into_request().unwrap()
}

/// As a REST API sends it, with the fields that are not read left in.
fn rest(path: &str) -> Value {
    json!({
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "PUT",
        "headers": { "Host": "h.example", "X-A": "2" },
        "multiValueHeaders": { "Host": ["h.example"], "X-A": ["1", "2"] },
        "queryStringParameters": { "q": "b", "flag": "" },
        "multiValueQueryStringParameters": { "q": ["a &", "b"], "flag": [""], "ä": ["+/"] },
        "pathParameters": { "proxy": "x" },
        "stageVariables": null,
        "requestContext": {
            "stage": "prod",
            "path": "/prod/x",
            "httpMethod": "PUT",
            "identity": { "sourceIp": "203.0.113.7", "userAgent": "curl" },
        },
        "body": "aGVsbG8A",
        "isBase64Encoded": true,
    })
}

/// As a function URL sends it.
fn http(path: &str, query: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": ["a=1", "b=2"],
        "headers": { "host": "h.example", "lambda-runtime-aws-request-id": "7" },
        "requestContext": {
            "stage": "$default",
            "http": { "method": "POST", "path": path, "sourceIp": "2001:db8::7" },
        },
        "body": "text",
        "isBase64Encoded": false,
    })
}

#[test]
fn l15_the_path_stays_as_it_was_sent() {
    for path in ["/x/a%2Fb/%2e%2e/c//d", "/x/a|b{c}\"'^[]", "/", "//x", "/a/../b;c=1"] {
        assert_eq!(request(&rest(path)).0.uri().path(), path);
        assert_eq!(request(&http(path, "")).0.uri().path(), path);
    }
}

#[test]
fn l15_a_decoded_path_is_made_a_path_again() {
    assert_eq!(request(&rest("/a b?c#d\u{e4}")).0.uri().path(), "/a%20b%3Fc%23d%C3%A4");
    assert_eq!(request(&http("x", "")).0.uri().path(), "/x");
}

#[test]
fn the_query_keeps_its_bytes_or_its_meaning() {
    let raw = "q=a%20+b&flag&x={}|'&q=%2F";
    assert_eq!(request(&http("/", raw)).0.uri().query(), Some(raw));
    assert_eq!(request(&http("/", "")).0.uri().query(), None);
    let meaning = request(&rest("/")).0;
    let mut pairs: Vec<_> = meaning.uri().query().unwrap().split('&').collect();
    pairs.sort_unstable();
    assert_eq!(pairs, ["%C3%A4=%2B%2F", "flag=", "q=a%20%26", "q=b"]);
    let single = json!({ "path": "/", "httpMethod": "GET", "queryStringParameters": { "a": "1" } });
    assert_eq!(request(&single).0.uri().query(), Some("a=1"));
}

#[test]
fn repeated_headers_are_kept() {
    let head = request(&rest("/")).0;
    assert_eq!(head.method(), "PUT");
    assert_eq!(head.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(head.headers().get_all("host").iter().count(), 1);
}

#[test]
fn cookies_are_one_header_and_the_platforms_id_is_none() {
    let head = request(&http("/", "")).0;
    assert_eq!(head.method(), "POST");
    assert_eq!(head.headers()["cookie"], "a=1; b=2");
    assert!(!head.headers().contains_key("lambda-runtime-aws-request-id"));
}

#[test]
fn the_emulators_own_method_is_not_the_clients() {
    let mut event = http("/", "");
    event["httpMethod"] = json!("GET");
    assert_eq!(request(&event).0.method(), "POST");
    assert_eq!(Event::parse(event.to_string().as_bytes()).unwrap().kind(), Kind::Http);
}

#[test]
fn bodies_are_decoded_where_the_event_says_so() {
    assert_eq!(request(&rest("/")).1.ok().unwrap(), b"hello\0");
    assert_eq!(request(&http("/", "")).1.ok().unwrap(), b"text");
    let bodiless = json!({ "path": "/", "httpMethod": "GET", "headers": null, "body": null });
    assert_eq!(request(&bodiless).1.ok().unwrap(), b"");
}

#[test]
fn b15_bad_base64_is_told() {
    let mut event = rest("/");
    event["body"] = "not base64!".into();
    assert!(request(&event).1.is_err());
}

#[test]
fn the_peer_is_the_source_address() {
    let peer = |event: &Value| Event::parse(event.to_string().as_bytes()).unwrap().peer();
    assert_eq!(peer(&rest("/")), Some("203.0.113.7".parse().unwrap()));
    assert_eq!(peer(&http("/", "")), Some("2001:db8::7".parse().unwrap()));
    assert_eq!(peer(&json!({ "path": "/", "httpMethod": "GET" })), None);
}

#[test]
fn what_is_no_http_event_is_refused() {
    let refused = |text: &str| {
        Event::parse(text.as_bytes()).and_then(|event| event.into_request()).err().unwrap()
    };
    assert!(matches!(refused("{"), EventError::Shape { .. }));
    assert!(matches!(refused("[]"), EventError::Shape { .. }));
    assert!(matches!(refused(r#"{"Records":[]}"#), EventError::Method));
    assert!(matches!(refused(r#"{"httpMethod":"A B","path":"/"}"#), EventError::Target(_)));
    let header = r#"{"httpMethod":"GET","path":"/","headers":{"a":"b\n"}}"#;
    assert!(matches!(refused(header), EventError::Header));
}

#[test]
fn l14_a_load_balancers_event_is_refused_with_the_way_out() {
    let event = json!({
        "requestContext": { "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:x" } },
        "httpMethod": "GET",
        "path": "/x",
        "queryStringParameters": { "a": "%20" },
        "headers": { "host": "h.example" },
        "body": "",
        "isBase64Encoded": false,
    });
    let text = event.to_string();
    let refused = Event::parse(text.as_bytes()).unwrap().into_request().err().unwrap();
    assert!(refused.to_string().ends_with("put a REST API or a function URL before the function"));
}

#[test]
fn l14_a_stage_is_no_part_of_the_path() {
    let staged = |path: &str, stage: &str| {
        let mut event = http(path, "");
        event["requestContext"]["stage"] = stage.into();
        request(&event).0.uri().path().to_owned()
    };
    for (path, stage, expected) in [
        ("/x/y", "$default", "/x/y"),
        ("/prod/x%2Fy//z", "prod", "/x%2Fy//z"),
        ("/prod/prod/x", "prod", "/prod/x"),
        ("/prod", "prod", "/"),
        ("/prod/", "prod", "/"),
        ("/production/x", "prod", "/production/x"),
        ("/x/prod", "prod", "/x/prod"),
        ("//prod/x", "prod", "//prod/x"),
        ("/$default/x", "other", "/$default/x"),
    ] {
        assert_eq!(staged(path, stage), expected, "{path} in {stage}");
    }
    // A REST API names its stage beside a path that is without it.
    let mut event = rest("/prod/x");
    event["requestContext"]["stage"] = "prod".into();
    assert_eq!(request(&event).0.uri().path(), "/prod/x");
}
