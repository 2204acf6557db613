//! Clients that people use, unchanged, against a running gateway and a real Prometheus.

use std::process::{Command, Stdio};
use std::time::Duration;

use harness::TestApp;
use harness::process::{Process, root, venv};
use harness::prometheus::{PASSWORD, Prometheus, USER};

/// The script ends at its first failure; what it printed says at which step.
#[tokio::test]
async fn grafana_client_registers_queries_and_deletes() {
    let (app, prometheus) = (TestApp::start().await, Prometheus::shared().await);
    let token = app.admin_line("SOURCEGATE_ADMIN_TOKEN");
    let mut command = Command::new(venv("python"));
    command.arg(root().join("tests/clients/with_grafana_client.py")).stdin(Stdio::null());
    command.env("GATEWAY_URL", format!("http://{}", app.address()));
    command.env("GATEWAY_TOKEN", &token);
    command.env("PROMETHEUS_URL", prometheus.url());
    command.env("PROMETHEUS_USER", USER);
    command.env("PROMETHEUS_PASSWORD", PASSWORD);
    let mut script = Process::spawn("grafana-client", &command, None);
    let status = script.wait(Duration::from_secs(60)).await;
    let said = script.log();
    assert!(status.success(), "{said}");
    assert!(said.ends_with("ok a wrong token is refused\n"), "{said}");
    assert!(!said.contains(PASSWORD) && !said.contains(&token), "{said}");
}
