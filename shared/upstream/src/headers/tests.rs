use sourcegate_core::{Classify, Kind};

use super::*;
use crate::Error;
use crate::tests::{PEER, Setup, headers, lines};

const OWN: [&str; 3] = ["host: h:8080", "user-agent: Grafana/13.0.0", "via: 1.1 sourcegate"];

fn forwarded(setup: &Setup, sent: &[&str]) -> Result<HeaderMap, Error> {
    let gate = setup.open("http://h:8080/base").unwrap();
    let mut map = headers(sent);
    forward(&mut map, &gate.client, None)?;
    Ok(map)
}

/// Checks what the data source gets beside what it always gets.
#[track_caller]
fn check(setup: &Setup, sent: &[&str], expected: &[&str]) {
    let found = forwarded(setup, sent).unwrap_or_else(|error| panic!("{sent:?}: {error}"));
    let mut expected: Vec<_> = expected.iter().chain(&OWN).map(|line| (*line).to_owned()).collect();
    expected.sort();
    assert_eq!(lines(&found), expected, "{sent:?}");
}

#[track_caller]
fn plain(sent: &[&str], expected: &[&str]) {
    check(&Setup::default(), sent, expected);
}

#[track_caller]
fn refused(setup: &Setup, line: &str, kind: Kind, cause: &str) {
    let error = forwarded(setup, &[line]).unwrap_err();
    assert_eq!((error.kind(), error.cause()), (kind, Some(cause)), "{line}");
}

#[test]
fn what_means_nothing_to_the_gateway_passes() {
    let sent = [
        "accept: */*",
        "accept-encoding: gzip",
        "content-type: a/b",
        "if-none-match: x",
        "traceparent: 00-1-2-01",
        "x-dashboard-uid: d",
        "x-panel-id: 1",
        "range: bytes=0-0",
    ];
    plain(&sent, &sent);
}

#[test]
fn h01_hop_by_hop_headers_are_stripped() {
    plain(
        &[
            "connection: keep-alive, x-mine",
            "keep-alive: 1",
            "proxy-authenticate: x",
            "te: trailers",
            "proxy-authorization: x",
            "proxy-connection: x",
            "proxy: http://evil",
            "trailer: x",
            "transfer-encoding: chunked",
            "upgrade: h2c",
            "http2-settings: x",
            "expect: 100-continue",
            "x-mine: 1",
            "x-other: 1",
        ],
        &["x-other: 1"],
    );
}

#[test]
fn h02_connection_cannot_take_off_what_is_injected() {
    let setup = Setup {
        json: r#"{"httpHeaderName1":"X-Scope-OrgID"}"#,
        secrets: &[("httpHeaderValue1", "ours"), ("basicAuthPassword", "p")],
        basic_user: "u",
        ..Setup::default()
    };
    check(
        &setup,
        &[
            "Connection: Authorization, X-Scope-OrgID",
            "connection: host,via",
            "authorization: theirs",
        ],
        &["authorization: Basic dTpw", "x-scope-orgid: ours"],
    );
}

