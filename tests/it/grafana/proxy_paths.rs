//! Paths that servers read differently (bad input class P, contract T80 and T82).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use auth::Role;
use harness::process::{Process, installed, plain_client};
use harness::upstream::FakeUpstream;
use harness::{Client, TestApp, build};
use tempfile::TempDir;

/// `/api/v1/status/flags`, which a viewer of a Prometheus may not read, as it may be written below a data source.
const SPELLINGS: &[&str] = &[
    "/api/v1/status/flags",
    "/api/v1/status/flags/",
    "//api/v1/status/flags",
    "///api/v1/status/flags",
    "/api//v1/status/flags",
    "/api/v1//status/flags",
    "/api/v1/status//flags",
    "//api//v1//status//flags//",
    "/./api/v1/status/flags",
    "/api/./v1/status/flags",
    "/api/v1/status/./flags",
    "/api/v1/status/flags/.",
    "/x/../api/v1/status/flags",
    "/api/x/../v1/status/flags",
    "/api/v1/status/x/../flags",
    "/api/v1/status/flags/x/..",
    "/../api/v1/status/flags",
    "/api/v1/../v1/status/flags",
    "/%2e/api/v1/status/flags",
    "/api/%2E/v1/status/flags",
    "/x/%2e%2e/api/v1/status/flags",
    "/x/.%2e/api/v1/status/flags",
    "/x/%2E./api/v1/status/flags",
    "/api/v1/status/x/%2e%2e/flags",
    "/x%2f..%2fapi/v1/status/flags",
    "/x%2F%2e%2e%2Fapi/v1/status/flags",
    "/x/..%2fapi/v1/status/flags",
    "/api%2Fv1%2Fstatus%2Fflags",
    "/api%2fv1/status/flags",
    "/api/v1%2fstatus/flags",
    "/api/v1/status%2Fflags",
    "%2fapi/v1/status/flags",
    "/%2fapi/v1/status/flags",
    "/%2F%2Fapi/v1/status/flags",
    "/api/v1/status/flags%2f",
    "/api/v1/%2fstatus/flags",
    "/%61pi/v1/status/flags",
    "/api/%761/status/flags",
    "/api/v%31/status/flags",
    "/api/v1/%73tatus/flags",
    "/api/v1/status/fl%61gs",
    "/api/v1/status/%66%6c%61%67%73",
    "/%61%70%69%2f%76%31%2f%73%74%61%74%75%73%2f%66%6c%61%67%73",
    "/api/v1/status/flags?",
    "/api/v1/status/flags?x=/../../../ok",
    "/api/v1/status/flags%3fx",
    "/api/v1/status/flags%23x",
    "/api/v1/status/flags;x=1",
    "/api;x/v1/status/flags",
    "/api/v1/;/status/flags",
    "/;/api/v1/status/flags",
    "/x/..;/api/v1/status/flags",
    "/..;/api/v1/status/flags",
    "/x/..%3b/api/v1/status/flags",
    "/api%5cv1%5cstatus%5cflags",
    "/api%5Cv1/status/flags",
    "/x%5c..%5capi/v1/status/flags",
    "/api\\v1\\status\\flags",
    "/x\\..\\api/v1/status/flags",
    "/x/%252e%252e/api/v1/status/flags",
    "/x/%252e%252e%252fapi/v1/status/flags",
    "/%c0%ae%c0%ae/api/v1/status/flags",
    "/x/%c0%ae./api/v1/status/flags",
    "/api/v1/status/flags%00",
    "/api/v1/status/flags%0a",
    "/api/v1/status/flags%09",
];

/// A real nginx that serves the forbidden place and everything else, each by its name, as nginx itself reads paths.
async fn judge() -> (Process, String) {
    let program = installed("nginx");
    let start = |address: std::net::SocketAddr| {
        let folder = TempDir::new().unwrap();
        let configuration = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}}
            http {{ access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t;
            uwsgi_temp_path t; scgi_temp_path t; server {{ listen {address};
            location /api/v1/status/flags {{ return 200 forbidden; }}
            location / {{ return 200 other; }} }} }}"
        );
        std::fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new(&program);
        command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "stderr"]);
        command.current_dir(folder.path());
        (command, Some(folder))
    };
    let client = plain_client();
    let answers = async |address| client.get(format!("http://{address}/")).send().await.is_ok();
    let (process, address) = Process::serve("nginx", start, answers).await;
    (process, format!("http://{address}"))
}

