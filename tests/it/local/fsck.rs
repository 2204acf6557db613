//! `sourcegate admin fsck`: it finds what is damaged, repairs what it can, and finds nothing after `kill -9`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use harness::build::{plain, with};
use harness::{Client, TestApp};
use http::Method;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::binary::{Binary, run, text};

/// Runs it for scripts, and gives its code and its document.
async fn fsck(data: &Path, flags: &[&str]) -> (i32, Value) {
    let folder = data.to_str().unwrap();
    let arguments = [&["admin", "fsck", "--json", "--data", folder], flags].concat();
    let answer = run(data, &arguments, &[]).await;
    let code = answer.status.code().unwrap();
    (
        code,
        serde_json::from_slice(&answer.stdout)
            .unwrap_or_else(|_| panic!("{}", text(&answer.stderr))),
    )
}

/// Writes an item as no program of ours would.
async fn plant(app: &TestApp, table: &str, key: [&str; 2], attributes: &[(&str, AttributeValue)]) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut put = app.dynamodb().put_item().table_name(format!("sourcegate-{table}"));
    put = put.item("pk", text(key[0])).item("sk", text(key[1]));
    for (name, value) in attributes {
        put = put.item(*name, value.clone());
    }
    put.send().await.unwrap();
}

async fn remove(app: &TestApp, table: &str, key: [&str; 2]) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let delete = app.dynamodb().delete_item().table_name(format!("sourcegate-{table}"));
    delete.key("pk", text(key[0])).key("sk", text(key[1])).send().await.unwrap();
}

#[tokio::test]
async fn fsck_finds_what_was_planted_beside_a_running_server_and_repairs_it() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let secret = json!({"uid": "a", "secureJsonData": {"password": "canary"}});
    admin.create(&with(plain("a", "http://127.0.0.1:1"), secret)).await;
    admin.create(&with(plain("b", "http://127.0.0.1:1"), json!({"uid": "b"}))).await;
    let project = json!({"kind": "Project", "metadata": {"name": "p"}, "spec": {}});
    assert_eq!(admin.post("/api/v1/projects", &project).await.status, 200);
    assert_eq!(fsck(app.data(), &[]).await.0, 0);

    let default = [("name", AttributeValue::S("gone".to_owned()))];
    plant(&app, "registry", ["PERSES#1", "DEFAULT#PDS#p#P"], &default).await;
    remove(&app, "registry", ["NAME#1", "a#a"]).await;
    remove(&app, "registry", ["SEC#1", "DS#a"]).await;
    remove(&app, "access", ["KEY#1", "1"]).await;
    let uid = [("uid", AttributeValue::S("gone".to_owned()))];
    plant(&app, "registry", ["ID#1", "0000000000000000009"], &uid).await;
    plant(&app, "registry", ["DEFAULT", "1"], &[("id", AttributeValue::N("8".to_owned()))]).await;
    plant(&app, "registry", ["COUNTER", "1#ds"], &[("next", AttributeValue::N("1".to_owned()))])
        .await;
    plant(&app, "access", ["MEMBER#1", "eve"], &[("id", AttributeValue::N("7".to_owned()))]).await;

    let (code, found) = fsck(app.data(), &[]).await;
    assert_eq!(code, 1, "{found}");
    let told: std::collections::BTreeSet<_> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let part = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {}: {}; {}",
                part("table"),
                part("pk"),
                part("sk"),
                part("what"),
                part("repair")
            )
        })
        .collect();
    let told = told.into_iter().collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(told, @r"
    sourcegate-access KEY#1 1: is the current pair's and not there; writes it
    sourcegate-access MEMBER#1 eve: names user 7, who does not belong to organisation 1; removes it
    sourcegate-registry COUNTER 1#ds: counts 1, and 2 is in use; counts on from there
    sourcegate-registry DEFAULT 1: names 8, which no data source has; removes it
    sourcegate-registry DS#1 a: is not found by its name; writes the pointer
    sourcegate-registry DS#1 a: names sealed values that are not there; forgets its secrets, so that they can be sent again
    sourcegate-registry ID#1 0000000000000000009: leads to `gone`, which is not there; removes the pointer
    sourcegate-registry PERSES#1 DEFAULT#PDS#p#P: names `gone`, which is not there; removes it
    ");
    let (code, left) = fsck(app.data(), &["--repair"]).await;
    assert_eq!((code, &left["findings"]), (0, &json!([])), "{left}");
    assert!(left["repaired"].as_u64() >= Some(8), "{left}");
    // Both are found again, and the one that lost its secret can have it again.
    let listed = admin.get("/api/datasources").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let again =
        with(plain("a", "http://127.0.0.1:1"), json!({"secureJsonData": {"password": "new"}}));
    assert_eq!(admin.put("/api/datasources/uid/a", &again).await.status, 200);
    assert_eq!(fsck(app.data(), &[]).await.0, 0);
}

