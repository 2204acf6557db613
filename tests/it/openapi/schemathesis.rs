//! Requests drawn from the document, and answers held against it, by schemathesis. The proxy is asked apart, where the
//! only data source is one that records: what else a run registers could be anywhere.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::TestApp;
use harness::build::{plain, with};
use harness::client::Client;
use harness::process::{Process, root};
use harness::upstream::FakeUpstream;
use serde_json::json;

use crate::routes::ANY;

const SHORT: (&[&str], Duration) = (&[], Duration::from_secs(300));
const LONG: (&[&str], Duration) =
    (&["--max-examples", "300", "--seed", "1"], Duration::from_secs(1800));

/// What the configuration names by numbers; zero is nobody.
#[derive(Default)]
struct Numbers {
    orgs: [i64; 2],
    users: [i64; 2],
    accounts: [i64; 2],
}

/// Draws requests for what `part` selects, as a caller who may do everything there.
async fn run(
    (app, caller): (&TestApp, Client),
    part: &[&str],
    numbers: Numbers,
    (arguments, limit): (&[&str], Duration),
) {
    let tool = root().join("target/venv-schemathesis/bin/schemathesis");
    assert!(tool.exists(), "{} is missing: run `make test` once", tool.display());
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(tool);
    command.arg("--config-file").arg(root().join("tests/schemathesis.toml"));
    command.args(["run", "--no-color"]).args(part).args(arguments);
    command.arg(format!("http://{}/api/openapi.json", app.address()));
    command.env("GATEWAY_AUTHORIZATION", caller.authorization()).env("HOME", folder.path());
    for (name, [kept, doomed]) in
        [("ORG", numbers.orgs), ("USER", numbers.users), ("ACCOUNT", numbers.accounts)]
    {
        command.env(name, kept.to_string()).env(format!("DOOMED_{name}"), doomed.to_string());
    }
    command.current_dir(folder.path()).stdin(Stdio::null());
    let mut run = Process::spawn("schemathesis", &command, Some(folder));
    let status = run.wait(limit).await;
    let said = run.log();
    assert!(status.success(), "{said}");
    assert!(!said.contains(caller.authorization()), "{said}");
    // Whoever asks is still allowed to, so that what was asked last was as telling as what was asked first.
    assert_eq!(caller.get("/api/user").await.status.as_u16(), 200);
}

async fn registry(how: (&[&str], Duration)) {
    let app = TestApp::start().await;
    for number in 1..=3 {
        for uid in ["kept", "doomed"].map(|what| format!("{what}-{number}")) {
            let source = with(plain(&uid, "http://nowhere.invalid"), json!({ "uid": uid }));
            app.as_admin().create(&source).await;
        }
    }
    let others = ["proxy", "orgs", "users", "accounts"];
    let part: Vec<_> = others.into_iter().flat_map(|tag| ["--exclude-tag", tag]).collect();
    run((&app, app.as_admin()), &part, Numbers::default(), how).await;
}

async fn access(how: (&[&str], Duration)) {
    let app = TestApp::start().await;
    let root = app.as_admin_user();
    let mut numbers = Numbers::default();
    for at in 0..2 {
        let org = root.post("/api/orgs", &json!({ "name": format!("org {at}") })).await;
        numbers.orgs[at] = org.json()["orgId"].as_i64().unwrap();
        let user = json!({ "login": format!("user-{at}"), "password": "a password" });
        let user = root.post("/api/admin/users", &user).await;
        numbers.users[at] = user.json()["id"].as_i64().unwrap();
        let account = json!({ "name": format!("account {at}") });
        let account = root.post("/api/serviceaccounts", &account).await;
        numbers.accounts[at] = account.json()["id"].as_i64().unwrap();
    }
    let part = ["orgs", "users", "accounts"].map(|tag| ["--include-tag", tag]).concat();
    run((&app, root), &part, numbers, how).await;
}

async fn proxy(how: (&[&str], Duration)) {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let source = with(plain("Recording", &upstream.url()), json!({ "uid": "recording" }));
    app.as_admin().create(&source).await;
    let part = ["--include-tag", "proxy"];
    run((&app, app.as_admin()), &part, Numbers::default(), how).await;
    let methods: BTreeSet<_> = upstream.requests().into_iter().map(|got| got.method).collect();
    assert!(ANY.iter().all(|method| methods.contains(*method)), "{methods:?}");
}

#[tokio::test]
async fn the_registry_answers_as_documented() {
    registry(SHORT).await;
}

#[tokio::test]
async fn organisations_users_and_accounts_answer_as_documented() {
    access(SHORT).await;
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
async fn soak_organisations_users_and_accounts_answer_as_documented() {
    access(LONG).await;
}

#[tokio::test]
#[ignore = "minutes long: make soak"]
async fn soak_the_proxy_answers_as_documented() {
    proxy(LONG).await;
}
