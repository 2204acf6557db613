//! Requests drawn from the document, and answers held against it, by schemathesis. The proxy is asked apart, where the
//! only data source is one that records: what else a run registers could be anywhere.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::TestApp;
use harness::build::{plain, with};
use harness::process::{Process, root};
use harness::upstream::FakeUpstream;
use serde_json::json;

use crate::routes::ANY;

const SHORT: (&[&str], Duration) = (&[], Duration::from_secs(300));
const LONG: (&[&str], Duration) =
    (&["--max-examples", "300", "--seed", "1"], Duration::from_secs(1800));

/// Draws requests for what `part` selects.
async fn run(app: &TestApp, part: [&str; 2], (arguments, limit): (&[&str], Duration)) {
    let tool = root().join("target/venv-schemathesis/bin/schemathesis");
    assert!(tool.exists(), "{} is missing: run `make test` once", tool.display());
    let token = app.admin_line("SOURCEGATE_ADMIN_TOKEN");
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(tool);
    command.arg("--config-file").arg(root().join("tests/schemathesis.toml"));
    command.args(["run", "--no-color"]).args(part).args(arguments);
    command.arg(format!("http://{}/api/openapi.json", app.address()));
    command.env("GATEWAY_TOKEN", &token).env("HOME", folder.path());
    command.current_dir(folder.path()).stdin(Stdio::null());
    let mut run = Process::spawn("schemathesis", &command, Some(folder));
    let status = run.wait(limit).await;
    let said = run.log();
    assert!(status.success(), "{said}");
    assert!(!said.contains(&token), "{said}");
    // Whoever asks is still allowed to, so that what was asked last was as telling as what was asked first.
    assert_eq!(app.as_admin().get("/api/datasources").await.status.as_u16(), 200);
}

async fn registry(how: (&[&str], Duration)) {
    let app = TestApp::start().await;
    for number in 1..=3 {
        for uid in ["kept", "doomed"].map(|what| format!("{what}-{number}")) {
            let source = with(plain(&uid, "http://nowhere.invalid"), json!({ "uid": uid }));
            app.as_admin().create(&source).await;
        }
    }
    run(&app, ["--exclude-tag", "proxy"], how).await;
}

async fn proxy(how: (&[&str], Duration)) {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let source = with(plain("Recording", &upstream.url()), json!({ "uid": "recording" }));
    app.as_admin().create(&source).await;
    run(&app, ["--include-tag", "proxy"], how).await;
    let methods: BTreeSet<_> = upstream.requests().into_iter().map(|got| got.method).collect();
    assert!(ANY.iter().all(|method| methods.contains(*method)), "{methods:?}");
}

#[tokio::test]
async fn the_registry_answers_as_documented() {
    registry(SHORT).await;
}

#[tokio::test]
async fn the_proxy_answers_as_documented() {
    proxy(SHORT).await;
}

#[tokio::test]
#[ignore = "minutes long: make soak"]
async fn soak_the_registry_answers_as_documented() {
    registry(LONG).await;
}

#[tokio::test]
#[ignore = "minutes long: make soak"]
async fn soak_the_proxy_answers_as_documented() {
    proxy(LONG).await;
}
