//! Tokens that are limited to actions, data sources, networks and reading: what they may not (faults A17, P31, T20).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::upstream::FakeUpstream;
use harness::{Answer, Client, TestApp, build};
use http::Method;
use serde_json::{Value, json};

use super::accounts::{PATH, account, patch, said, with_token};

/// A gateway with the data sources `a` and `b`, and an administrator's service account.
struct Fixture {
    app: TestApp,
    upstream: FakeUpstream,
    account: u64,
}

async fn fixture() -> Fixture {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let admin = app.as_admin();
    for uid in ["a", "b"] {
        let source = build::with(build::prometheus(uid, &upstream.url()), json!({ "uid": uid }));
        admin.create(&source).await;
    }
    let account = account(&admin, "robot", "Admin").await;
    Fixture { app, upstream, account }
}

impl Fixture {
    /// Makes a token with limits; gives who uses it.
    async fn limited(&self, limits: Value) -> Client {
        let name = limits.to_string().chars().take(180).collect::<String>();
        let body = json!({ "name": name, "limits": limits });
        with_token(&self.app, &self.app.as_admin(), self.account, &body).await
    }

    /// Makes a token that may do some things with one data source.
    async fn granted(&self, actions: &[&str], scope: &str) -> Client {
        let all = actions.iter().map(|action| json!({ "action": action, "scope": scope }));
        self.limited(json!({ "permissions": all.collect::<Vec<_>>() })).await
    }
}

#[track_caller]
fn is_limited(answer: &Answer, message: &str) {
    let body = answer.json();
    let told = (answer.status.as_u16(), body["cause"].as_str());
    assert_eq!(told, (403, Some("token_limits")), "{body}");
    assert!(body["message"].as_str().unwrap().contains(message), "{body}");
}

/// Everything that can be done to the data source of a uid, with what it takes.
fn routes(url: &str, uid: &str, id: &str) -> Vec<(Method, String, Value)> {
    let change = build::with(build::prometheus("new", url), json!({ "uid": "" }));
    let one = format!("/api/datasources/uid/{uid}");
    let proxy = format!("/api/datasources/proxy/uid/{uid}");
    vec![
        (Method::GET, one.clone(), Value::Null),
        (Method::GET, format!("{one}?accesscontrol=true"), Value::Null),
        (Method::GET, format!("/api/datasources/{id}"), Value::Null),
        (Method::PUT, one.clone(), change),
        (Method::DELETE, one, Value::Null),
        (Method::GET, proxy.clone(), Value::Null),
        (Method::GET, format!("{proxy}/api/v1/query?query=up"), Value::Null),
        (Method::POST, format!("{proxy}/api/v1/query"), json!({})),
        (Method::GET, format!("/api/datasources/proxy/{id}/api/v1/query"), Value::Null),
        (Method::POST, format!("/api/datasources/proxy/{id}/api/v1/query"), json!({})),
    ]
}

async fn send(client: &Client, (method, path, body): &(Method, String, Value)) -> Answer {
    client.send(client.request(method.clone(), path).json(body)).await
}

#[tokio::test]
async fn a17_a_token_for_queries_queries_and_does_nothing_else() {
    let f = fixture().await;
    let robot = f.granted(&["datasources:query"], "datasources:*").await;
    for path in ["/api/datasources/proxy/uid/a/x", "/api/datasources/proxy/1/x"] {
        assert_eq!(robot.get(path).await.status, 200, "{path}");
    }
    let before = f.app.as_admin().get("/api/datasources").await.text();
    let source = build::plain("c", "http://h");
    let token = json!({ "name": "t" });
    let account = format!("{PATH}/{}", f.account);
    for (method, path, body, action) in [
        (Method::GET, "/api/datasources", &json!(null), "datasources:read"),
        (Method::POST, "/api/datasources", &source, "datasources:create"),
        (Method::GET, "/api/datasources/1", &json!(null), "datasources:read"),
        (Method::GET, "/api/datasources/uid/a", &json!(null), "datasources:read"),
        (Method::PUT, "/api/datasources/uid/a", &source, "datasources:write"),
        (Method::DELETE, "/api/datasources/uid/a", &json!(null), "datasources:delete"),
        (Method::POST, PATH, &token, "serviceaccounts:create"),
        (Method::GET, &account, &json!(null), "serviceaccounts:read"),
        (Method::DELETE, &account, &json!(null), "serviceaccounts:delete"),
        (Method::POST, &format!("{account}/tokens"), &token, "serviceaccounts:write"),
        (Method::GET, "/api/auth/keys", &json!(null), "serviceaccounts:read"),
    ] {
        let answer = send(&robot, &(method, path.to_owned(), body.clone())).await;
        is_limited(&answer, &format!("Permissions needed: {action}"));
        let body = answer.json();
        assert_eq!(body["title"], "Access denied");
        let detail = format!(
            "this token's limits do not grant `{action}` here; use a token whose limits do"
        );
        assert_eq!(body["detail"], detail);
    }
    assert_eq!(f.app.as_admin().get("/api/datasources").await.text(), before);
    // What nobody of the owner's role may do is not the token's fault.
    let viewer = account_token(&f.app, "Viewer", "datasources:query").await;
    let answer = viewer.post("/api/datasources", &source).await;
    assert_eq!((answer.status.as_u16(), answer.json().get("cause")), (403, None));
}

