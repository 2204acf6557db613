use http::Request;
use sourcegate_core::{Classify, Kind};

use super::*;
use crate::tests::{PEER, Setup};

/// Plans `METHOD /path?query`, where the path is the tail with a slash before it.
fn plan(base: &str, request: &str) -> Result<(Method, String), Error> {
    let (method, target) = request.split_once(" /").unwrap();
    let tail = target.split('?').next().unwrap();
    let request = Request::builder().method(method).uri(format!("/{target}")).body(()).unwrap();
    let gate = Setup::default().open(base).unwrap();
    let mut parts = request.into_parts().0;
    apply(&gate.client, gate.granted.caller(), Hop { tail, peer: Some(PEER) }, &mut parts)?;
    Ok((parts.method, parts.uri.to_string()))
}

#[track_caller]
fn check(base: &str, target: &str, expected: &str) {
    let planned = plan(base, &format!("GET {target}")).map(|(_, uri)| uri);
    assert_eq!(planned.map_err(|e| e.to_string()), Ok(expected.to_owned()), "{base} {target}");
}

#[track_caller]
fn refused(request: &str, kind: Kind, cause: Option<&str>) {
    let error = plan("http://h/tenant1/", request).unwrap_err();
    assert_eq!((error.kind(), error.cause()), (kind, cause), "{request}: {error}");
}

#[test]
fn t61_path_and_query_go_along_byte_for_byte() {
    check("http://h/base/", "/api/v1/x?b=2&a=1", "http://h/base/api/v1/x?b=2&a=1");
    check("http://h/base", "/api/v1/x?b=2&a=1", "http://h/base/api/v1/x?b=2&a=1");
    check("http://h:9090", "/a", "http://h:9090/a");
    check("https://h", "/a?", "https://h/a?");
    check("http://h", "/a?q=%7Bx%3D'1'%7D&{}|", "http://h/a?q=%7Bx%3D'1'%7D&{}|");
    check("http://[::1]:9090/b", "/a", "http://[::1]:9090/b/a");
}

#[test]
fn t62_an_empty_tail_leaves_the_base_as_it_is() {
    check("http://h/base", "/", "http://h/base");
    check("http://h/base/", "/", "http://h/base/");
    check("http://h", "/", "http://h/");
    check("http://h/base", "/?a=1", "http://h/base?a=1");
}

#[test]
fn t63_escapes_are_kept() {
    check("http://h/base", "/a%2Fb%20c", "http://h/base/a%2Fb%20c");
    check("http://h/base", "/a%3Fb%C3%A9'(x){y}", "http://h/base/a%3Fb%C3%A9'(x){y}");
}

#[test]
fn t64_trailing_slash_is_kept() {
    check("http://h", "/a/", "http://h/a/");
    check("http://h/base/", "/a/?x", "http://h/base/a/?x");
}

#[test]
fn a_doubled_slash_is_joined_with_one_like_grafana_does() {
    check("http://h/base", "//api", "http://h/base/api");
    check("http://h/base/", "//api", "http://h/base/api");
    check("http://h", "//api", "http://h/api");
    check("http://h/base", "//api//b", "http://h/base/api//b");
}

#[test]
fn t82_p13_no_path_leaves_the_base() {
    for path in ["../tenant2", "%2e%2e/tenant2", "a/..%2f..%2ftenant2", "..;/tenant2", "/../x"] {
        refused(&format!("GET /{path}"), Kind::Invalid, Some("bad_path"));
    }
}

#[test]
fn p14_a_long_path_is_refused() {
    refused(&format!("GET /{}", "a".repeat(MOST_PATH_BYTES + 1)), Kind::UriTooLong, None);
    refused(&format!("GET /{}", "a/".repeat(10_000)), Kind::UriTooLong, None);
    refused(&format!("GET /a?{}", "q".repeat(65_530)), Kind::UriTooLong, None);
    let longest = format!("/{}", "a".repeat(MOST_PATH_BYTES));
    check("http://h", &longest, &format!("http://h{longest}"));
}

#[test]
fn p18_trace_and_connect_are_never_proxied() {
    refused("TRACE /a", Kind::MethodNotAllowed, None);
    refused("CONNECT /a", Kind::MethodNotAllowed, None);
    assert_eq!(plan("http://h", "FOO /a").unwrap().0.as_str(), "FOO");
}

#[test]
fn methods_that_some_servers_read_in_another_case_are_refused() {
    for method in ["delete", "Post", "trace", "gET"] {
        refused(&format!("{method} /a"), Kind::MethodNotAllowed, None);
    }
}

#[test]
fn credentials_of_ours_in_the_query_are_refused() {
    let token = "glsa_0123456789abcdefghijABCDEFGHIJ01_0123abcd";
    for query in ["auth_token=x", &format!("apikey={token}"), &format!("x=1&access_token={token}")]
    {
        refused(&format!("GET /a?{query}"), Kind::Invalid, Some("credential_in_query"));
    }
    check("http://h", "/a?apikey=theirs", "http://h/a?apikey=theirs");
}

#[test]
fn p11_of_an_absolute_request_target_only_the_query_counts() {
    let request = Request::builder().uri("http://other/x?a=1").body(()).unwrap();
    let mut parts = request.into_parts().0;
    let gate = Setup::default().open("http://h/base").unwrap();
    apply(&gate.client, gate.granted.caller(), Hop { tail: "t", peer: None }, &mut parts).unwrap();
    assert_eq!(parts.uri, "http://h/base/t?a=1");
    assert_eq!(parts.headers["host"], "h");
}
