//! Statements for databases: contract/perses.md 2 and 7, cases 2, 3, 5, 7 and 37 on, over a real PostgreSQL.

use harness::postgres::{PASSWORD, Postgres};
use harness::{Answer, Client, TestApp};
use http::Method;
use serde_json::{Value, json};

use super::{check, in_project, made, project};

const SOURCES: &str = "/api/v1/globaldatasources";
const DB: &str = "/proxy/globaldatasources/db";

fn secret(user: &str) -> Value {
    let basic = json!({ "username": user, "password": PASSWORD });
    json!({
        "kind": "GlobalSecret", "metadata": { "name": "reader" }, "spec": { "basicAuth": basic },
    })
}

fn database(name: &str, spec: &Value) -> Value {
    json!({
        "kind": "GlobalDatasource",
        "metadata": { "name": name },
        "spec": {
            "default": false,
            "plugin": {
                "kind": "PostgresDatasource",
                "spec": { "proxy": { "kind": "SQLProxy", "spec": spec } },
            },
        },
    })
}

fn shop(postgres: &Postgres) -> Value {
    json!({
        "driver": "postgres", "host": postgres.address().to_string(), "database": "shop",
        "secret": "reader", "postgres": { "ssl_mode": "disable" },
    })
}

async fn ask(client: &Client, path: &str, accept: &str, query: &str) -> Answer {
    client.send(asking(client, path, accept, query)).await
}

fn asking(client: &Client, path: &str, accept: &str, query: &str) -> reqwest::RequestBuilder {
    let request = client.request(Method::POST, path).header("accept", accept);
    request.body(json!({ "query": query }).to_string())
}

/// A gateway with the database `shop` under the name `db`.
async fn gateway() -> (TestApp, &'static Postgres) {
    let (app, postgres) = (TestApp::start().await, Postgres::shared().await);
    let admin = app.as_admin();
    made(&admin, "/api/v1/globalsecrets", &secret("reader")).await;
    made(&admin, SOURCES, &database("db", &shop(postgres))).await;
    (app, postgres)
}

#[tokio::test]
async fn perses_cases_2_3_5_7_statements_are_answered_in_every_scope() {
    let (app, postgres) = gateway().await;
    let admin = app.as_admin();
    project(&admin, "perses").await;
    let own = in_project(secret("reader"), "perses");
    made(&admin, "/api/v1/secrets", &own).await;
    let local = in_project(database("mySQLDTS", &shop(postgres)), "perses");
    made(&admin, "/api/v1/datasources", &local).await;
    let dashboard = json!({
        "kind": "Dashboard", "metadata": { "name": "myDashboard", "project": "perses" },
        "spec": { "datasources": { "mySQLDTS": local["spec"] } },
    });
    made(&admin, "/api/v1/dashboards", &dashboard).await;
    let viewer = app.as_viewer().await;
    for path in [
        DB,
        "/proxy/projects/perses/datasources/mySQLDTS",
        "/proxy/projects/perses/dashboards/myDashboard/datasources/mySQLDTS",
    ] {
        let answer = ask(&viewer, path, "application/json", "SELECT 1 AS a, 'x' AS b").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let expected = r#"{"columns":[{"name":"a","type":"INT4"},{"name":"b","type":"TEXT"}],"rows":[{"a":1,"b":"x"}]}"#;
        assert_eq!(answer.text(), format!("{expected}\n"), "{path}");
        let said = "you are not allowed to use this endpoint \"/\" with the HTTP method GET";
        let answer = viewer.get(path).await;
        check(&answer, 405, said);
        assert_eq!(answer.header("allow"), "POST");
    }
}