/// Makes a token for one action whose owner has a role.
async fn account_token(app: &TestApp, role: &str, action: &str) -> Client {
    let id = account(&app.as_admin(), role, role).await;
    let permissions = json!([{ "action": action, "scope": "datasources:*" }]);
    let body = json!({ "name": role, "limits": { "permissions": permissions } });
    with_token(app, &app.as_admin(), id, &body).await
}

#[tokio::test]
async fn cve_2024_6322_a_token_for_one_source_finds_another_as_absent_on_every_route() {
    let f = fixture().await;
    let all = ["datasources:read", "datasources:query", "datasources:write", "datasources:delete"];
    let robot = f.granted(&all, "datasources:uid:a").await;
    let url = f.upstream.url();
    let sent = f.upstream.requests().len();
    for (theirs, absent) in routes(&url, "b", "2").iter().zip(routes(&url, "nobody", "4711")) {
        let (theirs_said, absent_said) = (send(&robot, theirs).await, send(&robot, &absent).await);
        assert_eq!(theirs_said.status, 403, "{theirs:?}");
        assert_eq!(said(&theirs_said), said(&absent_said), "t20 {theirs:?}");
        is_limited(&theirs_said, "");
    }
    assert_eq!(f.upstream.requests().len(), sent, "nothing is sent");
    assert_eq!(f.app.as_admin().get("/api/datasources/uid/b").await.json()["version"], 1);
    // t59: a list shows the one and no other.
    let listed = robot.get("/api/datasources").await.json();
    let uids: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["uid"].clone()).collect();
    assert_eq!(uids, ["a"]);
    for route in routes(&url, "a", "1").iter().filter(|(method, ..)| method != Method::DELETE) {
        assert_eq!(send(&robot, route).await.status, 200, "{route:?}");
    }
    assert_eq!(robot.delete("/api/datasources/uid/a").await.status, 200);
}

#[tokio::test]
async fn p31_a_source_that_is_made_again_is_not_the_one_that_was_meant() {
    let f = fixture().await;
    let admin = f.app.as_admin();
    let source = build::with(build::prometheus("a", &f.upstream.url()), json!({ "uid": "a" }));
    for kind in ["uid", "id", "name"] {
        let id = admin.get("/api/datasources/uid/a").await.json()["id"].to_string();
        let scope = format!("datasources:{kind}:{}", if kind == "id" { &id } else { "a" });
        let robot = f.granted(&["datasources:read", "datasources:query"], &scope).await;
        assert_eq!(robot.get("/api/datasources/proxy/uid/a/x").await.status, 200, "{scope}");
        assert_eq!(admin.delete("/api/datasources/uid/a").await.status, 200);
        let again = admin.create(&source).await;
        let sent = f.upstream.requests().len();
        for path in [
            "/api/datasources/proxy/uid/a/x".to_owned(),
            format!("/api/datasources/proxy/{}/x", again["id"]),
            format!("/api/datasources/proxy/{id}/x"),
            "/api/datasources/uid/a".to_owned(),
        ] {
            is_limited(&robot.get(&path).await, "");
        }
        assert_eq!(f.upstream.requests().len(), sent, "{scope}");
    }
    // A rename does not take the source away from the token, nor does another one that gets its name.
    let robot = f.granted(&["datasources:query"], "datasources:name:b").await;
    let renamed = build::with(build::prometheus("c", &f.upstream.url()), json!({ "uid": "b" }));
    assert_eq!(admin.put("/api/datasources/uid/b", &renamed).await.status, 200);
    let other = build::with(build::prometheus("b", &f.upstream.url()), json!({ "uid": "other" }));
    admin.create(&other).await;
    assert_eq!(robot.get("/api/datasources/proxy/uid/b/x").await.status, 200);
    is_limited(&robot.get("/api/datasources/proxy/uid/other/x").await, "");
}