#[tokio::test]
async fn t80_p01_p03_p05_p06_no_spelling_of_a_forbidden_path_gets_through() {
    let (_nginx, url) = judge().await;
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::prometheus("p", &url)).await;
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    let direct = Client::new(address, None);
    let mut fooled = 0;
    for role in [Role::Viewer, Role::Editor] {
        let caller = app.as_role(role).await;
        for path in SPELLINGS {
            let answer = caller.raw(&format!("GET {proxy}{path}"), &[], b"").await;
            assert!(matches!(answer.status.as_u16(), 400 | 403 | 404), "{path}: {}", answer.text());
            let served = direct.raw(&format!("GET {path}"), &[], b"").await;
            fooled += u32::from(served.text() == "forbidden");
        }
    }
    // Half of the spellings and more name the forbidden place to nginx: the battery is not of blanks.
    assert!(fooled >= 60, "{fooled}");
    let answer = admin.get(&format!("{proxy}/api/v1/status/flags")).await;
    assert_eq!(answer.text(), "forbidden", "who may, does");
}

/// Sends each path as it is; it is refused with 400 and `bad_path`, and the upstream hears nothing.
async fn check_refused(base: &str, paths: &[&str], message: &str) {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &(upstream.url() + base))).await;
    for path in paths {
        let answer = admin.raw(&format!("GET {proxy}{path}"), &[], b"").await;
        let got = (answer.status.as_u16(), answer.cause(), answer.message());
        assert_eq!(got, (400, "bad_path".to_owned(), message.to_owned()), "{path}");
    }
    assert_eq!(upstream.seen().accepted, 0);
}

#[tokio::test]
async fn t82_p03_p13_nothing_leaves_the_base_path() {
    let paths = [
        "/..",
        "/../",
        "/../../admin",
        "/../tenant2",
        "/a/..",
        "/a/../..",
        "/.",
        "/./",
        "/a/./b",
        "/api/../admin",
        "/%2e%2e%2f",
        "/%2e%2e/tenant2",
        "/%2E%2e/x",
        "/.%2e/x",
        "/..%2ftenant2",
        "/a/..%2f..%2f..%2fx",
        "/..;/x",
        "/a;x=1/../admin",
        "/%252e%252e/x",
        "/..%5cx",
        "//../x",
        "/..//x",
        "/a/%2e",
        "/a/..?x",
        "/..%00/x/..",
    ];
    let (controls, dots): (Vec<&str>, Vec<&str>) =
        paths.iter().partition(|path| path.contains("%00"));
    check_refused("/tenant1/", &dots, "path has a dot segment").await;
    check_refused("/tenant1", &controls, "path has a control character").await;
}

#[tokio::test]
async fn p06_p09_p10_characters_that_servers_read_differently_are_refused() {
    check_refused("", &["/a\\admin", "/\\", "/a/\\/b"], "path has a backslash").await;
    let controls = ["/%00", "/a%0ab", "/%0d%0aX:1", "/%7f", "/a/%09", "/%c2%85"];
    check_refused("", &controls, "path has a control character").await;
    let overlong = ["/%c0%ae%c0%ae/", "/%e0%80%ae", "/%ff", "/a%c3"];
    check_refused("", &overlong, "path is not UTF-8 once decoded").await;
    check_refused("", &["/%", "/a%2", "/%zz", "/%u002e"], "path has a malformed escape").await;
}

#[tokio::test]
async fn p02_other_spellings_of_the_gateways_own_path_are_404() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &upstream.url())).await;
    let (api, rest) = ("/api", proxy.strip_prefix("/api").unwrap());
    let uid = proxy.rsplit('/').next().unwrap();
    for path in [
        format!("/{proxy}"),
        format!("{api}/{rest}"),
        format!("/./{proxy}"),
        format!("/x/..{proxy}"),
        format!("{api}/./datasources/proxy/uid/{uid}"),
        format!("/%61pi{rest}"),
        format!("{api}/datasources%2fproxy/uid/{uid}"),
        format!("{api}/datasources/%70roxy/uid/{uid}"),
        format!("{api}/datasources//proxy/uid/{uid}"),
        format!("{api};x{rest}"),
        format!("/API{rest}"),
        format!("/grafana{proxy}"),
    ] {
        let answer = admin.raw(&format!("GET {path}"), &[], b"").await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.message(), "Not found", "{path}");
    }
    for path in [
        format!("{api}/datasources/proxy/../proxy/uid/{uid}"),
        format!("{api}/datasources/proxy//uid/{uid}"),
    ] {
        let answer = admin.raw(&format!("GET {path}"), &[], b"").await;
        assert_eq!((answer.status.as_u16(), &*answer.message()), (400, "id is invalid"), "{path}");
    }
    assert_eq!(upstream.seen().accepted, 0);
}