#[tokio::test]
async fn fsck_speaks_a_line_for_each_finding_and_tells_no_token() {
    let app = TestApp::start().await;
    app.token(auth::Role::Viewer).await;
    let listed =
        app.dynamodb().query().table_name("sourcegate-access").key_condition_expression("pk = :pk");
    let listed =
        listed.expression_attribute_values(":pk", AttributeValue::S("SATOKEN#1".to_owned()));
    let listed = listed.send().await.unwrap().items.unwrap();
    let entry = listed.last().unwrap();
    let hash = entry["token"].as_s().unwrap().clone();
    remove(&app, "access", ["SATOKEN#1", entry["sk"].as_s().unwrap()]).await;
    let data = app.data().to_str().unwrap();
    let answer = run(app.data(), &["admin", "fsck", "--data", data], &[]).await;
    assert_eq!(answer.status.code(), Some(1));
    let said = text(&answer.stdout);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    let counted = "counts 1 tokens and has 0; --repair does: counts them";
    assert!(
        lines[0].starts_with("sourcegate-access SA#1 ") && lines[0].ends_with(counted),
        "{said}"
    );
    let unseen = "sourcegate-access TOKEN#… -: does not stand in the list of service account ";
    assert!(lines[1].starts_with(unseen), "{said}");
    assert!(lines[1].ends_with("; --repair does: removes it"), "{said}");
    assert!(lines[2].ends_with(" items checked, 2 findings"), "{said}");
    assert!(!said.contains(hash.strip_prefix("TOKEN#").unwrap()), "{said}");
}

#[tokio::test]
async fn a_check_that_fails_is_no_finding() {
    let folder = tempdir().unwrap();
    let answer = run(folder.path(), &["admin", "fsck", "--json"], &[]).await;
    assert_eq!((answer.status.code(), text(&answer.stdout).as_str()), (Some(2), ""));
    let error: Value = serde_json::from_slice(&answer.stderr).unwrap();
    assert!(error["error"].as_str().unwrap().contains("is no data folder yet"), "{error}");
}

/// How many writes are answered before the kill, of all kinds.
const WRITES: usize = 1_000;
const WRITERS: usize = 16;

/// Creates, changes, renames and deletes, and takes the default, until the server is gone.
async fn write(client: Client, writer: usize, done: Arc<AtomicUsize>, enough: Arc<Notify>) {
    for number in 0_usize.. {
        let (uid, name) = (format!("w{writer}-{number}"), format!("n-{writer}-{number}"));
        let source = |name: &str, fields: Value| with(plain(name, "http://127.0.0.1:1"), fields);
        let path = format!("/api/datasources/uid/{uid}");
        let secret = |text: &str| json!({"uid": uid, "secureJsonData": {"a": text, "b": text}});
        let steps = [
            (Method::POST, "/api/datasources", source(&name, secret("one"))),
            (
                Method::PUT,
                &path,
                source(&name, json!({"secureJsonData": {"a": "two"}, "isDefault": true})),
            ),
            (
                Method::PUT,
                &path,
                source(&format!("renamed-{name}"), json!({"secureJsonData": {"a": "", "b": ""}})),
            ),
            (Method::PUT, &path, source(&name, json!({"isDefault": number % 2 == 0}))),
            (Method::DELETE, &path, Value::Null),
        ];
        // Every third one stays.
        let kept = if number % 3 == 0 { 4 } else { 5 };
        for (method, path, body) in steps.into_iter().take(kept) {
            let Ok(response) = client.request(method, path).json(&body).send().await else {
                return;
            };
            let status = response.status();
            let Ok(answer) = response.text().await else { return };
            assert_eq!(status, 200, "{answer}");
            if done.fetch_add(1, Ordering::Relaxed) + 1 >= WRITES {
                enough.notify_one();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d12_after_kill_9_during_a_thousand_mixed_writes_fsck_finds_nothing() {
    let folder = tempdir().unwrap();
    let data = folder.path().join(".sourcegate");
    let server = Binary::start(folder.path(), &[]).await;
    let client = server.admin(&data);
    let (done, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(client.clone(), writer, Arc::clone(&done), Arc::clone(&enough)));
    }
    enough.notified().await;
    server.end("KILL").await;
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer sees no error before the end");
    }
    assert!(done.load(Ordering::Relaxed) >= WRITES);
    let (code, found) = fsck(&data, &[]).await;
    assert_eq!((code, &found["findings"]), (0, &json!([])), "{found}");
    let again = Binary::start(folder.path(), &[]).await;
    assert_eq!(again.admin(&data).get("/api/datasources").await.status, 200);
    let (code, found) = fsck(&data, &[]).await;
    assert_eq!((code, &found["findings"]), (0, &json!([])), "{found}");
    assert!(found["items"].as_u64().unwrap() > 100, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fsck_takes_no_write_of_a_running_server_for_damage() {
    let folder = tempdir().unwrap();
    let data = folder.path().join(".sourcegate");
    let server = Binary::start(folder.path(), &[]).await;
    let client = server.admin(&data);
    let (done, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        writers.spawn(write(client.clone(), writer, Arc::clone(&done), Arc::clone(&enough)));
    }
    for _ in 0..5 {
        let (code, found) = fsck(&data, &[]).await;
        assert_eq!((code, &found["findings"]), (0, &json!([])), "{found}");
    }
    assert!(done.load(Ordering::Relaxed) > 0, "it wrote meanwhile");
    writers.abort_all();
}
