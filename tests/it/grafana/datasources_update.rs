//! Replacing data sources: versions, what is replaced and what nobody may set (contract 1.5, 1.8, 1.9).

use harness::{Answer, Client, TestApp, build};
use http::Method;
use serde_json::{Value, json};

const PATH: &str = "/api/datasources";
const ONE: &str = "/api/datasources/uid/a";
const STALE: &str =
    "Datasource has already been updated by someone else. Please reload and try again";

/// The data source `a`, with other fields over it.
fn source(fields: Value) -> Value {
    build::with(build::with(build::plain("a", "http://h"), json!({ "uid": "a" })), fields)
}

async fn put(admin: &Client, fields: Value) -> Answer {
    admin.put(ONE, &source(fields)).await
}

#[track_caller]
fn check(answer: &Answer, status: u16, message: &str) {
    assert_eq!(
        (answer.status.as_u16(), &*answer.message()),
        (status, message),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn t32_to_t35_d09_versions_follow_the_one_that_was_sent() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(json!({}))).await;
    for (sent, stored) in [
        (json!(1), Some(2)),
        (json!(1), None),
        (json!(9), Some(10)),
        (json!(9), None),
        (json!(-1), None),
        (json!(10), Some(11)),
        (json!(null), Some(1)),
        (json!(7), Some(8)),
        (json!(0), Some(1)),
    ] {
        let answer = put(&admin, json!({ "version": sent })).await;
        match stored {
            Some(version) => {
                check(&answer, 200, "Datasource updated");
                assert_eq!(answer.json()["datasource"]["version"], version, "sent {sent}");
                assert_eq!(admin.get(ONE).await.json()["version"], version, "sent {sent}");
            }
            None => check(&answer, 409, STALE),
        }
    }
    let without = json!({ "type": "x", "access": "proxy" });
    assert_eq!(admin.put(ONE, &without).await.json()["datasource"]["version"], 1);
}

#[tokio::test]
async fn t33_a_stale_version_is_409_and_nothing_changes() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(json!({}))).await;
    put(&admin, json!({ "version": 1 })).await;
    let before = admin.get(ONE).await.text();
    let late = json!({
        "version": 1,
        "name": "late",
        "url": "http://late",
        "isDefault": false,
        "secureJsonData": { "x": "y" },
    });
    check(&put(&admin, late).await, 409, STALE);
    assert_eq!(admin.get(ONE).await.text(), before);
    admin.create(&build::plain("late", "")).await;
}

#[tokio::test]
async fn t39_a_put_replaces_everything_but_secrets() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let fields = json!({
        "user": "u",
        "database": "d",
        "basicAuth": true,
        "basicAuthUser": "b",
        "withCredentials": true,
        "jsonData": { "x": 1 },
        "apiVersion": "v1",
    });
    admin.create(&source(fields.clone())).await;
    // Go's clients omit zero values: absent and null are the same.
    let nulls: Value =
        fields.as_object().unwrap().keys().map(|key| (key.clone(), Value::Null)).collect();
    for emptied in [json!({}), nulls] {
        put(&admin, fields.clone()).await;
        let answer = put(&admin, build::with(json!({ "url": null }), emptied)).await;
        check(&answer, 200, "Datasource updated");
        let read = admin.get(ONE).await.json();
        for (field, zero) in [
            ("url", json!("")),
            ("user", json!("")),
            ("database", json!("")),
            ("basicAuth", json!(false)),
            ("basicAuthUser", json!("")),
            ("withCredentials", json!(false)),
            ("isDefault", json!(false)),
            ("jsonData", json!({})),
            ("apiVersion", json!("")),
        ] {
            assert_eq!(
                (&read[field], &answer.json()["datasource"][field]),
                (&zero, &zero),
                "{field}"
            );
        }
        assert_eq!((&read["name"], &read["id"]), (&json!("a"), &json!(1)));
    }
}

#[tokio::test]
async fn t40_a_name_of_another_is_409_and_a_free_one_is_taken() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(json!({}))).await;
    admin.create(&build::plain("b", "")).await;
    let taken = "Failed to update datasource: data source with the same name already exists";
    check(&put(&admin, json!({ "name": "b" })).await, 409, taken);
    assert_eq!(admin.get(ONE).await.json()["name"], "a");
    for name in ["B", "c/d", "A", "a"] {
        let answer = put(&admin, json!({ "name": name })).await;
        check(&answer, 200, "Datasource updated");
        assert_eq!(
            (&answer.json()["name"], &admin.get(ONE).await.json()["name"]),
            (&json!(name), &json!(name))
        );
    }
    let list = admin.get(PATH).await.json();
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    let freed = admin.post(PATH, &build::plain("c/d", "")).await;
    check(&freed, 200, "Datasource added");
}

#[tokio::test]
async fn t43_an_unknown_uid_is_404() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for uid in ["none", "a%2Fb", "*", "%20", &"u".repeat(41)] {
        let path = format!("/api/datasources/uid/{uid}");
        for answer in [
            admin.put(&path, &build::plain("n", "http://h")).await,
            admin.get(&path).await,
            admin.delete(&path).await,
        ] {
            check(&answer, 404, "Data source not found");
        }
    }
    assert_eq!(admin.get(PATH).await.text(), "[]");
}