#[tokio::test]
async fn perses_2_6_the_form_is_what_accept_says() {
    let (app, _) = gateway().await;
    let admin = app.as_admin();
    let query = "SELECT g AS n, NULL AS nothing FROM generate_series(1, 2) g";
    for (accept, content_type, expected) in [
        ("*/*", "text/csv; charset=utf-8", "n,nothing\n1,\n2,\n"),
        ("text/csv", "text/csv; charset=utf-8", "n,nothing\n1,\n2,\n"),
        (
            "application/json;rows=arrays",
            "application/json",
            "{\"columns\":[{\"name\":\"n\",\"type\":\"INT4\"},{\"name\":\"nothing\",\"type\":\"TEXT\"}],\"rows\":[[1,null],[2,null]]}\n",
        ),
        (
            "application/x-ndjson",
            "application/x-ndjson",
            "{\"n\":1,\"nothing\":null}\n{\"n\":2,\"nothing\":null}\n{\"rowCount\":2,\"truncated\":false}\n",
        ),
    ] {
        let answer = ask(&admin, DB, accept, query).await;
        assert_eq!(answer.header("content-type"), content_type, "{accept}");
        assert_eq!(answer.text(), expected, "{accept}");
        let is_saved = answer.headers.get("content-disposition").is_some();
        assert_eq!(is_saved, content_type.starts_with("text/csv"), "{accept}");
    }
    assert_eq!(ask(&admin, DB, "text/html", query).await.status, 406);
}

#[tokio::test]
async fn perses_case_3_json_is_the_default_where_it_is_set_so() {
    let app =
        TestApp::with(|setup| setup.perses.sql_format = "json".parse().expect("a format")).await;
    let postgres = Postgres::shared().await;
    let admin = app.as_admin();
    made(&admin, "/api/v1/globalsecrets", &secret("reader")).await;
    made(&admin, SOURCES, &database("db", &shop(postgres))).await;
    let answer = ask(&admin, DB, "*/*", "SELECT 'perses'::name AS datname").await;
    let expected =
        r#"{"columns":[{"name":"datname","type":"NAME"}],"rows":[{"datname":"perses"}]}"#;
    assert_eq!(answer.text(), format!("{expected}\n"));
    assert_eq!(ask(&admin, DB, "text/csv", "SELECT 1 AS a").await.text(), "a\n1\n");
}

#[tokio::test]
async fn perses_2_1_parameters_are_bound() {
    let (app, _) = gateway().await;
    let admin = app.as_admin();
    let send = async |body: Value| admin.post(DB, &body).await;
    let body = json!({ "query": "SELECT $1::int + 1 AS n, $2::text AS t", "params": [41, "o'k"] });
    assert_eq!(send(body).await.text(), "n,t\n42,o'k\n");
    let answer = send(json!({ "query": "SELECT $1::int", "params": [] })).await;
    check(&answer, 400, "bad request: query takes 1 parameters and got 0");
    let answer = send(json!({ "query": "SELECT $1::int", "params": [{ "a": 1 }] })).await;
    let said = "bad request: parameter 1 is of a type that this query does not take";
    check(&answer, 400, said);
}