#[tokio::test]
async fn a17_networks_are_the_platforms_word_and_no_headers() {
    let f = fixture().await;
    let outside = f.limited(json!({ "networks": ["10.0.0.0/8", "2001:db8::/32"] })).await;
    let forged = [
        ("x-forwarded-for", "10.1.2.3"),
        ("x-real-ip", "10.1.2.3"),
        ("forwarded", "for=10.1.2.3"),
        ("true-client-ip", "10.1.2.3"),
        ("x-client-ip", "10.1.2.3"),
        ("cf-connecting-ip", "10.1.2.3"),
        ("x-envoy-external-address", "10.1.2.3"),
    ];
    for path in [
        "/api/datasources",
        "/api/user",
        PATH,
        "/api/search",
        "/api/datasources/proxy/uid/a/x",
        "/api/datasources/proxy/uid/a%2F",
    ] {
        let told = "may not be used from 127.0.0.1; use it from its own networks";
        let plain = outside.get(path).await;
        if path != PATH {
            is_limited(&plain, told);
        }
        for (name, value) in forged {
            let request = outside.request(Method::GET, path).header(name, value);
            let answer = outside.send(request).await;
            assert_eq!(said(&answer), said(&plain), "{path} {name}");
        }
    }
    assert!(f.upstream.requests().is_empty());
    for networks in
        [json!(["127.0.0.1"]), json!(["10.0.0.0/8", "127.0.0.0/8"]), json!(["::ffff:127.0.0.1"])]
    {
        let inside = f.limited(json!({ "networks": networks })).await;
        for path in ["/api/datasources", "/api/datasources/proxy/uid/a/x"] {
            assert_eq!(inside.get(path).await.status, 200, "{networks} {path}");
        }
    }
}

#[tokio::test]
async fn a17_a_read_only_token_writes_nowhere() {
    let f = fixture().await;
    let reader = f.limited(json!({ "readOnly": true })).await;
    let source = build::plain("c", "http://h");
    let account = format!("{PATH}/{}", f.account);
    let before = f.app.as_admin().get("/api/datasources").await.text();
    for (method, path) in [
        (Method::POST, "/api/datasources"),
        (Method::PUT, "/api/datasources/uid/a"),
        (Method::DELETE, "/api/datasources/uid/a"),
        (Method::POST, PATH),
        (Method::PATCH, &account),
        (Method::DELETE, &account),
        (Method::POST, &format!("{account}/tokens")),
        (Method::DELETE, &format!("{account}/tokens/1")),
        (Method::POST, "/api/user/using/1"),
        (Method::POST, "/api/auth/keys"),
    ] {
        let answer = send(&reader, &(method.clone(), path.to_owned(), source.clone())).await;
        is_limited(
            &answer,
            &format!(
                "this token is read-only: {method} is not allowed; use a token that may write"
            ),
        );
    }
    for path in ["/api/datasources", "/api/datasources/uid/a", PATH, &account] {
        let expected = if path == PATH { 404 } else { 200 };
        assert_eq!(reader.get(path).await.status, expected, "{path}");
    }
    assert_eq!(f.app.as_admin().get("/api/datasources").await.text(), before);
}

