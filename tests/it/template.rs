//! `template.yaml` against the routers and the rights that each function may have, expanded as AWS expands it.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;

use harness::process::root;
use harness::runtime_api::Call;
use serde_json::{Value, json};

use crate::events::functions::{Function, offering, proxy_settings, registry_settings};

/// SAM's own translator. Where the code will be uploaded is not known before, so that a place is made up.
const EXPAND: &str = r#"
import json, os
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

class NoPolicies:
    def load(self):
        return {}

template = yaml_parse(open("template.yaml").read())
template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
print(json.dumps(transform(template, {}, NoPolicies())["Resources"]))
"#;

/// The resources of the template, by name.
static RESOURCES: LazyLock<Value> = LazyLock::new(|| {
    let python = root().join("target/venv-sam/bin/python");
    assert!(python.exists(), "{} is missing: run `make test` once", python.display());
    let mut command = Command::new(python);
    command.args(["-c", EXPAND]).current_dir(root()).env_clear();
    let output = command.output().expect("start the translator");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("JSON resources")
});

/// Which binary each function runs.
const BINARIES: [(&str, &str); 2] = [("Datasources", "datasources"), ("HttpProxy", "http-proxy")];

/// One method on one path of the API.
#[derive(Debug)]
struct Route {
    path: String,
    /// In upper case, `ANY` for all.
    method: String,
    function: String,
    integration: Value,
}

fn of_type(wanted: &str) -> impl Iterator<Item = (&String, &Value)> {
    let resources = RESOURCES.as_object().expect("resources");
    resources.iter().filter(move |(_, resource)| resource["Type"] == wanted)
}

fn routes() -> Vec<Route> {
    let (_, api) = of_type("AWS::ApiGateway::RestApi").next().expect("an API");
    let mut routes = Vec::new();
    for (path, methods) in api["Properties"]["Body"]["paths"].as_object().expect("paths") {
        for (method, definition) in methods.as_object().expect("methods") {
            let integration = definition["x-amazon-apigateway-integration"].clone();
            let uri = integration["uri"]["Fn::Sub"].as_str().expect("a uri");
            let (_, rest) = uri.split_once("functions/${").expect("a function");
            let (function, _) = rest.split_once(".Arn}/").expect("its name");
            let any = method == "x-amazon-apigateway-any-method";
            routes.push(Route {
                path: path.clone(),
                method: if any { "ANY".to_owned() } else { method.to_uppercase() },
                function: function.to_owned(),
                integration,
            });
        }
    }
    routes
}

/// A row of the route table in the documentation of the dialect: a path, and its methods.
fn documented() -> Vec<(String, Vec<String>, String)> {
    let text =
        std::fs::read_to_string(root().join("shared/grafana/src/lib.rs")).expect("the dialect");
    let mut rows = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let cells: Vec<_> = line.trim_end_matches(" |").split(" | ").collect();
        let [methods, paths, group] = cells[..] else { continue };
        let methods: Vec<_> = methods.split(", ").map(str::to_uppercase).collect();
        let mut parent = "";
        for path in paths.split(", ").map(|path| path.trim_matches('`')) {
            let below = path.strip_prefix('…').map(|_| format!("{parent}/{{proxy+}}"));
            let whole = below.unwrap_or_else(|| path.to_owned());
            parent = path;
            if whole.starts_with('/') {
                rows.push((whole, methods.clone(), group.trim_matches(['[', ']', '`']).to_owned()));
            }
        }
    }
    rows
}

#[test]
fn every_documented_route_is_in_the_template() {
    let routes = routes();
    let documented = documented();
    assert_eq!(documented.len(), 20, "{documented:?}");
    for (path, methods, group) in &documented {
        let expected = if group == "proxy" { "HttpProxy" } else { "Datasources" };
        for method in methods {
            let found = routes.iter().find(|route| &route.path == path && &route.method == method);
            let found = found.unwrap_or_else(|| panic!("{method} {path} is in no event"));
            assert_eq!(found.function, expected, "{method} {path}");
        }
    }
    let count = documented.iter().map(|(_, methods, _)| methods.len()).sum::<usize>();
    // The root and all below it are for what nothing else names.
    assert_eq!(routes.len(), count + 2, "{routes:#?}");
}

