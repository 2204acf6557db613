//! Clients that people use, unchanged, against a running gateway and a real Prometheus.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures_util::future::join_all;
use harness::TestApp;
use harness::process::{Process, root, venv, venv_of};
use harness::prometheus::{PASSWORD, Prometheus, USER};
use tempfile::TempDir;

/// Generous: Ansible takes a second a task when two cores do everything else too.
const LIMIT: Duration = Duration::from_secs(240);

/// What a script prints when it has taken every step.
const END: &str = "every step passed";

const SCRIPTS: [&str; 9] = [
    "with_grafana_client.py",
    "with_grafana_client_admin.py",
    "with_grafana_api_sdk.py",
    "with_grafana_wtf.py",
    "with_grafana_backup.py",
    "with_mcp_grafana.py",
    "with_perses_ui.cjs",
    "ansible/community.yml",
    "ansible/grafana.yml",
];

#[tokio::test]
async fn grafana_client_manages_and_queries_data_sources() {
    passes("with_grafana_client.py").await;
}

#[tokio::test]
async fn grafana_client_manages_organisations_users_and_service_accounts() {
    passes("with_grafana_client_admin.py").await;
}

#[tokio::test]
async fn grafana_api_sdk_manages_everything() {
    passes("with_grafana_api_sdk.py").await;
}

#[tokio::test]
async fn grafana_wtf_finds_data_sources_and_no_secret() {
    passes("with_grafana_wtf.py").await;
}

#[tokio::test]
async fn grafana_backup_saves_and_restores() {
    passes("with_grafana_backup.py").await;
}

#[tokio::test]
async fn mcp_grafana_manages_and_queries_data_sources() {
    passes("with_mcp_grafana.py").await;
}

#[tokio::test]
async fn perses_ui_client_queries_in_every_scope() {
    passes("with_perses_ui.cjs").await;
}

#[tokio::test]
async fn community_grafana_changes_only_what_differs() {
    passes("ansible/community.yml").await;
}

#[tokio::test]
async fn grafana_grafana_creates_updates_and_deletes() {
    passes("ansible/grafana.yml").await;
}

#[tokio::test]
#[ignore = "needs Go: make clients"]
async fn needs_go_and_manages_everything_as_the_terraform_provider_does() {
    passes("go").await;
}

#[tokio::test]
#[ignore = "needs Go: make clients"]
async fn needs_go_and_percli_applies_finds_and_deletes_documents() {
    passes("with_percli.py").await;
}

#[tokio::test]
#[ignore = "needs Go and the provider: make clients provider=PATH"]
async fn needs_the_provider_and_opentofu_leaves_empty_plans() {
    passes("with_opentofu.py").await;
}

/// A script that passed here would pass whatever the gateway did.
#[tokio::test]
async fn no_script_passes_with_wrong_credentials() {
    let app = TestApp::start().await;
    let outcomes = SCRIPTS.map(|script| run(app.address(), script, "glsa_wrong", "wrong"));
    for (script, (passed, said)) in SCRIPTS.iter().zip(join_all(outcomes).await) {
        assert!(!passed && !said.contains(END), "{script}: {said}");
    }
}

/// The script ends at its first failure; what it printed says at which step.
async fn passes(script: &str) {
    let app = TestApp::start().await;
    passes_at(app.address(), &app, script).await;
}

/// The same with the gateway at this address, on the data of the one that runs here.
pub(crate) async fn passes_at(gateway: SocketAddr, app: &TestApp, script: &str) {
    let token = app.admin_line("SOURCEGATE_ADMIN_TOKEN");
    let password = app.admin_line("SOURCEGATE_ADMIN_PASSWORD");
    let (passed, said) = run(gateway, script, &token, &password).await;
    assert!(passed && said.contains(END), "{said}");
    for secret in [PASSWORD, &token, &password] {
        assert!(!said.contains(secret), "{said}");
    }
}

async fn run(gateway: SocketAddr, script: &str, token: &str, password: &str) -> (bool, String) {
    let prometheus = Prometheus::shared().await;
    let home = TempDir::new().unwrap();
    let mut command = command(script);
    command.env("HOME", home.path()).env("LC_ALL", "C.UTF-8");
    // Nothing that runs here may report that it ran.
    command.env("GRAFANA_USAGE_STATS", "disabled").env("DO_NOT_TRACK", "1");
    let built = root().join("target/go");
    command.env("TOFU", built.join("tofu"));
    command.env("PERCLI", built.join("percli"));
    command.env("PROVIDER", built.join("terraform-provider-grafana"));
    command.env("GATEWAY_URL", format!("http://{gateway}"));
    command.env("GATEWAY_TOKEN", token);
    command.env("GATEWAY_USER", "admin").env("GATEWAY_PASSWORD", password);
    command.env("PROMETHEUS_URL", prometheus.url());
    command.env("PROMETHEUS_USER", USER).env("PROMETHEUS_PASSWORD", PASSWORD);
    let name = Path::new(script).file_stem().unwrap().to_string_lossy();
    let mut process = Process::spawn(&name, &command, Some(home));
    let passed = process.wait(LIMIT).await.success();
    (passed, process.log())
}

fn command(script: &str) -> Command {
    let path = root().join("tests/clients").join(script);
    let mut command = match script {
        "go" => return Command::new(root().join("target/go/openapi-client")),
        "ansible/community.yml" | "ansible/grafana.yml" => {
            Command::new(venv_of("venv-ansible", "ansible-playbook"))
        }
        "with_perses_ui.cjs" => {
            let mut node = Command::new(root().join("target/perses-ui/node"));
            node.env("NODE_PATH", root().join("target/perses-ui/node_modules"));
            node
        }
        "with_grafana_backup.py" => Command::new(venv_of("venv-ansible", "python")),
        _ => Command::new(venv("python")),
    };
    command.arg(path);
    command
}
