//! One data source by number, by uid and by name: the same object, the same rules, other answers to DELETE (contract
//! 1.4, 1.9, 1.10).

use harness::{Answer, Client, TestApp, build};
use http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

const PATH: &str = "/api/datasources";
const WAYS: [&str; 3] =
    ["/api/datasources/1", "/api/datasources/uid/a", "/api/datasources/name/a%20b"];
const ABSENT: &str = "Data source not found";

/// The data source `a`, with other fields over it.
fn source(fields: Value) -> Value {
    let secret = json!({ "uid": "a", "secureJsonData": { "password": "x" } });
    build::with(build::with(build::plain("a b", "http://h"), secret), fields)
}

#[track_caller]
fn check(answer: &Answer, status: u16, message: &str) {
    let found = (answer.status.as_u16(), answer.message());
    assert_eq!(found, (status, message.to_owned()), "{}", answer.text());
}

/// Names as paths carry them: no byte of them as it is.
fn escaped(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn raw(client: &Client, method: &str, path: &str) -> Answer {
    client.raw(&format!("{method} {path}"), &[], b"").await
}

#[tokio::test]
async fn t29_t30_every_way_shows_the_same_object() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(json!({}))).await;
    let viewer = app.as_viewer().await;
    let shown = admin.get(WAYS[0]).await.text();
    for way in WAYS {
        for caller in [&admin, &viewer] {
            for slash in ["", "/"] {
                assert_eq!(caller.get(&format!("{way}{slash}")).await.text(), shown, "{way}");
            }
        }
        let asked = admin.get(&format!("{way}?accesscontrol=true")).await.json();
        let tells = asked.get("accessControl").is_some();
        assert_eq!(tells, !way.contains("/name/"), "t31 {way}");
    }
    for caller in [&admin, &viewer] {
        let id = caller.get("/api/datasources/id/a%20b").await;
        assert_eq!((id.status.as_u16(), &*id.text()), (200, r#"{"id":1}"#));
    }
}

#[tokio::test]
async fn t29_p26_odd_names_are_found_and_deleted_by_what_they_are() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let longest = "x".repeat(190);
    let odd = [
        "a/b",
        "..",
        ".",
        "%",
        "%2F",
        "a%2Fb",
        " leading",
        "trailing ",
        "\u{e9}",
        "e\u{301}",
        "a#b",
        "a?b",
        "a+b",
        "name",
        "uid/x",
        "-",
        "Twin",
        "twin",
        &longest,
    ];
    let mut ids = Vec::new();
    for name in odd {
        ids.push(admin.create(&build::plain(name, "http://h")).await["id"].clone());
    }
    for (name, id) in odd.into_iter().zip(&ids) {
        let path = format!("/api/datasources/name/{}", escaped(name));
        let read = raw(&admin, "GET", &path).await.json();
        assert_eq!((&read["name"], &read["id"]), (&json!(name), id));
        let number = raw(&admin, "GET", &path.replace("/name/", "/id/")).await;
        assert_eq!(number.json(), json!({ "id": id }), "{name}");
    }
    for (at, name) in odd.into_iter().enumerate() {
        let path = format!("/api/datasources/name/{}", escaped(name));
        let deleted = raw(&admin, "DELETE", &path).await;
        let expected = json!({ "id": ids[at], "message": "Data source deleted" });
        assert_eq!((deleted.status.as_u16(), deleted.json()), (200, expected), "{name}");
        check(&raw(&admin, "DELETE", &path).await, 404, ABSENT);
        check(&raw(&admin, "GET", &path).await, 404, ABSENT);
        let left = admin.get(PATH).await.json();
        assert_eq!(left.as_array().unwrap().len(), odd.len() - at - 1, "{name}");
    }
}

#[tokio::test]
async fn t26_t27_t28_t51_p25_what_names_nothing_is_refused_by_every_method() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let invalid = "id is invalid";
    for (place, [read, update, delete]) in [
        ("abc", [(400, invalid), (400, invalid), (400, invalid)]),
        ("9223372036854775808", [(400, invalid), (400, invalid), (400, invalid)]),
        ("1e3", [(400, invalid), (400, invalid), (400, invalid)]),
        ("01", [(400, invalid), (400, invalid), (400, invalid)]),
        ("1.0", [(400, invalid), (400, invalid), (400, invalid)]),
        ("%EF%BC%91", [(400, invalid), (400, invalid), (400, invalid)]),
        ("name", [(400, invalid), (400, invalid), (400, invalid)]),
        ("uid/", [(400, invalid), (400, invalid), (400, invalid)]),
        ("-1", [(400, invalid), (400, invalid), (400, "Missing valid datasource id")]),
        (
            "0",
            [
                (400, "Datasource id is missing"),
                (400, "Datasource id is missing"),
                (400, "Missing valid datasource id"),
            ],
        ),
        ("999", [(404, ABSENT), (404, ABSENT), (404, ABSENT)]),
        ("9223372036854775807", [(404, ABSENT), (404, ABSENT), (404, ABSENT)]),
        ("uid/none", [(404, ABSENT), (404, ABSENT), (404, ABSENT)]),
        ("uid/%2e%2e", [(404, ABSENT), (404, ABSENT), (404, ABSENT)]),
        ("uid/a%2Fb", [(404, ABSENT), (404, ABSENT), (404, ABSENT)]),
        ("name/none", [(404, ABSENT), (404, "Not found"), (404, ABSENT)]),
        ("name/%00", [(404, ABSENT), (404, "Not found"), (404, ABSENT)]),
        ("id/none", [(404, ABSENT), (404, "Not found"), (404, "Not found")]),
        ("name/a/b", [(404, "Not found"), (404, "Not found"), (404, "Not found")]),
        ("name/%zz", [(404, "Not found"), (404, "Not found"), (404, "Not found")]),
        ("%zz", [(404, "Not found"), (404, "Not found"), (404, "Not found")]),
    ] {
        let path = format!("{PATH}/{place}");
        let body = source(json!({})).to_string();
        let lines = ["content-type: application/json", &format!("content-length: {}", body.len())];
        for (answer, (status, message)) in [
            (raw(&admin, "GET", &path).await, read),
            (admin.raw(&format!("PUT {path}"), &lines, body.as_bytes()).await, update),
            (raw(&admin, "DELETE", &path).await, delete),
        ] {
            check(&answer, status, message);
        }
    }
    let too_long = format!("{PATH}/name/{}", "x".repeat(191));
    check(&admin.get(&too_long).await, 404, ABSENT);
    let not_utf8 = raw(&admin, "GET", "/api/datasources/name/%c0%ae").await;
    check(&not_utf8, 400, "bad path: Invalid UTF-8 in `name`");
    assert_eq!(admin.get(PATH).await.text(), "[]");
}

