//! What clients read of data sources: the object, the list, the envelopes, byte for byte (contract 1.2 to 1.6 and 1.10).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::{TestApp, build};
use http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

const PATH: &str = "/api/datasources";

/// A data source in which every field that a client may set has a value.
fn full() -> Value {
    json!({
        "uid": "u1",
        "name": "metrics",
        "type": "prometheus",
        "access": "proxy",
        "url": "http://prometheus.example:9090/base",
        "user": "reader",
        "database": "db",
        "basicAuth": true,
        "basicAuthUser": "bob",
        "withCredentials": true,
        "isDefault": false,
        "jsonData": { "httpMethod": "POST" },
        "secureJsonData": { "basicAuthPassword": "secret" },
        "apiVersion": "v1",
    })
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn t03_t32_a_data_source_is_exactly_this_object() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let answer =
        admin.post(PATH, &build::with(build::plain("g", "http://x"), json!({ "uid": "u" }))).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert_snapshot!(answer.text(), @r#"{"datasource":{"id":1,"uid":"u","orgId":1,"name":"g","type":"plain-http","typeLogoUrl":"","access":"proxy","url":"http://x","user":"","database":"","basicAuth":false,"basicAuthUser":"","withCredentials":false,"isDefault":true,"jsonData":{},"secureJsonFields":{},"version":1,"readOnly":false,"apiVersion":""},"id":1,"message":"Datasource added","name":"g"}"#);
    assert_snapshot!(admin.get("/api/datasources/uid/u").await.text(), @r#"{"id":1,"uid":"u","orgId":1,"name":"g","type":"plain-http","typeLogoUrl":"","access":"proxy","url":"http://x","user":"","database":"","basicAuth":false,"basicAuthUser":"","withCredentials":false,"isDefault":true,"jsonData":{},"secureJsonFields":{},"version":1,"readOnly":false,"apiVersion":""}"#);
    assert_eq!(admin.post(PATH, &full()).await.status, 200);
    assert_snapshot!(admin.get("/api/datasources/uid/u1").await.text(), @r#"{"id":2,"uid":"u1","orgId":1,"name":"metrics","type":"prometheus","typeLogoUrl":"public/app/plugins/datasource/prometheus/img/prometheus_logo.svg","access":"proxy","url":"http://prometheus.example:9090/base","user":"reader","database":"db","basicAuth":true,"basicAuthUser":"bob","withCredentials":true,"isDefault":false,"jsonData":{"httpMethod":"POST"},"secureJsonFields":{"basicAuthPassword":true},"version":1,"readOnly":false,"apiVersion":"v1"}"#);
    let put = admin.put("/api/datasources/uid/u1", &full()).await;
    assert_snapshot!(put.text(), @r#"{"datasource":{"id":2,"uid":"u1","orgId":1,"name":"metrics","type":"prometheus","typeLogoUrl":"","access":"proxy","url":"http://prometheus.example:9090/base","user":"reader","database":"db","basicAuth":true,"basicAuthUser":"bob","withCredentials":true,"isDefault":false,"jsonData":{"httpMethod":"POST"},"secureJsonFields":{"basicAuthPassword":true},"version":1,"readOnly":false,"apiVersion":"v1"},"id":2,"message":"Datasource updated","name":"metrics"}"#);
    assert_snapshot!(admin.post("/api/datasources/", &build::plain("n", "")).await.json()["name"], @r#""n""#);
    let by_number = admin.get("/api/datasources/2").await.text();
    assert_eq!(by_number, admin.get("/api/datasources/uid/u1").await.text());
    assert_eq!(by_number, app.as_viewer().await.get("/api/datasources/2/").await.text());
}

#[tokio::test]
async fn t01_t02_a_list_is_in_the_order_of_names_without_regard_to_case() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let answer = admin.get(PATH).await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "[]"));
    for name in ["mmm", "ZZZ", "BBB", "aaa"] {
        admin.create(&build::plain(name, "")).await;
    }
    assert_eq!(names(&admin.get(PATH).await.json()), ["aaa", "BBB", "mmm", "ZZZ"]);
    assert_eq!(names(&app.as_viewer().await.get("/api/datasources/").await.json()).len(), 4);
    assert_eq!(names(&admin.get("/api/datasources?perpage=1&page=2").await.json()).len(), 4);
}

#[tokio::test]
async fn t09_a_list_item_is_not_the_object() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&full()).await;
    for (uid, kind) in [("u2", "no-such-plugin"), ("u3", "testdata")] {
        let source = build::with(build::plain(uid, ""), json!({ "type": kind, "uid": uid }));
        assert_eq!(admin.create(&source).await["type"], kind);
    }
    assert_snapshot!(admin.get(PATH).await.text().replace("},{", "},\n{"), @r#"
    [{"id":1,"uid":"u1","orgId":1,"name":"metrics","type":"prometheus","typeName":"Prometheus","typeLogoUrl":"public/app/plugins/datasource/prometheus/img/prometheus_logo.svg","access":"proxy","url":"http://prometheus.example:9090/base","user":"reader","database":"db","basicAuth":true,"isDefault":true,"jsonData":{"httpMethod":"POST"},"readOnly":false},
    {"id":2,"uid":"u2","orgId":1,"name":"u2","type":"no-such-plugin","typeName":"no-such-plugin","typeLogoUrl":"public/img/icn-datasource.svg","access":"proxy","url":"","user":"","database":"","basicAuth":false,"isDefault":false,"jsonData":{},"readOnly":false},
    {"id":3,"uid":"u3","orgId":1,"name":"u3","type":"grafana-testdata-datasource","typeName":"TestData","typeLogoUrl":"public/app/plugins/datasource/grafana-testdata-datasource/img/testdata.svg","access":"proxy","url":"","user":"","database":"","basicAuth":false,"isDefault":false,"jsonData":{},"readOnly":false}]
    "#);
    assert_eq!(admin.get("/api/datasources/uid/u2").await.json()["typeLogoUrl"], "");
}

#[tokio::test]
async fn t47_t49_a_deleted_data_source_is_gone_and_its_name_free() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let source = build::with(full(), json!({ "isDefault": true }));
    admin.create(&source).await;
    let answer = admin.delete("/api/datasources/uid/u1").await;
    assert_eq!(answer.status, 200);
    assert_snapshot!(answer.text(), @r#"{"id":1,"message":"Data source deleted"}"#);
    for answer in [
        admin.delete("/api/datasources/uid/u1").await,
        admin.get("/api/datasources/uid/u1").await,
        admin.get("/api/datasources/1").await,
        admin.put("/api/datasources/uid/u1", &full()).await,
    ] {
        assert_eq!((answer.status.as_u16(), &*answer.message()), (404, "Data source not found"));
    }
    assert_eq!(admin.get(PATH).await.text(), "[]");
    let again = admin.create(&build::with(full(), json!({ "secureJsonData": null }))).await;
    assert_eq!((&again["id"], &again["version"]), (&json!(2), &json!(1)));
    assert_eq!(again["secureJsonFields"], json!({}));
}

#[tokio::test]
async fn deletes_may_have_a_body() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&full()).await;
    let answer = admin.send_text(Method::DELETE, "/api/datasources/uid/u1/", "{}").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["id"]), (200, &json!(1)));
}