#[tokio::test]
async fn perses_2_1_what_is_wrong_with_a_statement_is_said_in_perses_words() {
    let (app, _) = gateway().await;
    let admin = app.as_admin();
    let send = async |body: &str| {
        let length = format!("Content-Length: {}", body.len());
        admin.raw(&format!("POST {DB}"), &[&length], body.as_bytes()).await
    };
    check(&send("").await, 400, "bad request: EOF");
    let said = "bad request: the text ends too early at line 1 column 1";
    check(&send("{").await, 400, said);
    let said = "bad request: expected a string at line 1 column 10";
    check(&send(r#"{"query":1}"#).await, 400, said);
    let said = "bad request: only SELECT queries are allowed through the SQL proxy";
    for query in ["", "  ", "-- only", "DELETE FROM item", "/* c */ INSERT INTO item VALUES (1)"] {
        let answer = send(&json!({ "query": query }).to_string()).await;
        check(&answer, 400, said);
        assert!(answer.json()["detail"].is_string(), "{query}");
    }
    let answer = send(r#"{"query":"SELECT nothing"}"#).await;
    check(&answer, 400, "bad request: column \"nothing\" does not exist (SQLSTATE 42703)");
    let long = json!({ "query": "SELECT 1 --".to_owned() + &"x".repeat(1 << 20) }).to_string();
    assert_eq!(send(&long).await.status, 413);
}

#[tokio::test]
async fn q45_a_database_without_room_says_so() {
    let (app, postgres) = (TestApp::start().await, Postgres::shared().await);
    let role = format!("CREATE ROLE crowded LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 0");
    postgres.sql("shop", &role);
    let admin = app.as_admin();
    made(&admin, "/api/v1/globalsecrets", &secret("crowded")).await;
    made(&admin, SOURCES, &database("db", &shop(postgres))).await;
    let answer = ask(&admin, DB, "application/json", "SELECT 1").await;
    check(&answer, 503, "data source has no room for another connection");
    assert_eq!((&*answer.cause(), answer.header("retry-after")), ("connections", "1"));
}

#[tokio::test]
async fn q_an_error_after_the_first_row_breaks_the_answer_off() {
    let (app, _) = gateway().await;
    let admin = app.as_admin();
    let query = "SELECT 100000 / (90000 - g) AS n FROM generate_series(1, 100000) g";
    for accept in ["text/csv", "application/json"] {
        let answer = asking(&admin, DB, accept, query).send().await.expect("a head");
        assert_eq!(answer.status(), 200, "{accept}");
        assert!(answer.bytes().await.is_err(), "{accept}");
    }
    let mut answer =
        asking(&admin, DB, "application/x-ndjson", query).send().await.expect("a head");
    let mut text = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        text.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(text).expect("text");
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["error"], "division by zero (SQLSTATE 22012)");
}

#[tokio::test]
async fn perses_1_10_a_secret_goes_only_where_it_is_bound() {
    let (app, postgres) = gateway().await;
    let admin = app.as_admin();
    // Verified TLS and none are two places.
    let mut weaker = shop(postgres);
    weaker["secret"] = "other".into();
    made(&admin, SOURCES, &database("lost", &weaker)).await;
    let answer = ask(&admin, "/proxy/globaldatasources/lost", "*/*", "SELECT 1").await;
    let said = "document not found: unable to forward the request to the datasource \"lost\", secret \"other\" attached doesn't exist";
    check(&answer, 404, said);
    // Also where another method is asked.
    check(&admin.get("/proxy/globaldatasources/lost").await, 404, said);
    let mut nobody = shop(postgres);
    nobody.as_object_mut().unwrap().remove("secret");
    made(&admin, SOURCES, &database("nobody", &nobody)).await;
    let answer = ask(&admin, "/proxy/globaldatasources/nobody", "*/*", "SELECT 1").await;
    let said =
        "bad request: the datasource has no user to connect as; name a secret with basicAuth";
    check(&answer, 400, said);
}

#[tokio::test]
async fn perses_case_46_what_makes_no_database_is_refused_at_the_save() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for (spec, said) in [
        (json!({ "host": "h", "database": "d" }), "bad request: driver is required"),
        (json!({ "driver": "postgres", "database": "d" }), "bad request: host cannot be empty"),
        (json!({ "driver": "postgres", "host": "h" }), "bad request: database cannot be empty"),
    ] {
        check(&admin.post(SOURCES, &database("db", &spec)).await, 400, said);
    }
}

#[tokio::test]
async fn a_database_has_no_paths_and_a_source_over_http_takes_posts() {
    let (app, _) = gateway().await;
    let admin = app.as_admin();
    let answer = ask(&admin, &format!("{DB}/x"), "*/*", "SELECT 1").await;
    let said = "bad request: the datasource is a database; POST a query to it, without a path behind its name";
    check(&answer, 400, said);
    assert_eq!(ask(&admin, &format!("{DB}/"), "*/*", "SELECT 1 AS a").await.text(), "a\n1\n");
    let upstream = harness::upstream::FakeUpstream::start().await;
    made(&admin, SOURCES, &super::source("web", &upstream.url())).await;
    let answer = ask(&admin, "/proxy/globaldatasources/web", "*/*", "SELECT 1").await;
    assert_eq!(answer.text(), "ok");
    let arrived = upstream.only_request();
    assert_eq!((&*arrived.target, &*arrived.body), ("/", &b"{\"query\":\"SELECT 1\"}"[..]));
}

#[tokio::test]
async fn an_unsaved_database_is_asked_with_bound_secrets_alone() {
    use base64::Engine as _;

    let (app, postgres) = gateway().await;
    let admin = app.as_admin();
    let asked = async |path: &str, spec: &Value, query: &str| {
        let body = json!({ "query": query }).to_string();
        let body = base64::engine::general_purpose::STANDARD.encode(body);
        let spec = database("x", spec)["spec"].clone();
        let sent = json!({ "method": "POST", "body": body, "spec": spec });
        admin.post(path, &sent).await
    };
    const GLOBAL: &str = "/proxy/unsaved/globaldatasources";
    // Perses itself needs something behind it.
    for path in [GLOBAL, "/proxy/unsaved/globaldatasources/", "/proxy/unsaved/globaldatasources/x"]
    {
        let answer = asked(path, &shop(postgres), "SELECT 1 AS a").await;
        assert_eq!(answer.text(), "a\n1\n", "{path}");
    }
    let unsaved = async |spec: &Value, query: &str| asked(GLOBAL, spec, query).await;
    assert_eq!(unsaved(&shop(postgres), "SELECT 1 AS a").await.text(), "a\n1\n");
    // Silence about TLS is another place than a word.
    let mut silent = shop(postgres);
    silent.as_object_mut().expect("an object").remove("postgres");
    assert_eq!(unsaved(&silent, "SELECT 1").await.cause(), "secret_not_bound");
    let mut weaker = shop(postgres);
    weaker["host"] = format!("localhost:{}", postgres.address().port()).into();
    let answer = unsaved(&weaker, "SELECT 1").await;
    assert_eq!((answer.status.as_u16(), answer.cause()), (403, "secret_not_bound".to_owned()));
}

#[tokio::test]
async fn databases_of_grafanas_kind_are_reached_by_name() {
    let (app, postgres) = (TestApp::start().await, Postgres::shared().await);
    let admin = app.as_admin();
    for (name, kind) in [("Shop", "postgres"), ("Shop 2", "grafana-postgresql-datasource")] {
        let source = json!({
            "name": name, "type": kind, "access": "proxy", "url": postgres.address().to_string(),
            "user": "reader", "jsonData": { "database": "shop", "sslmode": "disable" },
            "secureJsonData": { "password": PASSWORD },
        });
        assert_eq!(admin.post("/api/datasources", &source).await.status, 200);
    }
    let viewer = app.as_viewer().await;
    let listed = admin.get("/api/datasources").await.json();
    let uid = listed[0]["uid"].as_str().expect("a uid");
    let refused = viewer.get(&format!("/api/datasources/proxy/uid/{uid}/x")).await;
    assert_eq!(refused.status, 403, "no password goes there as it is: {}", refused.text());
    for path in ["/proxy/globaldatasources/shop", "/proxy/globaldatasources/Shop%202"] {
        let answer = ask(&viewer, path, "text/csv", "SELECT current_user AS me").await;
        assert_eq!(answer.text(), "me\nreader\n", "{path}");
    }
}

#[tokio::test]
async fn trailers_tell_how_many_rows_there_are() {
    let (app, _) = gateway().await;
    let body = json!({ "query": "SELECT generate_series(1, 3) AS n" }).to_string();
    let length = format!("Content-Length: {}", body.len());
    let admin = app.as_admin();
    let head = format!(
        "POST {DB} HTTP/1.1\r\nHost: localhost\r\nConnection: close, TE\r\nTE: trailers\r\n\
         Authorization: {}\r\n{length}\r\n\r\n",
        admin.authorization()
    );
    let answer = app.raw([head.as_bytes(), body.as_bytes()].concat());
    let answer = String::from_utf8(answer.await).expect("text").to_lowercase();
    let (_, trailers) = answer.rsplit_once("\r\n0\r\n").expect("the last chunk");
    assert!(trailers.contains("sourcegate-row-count: 3\r\n"), "{answer}");
    assert!(trailers.contains("sourcegate-truncated: false\r\n"), "{answer}");
}
