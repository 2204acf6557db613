//! What is no correlation: wrong types, what must be there, and what is too long.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::{TestApp, build};
use http::Method;
use serde_json::{Value, json};

use super::correlations::{ALL, check, link, patch, path, to};
use super::permissions::create;

/// The places of a body, and of what kind they are.
const PLACES: [(&str, &str); 11] = [
    ("/targetUID", "string"),
    ("/label", "string"),
    ("/description", "string"),
    ("/type", "string"),
    ("/config", "object"),
    ("/config/field", "string"),
    ("/config/type", "string"),
    ("/config/target", "object"),
    ("/config/transformations", "array"),
    ("/config/transformations/0/type", "string"),
    ("/config/transformations/0/expression", "string"),
];

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        _ => "other",
    }
}

/// A whole body with one place replaced.
fn with(place: &str, value: &Value) -> Value {
    let transformations = json!([{ "type": "regex", "expression": "(a)" }]);
    let mut body = to("a");
    body["config"]["transformations"] = transformations;
    let (parent, name) = place.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value.clone();
    body
}

#[tokio::test]
async fn wrong_types_are_bad_request_data() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let admin = app.as_admin();
    let one = path("a", &format!("/{}", link(&app, "a", &to("a")).await));
    let before = admin.get(ALL).await.text();
    let values =
        [json!(true), json!(7), json!(1.5), json!("odd"), json!(["odd"]), json!({ "x": 1 })];
    for (place, kind) in PLACES {
        for value in values.iter().filter(|value| kind_of(value) != kind) {
            let body = with(place, value);
            let answer = admin.post(&path("a", ""), &body).await;
            check(&answer, 400, "bad request data");
            // The target never changes, so that nobody reads it there.
            if place != "/targetUID" {
                check(&patch(&admin, &one, &body).await, 400, "bad request data");
            }
        }
    }
    for body in ["not json", "[]", "7", r#"{"label":"a","label":"b"}"#] {
        let answer = admin.send_text(Method::POST, &path("a", ""), body).await;
        check(&answer, 400, "bad request data");
        let answer = admin.send_text(Method::PATCH, &one, body).await;
        check(&answer, 400, "bad request data");
    }
    let request = admin.request(Method::POST, &path("a", "")).header("content-type", "text/plain");
    assert_eq!(admin.send(request.body("{}")).await.status, 415);
    assert_eq!(admin.get(ALL).await.text(), before);
}

#[tokio::test]
async fn what_must_be_there_is_named() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let admin = app.as_admin();
    for (place, field) in [
        ("/config", "Config"),
        ("/type", "Type"),
        ("/targetUID", "TargetUID"),
        ("/config/field", "Field"),
        ("/config/target", "Target"),
        ("/config/transformations/0/expression", "Expression"),
    ] {
        let answer = admin.post(&path("a", ""), &with(place, &Value::Null)).await;
        check(&answer, 400, "bad request data");
        let detail = format!("required value {field} must not be empty");
        assert_eq!(answer.json()["detail"], detail, "{place}");
    }
    for (place, value, detail) in [
        ("/type", "Query", "type must be query or external, and the same wherever it stands"),
        (
            "/config/type",
            "other",
            "type must be query or external, and the same wherever it stands",
        ),
        (
            "/config/transformations/0/type",
            "json",
            "config.transformations: type must be regex or logfmt",
        ),
    ] {
        let answer = admin.post(&path("a", ""), &with(place, &json!(value))).await;
        check(&answer, 400, "bad request data");
        assert_eq!(answer.json()["detail"], detail, "{place}");
    }
    check(&admin.get(ALL).await, 404, "No correlation found");
}

#[tokio::test]
async fn a_patch_that_changes_nothing_is_refused() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let one = path("a", &format!("/{}", link(&app, "a", &to("a")).await));
    let text = "At least one of label, description or config is required";
    for body in [
        json!({}),
        json!({ "config": {} }),
        json!({ "label": null, "description": null, "config": null }),
        json!({ "targetUID": "a", "provisioned": true }),
    ] {
        check(&patch(&app.as_admin(), &one, &body).await, 400, text);
    }
    let empty = json!({ "config": { "field": "" } });
    check(&patch(&app.as_admin(), &one, &empty).await, 400, "bad request data");
    let cleared = patch(&app.as_admin(), &one, &json!({ "label": "" })).await;
    assert_eq!(cleared.json()["result"]["label"], "");
}

#[tokio::test]
async fn one_byte_more_than_is_kept_is_refused() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let admin = app.as_admin();
    for (place, field, limit) in [
        ("/label", "label", 255),
        ("/description", "description", 2_048),
        ("/config/field", "config.field", 255),
        ("/config/transformations/0/expression", "config.transformations.expression", 2_048),
    ] {
        // Two bytes each, so that bytes and not characters are counted.
        let text =
            |bytes: usize| json!(format!("{}{}", "é".repeat(bytes / 2), "x".repeat(bytes % 2)));
        let most = admin.post(&path("a", ""), &with(place, &text(limit))).await;
        assert_eq!(most.status, 200, "{}", most.text());
        let over = admin.post(&path("a", ""), &with(place, &text(limit + 1))).await;
        let bytes = limit + 1;
        check(&over, 400, &format!("{field} has {bytes} bytes; at most {limit} are saved"));
        assert_eq!(over.cause(), "limit_bytes");
    }
    let target = |bytes: usize| json!({ "q": "x".repeat(bytes - r#"{"q":""}"#.len()) });
    assert_eq!(
        admin.post(&path("a", ""), &with("/config/target", &target(16_384))).await.status,
        200
    );
    let over = admin.post(&path("a", ""), &with("/config/target", &target(16_385))).await;
    check(&over, 400, "config.target has 16385 bytes; at most 16384 are saved");
}

#[tokio::test]
async fn d18_more_than_an_item_holds_is_refused_and_nothing_lost() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let admin = app.as_admin();
    let large = json!({ "config": { "field": "f", "target": { "q": "x".repeat(16_000) } } });
    let large = build::with(to("a"), large);
    let mut made = 0;
    let refused = loop {
        let answer = admin.post(&path("a", ""), &large).await;
        if answer.status != 200 {
            break answer;
        }
        made += 1;
    };
    assert_eq!((refused.status.as_u16(), &*refused.cause(), made), (400, "limit_bytes", 24));
    assert_eq!(admin.get(ALL).await.json()["totalCount"], made);
}