#[test]
fn every_route_of_the_routers_is_documented() {
    let documented: BTreeSet<_> = documented().into_iter().map(|(path, ..)| path).collect();
    for file in ["datasources.rs", "permissions.rs", "correlations.rs", "basics.rs"] {
        let path = root().join("shared/grafana/src").join(file);
        let text = std::fs::read_to_string(path).expect("a router");
        let paths: Vec<_> =
            text.split('"').filter(|literal| literal.starts_with("/api/")).collect();
        assert!(!paths.is_empty(), "{file}");
        for path in paths {
            assert!(documented.contains(path), "{path} of {file}");
        }
    }
}

/// A path as a client would send it.
fn example(path: &str) -> String {
    let path = path.replace("{id}", "7").replace("{org}", "1").replace("{uid}", "some-uid");
    let path = path.replace("{user}", "7").replace("{team}", "7").replace("{role}", "Viewer");
    path.replace("{correlation}", "some-correlation").replace("{proxy+}", "api/v1/query")
}

#[tokio::test]
async fn every_route_of_the_template_reaches_its_functions_router() {
    let app = offering().await;
    let functions: BTreeMap<_, _> = [
        ("Datasources", Function::start("datasources", registry_settings(app.data())).await),
        ("HttpProxy", Function::start("http-proxy", proxy_settings(app.data())).await),
    ]
    .into();
    for route in routes() {
        let any = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        let methods = if route.method == "ANY" { &any[..] } else { &[route.method.as_str()][..] };
        for method in methods {
            let call = Call::new(method, &example(&route.path));
            let answer = functions[route.function.as_str()].api.invoke(call.rest()).await;
            let expected = match route.path.as_str() {
                "/" | "/{proxy+}" => 404,
                "/api/health" | "/api/frontend/settings" => 200,
                // It was found, and asks who is there.
                _ => 401,
            };
            assert_eq!(answer.status, expected, "{method} {}: {}", route.path, answer.text());
        }
    }
}

#[test]
fn every_answer_is_streamed() {
    for route in routes() {
        let Route { integration, .. } = &route;
        let uri = integration["uri"]["Fn::Sub"].as_str().expect("a uri");
        assert!(uri.ends_with("/response-streaming-invocations"), "{route:?}");
        assert_eq!(integration["responseTransferMode"], "STREAM", "{route:?}");
        if route.function == "HttpProxy" {
            assert_eq!(integration["timeoutInMillis"], 900_000, "{route:?}");
        }
    }
}

#[test]
fn every_function_runs_its_binary_with_the_names_that_it_reads() {
    let functions: BTreeMap<_, _> = of_type("AWS::Lambda::Function").collect();
    assert_eq!(functions.len(), BINARIES.len());
    for (function, binary) in BINARIES {
        let function = &functions[&function.to_owned()];
        assert_eq!(function["Metadata"]["BuildProperties"]["Binary"], binary);
        let variables = &function["Properties"]["Environment"]["Variables"];
        let names: BTreeSet<_> = variables.as_object().expect("variables").keys().collect();
        let mut expected = BTreeSet::from([
            "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH",
            "SOURCEGATE_DEPLOYMENT",
            "SOURCEGATE_JWT_AUDIENCE",
            "SOURCEGATE_JWT_ISSUER",
            "SOURCEGATE_JWT_JWKS_URL",
            "SOURCEGATE_JWT_LOGIN_CLAIM",
            "SOURCEGATE_JWT_RULES",
            "SOURCEGATE_TABLE_ACCESS",
            "SOURCEGATE_TABLE_REGISTRY",
            "SOURCEGATE_TABLE_SCRATCH",
        ]);
        if binary == "http-proxy" {
            expected.insert("SOURCEGATE_KMS_KEY");
        }
        assert_eq!(names.iter().map(|name| name.as_str()).collect::<BTreeSet<_>>(), expected);
    }
}

