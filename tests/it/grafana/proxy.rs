//! Where a proxied request goes, with which credentials, and who may send it (contract 2.1 to 2.6).

use auth::Role;
use harness::upstream::{Answer, FakeUpstream};
use harness::{TestApp, build, prometheus};
use http::Method;
use insta::{allow_duplicates, assert_json_snapshot};
use serde_json::json;

/// A request target that the gateway gets below a data source, and the one that the data source gets.
struct Target(&'static str, &'static str);

/// Sends every target as it is and compares what arrives with what is expected, byte for byte.
async fn check(base: &str, targets: &[Target]) {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("u", &(upstream.url() + base))).await;
    for Target(sent, _) in targets {
        let answer = admin.raw(&format!("GET {proxy}{sent}"), &[], b"").await;
        assert_eq!(answer.text(), "ok", "{sent}");
    }
    let arrived = upstream.requests();
    assert_eq!(arrived.len(), targets.len());
    for (Target(sent, expected), arrived) in targets.iter().zip(arrived) {
        assert_eq!(arrived.target, *expected, "base `{base}`, sent `{sent}`");
    }
}

#[tokio::test]
async fn t61_to_t64_path_and_query_arrive_byte_for_byte() {
    check(
        "/base/",
        &[
            Target("/api/v1/x?b=2&a=1", "/base/api/v1/x?b=2&a=1"),
            Target("/a%2Fb%20c", "/base/a%2Fb%20c"),
            Target("/a%2fb%C3%a9", "/base/a%2fb%C3%a9"),
            Target("/a/", "/base/a/"),
            Target("/a//b", "/base/a//b"),
            Target("/a;x=1/b;y", "/base/a;x=1/b;y"),
            Target("/~a:b@c,d=e+f!g$h&i'j(k)*l", "/base/~a:b@c,d=e+f!g$h&i'j(k)*l"),
            Target("/q?", "/base/q?"),
            Target("/q?&&a=1&a=2&=;b?c/d=%zz%", "/base/q?&&a=1&a=2&=;b?c/d=%zz%"),
            Target("/q?query=up{job='a'}|[1]+^`b`\\", "/base/q?query=up{job='a'}|[1]+^`b`\\"),
            Target("/q?query=\u{e9}", "/base/q?query=\u{e9}"),
            Target("/q?a=%2e%2e%2f%00%0d%0a", "/base/q?a=%2e%2e%2f%00%0d%0a"),
        ],
    )
    .await;
}

#[tokio::test]
async fn t62_one_slash_joins_base_and_path() {
    check("", &[Target("", "/"), Target("/", "/"), Target("/a", "/a"), Target("?q=1", "/?q=1")])
        .await;
    check(
        "/base",
        &[
            Target("", "/base"),
            Target("/", "/base"),
            Target("?q=1", "/base?q=1"),
            Target("/a", "/base/a"),
            Target("//a", "/base/a"),
            Target("///a", "/base//a"),
        ],
    )
    .await;
    check("/base/", &[Target("", "/base/"), Target("/a", "/base/a"), Target("//a", "/base/a")])
        .await;
    check("/b%2Fc/d?token=x", &[Target("/a", "/b%2Fc/d/a")]).await;
}

#[tokio::test]
async fn t61_a_data_source_is_proxied_by_its_number_too() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let made = app.as_admin().create(&build::plain("u", &(upstream.url() + "/base"))).await;
    let proxy = format!("/api/datasources/proxy/{}", made["id"]);
    let viewer = app.as_viewer().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"] {
        let answer = viewer.raw(&format!("{method} {proxy}/a%2Fb?c"), &[], b"").await;
        assert_eq!(answer.text(), "ok", "{method}");
        let arrived = upstream.requests().pop().unwrap();
        assert_eq!((&*arrived.method, &*arrived.target), (method, "/base/a%2Fb?c"));
    }
    let head = viewer.request(Method::HEAD, &proxy).send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), &head.headers()["content-length"]),
        (200, &"2".parse().unwrap())
    );
}

