//! Correlations as their clients make, see, change and delete them (contract 1.11).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::{Answer, Client, TestApp, build};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::permissions::create;
use crate::store::items::{Item, Items, REGISTRY};

pub(super) const ALL: &str = "/api/datasources/correlations";

/// The path of the correlations that start from a data source, or of one of them.
pub(super) fn path(source: &str, below: &str) -> String {
    format!("/api/datasources/uid/{source}/correlations{below}")
}

/// A correlation as clients send it.
pub(super) fn to(target: &str) -> Value {
    json!({
        "targetUID": target,
        "label": "Logs to traces",
        "description": "by trace id",
        "type": "query",
        "config": { "field": "traceID", "target": { "query": "${traceID}", "n": 1.0 } },
    })
}

/// `PATCH` of JSON.
pub(super) async fn patch(client: &Client, path: &str, body: &Value) -> Answer {
    client.send(client.request(Method::PATCH, path).json(body)).await
}

/// Creates one and gives its uid.
pub(super) async fn link(app: &TestApp, source: &str, body: &Value) -> String {
    let answer = app.as_admin().post(&path(source, ""), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["result"]["uid"].as_str().unwrap().to_owned()
}

#[track_caller]
pub(super) fn check(answer: &Answer, status: u16, message: &str) {
    let told = (answer.status.as_u16(), answer.message());
    assert_eq!(told, (status, message.to_owned()), "{}", answer.text());
}

#[tokio::test]
async fn one_is_made_read_changed_and_deleted() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    create(&app, "logs").await;
    create(&app, "traces").await;
    let made = admin.post(&path("logs", ""), &to("traces")).await;
    assert_eq!(made.status, 200);
    assert_json_snapshot!(made.json(), { ".result.uid" => "[uid]" }, @r#"
    {
      "message": "Correlation created",
      "result": {
        "config": {
          "field": "traceID",
          "target": {
            "n": 1.0,
            "query": "${traceID}"
          }
        },
        "description": "by trace id",
        "label": "Logs to traces",
        "orgId": 1,
        "provisioned": false,
        "sourceUID": "logs",
        "targetUID": "traces",
        "type": "query",
        "uid": "[uid]"
      }
    }
    "#);
    let shown = made.json()["result"].clone();
    let one = path("logs", &format!("/{}", shown["uid"].as_str().unwrap()));
    assert_eq!(admin.get(&one).await.json(), shown);
    assert_eq!(admin.get(&path("logs", "")).await.json(), json!([shown]));
    let expected = json!({ "correlations": [shown], "totalCount": 1, "page": 1, "limit": 100 });
    assert_eq!(admin.get(ALL).await.json(), expected);
    let changed = patch(&admin, &one, &json!({ "label": "another", "targetUID": "logs" })).await;
    let shown = build::with(shown, json!({ "label": "another" }));
    assert_eq!(changed.json(), json!({ "message": "Correlation updated", "result": shown }));
    let config = json!({
        "field": "id",
        "target": { "expr": "x" },
        "transformations": [
            { "type": "logfmt" },
            { "type": "regex", "expression": "(a|b)", "field": "f", "mapValue": "v" },
        ],
    });
    let changed = patch(&admin, &one, &json!({ "config": config, "description": "" })).await;
    let shown = build::with(shown, json!({ "config": config, "description": "" }));
    assert_eq!(changed.json()["result"], shown);
    assert_eq!(admin.get(&one).await.json(), shown);
    check(&admin.delete(&one).await, 200, "Correlation deleted");
    check(&admin.delete(&one).await, 404, "Correlation not found");
    check(&admin.get(&one).await, 404, "Correlation not found");
    check(&patch(&admin, &one, &json!({ "label": "x" })).await, 404, "Correlation not found");
    check(&admin.get(&path("logs", "")).await, 404, "No correlation found");
    check(&admin.get(ALL).await, 404, "No correlation found");
}

#[tokio::test]
async fn the_query_is_kept_byte_for_byte() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let target = r#"{ "n":123456789012345678901234567890.10, "s":"\u0041" }"#;
    let body =
        format!(r#"{{"targetUID":"a","type":"query","config":{{"field":"f","target":{target}}}}}"#);
    let made = app.as_admin().send_text(Method::POST, &path("a", ""), body).await;
    assert!(made.text().contains(target), "{}", made.text());
    assert!(app.as_admin().get(ALL).await.text().contains(target));
}

#[tokio::test]
async fn an_address_needs_no_target() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let external = json!({
        "label": "l",
        "type": "external",
        "config": { "field": "f", "target": { "url": "https://example.org/${id}" } },
    });
    let uid = link(&app, "a", &external).await;
    let one = path("a", &format!("/{uid}"));
    let shown = app.as_admin().get(&one).await.json();
    assert_eq!((&shown["type"], &shown["targetUID"]), (&json!("external"), &Value::Null));
    let refused = patch(&app.as_admin(), &one, &json!({ "type": "query" })).await;
    check(&refused, 400, "bad request data");
    assert!(refused.json()["detail"].as_str().unwrap().contains("targetUID"), "{}", refused.text());
    assert_eq!(app.as_admin().get(&one).await.json(), shown);
}