const READ: [&str; 3] = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"];
const WRITE: [&str; 3] = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];
/// Beside a write, in one transaction with it.
const CHECK: &str = "dynamodb:ConditionCheckItem";

/// What the role of a function allows, by resource.
fn rights(function: &str) -> BTreeMap<String, BTreeSet<String>> {
    let role = &RESOURCES[format!("{function}Role")]["Properties"];
    let managed = &role["ManagedPolicyArns"];
    assert_eq!(managed.as_array().expect("a list").len(), 1, "{managed}");
    assert!(managed.to_string().contains("service-role/AWSLambdaBasicExecutionRole"), "{managed}");
    let mut rights = BTreeMap::<_, BTreeSet<_>>::new();
    for policy in role["Policies"].as_array().expect("policies") {
        for statement in policy["PolicyDocument"]["Statement"].as_array().expect("statements") {
            assert_eq!(statement["Effect"], "Allow");
            let resource = statement["Resource"]["Fn::GetAtt"][0].as_str().expect("one resource");
            let actions = &statement["Action"];
            let several = actions.as_array().cloned().unwrap_or_else(|| vec![actions.clone()]);
            let actions = several.iter().map(|action| action.as_str().expect("a name").to_owned());
            rights.entry(resource.to_owned()).or_default().extend(actions);
        }
    }
    rights
}

fn set<'a>(parts: impl IntoIterator<Item = &'a [&'a str]>) -> BTreeSet<String> {
    parts.into_iter().flatten().map(|&action| action.to_owned()).collect()
}

#[test]
fn who_writes_data_sources_opens_no_secret_and_writes_no_rights() {
    let expected = BTreeMap::from([
        ("Access".to_owned(), set([&READ[..]])),
        ("Registry".to_owned(), set([&READ[..], &WRITE[..], &[CHECK]])),
        ("Scratch".to_owned(), set([&WRITE[..]])),
    ]);
    assert_eq!(rights("Datasources"), expected);
}

#[test]
fn who_opens_secrets_writes_scratch_alone() {
    let expected = BTreeMap::from([
        ("Access".to_owned(), set([&READ[..]])),
        ("Key".to_owned(), set([&["kms:Decrypt"][..]])),
        ("Registry".to_owned(), set([&READ[..]])),
        ("Scratch".to_owned(), set([&READ[..], &WRITE[..]])),
    ]);
    assert_eq!(rights("HttpProxy"), expected);
    let role = RESOURCES["HttpProxyRole"].to_string();
    let own =
        json!({ "StringEquals": { "kms:EncryptionContext:deployment": { "Ref": "Deployment" } } });
    assert!(role.contains(&format!("\"Condition\":{own}")), "{role}");
}

#[test]
fn tables_have_the_keys_that_the_store_spells() {
    let tables: BTreeMap<_, _> = of_type("AWS::DynamoDB::Table").collect();
    let names: Vec<_> = tables.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["Access", "Registry", "Scratch"]);
    for (name, table) in tables {
        let properties = &table["Properties"];
        let keys = json!([
            { "AttributeName": "pk", "KeyType": "HASH" },
            { "AttributeName": "sk", "KeyType": "RANGE" },
        ]);
        assert_eq!(properties["KeySchema"], keys, "{name}");
        assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST", "{name}");
        let expires = properties["TimeToLiveSpecification"].clone();
        let recovered =
            &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        if name == "Scratch" {
            assert_eq!(expires, json!({ "AttributeName": "expires", "Enabled": true }));
            assert_eq!(recovered, &Value::Null);
        } else {
            assert_eq!((&expires, recovered), (&Value::Null, &json!(true)), "{name}");
            assert_eq!(table["DeletionPolicy"], "Retain", "{name}");
        }
    }
    let (_, key) = of_type("AWS::KMS::Key").next().expect("a key");
    assert_eq!(key["DeletionPolicy"], "Retain", "without it no secret opens again");
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
