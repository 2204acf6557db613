//! What `infra/terraform` takes from the template: rendered anew here, with Terraform's expressions where CloudFormation has
//! its functions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::rights::{BINARIES, statements};
use super::super::{RESOURCES, WRITTEN};

/// The derived files with what they must hold.
pub(super) fn files() -> [(&'static str, String); 2] {
    [("api.json.tftpl", api()), ("stack.json.tftpl", stack())]
}

/// Marks an expression of Terraform's that stands for a whole value: no text of a template begins so.
const WHOLE: &str = "\u{1}";

fn api() -> String {
    rendered(&RESOURCES["Api"]["Properties"]["Body"])
}

fn stack() -> String {
    let functions: BTreeMap<_, _> =
        BINARIES.iter().map(|(name, binary)| (*binary, function(name))).collect();
    let alarms = &WRITTEN["infra/alarms.yaml"]["Resources"];
    let alarms = alarms.as_object().expect("resources").iter();
    let (alarms, rest): (Vec<_>, Vec<_>) =
        alarms.partition(|(_, one)| one["Type"] == "AWS::CloudWatch::Alarm");
    let alarms: BTreeMap<_, _> = alarms
        .into_iter()
        .map(|(name, alarm)| {
            let mut properties = alarm["Properties"].clone();
            let fields = properties.as_object_mut().expect("properties");
            // Whom to tell is Terraform's own condition.
            fields.retain(|name, _| !["AlarmActions", "OKActions"].contains(&name.as_str()));
            (name, properties)
        })
        .collect();
    let [(_, dashboard)] = rest[..] else { panic!("one dashboard: {rest:?}") };
    let dashboard = &dashboard["Properties"]["DashboardBody"];
    rendered(&json!({ "functions": functions, "alarms": alarms, "dashboard": dashboard }))
}

fn function(name: &str) -> Value {
    let function = &RESOURCES[name]["Properties"];
    let mut logging = function["LoggingConfig"].clone();
    logging.as_object_mut().expect("how it logs").remove("LogGroup");
    let managed = RESOURCES[format!("{name}Role")]["Properties"]["ManagedPolicyArns"].clone();
    let managed = managed.as_array().expect("policies").iter().map(|arn| {
        let arn = arn.as_str().expect("an ARN");
        arn.strip_prefix("arn:aws:iam::aws:policy/service-role/")
            .expect("a policy of AWS's")
            .to_owned()
    });
    json!({
        "runtime": function["Runtime"],
        "handler": function["Handler"],
        "architectures": function["Architectures"],
        "memory": function["MemorySize"],
        "timeout": function["Timeout"],
        "environment": function["Environment"]["Variables"],
        "logging": logging,
        "in_vpc": function.get("VpcConfig").is_some(),
        "managed_policies": managed.collect::<Vec<_>>(),
        "statements": statements(name),
    })
}

/// As a template of Terraform's that gives JSON.
fn rendered(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(&filled(value)).expect("JSON");
    // What stands for a whole value brings its own quotes.
    while let Some(start) = text.find("\"\\u0001") {
        let end = start + 1 + text[start + 1..].find('"').expect("the end of a text");
        let expression = text[start + "\"\\u0001".len()..end].to_owned();
        text.replace_range(start..=end, &format!("${{jsonencode({expression})}}"));
    }
    text + "\n"
}

fn filled(value: &Value) -> Value {
    match value {
        Value::Array(all) => all.iter().map(filled).collect(),
        Value::Object(fields) => match fields.iter().next() {
            Some((name, of)) if fields.len() == 1 && name.starts_with("Fn::") => called(name, of),
            Some((name, Value::String(of))) if fields.len() == 1 && name == "Ref" => {
                json!(format!("{WHOLE}{}", named(of)))
            }
            _ => fields.iter().map(|(name, one)| (name.clone(), filled(one))).collect(),
        },
        Value::String(text) => {
            assert!(!text.contains("${") && !text.contains("%{"), "Terraform would fill in {text}");
            json!(text)
        }
        other => other.clone(),
    }
}

fn called(function: &str, of: &Value) -> Value {
    match (function, of) {
        ("Fn::GetAtt", Value::Array(path)) => {
            let [Value::String(name), Value::String(what)] = &path[..] else { panic!("{of}") };
            assert_eq!(what, "Arn", "{of}");
            json!(format!("{WHOLE}arns.{name}"))
        }
        ("Fn::Sub", Value::String(text)) => {
            let mut parts = text.split("${");
            let first = parts.next().unwrap_or_default().to_owned();
            let rest = parts.map(|part| {
                let (name, rest) = part.split_once('}').expect("an end");
                format!("${{{}}}{rest}", named(name))
            });
            json!(first + &rest.collect::<String>())
        }
        _ => panic!("{function} of {of}"),
    }
}

/// How Terraform calls what the template calls so.
fn named(name: &str) -> String {
    match name {
        "AWS::StackName" => "name".to_owned(),
        "AWS::Region" => "aws.region".to_owned(),
        "AWS::Partition" => "aws.partition".to_owned(),
        "AWS::AccountId" => "aws.account".to_owned(),
        _ => match name.strip_suffix(".Arn") {
            Some(resource) => format!("arns.{resource}"),
            None => format!("refs.{name}"),
        },
    }
}
