//! Files in `events/` through the function that their path belongs to, each answer in its details.

use harness::build::{plain, with};
use harness::postgres::{PASSWORD as DATABASE_PASSWORD, Postgres};
use harness::runtime_api::{Answered, recorded};
use harness::upstream::{FakeUpstream, Recorded};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::functions::Functions;

/// The secret of `create.json`.
const PASSWORD: &str = "event-password";

/// A file with a token in the place of the one that was scrubbed.
fn event(functions: &Functions, name: &str) -> Value {
    event_of(functions, &format!("grafana/{name}"))
}

/// The same of any folder.
fn event_of(functions: &Functions, name: &str) -> Value {
    let text = recorded(name).to_string();
    assert!(text.contains("Bearer TOKEN"), "{name}");
    let text = text.replace("Bearer TOKEN", functions.app.as_admin().authorization());
    serde_json::from_str(&text).unwrap()
}

async fn registry(functions: &Functions, name: &str) -> Answered {
    let answer = functions.datasources.api.invoke(event(functions, name)).await;
    assert!(answer.whole, "{name}");
    assert!(!answer.text().contains(PASSWORD), "{name}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{name}");
    answer
}

/// Replays an event; what the data source got.
async fn proxy(functions: &Functions, upstream: &FakeUpstream, name: &str) -> Recorded {
    let answer = functions.http_proxy.api.invoke(event(functions, name)).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{name}");
    upstream.requests().pop().expect("a request")
}

#[tokio::test]
async fn the_registrys_events_are_answered() {
    let functions = Functions::start().await;
    let refused = registry(&functions, "bad-base64").await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_snapshot!(refused.json()["message"], @r#""the body is not valid base64""#);

    let created = registry(&functions, "create").await;
    assert_eq!(created.status, 200, "{}", created.text());
    let created = created.json();
    assert_eq!(created["message"], "Datasource added");
    let source = &created["datasource"];
    assert_eq!((&source["uid"], &source["name"]), (&json!("prom"), &json!("Prometheus")));
    assert_eq!(source["secureJsonFields"], json!({ "basicAuthPassword": true }));

    let listed = registry(&functions, "list").await.json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["uid"]), (1, &json!("prom")));
    let read = registry(&functions, "by-uid").await.json();
    // The answer to a create has no logo.
    let logo = json!({ "typeLogoUrl": read["typeLogoUrl"] });
    assert_eq!(read, with(source.clone(), logo));
    let beside = functions.app.as_admin().get("/api/datasources/uid/prom").await;
    assert_eq!(beside.json(), read, "the gateway on the same tables says the same");
    assert!(!functions.datasources.process.log().contains(PASSWORD));
}

#[tokio::test]
async fn the_events_of_organisations_are_answered() {
    let functions = Functions::start().await;
    let root = functions.app.as_admin_user();
    let mut answers = Vec::new();
    for name in ["org-create", "org-users"] {
        let text = event(&functions, name).to_string();
        // Only who administers the server makes organisations.
        let text = text.replace(functions.app.as_admin().authorization(), root.authorization());
        let answer = functions.access.api.invoke(serde_json::from_str(&text).unwrap()).await;
        assert_eq!((answer.status, answer.whole), (200, true), "{name}: {}", answer.text());
        answers.push(answer.json());
    }
    assert_eq!(answers[0], json!({ "message": "Organization created", "orgId": 2 }));
    assert_eq!(
        (&answers[1][0]["login"], &answers[1][0]["role"]),
        (&json!("admin"), &json!("Admin"))
    );
    let beside = root.get("/api/orgs/2").await.json();
    assert_eq!(beside["name"], "Metrics", "the gateway on the same tables says the same");
}

