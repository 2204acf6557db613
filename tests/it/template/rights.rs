//! Which binary a function runs, what it reads, and what it may touch.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{RESOURCES, WRITTEN, of_type};

/// Which binary each function runs.
pub(super) const BINARIES: [(&str, &str); 5] = [
    ("AccessFunction", "access"),
    ("Datasources", "datasources"),
    ("HttpProxy", "http-proxy"),
    ("PersesApi", "perses-api"),
    ("SqlProxy", "sql-proxy"),
];

#[test]
fn every_function_runs_its_binary_with_the_names_that_it_reads() {
    let functions: BTreeMap<_, _> = of_type("AWS::Lambda::Function").collect();
    assert_eq!(functions.len(), BINARIES.len());
    for (name, binary) in BINARIES {
        let function = &functions[&name.to_owned()];
        assert_eq!(function["Metadata"]["BuildProperties"]["Binary"], binary);
        // From the workspace's root cargo would find what `cargo run` starts and nothing else.
        let code = &WRITTEN["template.yaml"]["Resources"][name]["Properties"]["CodeUri"];
        assert_eq!(*code, format!("functions/{binary}"));
        let variables = &function["Properties"]["Environment"]["Variables"];
        let names: BTreeSet<_> = variables.as_object().expect("variables").keys().collect();
        let mut expected = BTreeSet::from([
            "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
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
        expected.extend(match binary {
            "datasources" => [
                "SOURCEGATE_DATASOURCE_LIMIT",
                "SOURCEGATE_EGRESS_ALLOW",
                "SOURCEGATE_GRAFANA_COMPAT",
            ]
            .as_slice(),
            "http-proxy" => &["SOURCEGATE_EGRESS_ALLOW", "SOURCEGATE_KMS_KEY"],
            "sql-proxy" => &[
                "SOURCEGATE_EGRESS_ALLOW",
                "SOURCEGATE_KMS_KEY",
                "SOURCEGATE_RDS_IAM",
                "SOURCEGATE_SQL_FORMAT",
            ],
            "perses-api" => &[],
            _ => &["SOURCEGATE_KMS_KEY"],
        });
        assert_eq!(names.iter().map(|name| name.as_str()).collect::<BTreeSet<_>>(), expected);
    }
}

/// What sends requests and statements to data sources.
const ENGINES: [&str; 2] = ["HttpProxy", "SqlProxy"];

const READ: [&str; 3] = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"];
const WRITE: [&str; 3] = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];
/// Beside a write, in one transaction with it.
const CHECK: &str = "dynamodb:ConditionCheckItem";

/// What the role of a function says, statement by statement.
pub(crate) fn statements(function: &str) -> Vec<serde_json::Value> {
    let policies = &RESOURCES[format!("{function}Role")]["Properties"]["Policies"];
    let policies = policies.as_array().expect("policies").iter();
    let all = policies.map(|policy| policy["PolicyDocument"]["Statement"].as_array());
    all.flat_map(|statements| statements.expect("statements").clone()).collect()
}

/// What the role of a function allows, by resource.
fn rights(function: &str) -> BTreeMap<String, BTreeSet<String>> {
    let role = &RESOURCES[format!("{function}Role")]["Properties"];
    let managed = &role["ManagedPolicyArns"];
    let names = managed.as_array().expect("a list").iter();
    let names: Vec<_> = names.map(|arn| arn.to_string()).collect();
    let has = |name: &str| names.iter().any(|arn| arn.contains(&format!("service-role/{name}")));
    let expected = if ENGINES.contains(&function) {
        assert!(has("AWSLambdaVPCAccessExecutionRole"), "{managed}");
        2
    } else {
        1
    };
    assert!(has("AWSLambdaBasicExecutionRole") && names.len() == expected, "{managed}");
    let mut rights = BTreeMap::<_, BTreeSet<_>>::new();
    for policy in role["Policies"].as_array().expect("policies") {
        for statement in policy["PolicyDocument"]["Statement"].as_array().expect("statements") {
            if statement["Effect"] == "Deny" {
                continue;
            }
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

#[test]
fn what_runs_in_the_engines_functions_touches_no_network_interface() {
    for function in ENGINES {
        touches_no_network_interface(function);
    }
    for (name, function) in of_type("AWS::Lambda::Function") {
        let is_outside = function["Properties"]["VpcConfig"].is_null();
        assert_eq!(is_outside, !ENGINES.contains(&name.as_str()), "{name}");
    }
}

fn touches_no_network_interface(function: &str) {
    let statements = statements(function);
    let denied: Vec<_> = statements.iter().filter(|one| one["Effect"] == "Deny").collect();
    let [denied] = denied[..] else { panic!("{statements:?}") };
    // All that the managed policy for a VPC allows beside the log; Lambda itself is not called by the function.
    let expected = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ];
    assert_eq!(denied["Action"], json!(expected));
    assert_eq!(denied["Resource"], "*");
    let whose = denied["Condition"]["ArnLike"]["lambda:SourceFunctionArn"]["Fn::Sub"].as_str();
    assert!(whose.is_some_and(|arn| arn.ends_with(":function:${AWS::StackName}-*")), "{denied}");
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
    for function in ["Datasources", "PersesApi"] {
        assert_eq!(rights(function), expected, "{function}");
    }
}

#[test]
fn who_says_who_may_do_what_makes_keys_and_unwraps_none() {
    let expected = BTreeMap::from([
        ("Access".to_owned(), set([&READ[..], &WRITE[..], &[CHECK]])),
        ("Key".to_owned(), set([&["kms:GenerateDataKeyPairWithoutPlaintext"][..]])),
        // The end of an organisation is the end of its data sources.
        ("Registry".to_owned(), set([&READ[..], &["dynamodb:DeleteItem"]])),
        ("Scratch".to_owned(), set([&READ[..], &WRITE[..]])),
    ]);
    assert_eq!(rights("AccessFunction"), expected);
    let role = RESOURCES["AccessFunctionRole"].to_string();
    let own = json!({ "StringEquals": {
        "kms:DataKeyPairSpec": "ECC_NIST_P256",
        "kms:EncryptionContext:deployment": { "Ref": "Deployment" },
    } });
    assert!(role.contains(&format!("\"Condition\":{own}")), "{role}");
}

#[test]
fn who_opens_secrets_writes_scratch_alone() {
    let expected = BTreeMap::from([
        ("Access".to_owned(), set([&READ[..]])),
        ("Key".to_owned(), set([&["kms:Decrypt"][..]])),
        ("Registry".to_owned(), set([&READ[..]])),
        ("Scratch".to_owned(), set([&READ[..], &WRITE[..]])),
    ]);
    let own =
        json!({ "StringEquals": { "kms:EncryptionContext:deployment": { "Ref": "Deployment" } } });
    for function in ENGINES {
        assert_eq!(rights(function), expected, "{function}");
        let role = RESOURCES[format!("{function}Role")].to_string();
        assert!(role.contains(&format!("\"Condition\":{own}")), "{role}");
    }
}

#[test]
fn who_runs_statements_logs_in_to_the_databases_that_are_named_and_no_others() {
    let policies: Vec<_> = of_type("AWS::IAM::Policy").collect();
    let [(_, policy)] = policies[..] else { panic!("one policy: {policies:?}") };
    assert_eq!(policy["Condition"], "HasRdsUsers");
    let condition = &WRITTEN["template.yaml"]["Conditions"]["HasRdsUsers"];
    let arns = json!({ "Fn::Join": ["", { "Ref": "RdsUserArns" }] });
    assert_eq!(*condition, json!({ "Fn::Not": [{ "Fn::Equals": [arns, ""] }] }));
    let properties = &policy["Properties"];
    assert_eq!(properties["Roles"], json!([{ "Ref": "SqlProxyRole" }]));
    let expected = json!([{
        "Sid": "LogInToDatabases",
        "Effect": "Allow",
        "Action": "rds-db:connect",
        "Resource": { "Ref": "RdsUserArns" },
    }]);
    assert_eq!(properties["PolicyDocument"]["Statement"], expected);
}
