//! The older wire forms, and how long a list may be: what operators set (contract 1.2, 1.3, 1.10, 1.12).

use grafana::{Compat, Settings};
use harness::{TestApp, build};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::events::functions::{Function, offering, registry_settings};
use crate::local::binary::Binary;

const PATH: &str = "/api/datasources";

async fn speaking(compat: Compat) -> TestApp {
    TestApp::with(|setup| setup.grafana = Settings { compat, ..Settings::default() }).await
}

/// The graphite of seeds' examples.
fn graphite() -> Value {
    json!({
        "name": "test_datasource",
        "uid": "kLtEtcRGk",
        "type": "graphite",
        "url": "http://mydatasource.com",
        "access": "proxy",
        "basicAuth": true,
        "basicAuthUser": "basicuser",
        "secureJsonData": { "basicAuthPassword": "basicpassword" },
    })
}

/// The fields that the documentation of Grafana 7, 9 and Amazon's shows.
const DOCUMENTED: [&str; 20] = [
    "id",
    "uid",
    "orgId",
    "name",
    "type",
    "typeLogoUrl",
    "access",
    "url",
    "password",
    "user",
    "database",
    "basicAuth",
    "basicAuthUser",
    "basicAuthPassword",
    "withCredentials",
    "isDefault",
    "jsonData",
    "secureJsonFields",
    "version",
    "readOnly",
];