#[tokio::test]
async fn p11_an_absolute_target_is_for_the_gateway() {
    let app = TestApp::start().await;
    let (upstream, other) = (FakeUpstream::start().await, FakeUpstream::start().await);
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &upstream.url())).await;
    let own = format!("http://{}{proxy}/x", app.address());
    assert_eq!(admin.raw(&format!("GET {own}"), &[], b"").await.text(), "ok");
    for target in [format!("{}/x", other.url()), format!("http://evil.test{proxy}/x")] {
        let answer = admin.raw(&format!("GET {target}"), &[], b"").await;
        assert!(matches!(answer.status.as_u16(), 404 | 421), "{target}: {}", answer.status);
    }
    // What looks like a url after the data source's name is a path there.
    let inner = format!("{proxy}/{}/x", other.url());
    assert_eq!(admin.raw(&format!("GET {inner}"), &[], b"").await.text(), "ok");
    assert_eq!(upstream.requests()[1].target, format!("/{}/x", other.url()));
    assert_eq!(other.seen().accepted, 0);
}

#[tokio::test]
async fn p14_p15_targets_that_are_too_long_are_414() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &upstream.url())).await;
    for tail in [
        format!("/{}", "x".repeat(16 << 10)),
        "/a".repeat(10_000),
        "/a".repeat(1_500),
        format!("/x?{}", "y".repeat(16 << 10)),
        "/%2e%2e".repeat(1_500),
    ] {
        let answer = admin.raw(&format!("GET {proxy}{tail}"), &[], b"").await;
        assert_eq!((answer.status.as_u16(), &*answer.cause()), (414, "target_too_long"));
    }
    assert_eq!(upstream.seen().accepted, 0);
    let longest = format!("/{}", "x".repeat((8 << 10) - proxy.len() - 1));
    assert_eq!(admin.raw(&format!("GET {proxy}{longest}"), &[], b"").await.text(), "ok");
}

#[tokio::test]
async fn p18_trace_and_connect_are_405_whatever_is_asked() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &upstream.url())).await;
    for target in [proxy.as_str(), "/", "/api/datasources"] {
        assert_eq!(admin.raw(&format!("TRACE {target}"), &[], b"").await.status, 405, "{target}");
    }
    let authority = upstream.address();
    assert_eq!(admin.raw(&format!("CONNECT {authority}"), &[], b"").await.status, 405);
    assert_eq!(upstream.seen().accepted, 0);
    assert_eq!(
        admin.raw(&format!("FOO {proxy}"), &[], b"").await.text(),
        "ok",
        "plain HTTP takes any other"
    );
}

#[tokio::test]
async fn credentials_of_ours_in_a_query_go_nowhere() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &upstream.url())).await;
    let token = app.token(Role::Viewer).await;
    for query in [
        format!("access_token={token}"),
        format!("a=1&apikey=Bearer%20{token}"),
        format!("q=%67{}", &token[1..]),
        "auth_token=eyJhbGciOiJub25lIn0.e30.".to_owned(),
        "a=1&auth%5ftoken=x".to_owned(),
    ] {
        let answer = admin.raw(&format!("GET {proxy}/x?{query}"), &[], b"").await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.cause()),
            (400, "credential_in_query"),
            "{query}"
        );
        assert!(!answer.text().contains(&token));
    }
    let answer = app.anonymous().get(&format!("{proxy}?auth_token={token}")).await;
    assert_eq!(answer.status, 401, "a query is no way to log in");
    assert_eq!(upstream.seen().accepted, 0);
    let theirs = "apikey=abc&access_token=def&token=glsa_x";
    assert_eq!(admin.raw(&format!("GET {proxy}?{theirs}"), &[], b"").await.text(), "ok");
    assert_eq!(upstream.only_request().target, format!("/?{theirs}"));
}
