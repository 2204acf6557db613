//! `infra/managed-instances`: the same functions on a capacity provider.

use std::process::Command;

use harness::process::{root, venv_of};
use serde_json::{Value, json};

use super::rights::BINARIES;
use super::{EXPAND, RESOURCES, run};

const PROVIDER: &str = "arn:aws:lambda:eu-central-1:123456789012:capacity-provider:x";

fn script(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(venv_of("venv-sam", "python"));
    command.arg("infra/managed-instances").args(arguments).current_dir(root());
    command.output().expect("the script runs")
}

#[test]
fn every_function_is_on_the_provider_and_else_as_in_the_template() {
    let made = script(&[PROVIDER]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &made.stdout).expect("it is written");
    let resources = run(EXPAND, &[file.path().to_str().expect("a path in UTF-8")]);
    for (name, _) in BINARIES {
        let (managed, usual) = (&resources[name]["Properties"], &RESOURCES[name]["Properties"]);
        let provider = json!({ "LambdaManagedInstancesCapacityProviderConfig": {
            "CapacityProviderArn": PROVIDER, "PerExecutionEnvironmentMaxConcurrency": 8 } });
        assert_eq!(managed["CapacityProviderConfig"], provider, "{name}");
        assert_eq!((&managed["MemorySize"], &managed["VpcConfig"]), (&json!(2048), &Value::Null));
        for same in ["Environment", "Timeout", "Runtime", "Architectures", "LoggingConfig"] {
            assert_eq!(managed[same], usual[same], "{name} {same}");
        }
        let role = format!("{name}Role");
        let policies = |of: &Value| of[&role]["Properties"]["Policies"].clone();
        assert_eq!(policies(&resources), policies(&RESOURCES), "{name}");
        assert_eq!(resources[format!("{name}Aliaslive")]["Type"], "AWS::Lambda::Alias");
    }
    // API Gateway calls the version that is published.
    let body = resources["Api"]["Properties"]["Body"].to_string();
    assert!(body.contains("functions/${DatasourcesAliaslive}/"), "{body}");
}

#[test]
fn what_is_no_arn_is_refused() {
    for arguments in [&[][..], &["x"], &[PROVIDER, PROVIDER]] {
        let made = script(arguments);
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(!made.status.success() && said.contains("capacity provider"), "{said}");
    }
}
