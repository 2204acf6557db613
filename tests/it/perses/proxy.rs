//! Requests through data sources that are named in the Perses dialect: contract/perses.md 1 and 7, cases 1 to 8 and 60 on.

use auth::Role;
use harness::upstream::FakeUpstream;
use harness::{Client, TestApp, build};
use serde_json::json;

use super::{check, in_project, made, project, source, with_proxy};

const SOURCES: &str = "/api/v1/globaldatasources";
const X: &str = "/proxy/globaldatasources/x";

async fn proxied(admin: &Client, spec: serde_json::Value) {
    made(admin, SOURCES, &with_proxy("x", &spec)).await;
}

#[tokio::test]
async fn perses_cases_1_4_6_8_a_data_source_of_each_scope_is_reached() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    project(&admin, "perses").await;
    made(&admin, SOURCES, &source("myDTS", &upstream.url())).await;
    let local = in_project(source("myDTS", &upstream.url()), "perses");
    made(&admin, "/api/v1/datasources", &local).await;
    let dashboard = json!({
        "kind": "Dashboard", "metadata": { "name": "myDashboard", "project": "perses" },
        "spec": { "datasources": { "myDTS": local["spec"], "Victoria Metrics": local["spec"] } },
    });
    made(&admin, "/api/v1/dashboards", &dashboard).await;
    let viewer = app.as_viewer().await;
    for path in [
        "/proxy/globaldatasources/myDTS",
        "/proxy/projects/perses/datasources/MYDTS",
        "/proxy/projects/perses/dashboards/myDashboard/datasources/myDTS",
        "/proxy/projects/perses/dashboards/mydashboard/datasources/Victoria%20Metrics",
    ] {
        let answer = viewer.get(&format!("{path}/api/v1/status/config?a=%2F")).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "ok"), "{path}");
        assert_eq!(upstream.requests().pop().unwrap().target, "/api/v1/status/config?a=%2F");
    }
    // A dashboard's own are compared exactly.
    let path = "/proxy/projects/perses/dashboards/myDashboard/datasources/mydts/api";
    let said = "document not found: unable to forward the request to the datasource \"mydts\", datasource doesn't exist";
    check(&viewer.get(path).await, 404, said);
}

#[tokio::test]
async fn perses_1_5_the_path_arrives_byte_for_byte() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    proxied(&admin, json!({ "url": upstream.url() + "/base?tok=1" })).await;
    for (sent, expected) in [
        ("/api?z=1", "/base/api?tok=1&z=1"),
        ("/api/v1/label/a%2Fb/values", "/base/api/v1/label/a%2Fb/values?tok=1"),
        ("/query/?a=1", "/base/query/?tok=1&a=1"),
        ("?query=1", "/base?tok=1&query=1"),
        ("//double//x", "/base/double//x?tok=1"),
    ] {
        let answer = admin.raw(&format!("GET {X}{sent}"), &[], b"").await;
        assert_eq!(answer.text(), "ok", "{sent}");
        assert_eq!(upstream.requests().pop().unwrap().target, expected, "{sent}");
    }
    for sent in ["/../admin", "/a/%2e%2e/admin", "/api/v1/query/../../../admin"] {
        let answer = admin.raw(&format!("GET {X}{sent}"), &[], b"").await;
        assert_eq!(answer.status, 400, "{sent}");
    }
}

#[tokio::test]
async fn perses_1_4_what_is_not_listed_is_refused() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let allowed = json!([{ "endpointPattern": "/api/v1/query", "method": "POST" }]);
    proxied(&admin, json!({ "url": upstream.url(), "allowedEndpoints": allowed })).await;
    let send = async |request: &str| {
        let (method, path) = request.split_once(' ').unwrap();
        admin.raw(&format!("{method} {X}{path}"), &["Content-Length: 0"], b"").await
    };
    assert_eq!(send("POST /api/v1/query").await.text(), "ok");
    let said = "forbidden access: you are not allowed to use this endpoint \"/api/v1/query\" with the HTTP method GET";
    check(&send("GET /api/v1/query").await, 403, said);
    for request in
        ["POST /zzz/api/v1/query", "POST /api/v1/query_range", "POST /", "OPTIONS /api/v1/query"]
    {
        assert_eq!(send(request).await.status, 403, "{request}");
    }
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn perses_1_6_credentials_stay_here_and_configured_headers_win() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let headers = json!({ "X-Scope-OrgID": "tenant-a", "Authorization": "nobody" });
    proxied(&admin, json!({ "url": upstream.url(), "headers": headers })).await;
    let lines = ["X-Scope-OrgID: other", "Cookie: jwtPayload=a; jwtSignature=b", "User-Agent: ua"];
    assert_eq!(admin.raw(&format!("GET {X}/api"), &lines, b"").await.text(), "ok");
    let arrived = upstream.only_request();
    assert_eq!(arrived.header("x-scope-orgid"), Some("tenant-a"));
    assert_eq!((arrived.header("authorization"), arrived.header("cookie")), (None, None));
    assert_eq!(arrived.header("user-agent"), Some("ua"));
}

#[tokio::test]
async fn perses_1_8_lists_of_headers_are_followed() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    for (spec, expected) in [
        (json!({ "allowHeaders": ["X-A"] }), (Some("1"), None)),
        (json!({ "dropHeaders": ["x-a"] }), (None, Some("2"))),
    ] {
        let mut spec = spec;
        spec["url"] = upstream.url().into();
        spec["timeout"] = "30s".into();
        spec["oauthPassthrough"] = true.into();
        proxied(&admin, spec).await;
        admin.raw(&format!("GET {X}/api"), &["X-A: 1", "X-B: 2"], b"").await;
        let arrived = upstream.requests().pop().unwrap();
        assert_eq!((arrived.header("x-a"), arrived.header("x-b")), expected);
        admin.delete(&format!("{SOURCES}/x")).await;
    }
}