#[tokio::test]
async fn the_proxys_events_reach_the_data_source() {
    let functions = Functions::start().await;
    let upstream = FakeUpstream::start().await;
    let fields = json!({
        "uid": "prom",
        "basicAuth": true,
        "basicAuthUser": "reader",
        "secureJsonData": { "basicAuthPassword": PASSWORD },
    });
    functions.create(&with(plain("Prometheus", &upstream.url()), fields)).await;

    let got = proxy(&functions, &upstream, "proxy-encoded-path").await;
    assert_eq!(got.target, "/api/v1/label/a%2Fb%20%C3%A4//values");
    // Basic authentication of reader:event-password.
    assert_eq!(got.header("authorization"), Some("Basic cmVhZGVyOmV2ZW50LXBhc3N3b3Jk"));

    let got = proxy(&functions, &upstream, "proxy-query").await;
    let (path, query) = got.target.split_once('?').unwrap();
    assert_eq!(path, "/api/v1/query");
    let mut pairs: Vec<_> = query.split('&').collect();
    // Values of one name keep their order; names come in any.
    pairs.sort_by_key(|pair| pair.split('=').next().unwrap().to_owned());
    assert_snapshot!(pairs.join("\n"), @"
    flag=
    match%5B%5D=up
    match%5B%5D=b%2Bc
    query=sum%20by%20%28job%29%28rate%28http_requests_total%7Bpath%3D~%22%2Fa%2Fb%22%7D%5B5m%5D%29%29
    ");

    let got = proxy(&functions, &upstream, "binary-body").await;
    assert_eq!((got.method.as_str(), got.target.as_str()), ("POST", "/api/v1/write"));
    assert_eq!(got.body, (0..=255).collect::<Vec<u8>>());
    assert_eq!(got.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(got.header("content-encoding"), Some("snappy"));

    let got = proxy(&functions, &upstream, "multi-value-headers").await;
    assert_eq!(got.all("x-repeated"), ["first", "second"]);
    assert_eq!(got.header("cookie"), None);
    assert_eq!(got.header("x-forwarded-for"), Some("203.0.113.7"), "the peer that AWS names");
    assert!(!functions.http_proxy.process.log().contains(PASSWORD));
}

#[tokio::test]
async fn the_events_of_perses_documents_are_answered() {
    let functions = Functions::start().await;
    let upstream = FakeUpstream::start().await;
    let send = async |name: &str| {
        let event = event_of(&functions, &format!("perses/{name}"));
        let answer = functions.perses_api.api.invoke(event).await;
        assert_eq!((answer.status, answer.whole), (200, true), "{name}: {}", answer.text());
        assert!(!answer.text().contains(PASSWORD), "{name}: {}", answer.text());
        answer.json()
    };
    assert_eq!(send("list").await, json!([]));
    assert_eq!(send("project-create").await["metadata"]["name"], "metrics");
    let secret = send("secret-create").await;
    assert_eq!(
        secret["spec"]["basicAuth"],
        json!({ "password": "<secret>", "username": "reader" })
    );
    // Another function writes who may do what in the project that this one has made.
    let event = event_of(&functions, "perses/role-create");
    let role = functions.access.api.invoke(event).await;
    assert_eq!((role.status, role.whole), (200, true), "{}", role.text());
    assert_eq!(role.json()["metadata"]["name"], "reader");
    let proxy = json!({ "url": upstream.url(), "secret": "prom" });
    let plugin = json!({ "proxy": { "kind": "HTTPProxy", "spec": proxy } });
    let own = json!({ "plugin": { "kind": "PrometheusDatasource", "spec": plugin } });
    let dashboard = json!({
        "kind": "Dashboard", "metadata": { "name": "overview", "project": "metrics" },
        "spec": { "datasources": { "Victoria Metrics": own } },
    });
    // The gateway on the same tables saves it.
    let saved = functions.app.as_admin().post("/api/v1/dashboards", &dashboard).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    let event = event_of(&functions, "perses/proxy-dashboard-scope");
    let answer = functions.http_proxy.api.invoke(event).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    let got = upstream.only_request();
    assert_eq!(got.target, "/api/v1/label/a%2Fb/values");
    assert_eq!(got.header("authorization"), Some("Basic cmVhZGVyOmV2ZW50LXBhc3N3b3Jk"));
    for process in [&functions.perses_api.process, &functions.http_proxy.process] {
        assert!(!process.log().contains(PASSWORD));
    }
}

#[tokio::test]
async fn the_event_of_a_statement_reaches_the_database() {
    let functions = Functions::start().await;
    let postgres = Postgres::shared().await;
    let source = json!({
        "name": "Shop", "type": "postgres", "access": "proxy", "user": "reader",
        "url": postgres.address().to_string(), "secureJsonData": { "password": DATABASE_PASSWORD },
        "jsonData": { "database": "shop", "sslmode": "disable" },
    });
    functions.create(&source).await;
    let answer = functions.sql_proxy.api.invoke(event_of(&functions, "perses/statement")).await;
    let expected = "{\"columns\":[{\"name\":\"n\",\"type\":\"INT4\"}],\"rows\":[{\"n\":42}]}\n";
    assert_eq!((answer.status, answer.whole), (200, true), "{}", answer.text());
    assert_eq!(answer.text(), expected);
    let log = functions.sql_proxy.process.log();
    assert!(!log.contains(DATABASE_PASSWORD) && !log.contains("SELECT"), "{log}");
}
