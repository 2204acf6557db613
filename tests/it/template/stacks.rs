//! The stacks within the template: alarms and the dashboard, urls, the network; and what may be said at a deployment.

use std::collections::BTreeSet;

use harness::process::root;
use serde_json::{Value, json};

use super::rights::BINARIES;
use super::{WRITTEN, of_type};

/// What functions count: as `web::telemetry` writes it, held there by tests of its own.
const METRICS: [&str; 4] = ["DeniedEgress", "Faults", "KmsFailures", "UpstreamFaults"];

fn stack(path: &str) -> &'static Value {
    &WRITTEN[path]
}

fn resources(path: &str, wanted: &str) -> Vec<(String, Value)> {
    let all = stack(path)["Resources"].as_object().expect("resources");
    let own = all.iter().filter(|(_, resource)| resource["Type"] == wanted);
    own.map(|(name, resource)| (name.clone(), resource["Properties"].clone())).collect()
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn what_functions_count_is_under_alarm() {
    let alarms = resources("infra/alarms.yaml", "AWS::CloudWatch::Alarm");
    let mut under_alarm = BTreeSet::new();
    for (name, alarm) in &alarms {
        let text = |field: &str| alarm[field].as_str().unwrap_or_default().to_owned();
        let tells =
            json!({ "Fn::If": ["HasTopic", [{ "Ref": "Topic" }], { "Ref": "AWS::NoValue" }] });
        assert_eq!((&alarm["AlarmActions"], &alarm["OKActions"]), (&tells, &tells), "{name}");
        let dimensions = alarm["Dimensions"].as_array().expect("dimensions");
        let dimension = |wanted: &str| {
            let found = dimensions.iter().find(|one| one["Name"] == wanted);
            found.map(|one| one["Value"].clone()).unwrap_or_default()
        };
        let function = match text("Namespace").as_str() {
            web::telemetry::NAMESPACE => {
                assert!(METRICS.contains(&&*text("MetricName")), "{name}");
                assert_eq!(dimensions.len(), 2, "{name}");
                assert_eq!(dimension("Deployment"), json!({ "Ref": "Deployment" }), "{name}");
                dimension("Function").as_str().expect("a binary").to_owned()
            }
            "AWS/Lambda" => {
                assert_eq!(dimensions.len(), 1, "{name}");
                dimension("FunctionName")["Ref"].as_str().expect("a parameter").to_owned()
            }
            other => panic!("{name}: {other}"),
        };
        under_alarm.insert((function, text("MetricName")));
    }
    assert_eq!(under_alarm.len(), alarms.len(), "one alarm watches one thing");
    for (_, binary) in BINARIES {
        let has = |function: &str, metric: &str| {
            under_alarm.contains(&(function.to_owned(), metric.to_owned()))
        };
        assert!(has(binary, "Faults"), "{binary}");
        let parameter = match binary {
            "access" => "AccessFunction",
            "datasources" => "DatasourcesFunction",
            "perses-api" => "PersesApiFunction",
            "sql-proxy" => "SqlProxyFunction",
            _ => "HttpProxyFunction",
        };
        let platforms = ["Errors", "Throttles", "Duration"];
        assert!(platforms.iter().all(|metric| has(parameter, metric)), "{binary}");
        let dials = ["http-proxy", "sql-proxy"].contains(&binary);
        assert_eq!(has(binary, "DeniedEgress"), dials, "{binary}");
        // Who writes registries holds no right on the key.
        let has_key = ["access", "http-proxy", "sql-proxy"].contains(&binary);
        assert_eq!(has(binary, "KmsFailures"), has_key, "{binary}");
    }
}

#[test]
fn the_dashboard_shows_what_functions_count() {
    let [(_, dashboard)] = &resources("infra/alarms.yaml", "AWS::CloudWatch::Dashboard")[..] else {
        panic!("one dashboard")
    };
    let body = dashboard["DashboardBody"]["Fn::Sub"].as_str().expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let widgets = body["widgets"].as_array().expect("widgets");
    let lines = widgets.iter().filter_map(|widget| widget["properties"]["metrics"].as_array());
    let mut shown = BTreeSet::new();
    for line in lines.flatten().filter(|line| line[0] == web::telemetry::NAMESPACE) {
        let parts: Vec<_> = line.as_array().expect("a metric").iter().take(6).collect();
        assert_eq!((parts[2], parts[3]), (&json!("Deployment"), &json!("${Deployment}")), "{line}");
        assert_eq!(parts[4], &json!("Function"), "{line}");
        let function = parts[5].as_str().expect("a binary");
        assert!(BINARIES.iter().any(|(_, binary)| *binary == function), "{line}");
        shown.insert(parts[1].as_str().expect("a metric").to_owned());
    }
    assert_eq!(shown, METRICS.map(str::to_owned).into());
}

#[test]
fn stacks_within_get_the_parameters_that_they_have() {
    let mut used = BTreeSet::new();
    for (name, stack) in of_type("AWS::CloudFormation::Stack") {
        let path = stack["Properties"]["TemplateURL"].as_str().expect("a path");
        let theirs = names(&WRITTEN[path]["Parameters"]);
        assert_eq!(names(&stack["Properties"]["Parameters"]), theirs, "{name}");
        used.insert(path.to_owned());
    }
    let all = names(&WRITTEN);
    assert_eq!(used, all.into_iter().filter(|path| path != "template.yaml").collect());
}

#[test]
fn every_parameter_is_used_and_none_is_said_that_is_not_there() {
    for path in names(&WRITTEN) {
        let mut rest = WRITTEN[&path].clone();
        let parameters = names(&rest["Parameters"].take());
        let text = rest.to_string();
        for name in &parameters {
            let is_used = text.contains(&format!("{{\"Ref\":\"{name}\"}}"))
                || text.contains(&format!("${{{name}}}"));
            assert!(is_used, "{path} does nothing with {name}");
        }
        if path == "template.yaml" {
            let config = std::fs::read_to_string(root().join("samconfig.toml")).expect("the file");
            let lines = config.lines().filter_map(|line| line.strip_prefix("parameter_overrides"));
            let said = lines.flat_map(|line| line.split(['"', ' ', '=']));
            let said: Vec<_> = said.filter(|word| word.starts_with(char::is_uppercase)).collect();
            assert!(said.iter().all(|name| parameters.contains(*name)), "{said:?}");
        }
    }
}

#[test]
fn functions_have_urls_only_if_asked_and_then_streamed_ones() {
    let stacks: Vec<_> = of_type("AWS::CloudFormation::Stack").collect();
    let (_, urls) = stacks
        .iter()
        .find(|(_, stack)| stack["Properties"]["TemplateURL"] == "infra/urls.yaml")
        .expect("the stack of urls");
    assert_eq!(urls["Condition"], "HasFunctionUrls");
    assert_eq!(stack("template.yaml")["Parameters"]["FunctionUrls"]["Default"], "false");
    let urls = resources("infra/urls.yaml", "AWS::Lambda::Url");
    assert_eq!(urls.len(), BINARIES.len());
    for (name, url) in urls {
        assert_eq!(url["InvokeMode"], "RESPONSE_STREAM", "{name}");
        assert_eq!(url["AuthType"], "NONE", "{name}");
        // Both are needed since October 2025.
        let permissions = resources("infra/urls.yaml", "AWS::Lambda::Permission");
        let own =
            permissions.iter().filter(|(_, one)| one["FunctionName"] == url["TargetFunctionArn"]);
        let actions: BTreeSet<_> = own.map(|(_, one)| one["Action"].to_string()).collect();
        let expected = ["\"lambda:InvokeFunction\"", "\"lambda:InvokeFunctionUrl\""];
        assert_eq!(actions, expected.map(str::to_owned).into(), "{name}");
    }
}