#[tokio::test]
async fn t31_access_is_told_only_when_it_is_asked_for() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&full()).await;
    let asked = "/api/datasources/uid/u1?accesscontrol=true";
    let all = admin.get(asked).await;
    assert_snapshot!(all.json()["accessControl"], @r#"{"datasources.id:read":true,"datasources.permissions:read":true,"datasources.permissions:write":true,"datasources:delete":true,"datasources:query":true,"datasources:read":true,"datasources:write":true}"#);
    assert_eq!(admin.get("/api/datasources/1?a=b&accesscontrol=true").await.text(), all.text());
    assert_snapshot!(app.as_viewer().await.get(asked).await.json()["accessControl"], @r#"{"datasources.id:read":true,"datasources:query":true,"datasources:read":true}"#);
    for query in ["", "?accesscontrol=false", "?accesscontrol"] {
        let read = admin.get(&format!("/api/datasources/uid/u1{query}")).await;
        assert_eq!(read.json().get("accessControl"), None, "{query}");
    }
}

#[tokio::test]
async fn t16_t17_uids_are_kept_or_drawn() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for uid in ["A-z_09", &"u".repeat(40), "12", "2"] {
        let source = build::with(build::plain(uid, ""), json!({ "uid": uid }));
        assert_eq!(admin.create(&source).await["uid"], uid);
        let read = admin.get(&format!("/api/datasources/uid/{uid}")).await;
        assert_eq!(read.json()["name"], uid);
    }
    assert_eq!(admin.get("/api/datasources/2").await.json()["uid"], "u".repeat(40));
    for blank in [json!(null), json!("")] {
        let name = format!("drawn {blank}");
        let source = build::with(build::plain(&name, ""), json!({ "uid": blank }));
        let uid = admin.create(&source).await["uid"].as_str().unwrap().to_owned();
        assert!(uid.starts_with(|c: char| c.is_ascii_alphabetic()) && uid.len() <= 40, "{uid}");
        assert!(uid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{uid}");
    }
}

#[tokio::test]
async fn t10_t11_names_and_uids_are_taken_once() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&full()).await;
    let check = async |fields: Value, message: &str| {
        let answer = admin.post(PATH, &build::with(full(), fields)).await;
        assert_eq!((answer.status.as_u16(), &*answer.message()), (409, message));
    };
    check(json!({}), "data source with the same name already exists").await;
    check(json!({ "uid": "other" }), "data source with the same name already exists").await;
    check(json!({ "name": "other" }), "data source with the same uid already exists").await;
    // Names differ in case, uids too.
    for fields in [json!({ "name": "Metrics", "uid": "u2" }), json!({ "name": "n3", "uid": "U1" })]
    {
        admin.create(&build::with(full(), fields)).await;
    }
    assert_eq!(names(&admin.get(PATH).await.json()).len(), 3);
}

