//! `infra/terraform`: what it has in common with `template.yaml` is derived from that, and the rest names the same things.

mod derived;

use std::collections::{BTreeMap, BTreeSet};

use harness::process::root;
use hcl::{Block, Body, Expression};
use serde_json::{Value, json};

use super::{WRITTEN, of_type};
use derived::files;

fn read(name: &str) -> String {
    let path = root().join("infra/terraform").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All blocks of all files.
fn blocks() -> Vec<Block> {
    let folder = std::fs::read_dir(root().join("infra/terraform")).expect("the module");
    let names = folder.map(|entry| entry.expect("a file").file_name().into_string());
    let names: BTreeSet<_> = names.map(|name| name.expect("a name in UTF-8")).collect();
    let files = names.iter().filter(|name| name.ends_with(".tf"));
    let bodies =
        files.map(|name| hcl::parse(&read(name)).unwrap_or_else(|e| panic!("{name}: {e}")));
    bodies.flat_map(Body::into_blocks).collect()
}

fn labels(block: &Block) -> Vec<&str> {
    block.labels().iter().map(|label| label.as_str()).collect()
}

fn attribute(block: &Block, name: &str) -> Option<Expression> {
    let found = block.body().attributes().find(|attribute| attribute.key() == name)?;
    Some(found.expr().clone())
}

/// `JwtIssuer` as Terraform would have it.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for char in name.chars() {
        if char.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(char.to_lowercase());
    }
    snake
}

#[test]
fn what_is_derived_from_the_template_is_up_to_date() {
    for (name, derived) in files() {
        let is_same = read(name) == derived;
        assert!(
            is_same,
            "{name} is not the template's; `cargo test -p harness --test it -- --ignored renew_terraform` renews it"
        );
    }
}

#[test]
#[ignore = "writes into infra/terraform"]
fn renew_terraform() {
    for (name, derived) in files() {
        std::fs::write(root().join("infra/terraform").join(name), derived).expect("it is written");
    }
}

/// What the module cannot have: no provider of before 2026 gives the permission that such urls need since October 2025.
const WITHOUT: [&str; 1] = ["FunctionUrls"];
/// What it has beside the template's: SAM uploads archives by itself.
const BEYOND: [&str; 1] = ["zips"];

#[test]
fn its_variables_are_the_template_s_parameters_with_their_defaults() {
    let blocks = blocks();
    let variables: BTreeMap<_, _> = blocks
        .iter()
        .filter(|block| block.identifier() == "variable")
        .map(|block| (labels(block)[0].to_owned(), attribute(block, "default")))
        .filter(|(name, _)| !BEYOND.contains(&name.as_str()))
        .collect();
    let parameters = WRITTEN["template.yaml"]["Parameters"].as_object().expect("parameters");
    let parameters = parameters.iter().filter(|(name, _)| !WITHOUT.contains(&name.as_str()));
    let expected: BTreeMap<_, _> =
        parameters.map(|(name, parameter)| (snake(name), default(parameter))).collect();
    assert_eq!(variables, expected);
}

fn default(parameter: &Value) -> Option<Expression> {
    let default = parameter.get("Default")?;
    let is_switch = parameter["AllowedValues"] == json!(["true", "false"]);
    Some(match (default.as_str(), parameter["Type"].as_str()) {
        (Some(text), _) if is_switch => Expression::Bool(text == "true"),
        (Some(""), Some("CommaDelimitedList")) => Expression::Array(Vec::new()),
        (Some(text), _) => Expression::String(text.to_owned()),
        (None, _) => Expression::Number(default.as_u64().expect("a number").into()),
    })
}

/// What an expression may refer to: variables, locals, resources and data.
fn declared(blocks: &[Block]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for block in blocks {
        let labels = labels(block);
        match block.identifier() {
            "variable" => names.insert(format!("var.{}", labels[0])),
            "resource" => names.insert(format!("{}.{}", labels[0], labels[1])),
            "data" => names.insert(format!("data.{}.{}", labels[0], labels[1])),
            "locals" => {
                let own = block.body().attributes().map(|local| format!("local.{}", local.key()));
                names.extend(own);
                continue;
            }
            _ => continue,
        };
    }
    names
}

/// What a file refers to, by the words that can be nothing else.
fn referred(text: &str) -> BTreeSet<String> {
    let code = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/');
    let words = code.flat_map(|line| line.split(move |c| !is_part(c)));
    let named = words.filter_map(|word| {
        let parts: Vec<_> = word.split('.').collect();
        match parts[..] {
            ["var" | "local", name, ..] => Some(format!("{}.{name}", parts[0])),
            ["data", kind, name, ..] => Some(format!("data.{kind}.{name}")),
            [kind, name, ..] if kind.starts_with("aws_") => Some(format!("{kind}.{name}")),
            _ => None,
        }
    });
    named.collect()
}