#[tokio::test]
async fn t68_a_protected_prometheus_answers_and_its_password_stays_here() {
    let real = prometheus::Prometheus::shared().await;
    let app = TestApp::start().await;
    let source = build::with(
        build::prometheus("metrics", &real.url()),
        json!({
            "basicAuth": true,
            "basicAuthUser": prometheus::USER,
            "secureJsonData": { "basicAuthPassword": prometheus::PASSWORD },
        }),
    );
    let proxy = app.as_admin().create_proxied(&source).await;
    let viewer = app.as_viewer().await;
    let answer =
        viewer.get(&format!("{proxy}/api/v1/query?query=up%7Bjob%3D%22itself%22%7D")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"]["result"][0]["value"][1], "1");
    let form = viewer.request(Method::POST, &format!("{proxy}/api/v1/query"));
    let form = form.header("content-type", "application/x-www-form-urlencoded").body("query=up");
    let answer = viewer.send(form).await;
    assert_eq!(answer.json()["data"]["result"][0]["value"][1], "1");
    assert!(!answer.text().contains(prometheus::PASSWORD));
}

#[tokio::test]
async fn t72_h33_a_wrong_password_is_a_400_that_no_browser_logs_out_for() {
    let real = prometheus::Prometheus::shared().await;
    let upstream = FakeUpstream::start().await;
    let refusal = Answer::status(401).body("canary of the upstream");
    upstream.answer(refusal.header("www-authenticate", "Basic realm=x").header("x-other", "1"));
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let credentials = json!({
        "basicAuth": true,
        "basicAuthUser": prometheus::USER,
        "secureJsonData": { "basicAuthPassword": "wrong" },
    });
    for url in [real.url(), upstream.url()] {
        let source = build::with(build::prometheus(&url, &url), credentials.clone());
        let proxy = admin.create_proxied(&source).await;
        let answer = admin.get(&format!("{proxy}/api/v1/query?query=up")).await;
        assert_eq!(answer.status, 400);
        allow_duplicates! {
            assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
            {
              "cause": "auth_upstream",
              "message": "Authentication to data source failed",
              "traceID": "[trace]"
            }
            "#);
        }
        for dropped in ["www-authenticate", "x-other"] {
            assert!(!answer.headers.contains_key(dropped), "{dropped}");
        }
    }
}

#[tokio::test]
async fn t77_elasticsearch_takes_searches_only() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let source =
        build::with(build::plain("es", &upstream.url()), json!({ "type": "elasticsearch" }));
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&source).await;
    let posts = "posts not allowed on proxied Elasticsearch datasource except on /_msearch";
    let refused = [
        ("POST", "/_search", posts),
        ("POST", "/x/_msearch", posts),
        ("POST", "/_msearch/x", posts),
        ("PUT", "/_msearch", "puts not allowed on proxied Elasticsearch datasource"),
        ("DELETE", "/index", "deletes not allowed on proxied Elasticsearch datasource"),
    ];
    for (method, path, message) in refused {
        let answer = admin.raw(&format!("{method} {proxy}{path}"), &[], b"").await;
        assert_eq!((answer.status.as_u16(), &*answer.message()), (403, message), "{method} {path}");
    }
    assert_eq!(upstream.seen().accepted, 0);
    for (method, path) in [("POST", "/_msearch"), ("GET", "/_search")] {
        let answer = admin.raw(&format!("{method} {proxy}{path}"), &[], b"").await;
        assert_eq!(answer.text(), "ok", "{method} {path}");
    }
}