#[tokio::test]
async fn a17_a_read_only_token_posts_to_a_source_where_its_type_says_that_it_reads() {
    let f = fixture().await;
    let reader = f.limited(json!({ "readOnly": true })).await;
    let admin = f.app.as_admin();
    let url = f.upstream.url();
    let plain = admin.create_proxied(&build::plain("plain", &url)).await;
    let elastic = json!({ "name": "es", "type": "elasticsearch", "access": "proxy", "url": url });
    let elastic = admin.create_proxied(&elastic).await;
    let prometheus = "/api/datasources/proxy/uid/a".to_owned();
    let mut sent = 0;
    for (method, path, passes) in [
        (Method::POST, format!("{prometheus}/api/v1/query"), true),
        (Method::POST, format!("{prometheus}/api/v1/query_range"), true),
        (Method::POST, format!("{prometheus}/api/v1/labels"), true),
        (Method::POST, "/api/datasources/proxy/1/api/v1/series".to_owned(), true),
        (Method::POST, format!("{prometheus}/api/v1/query/x"), false),
        (Method::POST, format!("{prometheus}/rules/x"), false),
        (Method::DELETE, format!("{prometheus}/rules/x"), false),
        (Method::PATCH, format!("{prometheus}/api/v1/query"), false),
        (Method::POST, format!("{elastic}/_msearch"), true),
        (Method::PATCH, format!("{elastic}/_msearch"), false),
        (Method::POST, format!("{plain}/api/v1/query"), false),
        (Method::PUT, plain.clone(), false),
        (Method::DELETE, plain.clone(), false),
        (Method::from_bytes(b"PROPFIND").unwrap(), plain.clone(), false),
        (Method::GET, format!("{plain}/x"), true),
        (Method::HEAD, format!("{plain}/x"), true),
        (Method::OPTIONS, format!("{plain}/x"), true),
    ] {
        let answer = send(&reader, &(method.clone(), path.clone(), json!({}))).await;
        sent += usize::from(passes);
        if passes {
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        } else {
            is_limited(
                &answer,
                &format!(
                    "this token is read-only: {method} is not allowed on this path of the data source"
                ),
            );
        }
        assert_eq!(f.upstream.requests().len(), sent, "{method} {path}");
    }
    // The same requests are let through without the limit.
    for (method, path) in
        [(Method::POST, format!("{plain}/x")), (Method::POST, format!("{prometheus}/rules/x"))]
    {
        assert_eq!(send(&admin, &(method, path, json!({}))).await.status, 200);
    }
}

#[tokio::test]
async fn p19_a_read_only_token_cannot_say_another_method_in_a_header() {
    let f = fixture().await;
    let reader = f.limited(json!({ "readOnly": true })).await;
    let names = ["x-http-method-override", "x-http-method", "x-method-override"];
    for name in names {
        let request = reader.request(Method::GET, "/api/datasources/proxy/uid/a/x");
        assert_eq!(reader.send(request.header(name, "DELETE")).await.status, 200, "{name}");
    }
    for request in f.upstream.requests() {
        assert_eq!(request.method, "GET");
        assert!(names.iter().all(|name| request.header(name).is_none()), "{:?}", request.names());
    }
    for twin in ["x_http_method_override", "x-http_method-override"] {
        let request = reader.request(Method::GET, "/api/datasources/proxy/uid/a/x");
        assert_eq!(reader.send(request.header(twin, "DELETE")).await.cause(), "bad_header");
    }
    let registry = reader.request(Method::GET, "/api/datasources/uid/a");
    let answer = reader.send(registry.header("x-http-method-override", "DELETE")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(f.app.as_admin().get("/api/datasources/uid/a").await.status, 200);
}

#[tokio::test]
async fn a_limited_token_gives_nobody_rights() {
    let f = fixture().await;
    let robot = f.limited(json!({ "networks": ["127.0.0.1"] })).await;
    let other = account(&f.app.as_admin(), "other", "Viewer").await;
    let made = robot.post(PATH, &json!({ "name": "new", "role": "Viewer" })).await;
    is_limited(
        &made,
        "permission `serviceaccounts:create` is not for limited tokens; use one without limits",
    );
    for id in [f.account, other] {
        for (field, value) in [
            ("role", json!("Admin")),
            ("role", json!("None")),
            ("isDisabled", json!(false)),
            ("isDisabled", json!(true)),
        ] {
            let answer = patch(&robot, id, &json!({ field: value, "name": "n" })).await;
            is_limited(&answer, &format!("a limited token cannot set `{field}`"));
        }
    }
    assert_eq!(f.app.as_admin().get(&format!("{PATH}/{other}")).await.json()["role"], "Viewer");
    assert_eq!(patch(&robot, other, &json!({ "name": "renamed" })).await.status, 200);
    // It may make tokens, no less limited than itself, and revoke them.
    let made = robot.post(&format!("{PATH}/{other}/tokens"), &json!({ "name": "t" })).await;
    assert_eq!(made.json()["limits"], json!({ "networks": ["127.0.0.1/32"], "readOnly": false }));
    let path = format!("{PATH}/{other}/tokens/{}", made.json()["id"]);
    assert_eq!(robot.delete(&path).await.status, 200);
}
