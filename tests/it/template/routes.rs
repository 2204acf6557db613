//! The routes of the template against the route table and the functions' routers.

use std::collections::{BTreeMap, BTreeSet};

use harness::runtime_api::Call;
use serde_json::Value;

use super::of_type;
use super::rights::BINARIES;
use crate::events::functions::{Function, offering, proxy_settings, registry_settings};
use crate::openapi::{document, operations};
use crate::routes::{example, function_of, perses, table};

/// One method on one path of the API.
#[derive(Debug)]
struct Event {
    /// With `{path}` for what is left of a path.
    path: String,
    /// In upper case, `ANY` for all.
    method: String,
    function: String,
    integration: Value,
}

fn events() -> Vec<Event> {
    let (_, api) = of_type("AWS::ApiGateway::RestApi").next().expect("an API");
    let mut events = Vec::new();
    for (path, methods) in api["Properties"]["Body"]["paths"].as_object().expect("paths") {
        for (method, definition) in methods.as_object().expect("methods") {
            let integration = definition["x-amazon-apigateway-integration"].clone();
            let uri = integration["uri"]["Fn::Sub"].as_str().expect("a uri");
            let (_, rest) = uri.split_once("functions/${").expect("a function");
            let (function, _) = rest.split_once(".Arn}/").expect("its name");
            let any = method == "x-amazon-apigateway-any-method";
            events.push(Event {
                path: path.replace("{proxy+}", "{path}"),
                method: if any { "ANY".to_owned() } else { method.to_uppercase() },
                function: function.to_owned(),
                integration,
            });
        }
    }
    events
}

/// What clients of Perses ask before they say who they are.
const PUBLIC: [&str; 3] = ["/api/config", "/api/v1/health", "/api/v1/plugins"];

/// What they ask to say it, which has to be said right.
const LOGINS: [&str; 2] = ["/api/auth/providers/native/login", "/api/auth/refresh"];

/// What nothing else names goes to these, whose answer is a 404.
const REST: [&str; 2] = ["/", "/{path}"];

#[test]
fn the_template_has_every_route_and_no_other() {
    let expected = table().into_iter().chain(perses()).map(|route| {
        let function = function_of(&route.group).to_owned();
        (route.path, route.method, function)
    });
    let rest = REST.map(|path| (path.to_owned(), "ANY".to_owned(), "Datasources".to_owned()));
    let expected: BTreeSet<_> = expected.chain(rest).collect();
    let events = events().into_iter().map(|event| (event.path, event.method, event.function));
    assert_eq!(events.collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn every_route_of_the_template_reaches_its_functions_router() {
    let app = offering().await;
    let public: BTreeSet<_> = operations(&document(&app).await)
        .into_iter()
        .filter(|operation| operation.is_public())
        .map(|operation| operation.path)
        .collect();
    let mut functions = BTreeMap::new();
    for (name, binary) in BINARIES {
        let settings = match binary {
            "datasources" => registry_settings(app.data()),
            // They have the key too.
            _ => proxy_settings(app.data()),
        };
        functions.insert(name, Function::start(binary, settings).await);
    }
    for event in events() {
        let any = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        let methods = if event.method == "ANY" { &any[..] } else { &[event.method.as_str()][..] };
        for method in methods {
            let call = Call::new(method, &example(&event.path));
            let answer = functions[event.function.as_str()].api.invoke(call.rest()).await;
            let expected = match event.path.as_str() {
                path if REST.contains(&path) => 404,
                path if LOGINS.contains(&path) => 400,
                path if public.contains(path) || PUBLIC.contains(&path) => 200,
                // It was found, and asks who is there.
                _ => 401,
            };
            assert_eq!(answer.status, expected, "{method} {}: {}", event.path, answer.text());
        }
    }
}

#[test]
fn every_answer_is_streamed() {
    for event in events() {
        let Event { integration, .. } = &event;
        let uri = integration["uri"]["Fn::Sub"].as_str().expect("a uri");
        assert!(uri.ends_with("/response-streaming-invocations"), "{event:?}");
        assert_eq!(integration["responseTransferMode"], "STREAM", "{event:?}");
        if ["HttpProxy", "SqlProxy"].contains(&event.function.as_str()) {
            assert_eq!(integration["timeoutInMillis"], 900_000, "{event:?}");
        }
    }
}

#[test]
fn the_gateways_own_refusals_are_ours_in_json() {
    let responses: BTreeMap<_, _> = of_type("AWS::ApiGateway::RestApi")
        .flat_map(|(_, api)| {
            let all = &api["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"];
            all.as_object().expect("responses").clone()
        })
        .collect();
    let expected = [
        ("MISSING_AUTHENTICATION_TOKEN", 404),
        ("INVALID_SIGNATURE", 404),
        ("REQUEST_TOO_LARGE", 413),
        ("THROTTLED", 429),
        ("INTEGRATION_FAILURE", 502),
        ("INTEGRATION_TIMEOUT", 504),
    ];
    for (name, status) in expected {
        let response = responses.get(name).unwrap_or_else(|| panic!("{name}"));
        let said = response["statusCode"].as_str().map(ToOwned::to_owned);
        let said = said.unwrap_or_else(|| response["statusCode"].to_string());
        assert_eq!(said, status.to_string(), "{name}");
        let template = response["responseTemplates"]["application/json"].as_str().expect("JSON");
        let body: Value = serde_json::from_str(template).expect("JSON");
        assert!(body["message"].is_string() && body["traceID"].is_string(), "{name}: {body}");
    }
}