#[tokio::test]
async fn the_older_forms_have_the_fields_of_their_documentation() {
    for compat in [Compat::V9, Compat::Amg] {
        let app = speaking(compat).await;
        let admin = app.as_admin();
        let made = admin.create(&graphite()).await;
        let put = admin.put("/api/datasources/1", &graphite()).await.json()["datasource"].clone();
        let read = admin.get("/api/datasources/name/test_datasource").await.json();
        for object in [made, put, read] {
            let mut fields: Vec<_> =
                object.as_object().into_iter().flatten().map(|(f, _)| &**f).collect();
            fields.sort_unstable();
            let mut expected = DOCUMENTED.to_vec();
            expected.sort_unstable();
            assert_eq!(fields, expected, "{compat}");
            assert_eq!(
                (&object["password"], &object["basicAuthPassword"]),
                (&json!(""), &json!(""))
            );
        }
        let listed = admin.get(PATH).await.json();
        assert_eq!(listed[0]["password"], "");
        assert_eq!(listed[0].get("basicAuthPassword"), None);
    }
    let app = speaking(Compat::V9).await;
    app.as_admin().create(&graphite()).await;
    assert_snapshot!(app.as_admin().get("/api/datasources/1").await.text(), @r#"{"id":1,"uid":"kLtEtcRGk","orgId":1,"name":"test_datasource","type":"graphite","typeLogoUrl":"public/app/plugins/datasource/graphite/img/graphite_logo.png","access":"proxy","url":"http://mydatasource.com","password":"","user":"","database":"","basicAuth":true,"basicAuthUser":"basicuser","basicAuthPassword":"","withCredentials":false,"isDefault":true,"jsonData":{},"secureJsonFields":{"basicAuthPassword":true},"version":1,"readOnly":false}"#);
    assert_snapshot!(app.as_admin().get(PATH).await.text(), @r#"[{"id":1,"uid":"kLtEtcRGk","orgId":1,"name":"test_datasource","type":"graphite","typeName":"Graphite","typeLogoUrl":"public/app/plugins/datasource/graphite/img/graphite_logo.png","access":"proxy","url":"http://mydatasource.com","password":"","user":"","database":"","basicAuth":true,"isDefault":true,"jsonData":{},"readOnly":false}]"#);
}

#[tokio::test]
async fn only_the_answer_to_delete_by_uid_is_another_one() {
    let ways = [
        "/api/datasources/1",
        "/api/datasources/uid/kLtEtcRGk",
        "/api/datasources/name/test_datasource",
    ];
    let mut answers = Vec::new();
    for compat in [Compat::V13, Compat::V9, Compat::Amg] {
        for way in ways {
            let app = speaking(compat).await;
            app.as_admin().create(&graphite()).await;
            answers.push(format!("{compat} {}", app.as_admin().delete(way).await.text()));
        }
    }
    assert_snapshot!(answers.join("\n"), @r#"
    13 {"message":"Data source deleted"}
    13 {"id":1,"message":"Data source deleted"}
    13 {"id":1,"message":"Data source deleted"}
    9 {"message":"Data source deleted"}
    9 {"id":1,"message":"Data source deleted"}
    9 {"id":1,"message":"Data source deleted"}
    amg {"message":"Data source deleted"}
    amg {"message":"Data source deleted"}
    amg {"id":1,"message":"Data source deleted"}
    "#);
}

fn uids(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|one| one["uid"].as_str()).collect()
}

#[tokio::test]
async fn a_list_ends_at_the_limit_and_the_log_says_so() {
    let folder = tempdir().expect("a folder");
    let server = Binary::start(folder.path(), &["--datasource-limit", "2"]).await;
    let admin = server.admin(&folder.path().join(".sourcegate"));
    for name in ["c", "a", "b"] {
        let cut = server.process.log().contains("more than 2 data sources");
        assert!(!cut, "two are not cut");
        let source = build::with(build::plain(name, "http://h"), json!({ "uid": name }));
        admin.create(&source).await;
        admin.get(PATH).await;
    }
    assert_eq!(uids(&admin.get(PATH).await.json()), ["a", "b"], "the first by name");
    let log = server.process.log();
    assert!(log.contains("organisation 1 has more than 2 data sources"), "{log}");
    assert!(log.contains("SOURCEGATE_DATASOURCE_LIMIT"), "{log}");
    // They are there all the same, and their names are not free.
    assert_eq!(admin.get("/api/datasources/uid/c").await.status, 200);
    let unnamed = json!({ "type": "c", "access": "proxy" });
    assert_eq!(admin.create(&unnamed).await["name"], "c-1");
}

#[tokio::test]
async fn the_function_reads_the_same_settings() {
    let app = offering().await;
    for name in ["a", "b"] {
        app.as_admin()
            .create(&build::with(build::plain(name, "http://h"), json!({ "uid": name })))
            .await;
    }
    let mut settings = registry_settings(app.data());
    settings.push(("SOURCEGATE_GRAFANA_COMPAT".to_owned(), "amg".to_owned()));
    settings.push(("SOURCEGATE_DATASOURCE_LIMIT".to_owned(), "1".to_owned()));
    let function = Function::start("datasources", settings).await;
    let call = |method: &str, path: &str| {
        let call = harness::runtime_api::Call::new(method, path);
        call.header("Authorization", app.as_admin().authorization()).rest()
    };
    let listed = function.api.invoke(call("GET", PATH)).await.json();
    assert_eq!((uids(&listed), &listed[0]["password"]), (vec!["a"], &json!("")));
    let deleted = function.api.invoke(call("DELETE", "/api/datasources/uid/a")).await.text();
    assert_eq!(deleted, r#"{"message":"Data source deleted"}"#);
    assert!(function.process.log().contains("SOURCEGATE_DATASOURCE_LIMIT"));
}

#[tokio::test]
async fn a_function_with_a_setting_that_makes_no_sense_does_not_start() {
    for (variable, value) in
        [("SOURCEGATE_GRAFANA_COMPAT", "8"), ("SOURCEGATE_DATASOURCE_LIMIT", "many")]
    {
        let mut function =
            Function::start("datasources", vec![(variable.to_owned(), value.to_owned())]).await;
        let ended = function.process.wait(std::time::Duration::from_secs(60)).await;
        assert!(!ended.success());
        let log = function.process.log();
        assert!(log.contains(&format!("{variable} is `{value}`; it must be")), "{log}");
    }
}
