//! What the document says, and what it does not.

use std::collections::BTreeSet;

use harness::TestApp;
use http::Method;
use serde_json::{Value, json};

use super::{document, operations, pairs};
use crate::routes::{ANY, example, perses, routed, table};

#[tokio::test]
async fn the_document_has_every_route_and_no_other() {
    let app = TestApp::start().await;
    let mut expected = BTreeSet::new();
    for route in table() {
        let methods = if route.method == "ANY" { &ANY[..] } else { &[route.method.as_str()] };
        let of = |method: &&str| (route.path.clone(), (*method).to_owned());
        expected.extend(methods.iter().map(of));
    }
    let operations = operations(&document(&app).await);
    assert_eq!(pairs(&operations), expected);
    for operation in &operations {
        let route = table().into_iter().find(|route| route.path == operation.path).unwrap();
        assert_eq!(operation.tag(), route.group, "{} {}", operation.method, operation.path);
    }
}

#[tokio::test]
async fn what_is_documented_reaches_a_handler_and_what_is_not_does_not() {
    let app = TestApp::start().await;
    let operations = operations(&document(&app).await);
    let caller = app.anonymous();
    for operation in &operations {
        let method: Method = operation.method.parse().unwrap();
        let answer = caller.send(caller.request(method, &example(&operation.path))).await;
        let expected = if operation.is_public() { 200 } else { 401 };
        let what = format!("{} {}: {}", operation.method, operation.path, answer.text());
        assert_eq!(answer.status.as_u16(), expected, "{what}");
        let documented = &operation.definition["responses"][expected.to_string()];
        assert!(documented.is_object(), "{what}");
    }
    let documented = pairs(&operations);
    let others = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"];
    // The document is that of one dialect.
    let of_perses: BTreeSet<_> = perses().into_iter().map(|route| route.path).collect();
    let is_of_it = |path: &String| !path.contains("{*") && !of_perses.contains(path);
    for path in routed().await.into_iter().filter(is_of_it) {
        for method in
            others.into_iter().filter(|&m| !documented.contains(&(path.clone(), m.into())))
        {
            let request = caller.request(method.parse().unwrap(), &example(&path));
            let answer = caller.send(request).await;
            let seen = (answer.status.as_u16(), answer.message());
            assert_eq!(seen, (404, "Not found".to_owned()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_names_nothing_twice() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "/");
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(
        (&schemes["bearer"]["scheme"], &schemes["basic"]["scheme"]),
        (&json!("bearer"), &json!("basic"))
    );
    let declared = document["tags"].as_array().unwrap();
    let declared: BTreeSet<_> = declared.iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let operations = operations(&document);
    let mut names = BTreeSet::new();
    for operation in &operations {
        let name = operation.definition["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} is twice");
        assert!(operation.definition["summary"].is_string(), "{name} says nothing");
    }
    let used: BTreeSet<_> = operations.iter().map(|operation| operation.tag()).collect();
    assert_eq!(used, declared);
}

#[tokio::test]
async fn every_parameter_of_a_path_is_described() {
    let app = TestApp::start().await;
    for operation in operations(&document(&app).await) {
        let parameters = operation.definition["parameters"].as_array().cloned().unwrap_or_default();
        let named: BTreeSet<_> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
            .collect();
        let segments = operation.path.split('/').filter(|segment| segment.starts_with('{'));
        assert_eq!(named, segments.map(str::to_owned).collect(), "{}", operation.path);
    }
}

#[tokio::test]
async fn every_error_has_the_one_body() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    let shared = &document["components"]["responses"];
    let error = json!({ "$ref": "#/components/schemas/Error" });
    for operation in operations(&document) {
        let responses = operation.definition["responses"].as_object().unwrap();
        for (status, response) in
            responses.iter().filter(|(status, _)| status.starts_with(['4', '5']))
        {
            let name = response["$ref"].as_str().and_then(|link| link.rsplit('/').next());
            let response = name.map_or(response, |name| &shared[name]);
            let schema = &response["content"]["application/json"]["schema"];
            // Clients of Grafana's know another body of some routes.
            let others = [
                ("getHealth", "503"),
                ("addOrgUser", "409"),
                ("addCurrentOrgUser", "409"),
                ("reloadProvisioning", "400"),
            ];
            let name = operation.definition["operationId"].as_str().unwrap();
            let is_other = others.contains(&(name, status));
            assert!(schema == &error || is_other, "{name} {status}: {response}");
        }
    }
}

/// Calls `visit` with every object of a value and the key that it stands under.
fn walk(key: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            visit(key, value);
            fields.iter().for_each(|(key, value)| walk(key, value, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(key, item, visit)),
        _ => {}
    }
}

#[tokio::test]
async fn secrets_are_written_and_never_read() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    let mut found = 0;
    walk("", &document["components"]["schemas"], &mut |key, schema| {
        if key == "secureJsonData" {
            assert_eq!(schema["writeOnly"], true, "{schema}");
            found += 1;
        }
    });
    assert!(found > 0);
    // What is written is in no answer.
    for operation in operations(&document) {
        let answers = operation.definition["responses"].to_string();
        assert!(!answers.contains("DatasourceCommand"), "{}", operation.path);
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    let mut broken = Vec::new();
    walk("", &document, &mut |_, object| {
        if let Some(link) = object.get("$ref").and_then(Value::as_str) {
            let target = link.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            broken.extend(target.is_none().then(|| link.to_owned()));
        }
    });
    assert!(broken.is_empty(), "{broken:?}");
}