#[test]
fn h03_the_tenant_is_ours_alone() {
    plain(&["X-Scope-OrgID: other", "x-scope-orgid: again"], &[]);
    let setup = Setup {
        json: r#"{"httpHeaderName1":"X-Tenant"}"#,
        secrets: &[("httpHeaderValue1", "ours")],
        ..Setup::default()
    };
    check(&setup, &["x-tenant: other", "X-TENANT: twice"], &["x-tenant: ours"]);
    for line in ["X_Tenant: other", "X_Scope_OrgID: other", "x-scope_orgid: other"] {
        refused(&setup, line, Kind::Invalid, "bad_header");
    }
    let underscored = Setup { json: r#"{"httpHeaderName1":"X_Tenant"}"#, ..Setup::default() };
    refused(&underscored, "X-Tenant: other", Kind::Invalid, "bad_header");
    check(&underscored, &["x_tenant: other"], &[]);
}

#[test]
fn h03_underscores_hide_no_stripped_header() {
    for name in
        ["x_grafana_user", "x_forwarded_for", "transfer_encoding", "content_length", "user_agent"]
    {
        refused(&Setup::default(), &format!("{name}: 1"), Kind::Invalid, "bad_header");
    }
    plain(&["x_other: 1"], &["x_other: 1"]);
}

#[test]
fn h05_x_ds_authorization_is_dropped() {
    plain(&["X-DS-Authorization: Bearer z"], &[]);
}

#[test]
fn h06_the_callers_credential_stays_here() {
    plain(&["authorization: Bearer glsa_x", "X-ID-Token: x", "x-jwt-assertion: x"], &[]);
}

#[test]
fn t65_identity_and_forwarding_headers_are_stripped() {
    plain(
        &[
            "authorization: x",
            "cookie: grafana_session=s; x=1",
            "origin: http://e",
            "referer: http://r/",
            "x-grafana-user: root",
            "x-grafana-id: x",
            "x-grafana-device-id: x",
            "x-grafana-org-id: 2",
            "x-forwarded-host: e",
            "x-forwarded-port: 1",
            "x-forwarded-proto: x",
            "x-real-ip: 1.1.1.1",
            "x-forwarded-for: 1.1.1.1",
            "forwarded: for=1.1.1.1",
            "x-webauth-user: root",
            "x-grafana-referer: forged",
        ],
        &["x-grafana-referer: http://r/"],
    );
    plain(&["x-grafana-referer: forged"], &[]);
}

#[test]
fn t65_forwarded_for_is_the_peer_alone() {
    let gate = Setup::default().open("http://h").unwrap();
    let mut map = headers(&["x-forwarded-for: 1.1.1.1, 2.2.2.2"]);
    forward(&mut map, &gate.client, Some(PEER)).unwrap();
    assert_eq!(map["x-forwarded-for"], "192.0.2.7");
    for (peer, expected) in [("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::1")] {
        forward(&mut map, &gate.client, Some(peer.parse().unwrap())).unwrap_err();
        map.remove(VIA_NAME);
        forward(&mut map, &gate.client, Some(peer.parse().unwrap())).unwrap();
        assert_eq!(map["x-forwarded-for"], expected);
    }
}

const VIA_NAME: HeaderName = http::header::VIA;

#[test]
fn t66_t67_h07_only_kept_cookies_go_along() {
    let cookies = "cookie: zeta=3; grafana_session=s; x=1;y; grafana_session_expiry=9";
    let keeping = |json| Setup { json, ..Setup::default() };
    let x = keeping(r#"{"keepCookies":["x"]}"#);
    check(&x, &[cookies], &["cookie: x=1"]);
    check(&x, &["cookie: xx=1; X=2"], &[]);
    check(&keeping(r#"{"keepCookies":["grafana_session"]}"#), &[cookies], &[]);
    check(&keeping(r#"{"keepCookies":["grafana_[]"]}"#), &[cookies], &[]);
    let all = keeping(r#"{"keepCookies":["[]"]}"#);
    check(&all, &[cookies, "cookie: a=2"], &["cookie: a=2; x=1; zeta=3"]);
    check(&all, &["cookie: Grafana_Session=s"], &[]);
    check(&keeping(r#"{"keepCookies":["ze[]","y"]}"#), &[cookies], &["cookie: zeta=3"]);
}

#[test]
fn t68_t69_basic_authentication_is_the_sources_own() {
    let setup = Setup {
        secrets: &[("basicAuthPassword", "pässword")],
        basic_user: "user",
        ..Setup::default()
    };
    let sent = ["X-DS-Authorization: Bearer z", "authorization: Bearer y"];
    check(&setup, &sent, &["authorization: Basic dXNlcjpww6Rzc3dvcmQ="]);
    let configured = Setup {
        json: r#"{"httpHeaderName1":"Authorization"}"#,
        secrets: &[("basicAuthPassword", "p"), ("httpHeaderValue1", "Bearer own")],
        basic_user: "user",
        ..Setup::default()
    };
    check(&configured, &[], &["authorization: Bearer own"]);
}

#[test]
fn t70_h11_configured_headers_end_at_the_first_gap() {
    let setup = Setup {
        json: r#"{"httpHeaderName1":"X-A","httpHeaderName2":"X-B","httpHeaderName4":"X-D"}"#,
        secrets: &[("httpHeaderValue1", "a"), ("httpHeaderValue4", "d")],
        ..Setup::default()
    };
    check(&setup, &["x-b: theirs"], &["x-a: a"]);
}

#[test]
fn t83_h09_a_secret_that_would_split_the_head_is_not_sent() {
    for value in ["a\r\nX: 1", "a\nb", "a\0b"] {
        let setup = Setup {
            json: r#"{"httpHeaderName1":"X-A"}"#,
            secrets: Box::leak(Box::new([("httpHeaderValue1", value)])),
            ..Setup::default()
        };
        let error = setup.open("http://h").err().unwrap();
        assert_eq!((error.kind(), error.cause()), (Kind::Invalid, Some("bad_secret")));
        assert_eq!(error.to_string(), "secret `httpHeaderValue1` cannot be sent in a header");
    }
}

#[test]
fn injected_values_do_not_print() {
    let setup = Setup {
        json: r#"{"httpHeaderName1":"X-A"}"#,
        secrets: &[("httpHeaderValue1", "canary-1"), ("basicAuthPassword", "canary-2")],
        basic_user: "u",
        ..Setup::default()
    };
    let gate = setup.open("http://h").unwrap();
    let printed = format!("{:?}", gate.client);
    assert!(!printed.contains("canary") && !printed.contains("dTpj"), "{printed}");
}

#[test]
fn p19_other_methods_and_paths_cannot_be_smuggled() {
    plain(
        &[
            "X-HTTP-Method-Override: DELETE",
            "X-Method-Override: DELETE",
            "X-HTTP-Method: DELETE",
            "x-original-url: /admin",
            "x-rewrite-url: /admin",
        ],
        &[],
    );
}

#[test]
fn h21_upgrades_are_refused() {
    refused(&Setup::default(), "upgrade: websocket", Kind::NotImplemented, "upgrade");
    refused(&Setup::default(), "upgrade: h2c, websocket", Kind::NotImplemented, "upgrade");
    plain(&["upgrade: h2c"], &[]);
}

#[test]
fn h22_many_ranges_are_dropped() {
    plain(&["range: bytes=0-0"], &["range: bytes=0-0"]);
    plain(&["range: bytes=0-0,2-2"], &[]);
    plain(&["range: bytes=0-0", "range: bytes=2-2"], &[]);
}

#[test]
fn loops_are_refused() {
    for line in ["via: 1.1 sourcegate", "via: 1.0 a, HTTP/1.1  SourceGate (x)", "via: 2 sourcegate"]
    {
        refused(&Setup::default(), line, Kind::Loop, "loop");
    }
    plain(&["via: 1.1 other"], &["via: 1.1 other"]);
    plain(&["via: 1.1 sourcegate.example"], &["via: 1.1 sourcegate.example"]);
}