#[tokio::test]
async fn t45_a_put_moves_and_removes_the_default() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(json!({}))).await;
    admin.create(&build::with(build::plain("b", ""), json!({ "uid": "b" }))).await;
    let defaults = async || {
        let mut found = Vec::new();
        for uid in ["a", "b"] {
            let read = admin.get(&format!("/api/datasources/uid/{uid}")).await.json();
            found.push(read["isDefault"].as_bool().unwrap());
        }
        let list = admin.get(PATH).await.json();
        let listed: Vec<_> =
            list.as_array().unwrap().iter().map(|one| one["isDefault"] == true).collect();
        assert_eq!(listed, found);
        [found[0], found[1]]
    };
    assert_eq!(defaults().await, [true, false]);
    let b = build::with(build::plain("b", ""), json!({ "isDefault": true }));
    admin.put("/api/datasources/uid/b", &b).await;
    assert_eq!(defaults().await, [false, true]);
    // A put of another that is not the default leaves it alone.
    put(&admin, json!({ "isDefault": false })).await;
    assert_eq!(defaults().await, [false, true]);
    // One that does not say is one that says false.
    admin.put("/api/datasources/uid/b", &build::plain("b", "")).await;
    assert_eq!(defaults().await, [false, false]);
    put(&admin, json!({ "isDefault": true })).await;
    assert_eq!(defaults().await, [true, false]);
    put(&admin, json!({ "isDefault": false })).await;
    assert_eq!(defaults().await, [false, false]);
}

#[tokio::test]
async fn t23_p27_ids_organisations_and_who_may_write_are_nobodys_to_set() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let body = source(json!({
        "id": 5,
        "orgId": 2,
        "version": 99,
        "readOnly": true,
        "typeLogoUrl": "x",
        "secureJsonFields": { "y": true },
        "accessControl": {},
        "password": "clear",
        "basicAuthPassword": "clear",
        "typeName": "x",
        "unknown": [{}],
    }));
    let made = admin.create(&body).await;
    for (field, value) in [
        ("id", json!(1)),
        ("orgId", json!(1)),
        ("version", json!(1)),
        ("readOnly", json!(false)),
        ("typeLogoUrl", json!("")),
        ("secureJsonFields", json!({})),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    for field in ["password", "basicAuthPassword", "typeName", "unknown", "accessControl"] {
        assert_eq!(made.get(field), None, "{field}");
    }
    let changed = admin.put(ONE, &body).await.json()["datasource"].clone();
    assert_eq!(changed, build::with(made.clone(), json!({ "version": 100, "isDefault": false })));
    // Another's uid in the body reaches nobody else.
    let other = admin.create(&build::with(build::plain("other", ""), json!({ "uid": "b" }))).await;
    let answer = put(&admin, json!({ "uid": "b", "name": "mine" })).await;
    let taken = "Failed to update datasource: data source with the same uid already exists";
    check(&answer, 409, taken);
    assert_eq!(admin.get("/api/datasources/uid/b").await.json()["name"], other["name"]);
    assert_eq!(admin.get(ONE).await.json()["name"], "a");
}

#[tokio::test]
async fn t03_null_and_absent_fields_are_zero_values() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let optional = [
        "name",
        "url",
        "user",
        "database",
        "basicAuth",
        "basicAuthUser",
        "withCredentials",
        "isDefault",
        "jsonData",
        "secureJsonData",
        "uid",
        "version",
        "apiVersion",
        "id",
        "orgId",
        "readOnly",
    ];
    let mut body: Value = optional.iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
    body["type"] = json!("x");
    body["access"] = json!("proxy");
    let nulls = admin.create(&body).await;
    let absent = admin.create(&json!({ "type": "x", "access": "proxy" })).await;
    let own = json!({ "id": 0, "uid": "", "name": "", "isDefault": false });
    assert_eq!(build::with(nulls, own.clone()), build::with(absent, own));
}

#[tokio::test]
async fn access_and_type_are_stored_as_they_came() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for (at, (access, kind)) in
        [("Proxy", "Prometheus"), ("direct", "a b/c"), ("x", "é")].into_iter().enumerate()
    {
        let made =
            admin.create(&json!({ "name": at.to_string(), "type": kind, "access": access })).await;
        assert_eq!((&made["access"], &made["type"]), (&json!(access), &json!(kind)));
    }
}

#[tokio::test]
async fn t42_t50_p30_read_only_data_sources_stay_as_they_are() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(json!({}))).await;
    let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
    let provisioned = app.dynamodb().update_item().table_name("sourcegate-registry");
    let provisioned = provisioned.key("pk", text("DS#1")).key("sk", text("a"));
    let provisioned = provisioned
        .update_expression("SET readOnly = :yes")
        .expression_attribute_values(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true));
    provisioned.send().await.unwrap();
    let before = admin.get(ONE).await;
    assert_eq!(before.json()["readOnly"], true);
    check(&put(&admin, json!({})).await, 403, "Cannot update read-only data source");
    check(&admin.delete(ONE).await, 403, "Cannot delete read-only data source");
    assert_eq!(admin.get(ONE).await.text(), before.text());
}

#[tokio::test]
async fn bodies_may_be_said_to_be_json_in_several_ways() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for (at, said) in [
        None,
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("Application/JSON;charset=UTF-8"),
        Some("application/json; charset=\"utf-8\""),
        Some("application/vnd.api+json"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = build::plain(&at.to_string(), "").to_string();
        let request = admin.request(Method::POST, PATH).body(body);
        let request = match said {
            Some(said) => request.header("content-type", said),
            None => request,
        };
        check(&admin.send(request).await, 200, "Datasource added");
    }
}