#[tokio::test]
async fn sources_that_are_absent_have_the_texts_of_contract_1_11() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let admin = app.as_admin();
    for source in ["none", "no%20uid"] {
        let one = path(source, "/x");
        check(&admin.get(&path(source, "")).await, 404, "Source data source not found");
        check(&admin.get(&one).await, 404, "Source data source not found");
        check(&admin.post(&path(source, ""), &to("a")).await, 404, "Data source not found");
        check(&patch(&admin, &one, &json!({ "label": "x" })).await, 404, "Data source not found");
        check(&admin.delete(&one).await, 404, "Data source not found");
        check(&admin.post(&path("a", ""), &to(source)).await, 404, "Data source not found");
        // What is wrong with the body is told first.
        check(&admin.post(&path(source, ""), &json!({})).await, 400, "bad request data");
    }
}

#[tokio::test]
async fn p30_the_correlations_of_a_read_only_source_stay() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    create(&app, "b").await;
    let uid = link(&app, "a", &to("b")).await;
    let one = path("a", &format!("/{uid}"));
    let read_only = |item: &mut Item| {
        item.insert("readOnly".to_owned(), aws_sdk_dynamodb::types::AttributeValue::Bool(true));
    };
    Items::of(&app).change(REGISTRY, ("DS#1", "a"), read_only).await;
    let (admin, text) = (app.as_admin(), "Data source is read only");
    check(&admin.post(&path("a", ""), &to("b")).await, 403, text);
    check(&admin.post(&path("a", ""), &to("none")).await, 403, text);
    check(&patch(&admin, &one, &json!({ "label": "x" })).await, 403, text);
    check(&admin.delete(&one).await, 403, text);
    assert_eq!(admin.get(&one).await.json()["label"], "Logs to traces");
    // One may lead to it.
    assert_eq!(admin.post(&path("b", ""), &to("a")).await.status, 200);
}

#[tokio::test]
async fn correlations_go_with_their_source() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for uid in ["a", "b"] {
        create(&app, uid).await;
    }
    for _ in 0..3 {
        link(&app, "a", &to("b")).await;
    }
    admin.delete("/api/datasources/uid/a").await;
    check(&admin.get(ALL).await, 404, "No correlation found");
    assert_eq!(Items::of(&app).partition(REGISTRY, "CORR#1").await, Vec::<Item>::new());
    // Another one of that uid has none of them.
    create(&app, "a").await;
    check(&admin.get(&path("a", "")).await, 404, "No correlation found");
}

