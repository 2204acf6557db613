//! Data sources, dashboards and projects as documents: contract/perses.md 3 and 7.1, cases 9 to 22.

use auth::Role;
use harness::TestApp;
use serde_json::{Value, json};

use super::{check, in_project, made, project, source};

const GLOBAL: &str = "/api/v1/globaldatasources";

#[tokio::test]
async fn perses_cases_9_to_14_a_global_data_source_lives_and_ends() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let sent = source("myResource", "http://h.test");
    let first = made(&admin, GLOBAL, &sent).await;
    assert_eq!(first["metadata"]["name"], "myresource");
    assert_eq!((&first["metadata"]["version"], &first["spec"]), (&json!(0), &sent["spec"]));
    check(&admin.post(GLOBAL, &sent).await, 409, "document already exists");
    let mut changed = sent.clone();
    changed["spec"]["display"] = json!({ "name": "A name" });
    changed["metadata"]["version"] = json!(7);
    let path = format!("{GLOBAL}/myResource");
    let updated = admin.put(&path, &changed).await.json();
    assert_eq!(updated["spec"], changed["spec"]);
    assert_eq!(updated["metadata"]["version"], 1);
    assert_eq!(updated["metadata"]["createdAt"], first["metadata"]["createdAt"]);
    assert_eq!(admin.get(&path).await.json(), updated);
    assert_eq!(admin.get(GLOBAL).await.json(), json!([updated]));
    let gone = admin.delete(&path).await;
    assert_eq!((gone.status.as_u16(), gone.text().as_str()), (204, ""));
    check(&admin.get(&path).await, 404, "document not found");
    check(&admin.put(&path, &changed).await, 404, "document not found");
    check(&admin.delete(&path).await, 404, "document not found");
    assert_eq!(admin.get(GLOBAL).await.text(), "[]\n");
}

#[tokio::test]
async fn perses_cases_15_to_22_data_sources_of_projects() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    project(&admin, "myProject").await;
    project(&admin, "other").await;
    let sent = |name: &str, project: &str| in_project(source(name, "http://h.test"), project);
    let by_body = made(&admin, "/api/v1/datasources", &sent("a", "myProject")).await;
    assert_eq!(by_body["metadata"]["project"], "myproject");
    let path = "/api/v1/projects/myProject/datasources";
    let mut without = sent("b", "");
    without["metadata"].as_object_mut().unwrap().remove("project");
    let by_path = made(&admin, path, &without).await;
    assert_eq!(by_path["metadata"]["project"], "myproject");
    check(&admin.post(path, &without).await, 409, "document already exists");
    let elsewhere = made(&admin, "/api/v1/datasources", &sent("a", "other")).await;
    let all = admin.get("/api/v1/datasources").await.json();
    assert_eq!(all, json!([by_body, by_path, elsewhere]));
    assert_eq!(admin.get(path).await.json(), json!([by_body, by_path]));
    let said = "bad request: metadata.project cannot be empty";
    check(&admin.post("/api/v1/datasources", &sent("c", "")).await, 400, said);
    let said = r#"bad request: metadata.project "nope" doesn't exist"#;
    check(&admin.post("/api/v1/datasources", &sent("c", "nope")).await, 400, said);
    check(&admin.get("/api/v1/projects/nope/datasources").await, 400, said);
    check(&admin.get("/api/v1/projects/nope/datasources/x").await, 400, said);
    let one = format!("{path}/a");
    assert_eq!(admin.put(&one, &sent("a", "myProject")).await.status, 200);
    assert_eq!(admin.delete(&one).await.status, 204);
    check(&admin.get(&one).await, 404, "document not found");
}

#[tokio::test]
async fn perses_3_3_lists_are_filtered() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for (name, kind, default) in [("aa", "P", true), ("ab", "P", false), ("b", "L", true)] {
        let mut sent = source(name, "http://h.test");
        sent["spec"]["default"] = default.into();
        sent["spec"]["plugin"]["kind"] = kind.into();
        made(&admin, GLOBAL, &sent).await;
    }
    for (query, expected) in [
        ("name=A", vec!["aa", "ab"]),
        ("kind=P", vec!["aa", "ab"]),
        ("default=false", vec!["ab"]),
        ("default=1&kind=L", vec!["b"]),
        ("name=x", vec![]),
    ] {
        let list = admin.get(&format!("{GLOBAL}?{query}")).await.json();
        let names = list.as_array().unwrap().iter().map(|one| one["metadata"]["name"].as_str());
        assert_eq!(names.map(Option::unwrap).collect::<Vec<_>>(), expected, "{query}");
    }
    let said = "bad request: code=400, message=strconv.ParseBool: parsing \"xyz\": invalid syntax, \
                internal=strconv.ParseBool: parsing \"xyz\": invalid syntax";
    check(&admin.get(&format!("{GLOBAL}?default=xyz")).await, 400, said);
}

