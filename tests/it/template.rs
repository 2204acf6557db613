//! `template.yaml` as AWS expands it: its routes, the rights of its functions, its tables.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod containers;
mod managed;
pub(crate) mod rights;
mod routes;
mod stacks;
mod tables;
mod terraform;

use std::process::Command;
use std::sync::LazyLock;

use harness::process::root;
use serde_json::Value;

/// SAM's own translator. Where the code will be uploaded is not known before, so that a place is made up.
const EXPAND: &str = r#"
import json, os, sys
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

class NoPolicies:
    def load(self):
        return {}

template = yaml_parse(open(sys.argv[1]).read())
for one in template["Resources"].values():
    if one["Type"] == "AWS::Serverless::Function":
        one["Properties"]["CodeUri"] = "s3://bucket/key"
print(json.dumps(transform(template, {}, NoPolicies())["Resources"]))
"#;

/// Our templates as they are written, by their paths: all tags are spelled out.
const READ: &str = r#"
import json, sys
from samtranslator.yaml_helper import yaml_parse
print(json.dumps({path: yaml_parse(open(path).read()) for path in sys.argv[1:]}, default=str))
"#;

/// The template and the stacks within it, as written.
static WRITTEN: LazyLock<Value> = LazyLock::new(|| {
    let files = ["template.yaml", "infra/alarms.yaml", "infra/network.yaml", "infra/urls.yaml"];
    run(READ, &files)
});

/// The resources of the template, by name.
static RESOURCES: LazyLock<Value> = LazyLock::new(|| run(EXPAND, &["template.yaml"]));

fn run(program: &str, arguments: &[&str]) -> Value {
    let python = root().join("target/venv-sam/bin/python");
    assert!(python.exists(), "{} is missing: run `make test` once", python.display());
    let mut command = Command::new(python);
    command.args(["-c", program]).args(arguments).current_dir(root()).env_clear();
    let output = command.output().expect("start the translator");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn of_type(wanted: &str) -> impl Iterator<Item = (&String, &Value)> {
    let resources = RESOURCES.as_object().expect("resources");
    resources.iter().filter(move |(_, resource)| resource["Type"] == wanted)
}