#[test]
fn whatever_it_refers_to_is_there() {
    let blocks = blocks();
    let declared = declared(&blocks);
    let folder = std::fs::read_dir(root().join("infra/terraform")).expect("the module");
    let mut referred_to = BTreeSet::new();
    for entry in folder {
        let name = entry.expect("a file").file_name().into_string().expect("a name in UTF-8");
        if name.ends_with(".tf") {
            referred_to.extend(referred(&read(&name)));
        }
    }
    let missing: Vec<_> = referred_to.difference(&declared).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let unused: Vec<_> = declared.difference(&referred_to).collect();
    let used_by_aws =
        ["aws_api_gateway_stage", "aws_cloudwatch", "aws_lambda_permission", "aws_vpc"];
    let is_used = |name: &&&String| used_by_aws.iter().any(|kind| name.starts_with(kind));
    assert!(unused.iter().all(|name| is_used(&name)), "{unused:?}");
    assert_eq!(referred("a = var.b + local.c.d # var.e").len(), 2);
    assert_eq!(referred("x = [data.aws_region.r.name, aws_a.b[0].id, \"aws/c.d\"]").len(), 2);
}

#[test]
fn its_tables_and_its_key_are_the_template_s() {
    let blocks = blocks();
    let resource = |kind: &str, name: &str| {
        let mut found = blocks.iter().filter(|block| labels(block) == [kind, name]);
        found.next().unwrap_or_else(|| panic!("no {kind} {name}"))
    };
    let nested = |block: &Block, wanted: &str| {
        let own = block.body().blocks().filter(|block| block.identifier() == wanted);
        own.map(|block| hcl::to_string(block.body()).expect("HCL")).collect::<Vec<_>>()
    };
    for (name, table) in of_type("AWS::DynamoDB::Table") {
        let block = resource("aws_dynamodb_table", &snake(name));
        let text = |name: &str| attribute(block, name).map(|found| found.to_string());
        let keys = [text("hash_key"), text("range_key"), text("billing_mode")];
        let expected =
            ["\"pk\"", "\"sk\"", "\"PAY_PER_REQUEST\""].map(|text| Some(text.to_owned()));
        assert_eq!(keys, expected, "{name}");
        let properties = &table["Properties"];
        let has = |name: &str| !properties[name].is_null();
        let recovery = nested(block, "point_in_time_recovery");
        assert_eq!(!recovery.is_empty(), has("PointInTimeRecoverySpecification"), "{name}");
        assert_eq!(!nested(block, "ttl").is_empty(), has("TimeToLiveSpecification"), "{name}");
        assert_eq!(text("deletion_protection_enabled").is_some(), has("DeletionProtectionEnabled"));
        let is_kept = nested(block, "lifecycle") == ["prevent_destroy = true\n"];
        assert_eq!(is_kept, table["DeletionPolicy"] == "Retain", "{name}");
    }
    let key = resource("aws_kms_key", "key");
    assert_eq!(attribute(key, "enable_key_rotation"), Some(Expression::Bool(true)));
    assert_eq!(nested(key, "lifecycle"), ["prevent_destroy = true\n"]);
    let (_, template) = of_type("AWS::KMS::Key").next().expect("a key");
    let statement = &template["Properties"]["KeyPolicy"]["Statement"][0];
    let policy = attribute(key, "policy").expect("a policy").to_string();
    for name in ["Sid", "Action", "Resource"] {
        let value = statement[name].as_str().expect("a text");
        assert!(policy.contains(&format!("\"{value}\"")), "{name}: {policy}");
    }
}

#[test]
fn its_logins_to_databases_are_the_template_s() {
    let blocks = blocks();
    let found = blocks.iter().find(|block| labels(block) == ["aws_iam_role_policy", "rds_logins"]);
    let text = |name: &str| attribute(found.expect("a policy"), name).expect(name).to_string();
    assert_eq!(text("count"), "length(var.rds_user_arns) > 0 ? 1 : 0");
    assert_eq!(text("role"), "aws_iam_role.function[\"sql-proxy\"].id");
    let (_, policy) = of_type("AWS::IAM::Policy").next().expect("a policy");
    let statement = &policy["Properties"]["PolicyDocument"]["Statement"][0];
    for name in ["Sid", "Effect", "Action"] {
        let value = statement[name].as_str().expect("a text");
        assert!(text("policy").contains(&format!("\"{value}\"")), "{name}: {}", text("policy"));
    }
    assert!(text("policy").contains("Resource = var.rds_user_arns"), "{}", text("policy"));
}