#[tokio::test]
async fn perses_3_4_one_default_for_a_kind_of_plugin() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let default = |name: &str, is: bool| {
        let mut sent = source(name, "http://h.test");
        sent["spec"]["default"] = is.into();
        sent
    };
    made(&admin, GLOBAL, &default("a", true)).await;
    let said = "bad request: datasource \"b\" cannot be a default \"PrometheusDatasource\" because there is already one defined named \"a\"";
    check(&admin.post(GLOBAL, &default("b", true)).await, 400, said);
    made(&admin, GLOBAL, &default("b", false)).await;
    let b = format!("{GLOBAL}/b");
    check(&admin.put(&b, &default("b", true)).await, 400, said);
    // Who gives it up makes room for the next one, and whoever goes does.
    assert_eq!(admin.put(&format!("{GLOBAL}/a"), &default("a", false)).await.status, 200);
    assert_eq!(admin.put(&b, &default("b", true)).await.status, 200);
    assert_eq!(admin.delete(&b).await.status, 204);
    assert_eq!(admin.put(&format!("{GLOBAL}/a"), &default("a", true)).await.status, 200);
}

#[tokio::test]
async fn bad_documents_are_refused_in_perses_words() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let twice = |said: &str| format!("bad request: code=400, message={said}, internal={said}");
    let with = |change: fn(&mut Value)| {
        let mut sent = source("x", "http://h.test");
        change(&mut sent);
        sent
    };
    for (sent, expected) in [
        (
            with(|sent| sent["kind"] = "x".into()),
            twice(r#"invalid kind: "x" for a GlobalDatasource type"#),
        ),
        (with(|sent| sent["metadata"]["name"] = "".into()), twice("name cannot be empty")),
        (
            with(|sent| sent["metadata"]["name"] = "f o o".into()),
            twice(
                r#""f o o" is not a correct name. It should match the regexp: ^[a-zA-Z0-9_.-]+$"#,
            ),
        ),
        (
            with(|sent| drop(sent.as_object_mut().unwrap().remove("metadata"))),
            twice("metadata cannot be empty"),
        ),
        (with(|sent| sent["spec"] = Value::Null), twice("spec cannot be empty")),
        (json!({}), twice("kind cannot be empty")),
    ] {
        check(&admin.post(GLOBAL, &sent).await, 400, &expected);
    }
    let other = with(|sent| sent["metadata"]["name"] = "y".into());
    let said = "bad request: name parameter value 'x' does not match provided metadata value 'y'";
    check(&admin.put(&format!("{GLOBAL}/x"), &other).await, 400, said);
    let text = admin.request(http::Method::POST, GLOBAL).header("content-type", "text/plain");
    check(&admin.send(text.body("{}")).await, 415, "unsupported media type");
    assert_eq!(admin.get(GLOBAL).await.text(), "[]\n");
}

#[tokio::test]
async fn perses_cases_31_to_33_who_may_do_what() {
    let app = TestApp::start().await;
    let (admin, viewer) = (app.as_admin(), app.as_viewer().await);
    let none = app.as_role(Role::None).await;
    let sent = source("x", "http://h.test");
    made(&admin, GLOBAL, &sent).await;
    let path = format!("{GLOBAL}/x");
    assert_eq!(viewer.get(&path).await.status, 200);
    let lacks = |verb: &str| {
        format!("forbidden access: missing '{verb}' global permission for 'GlobalDatasource' kind")
    };
    check(&viewer.post(GLOBAL, &json!({})).await, 403, &lacks("create"));
    check(&viewer.put(&path, &sent).await, 403, &lacks("update"));
    check(&viewer.delete(&path).await, 403, &lacks("delete"));
    check(&none.get(&path).await, 403, &lacks("read"));
    check(&none.get(&format!("{GLOBAL}/absent")).await, 403, &lacks("read"));
    check(&app.anonymous().get("/api/v1/projects").await, 401, "missing or malformed jwt");
    let stranger = harness::Client::new(app.address(), Some("Bearer x.y.z".to_owned()));
    check(&stranger.get("/api/v1/projects").await, 401, "invalid or expired jwt");
}