#[tokio::test]
async fn a_data_source_of_grafana_s_kind_is_reached_by_its_name() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let named = |uid: &str, name: &str| {
        build::with(build::plain(name, &upstream.url()), json!({ "uid": uid }))
    };
    admin.create(&named("one", "My Prometheus")).await;
    let path = "/proxy/globaldatasources/my%20prometheus/api/v1/query";
    assert_eq!(admin.get(path).await.text(), "ok");
    admin.create(&named("two", "MY prometheus")).await;
    let two = admin.get(path).await;
    assert_eq!(two.status, 409);
    assert!(two.message().contains("MY prometheus, My Prometheus"), "{}", two.message());
    made(&admin, SOURCES, &source("both", "http://h.test")).await;
    admin.create(&named("three", "both")).await;
    // Perses' own goes first.
    let both = admin.get("/proxy/globaldatasources/both/api").await;
    assert_eq!(both.status, 502, "{}", both.text());
}

#[tokio::test]
async fn perses_1_10_refusals_are_those_of_the_table() {
    let app = TestApp::start().await;
    let (admin, none) = (app.as_admin(), app.as_role(Role::None).await);
    project(&admin, "p").await;
    let said = "document not found: unable to forward the request to the datasource \"nope\", datasource doesn't exist";
    check(&admin.get("/proxy/globaldatasources/nope/api").await, 404, said);
    check(&admin.get("/proxy/projects/p/datasources/nope").await, 404, said);
    let said = r#"bad request: metadata.project "q" doesn't exist"#;
    check(&admin.get("/proxy/projects/q/datasources/nope").await, 400, said);
    let said = "forbidden access: missing 'read' global permission for 'GlobalDatasource' kind";
    check(&none.get("/proxy/globaldatasources/nope/api").await, 403, said);
    let said = "forbidden access: missing 'read' permission in 'p' project for 'Datasource' kind";
    check(&none.get("/proxy/projects/p/datasources/nope/api").await, 403, said);
    let anyone = app.anonymous().get("/proxy/globaldatasources/nope/api").await;
    check(&anyone, 401, "missing or malformed jwt");
    let purge = admin.raw(&format!("PURGE {X}/api"), &[], b"").await;
    check(&purge, 405, "Method Not Allowed");
    proxied(&admin, json!({ "url": "http://127.0.0.1:1" })).await;
    let refused = admin.get(&format!("{X}/api")).await;
    assert_eq!(refused.status, 502);
    let direct = json!({ "kind": "P", "spec": { "directUrl": "http://h.test" } });
    let mut sent = source("direct", "");
    sent["spec"]["plugin"] = direct;
    made(&admin, SOURCES, &sent).await;
    let answer = admin.get("/proxy/globaldatasources/direct/api").await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (400, "bad_settings"));
}

#[tokio::test]
async fn s_metadata_services_are_not_reached_over_these_paths_either() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for url in ["http://169.254.169.254", "http://[fd00:ec2::254]", "http://100.100.100.200"] {
        proxied(&admin, json!({ "url": url })).await;
        let answer = admin.get(&format!("{X}/latest/meta-data")).await;
        assert_eq!(&*answer.cause(), "denied_egress", "{url}: {}", answer.text());
        admin.delete(&format!("{SOURCES}/x")).await;
    }
}

#[tokio::test]
async fn t89_a_change_is_seen_at_once_here() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    proxied(&admin, json!({ "url": upstream.url() + "/one" })).await;
    admin.get(&format!("{X}/api")).await;
    let moved = with_proxy("x", &json!({ "url": upstream.url() + "/two" }));
    assert_eq!(admin.put(&format!("{SOURCES}/x"), &moved).await.status, 200);
    admin.get(&format!("{X}/api")).await;
    let targets: Vec<_> = upstream.requests().into_iter().map(|one| one.target).collect();
    assert_eq!(targets, ["/one/api", "/two/api"]);
}

#[tokio::test]
async fn a07_who_may_not_use_a_data_source_of_grafana_s_is_told_what_he_is_told_of_none() {
    let app = TestApp::start().await;
    let (admin, upstream) = (app.as_admin(), FakeUpstream::start().await);
    let named = |uid: &str, name: &str| {
        build::with(build::plain(name, &upstream.url()), json!({ "uid": uid }))
    };
    admin.create(&named("hidden-uid", "hidden")).await;
    for name in ["TWICE", "twice"] {
        admin.create(&named(&format!("uid-{name}"), name)).await;
    }
    // Viewers may no longer use it.
    let taken = json!({ "permission": "" });
    let path = "/api/access-control/datasources/hidden-uid/builtInRoles/Viewer";
    assert_eq!(admin.post(path, &taken).await.status, 200);
    for caller in [app.as_viewer().await, app.as_role(Role::None).await] {
        let said = async |name: &str| {
            let answer = caller.get(&format!("/proxy/globaldatasources/{name}/api")).await;
            (answer.status.as_u16(), answer.message().replace(name, "_"), answer.cause())
        };
        assert_eq!(said("hidden").await, said("absent").await);
    }
    let viewer = app.as_viewer().await.get("/proxy/globaldatasources/twice/api").await;
    let said = "several data sources are called so; rename one, or ask for it by its uid";
    check(&viewer, 409, said);
    assert!(upstream.requests().is_empty());
}