#[tokio::test]
async fn t13_p26_d23_names_are_kept_exactly() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let longest = "x".repeat(190);
    let odd = [
        "..",
        "a/b",
        "%",
        " leading",
        "trailing ",
        "\u{e9}",
        "e\u{301}",
        "\u{1f600}",
        "a#b",
        "a%23b",
        "#",
        ":name",
        "\"quoted\"",
        "-",
        &longest,
    ];
    for name in odd {
        let made = admin.create(&build::plain(name, "")).await;
        assert_eq!(made["name"], name);
        let read = admin.get(&format!("/api/datasources/{}", made["id"])).await;
        assert_eq!(read.json()["name"], name);
    }
    let list = admin.get(PATH).await.json();
    let mut listed = names(&list);
    listed.sort_unstable();
    let mut sent = odd.to_vec();
    sent.sort_unstable();
    assert_eq!(listed, sent);
}

#[tokio::test]
async fn a_blank_name_becomes_the_first_free_one_of_the_type() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let mut given = Vec::new();
    for name in [json!(""), json!(null), json!("  "), json!("Loki-3"), json!("")] {
        let source = json!({ "name": name, "type": "loki", "access": "proxy" });
        given.push(admin.create(&source).await["name"].as_str().unwrap().to_owned());
    }
    assert_eq!(given, ["loki", "loki-1", "loki-2", "Loki-3", "loki-4"]);
}

#[tokio::test]
async fn t03_to_t05_one_data_source_is_the_default() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let create = async |name: &str, is_default: Value| {
        let source =
            build::with(build::plain(name, ""), json!({ "uid": name, "isDefault": is_default }));
        admin.create(&source).await["isDefault"].clone()
    };
    let defaults = async || {
        let list = admin.get(PATH).await.json();
        let list =
            list.as_array().unwrap().clone().into_iter().filter(|one| one["isDefault"] == true);
        list.map(|one| one["uid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // The first becomes the default whatever was sent.
    assert_eq!(create("a", json!(false)).await, true);
    assert_eq!(create("b", json!(null)).await, false);
    assert_eq!(defaults().await, ["a"]);
    assert_eq!(create("c", json!(true)).await, true);
    assert_eq!(defaults().await, ["c"]);
    assert_eq!(admin.get("/api/datasources/uid/a").await.json()["isDefault"], false);
    admin.delete("/api/datasources/uid/c").await;
    assert!(defaults().await.is_empty(), "none is promoted");
    assert_eq!(create("d", json!(false)).await, false);
    for uid in ["a", "b", "d"] {
        admin.delete(&format!("/api/datasources/uid/{uid}")).await;
    }
    assert_eq!(create("e", json!(false)).await, true);
}

#[tokio::test]
async fn d19_json_data_comes_back_byte_for_byte() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for (at, json_data) in [
        r#"{"z":1,"a":{"y":[1.0,-0.0,1e300,1E+2],"x":null},"b":""}"#,
        r#"{"n":123456789012345678901234567890123456789012345678901234567890}"#,
        "{ \"spaced\" :\t[ 1 ,\n2 ] }",
        r#"{"é":"日本語 😀","escaped":"\u00e9\ud83d\ude00\/"}"#,
        r#"{"":{},"empty":[],"esVersion":56}"#,
        "{}",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("n{at}");
        let body = format!(
            r#"{{"name":"{name}","uid":"{name}","type":"x","access":"proxy","jsonData":{json_data}}}"#
        );
        let created = admin.send_text(Method::POST, PATH, body.clone()).await.text();
        let updated = admin
            .send_text(Method::PUT, &format!("/api/datasources/uid/{name}"), body)
            .await
            .text();
        let read = admin.get(&format!("/api/datasources/uid/{name}")).await.text();
        let listed = admin.get(PATH).await.text();
        for answer in [created, updated, read, listed] {
            assert!(
                answer.contains(&format!(r#""jsonData":{json_data},"#)),
                "{json_data}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn answers_are_safe_inside_html() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let source = json!({
        "name": "</script>&\u{2028}\u{2029}",
        "type": "x",
        "access": "proxy",
        "database": "<",
        "jsonData": { "<a>": "&" },
    });
    let created = admin.post(PATH, &source).await;
    assert_eq!(created.json()["datasource"]["jsonData"], source["jsonData"]);
    for answer in [created, admin.get("/api/datasources/1").await, admin.get(PATH).await] {
        let text = answer.text();
        assert!(text.contains(r"\u003c/script\u003e\u0026\u2028\u2029"), "{text}");
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{text}");
    }
}