#[tokio::test]
async fn a_target_that_is_gone_takes_its_queries_out_of_sight() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for uid in ["a", "b", "c"] {
        create(&app, uid).await;
    }
    let dead = link(&app, "a", &to("b")).await;
    let external = build::with(to("b"), json!({ "type": "external", "label": "kept" }));
    let kept = link(&app, "a", &external).await;
    admin.delete("/api/datasources/uid/b").await;
    // Another one of that uid is not what was meant.
    create(&app, "b").await;
    let seen = admin.get(&path("a", "")).await.json();
    assert_eq!((seen[0]["uid"].as_str(), &seen[0]["targetUID"]), (Some(&*kept), &Value::Null));
    assert_eq!(seen.as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(admin.get(ALL).await.json()["totalCount"], 1);
    let one = path("a", &format!("/{dead}"));
    check(&admin.get(&one).await, 404, "Correlation not found");
    check(&admin.delete(&one).await, 404, "Correlation not found");
    // It takes no room either.
    for _ in 0..99 {
        link(&app, "a", &to("c")).await;
    }
    let full = admin.post(&path("a", ""), &to("c")).await;
    check(&full, 400, "correlations: one data source has 100 at most; remove some first");
    assert_eq!(full.cause(), "limit_count");
    assert_eq!(admin.get(ALL).await.json()["totalCount"], 100);
}

#[tokio::test]
async fn all_are_listed_page_by_page() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let mut made = Vec::new();
    for source in ["a", "b"] {
        create(&app, source).await;
        for _ in 0..5 {
            made.push(link(&app, source, &to("a")).await);
        }
    }
    let uids = async |query: &str| -> Vec<String> {
        let listed = admin.get(&format!("{ALL}{query}")).await.json();
        let all = listed["correlations"].as_array().unwrap().clone();
        all.iter().map(|one| one["uid"].as_str().unwrap().to_owned()).collect()
    };
    let all = uids("").await;
    assert_eq!(all.len(), 10);
    assert!(made.iter().all(|uid| all.contains(uid)), "{made:?} {all:?}");
    let pages =
        [uids("?limit=4").await, uids("?limit=4&page=2").await, uids("?limit=4&page=3").await];
    assert_eq!(pages.each_ref().map(Vec::len), [4, 4, 2]);
    assert_eq!(pages.concat(), all);
    let beyond = admin.get(&format!("{ALL}?limit=4&page=4")).await.json();
    let expected = json!({ "correlations": [], "totalCount": 10, "page": 4, "limit": 4 });
    assert_eq!(beyond, expected);
    let huge = admin.get(&format!("{ALL}?page=9223372036854775807&limit=5000")).await.json();
    assert_eq!(json!([huge["correlations"], huge["limit"]]), json!([[], 1_000]));
    assert_eq!(uids("?sourceUID=b").await, made[5..]);
    assert_eq!(uids("?sourceUID=a&sourceUID=b&limit=3").await, all[..3]);
    check(&admin.get(&format!("{ALL}?sourceUID=none")).await, 404, "No correlation found");
    check(&admin.get(&format!("{ALL}?limit=x")).await, 400, "limit is invalid");
    check(&admin.get(&format!("{ALL}?page=9223372036854775808")).await, 400, "page is invalid");
}

#[tokio::test]
async fn d17_a_damaged_item_stands_in_nobody_s_way() {
    let app = TestApp::start().await;
    for uid in ["a", "b"] {
        create(&app, uid).await;
        link(&app, uid, &to("a")).await;
    }
    let items = Items::of(&app);
    let inc = items.get(REGISTRY, ("DS#1", "b")).await;
    let inc = crate::store::items::string(&inc, "inc");
    items.change(REGISTRY, ("CORR#1", &inc), |item| drop(item.remove("all"))).await;
    let admin = app.as_admin();
    assert_eq!(admin.get(ALL).await.json()["totalCount"], 1);
    let damaged = admin.get(&path("b", "")).await;
    check(&damaged, 500, "Failed to get correlations");
    assert_eq!(damaged.cause(), "bad_record");
    assert_eq!(admin.delete("/api/datasources/uid/b").await.status, 200);
}
