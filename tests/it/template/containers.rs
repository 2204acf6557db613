//! What `infra/sam-local` gives SAM: the template with the binaries of this machine. The containers themselves need Docker.

use std::process::Command;

use harness::process::root;
use serde_json::Value;

use super::rights::BINARIES;

fn run(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new("infra/sam-local");
    command.args(arguments).current_dir(root()).output().expect("the script runs")
}

#[test]
fn each_function_gets_its_binary_the_local_tables_and_no_kms() {
    let made = run(&["template", "http://172.17.0.1:8000"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let template: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let shared = &template["Globals"]["Function"]["Environment"]["Variables"];
    assert_eq!(shared["AWS_ENDPOINT_URL_DYNAMODB"], "http://172.17.0.1:8000");
    assert!(!template.to_string().contains("AWS::CloudFormation::Stack"), "SAM looks for its file");
    for (name, binary) in BINARIES {
        let function = &template["Resources"][name];
        let code = function["Properties"]["CodeUri"].as_str().expect("a folder");
        assert!(code.ends_with(&format!("/target/sam-local/{binary}")), "{code}");
        assert_eq!(function["Metadata"], Value::Null, "{name}: SAM would build it");
        assert_eq!(function["Properties"]["VpcConfig"], Value::Null, "{name}");
        let own = &function["Properties"]["Environment"]["Variables"]["SOURCEGATE_EGRESS_ALLOW"];
        assert_eq!(own, &Value::Null, "{name}: data sources in containers would be refused");
        for variables in [&function["Properties"]["Environment"]["Variables"], shared] {
            let names: Vec<_> = variables.as_object().expect("variables").keys().collect();
            let elsewhere = ["SOURCEGATE_TABLE_", "SOURCEGATE_KMS_KEY", "SOURCEGATE_DEPLOYMENT"];
            let is_local = |name: &&String| !elsewhere.iter().any(|other| name.starts_with(other));
            assert!(names.iter().all(is_local), "{name}: {names:?}");
        }
    }
}

#[test]
fn what_it_does_not_know_it_refuses() {
    let made = run(&["stop"]);
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(!made.status.success() && said.contains("unknown: stop"), "{said}");
}