#[tokio::test]
async fn t78_p07_prometheus_and_loki_take_listed_writes_only() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    for kind in ["prometheus", "grafana-amazonprometheus-datasource", "loki"] {
        let source = build::with(build::plain(kind, &upstream.url()), json!({ "type": kind }));
        let proxy = admin.create_proxied(&source).await;
        for (method, path) in [
            ("POST", "/api/v1/admin/tsdb/delete_series"),
            ("POST", "/api/v1/queryfoo"),
            ("POST", "/x/api/v1/query"),
            ("POST", "/api%2Fv1%2Fquery"),
            ("POST", "/api/v1//query"),
            ("PUT", "/api/v1/query"),
            ("DELETE", "/api/v1/query"),
            ("DELETE", "/rulesx"),
        ] {
            let answer = admin.raw(&format!("{method} {proxy}{path}"), &[], b"").await;
            let expected =
                format!("non allow-listed {method}s not allowed on proxied prometheus datasource");
            assert_eq!(
                (answer.status.as_u16(), answer.message()),
                (403, expected),
                "{kind} {path}"
            );
        }
    }
    assert_eq!(upstream.seen().accepted, 0);
    let listed = ["query", "query_range", "series", "labels", "query_exemplars"];
    let proxy = admin.create_proxied(&build::prometheus("p", &upstream.url())).await;
    for path in listed {
        let answer = admin.raw(&format!("POST {proxy}/api/v1/{path}"), &[], b"").await;
        assert_eq!(answer.text(), "ok", "{path}");
    }
}

#[tokio::test]
async fn t79_routes_ask_for_their_role() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let proxy = app.as_admin().create_proxied(&build::prometheus("p", &upstream.url())).await;
    let flags = "GET /api/v1/status/flags";
    let rows = [
        (Role::Viewer, flags, false),
        (Role::Viewer, "HEAD /api/v1/status/flags", false),
        (Role::Viewer, "POST /rules/x", false),
        (Role::Viewer, "DELETE /rules/x", false),
        (Role::Viewer, "GET /rules/x", true),
        (Role::Viewer, "POST /api/v1/query", true),
        (Role::Editor, flags, false),
        (Role::Editor, "POST /rules/x", true),
        (Role::Editor, "DELETE /rules/x", true),
        (Role::Admin, flags, true),
    ];
    for (role, request, passes) in rows {
        let (method, path) = request.split_once(' ').unwrap();
        let before = upstream.requests().len();
        let answer =
            app.as_role(role).await.raw(&format!("{method} {proxy}{path}"), &[], b"").await;
        let arrived = upstream.requests().len() - before;
        assert_eq!((answer.status == 200, arrived == 1), (passes, passes), "{role:?} {request}");
        if !passes && method != "HEAD" {
            assert_eq!(answer.message(), "plugin proxy route access denied", "{role:?} {request}");
        }
    }
}

#[tokio::test]
async fn t85_t86_p25_bad_and_unknown_names() {
    let app = TestApp::start().await;
    let (admin, stranger) = (app.as_admin(), app.anonymous());
    for (path, status, message) in [
        ("uid/a%2Fb/x", 400, "UID is invalid"),
        ("uid/%61/x", 400, "UID is invalid"),
        ("uid/a b", 400, ""),
        ("uid/none/x", 404, "Unable to find datasource"),
        ("uid/none", 404, "Unable to find datasource"),
        ("999/x", 404, "Unable to find datasource"),
        ("uid/", 400, "id is invalid"),
        ("uid//x", 400, "id is invalid"),
        ("9223372036854775808/x", 400, "id is invalid"),
        ("-1/x", 400, "id is invalid"),
        ("1e3/x", 400, "id is invalid"),
        ("01/x", 400, "id is invalid"),
        ("0/x", 400, "id is invalid"),
        ("%EF%BC%91/x", 400, "id is invalid"),
    ] {
        let request = format!("GET /api/datasources/proxy/{path}");
        let answer = admin.raw(&request, &[], b"").await;
        assert_eq!(answer.status, status, "{path}");
        if !message.is_empty() {
            assert_eq!(answer.message(), message, "{path}");
            assert_eq!(stranger.raw(&request, &[], b"").await.status, 401, "{path}");
        }
    }
    let answer = admin.get("/api/datasources/proxy/uid/none/x").await;
    assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "message": "Unable to find datasource",
      "traceID": "[trace]"
    }
    "#);
}