#[tokio::test]
async fn p18_ways_have_the_methods_of_the_contract_and_no_others() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(json!({}))).await;
    for (path, methods) in [
        (WAYS[0], "POST PATCH"),
        (WAYS[1], "POST PATCH"),
        (WAYS[2], "POST PUT PATCH"),
        ("/api/datasources/id/a%20b", "POST PUT PATCH DELETE"),
    ] {
        for method in methods.split(' ') {
            check(&raw(&admin, method, path).await, 404, "Not found");
        }
    }
    assert_eq!(admin.get(WAYS[0]).await.json()["version"], 1);
}

#[tokio::test]
async fn t32_to_t41_a_put_by_number_follows_the_same_rules() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(json!({}))).await;
    admin.create(&build::plain("other", "http://h")).await;
    let put = async |fields: Value| admin.put(WAYS[0], &source(fields)).await;
    let stale = "Datasource has already been updated by someone else. Please reload and try again";
    for (sent, stored) in [(json!(1), Some(2)), (json!(1), None), (json!(9), Some(10))] {
        let answer = put(json!({ "version": sent })).await;
        match stored {
            Some(version) => assert_eq!(answer.json()["datasource"]["version"], version),
            None => check(&answer, 409, stale),
        }
    }
    let updated = put(json!({ "jsonData": null, "secureJsonData": { "b": "2" } })).await;
    check(&updated, 200, "Datasource updated");
    let shown = &updated.json()["datasource"];
    assert_eq!((&shown["version"], &shown["jsonData"]), (&json!(1), &json!({})));
    assert_eq!(shown["secureJsonFields"], json!({ "password": true, "b": true }));
    assert_eq!(updated.json()["id"], 1);
    let taken = "Failed to update datasource: data source with the same name already exists";
    check(&put(json!({ "name": "other" })).await, 409, taken);
    let url = put(json!({ "type": "prometheus", "url": "" })).await;
    check(&url, 400, "Validation error, invalid URL");
    // The body goes before what the path names, as far as there is the right to either.
    let text = admin.send_text(Method::PUT, "/api/datasources/999", "not json").await;
    check(&text, 400, "bad request data");
}

#[tokio::test]
async fn t45_what_is_the_default_is_changed_by_every_way() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    assert_eq!(admin.create(&source(json!({}))).await["isDefault"], true);
    for (sent, expected) in [(json!(false), false), (json!(true), true), (json!(null), false)] {
        let put = admin.put(WAYS[0], &source(json!({ "isDefault": sent }))).await;
        assert_eq!(put.json()["datasource"]["isDefault"], expected);
        for way in WAYS {
            assert_eq!(admin.get(way).await.json()["isDefault"], expected, "{way}");
        }
    }
}

#[tokio::test]
async fn t46_to_t49_the_answer_to_delete_says_how_it_was_named() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let mut answers = Vec::new();
    for (at, way) in WAYS.into_iter().enumerate() {
        let way = way.replace("/1", &format!("/{}", at + 1));
        admin.create(&source(json!({}))).await;
        let answer = admin.delete(&way).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "application/json")
        );
        answers.push(answer.text());
        for way in [&way, WAYS[1], WAYS[2]] {
            check(&admin.delete(way).await, 404, ABSENT);
            check(&admin.get(way).await, 404, ABSENT);
        }
    }
    assert_snapshot!(answers.join("\n"), @r#"
    {"message":"Data source deleted"}
    {"id":2,"message":"Data source deleted"}
    {"id":3,"message":"Data source deleted"}
    "#);
    crate::store::items::Items::of(&app).whole().await;
}

#[tokio::test]
async fn t42_t50_p30_a_read_only_data_source_is_left_alone_by_every_way() {
    use aws_sdk_dynamodb::types::AttributeValue;
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(json!({}))).await;
    let items = crate::store::items::Items::of(&app);
    let read_only = |item: &mut crate::store::items::Item| {
        drop(item.insert("readOnly".into(), AttributeValue::Bool(true)))
    };
    items.change("sourcegate-registry", ("DS#1", "a"), read_only).await;
    let before = admin.get(WAYS[0]).await.text();
    for way in &WAYS[..2] {
        let body = source(json!({ "name": "n", "uid": "other" }));
        check(&admin.put(way, &body).await, 403, "Cannot update read-only data source");
    }
    for way in WAYS {
        check(&admin.delete(way).await, 403, "Cannot delete read-only data source");
    }
    assert_eq!(admin.get(WAYS[0]).await.text(), before);
}