#[tokio::test]
async fn p18_another_method_is_405_and_options_tells_which_there_are() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let answer = admin.raw(&format!("PATCH {GLOBAL}"), &[], b"").await;
    check(&answer, 405, "Method Not Allowed");
    assert_eq!(answer.header("allow"), "OPTIONS, GET, POST");
    let options = app.anonymous().raw(&format!("OPTIONS {GLOBAL}"), &[], b"").await;
    assert_eq!((options.status.as_u16(), options.header("allow")), (204, "OPTIONS, GET, POST"));
}

#[tokio::test]
async fn a_dashboard_s_own_data_sources_go_with_it() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    project(&admin, "perses").await;
    let own = json!({ "plugin": { "kind": "P", "spec": {} } });
    let sent = json!({
        "kind": "Dashboard", "metadata": { "name": "d", "project": "perses" },
        "spec": { "duration": "1h", "datasources": { "Victoria Metrics": own }, "panels": {} },
    });
    let path = "/api/v1/projects/perses/dashboards";
    let first = made(&admin, path, &sent).await;
    assert_eq!(first["spec"], sent["spec"]);
    let metadata_only = admin.get("/api/v1/dashboards?metadata_only=true").await.json();
    assert_eq!(metadata_only[0]["spec"], json!({}));
    let many: serde_json::Map<_, _> = (0..46).map(|n| (n.to_string(), own.clone())).collect();
    let mut too_many = sent.clone();
    too_many["spec"]["datasources"] = many.into();
    let said = "bad request: a dashboard has 45 data sources of its own at most; make some of the project's";
    check(&admin.put(&format!("{path}/d"), &too_many).await, 400, said);
}

#[tokio::test]
async fn perses_case_30_the_small_endpoints_answer_as_clients_need_them() {
    let app = TestApp::start().await;
    let anyone = app.anonymous();
    for client in [&anyone, &app.as_admin()] {
        let config = client.get("/api/config").await;
        assert_eq!(config.status, 200);
        assert_eq!(config.json()["security"]["enable_auth"], true);
    }
    assert_eq!(anyone.get("/api/v1/health").await.json()["database"], true);
    assert_eq!(anyone.get("/api/v1/plugins").await.text(), "[]\n");
    let pretty = app.as_admin().get("/api/v1/globaldatasources/x?pretty").await;
    assert!(pretty.message().contains("document not found"));
    assert_eq!(app.as_viewer().await.get("/api/v1/user/whoami").await.status, 200);
    let other = app.as_viewer().await.get("/api/v1/users/somebody/permissions").await;
    check(&other, 403, "forbidden access: you can only retrieve your permissions");
}

#[tokio::test]
async fn t03_who_may_not_write_sees_no_query_and_no_header() {
    let app = TestApp::start().await;
    let (admin, viewer) = (app.as_admin(), app.as_viewer().await);
    project(&admin, "p").await;
    let proxy = json!({ "url": "http://h.test?token=canary", "headers": { "X-Key": "canary" } });
    made(&admin, GLOBAL, &super::with_proxy("x", &proxy)).await;
    let local = super::with_proxy("x", &proxy)["spec"].clone();
    let dashboard = json!({
        "kind": "Dashboard", "metadata": { "name": "d", "project": "p" },
        "spec": { "datasources": { "own": local } },
    });
    made(&admin, "/api/v1/dashboards", &dashboard).await;
    let one = format!("{GLOBAL}/x");
    let pretty = format!("{GLOBAL}/x?pretty");
    for path in [GLOBAL, &one, &pretty, "/api/v1/dashboards", "/api/v1/projects/p/dashboards/d"] {
        assert!(admin.get(path).await.text().contains("canary"), "{path}");
        let seen = viewer.get(path).await;
        assert_eq!(seen.status, 200, "{path}");
        assert!(!seen.text().contains("canary"), "{path}: {}", seen.text());
    }
}
