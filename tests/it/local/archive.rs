//! `admin export` and `admin import`: what is sealed here opens there, with the passphrase and without a leak.

mod documents;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use harness::Client;
use harness::build::{plain, with};
use harness::upstream::FakeUpstream;
use http::Method;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use super::binary::{Binary, run, text};

const PASSPHRASE: &str = "correct horse battery";

/// A folder with a passphrase in a file.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("passphrase"), format!("{PASSPHRASE}\n")).unwrap();
    fs::write(folder.path().join("wrong"), "wrong horse battery\n").unwrap();
    folder
}

async fn admin(folder: &Path, arguments: &[&str]) -> Output {
    run(folder, &[&["admin"], arguments].concat(), &[]).await
}

const EXPORT: &[&str] = &["export", "all.age", "--passphrase-file", "passphrase"];
const IMPORT: &[&str] = &["import", "all.age", "--passphrase-file", "passphrase"];

/// Three data sources, one with a password for an upstream and permissions of its own.
async fn filled(folder: &Path, upstream: &FakeUpstream) -> (Binary, Client) {
    let server = Binary::start(folder, &[]).await;
    let made = admin(folder, &["user", "create", "bob", "--role", "viewer", "--generate"]).await;
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let client = server.admin(&folder.join(".sourcegate"));
    let secret = json!({
        "uid": "secret", "basicAuth": true, "basicAuthUser": "u", "secureJsonData": {"basicAuthPassword": "canary-password"},
        "jsonData": {"n": 1.50, "big": 123456789012345678_u64},
    });
    // Written over several lines, as it is kept.
    let pretty = serde_json::to_vec_pretty(&with(plain("with secret", &upstream.url()), secret));
    let create = client.request(Method::POST, "/api/datasources");
    let create = create.header("Content-Type", "application/json").body(pretty.unwrap());
    assert_eq!(client.send(create).await.status, 200);
    client.create(&with(plain("plain", "http://canary-host:1"), json!({"uid": "plain"}))).await;
    client
        .create(&with(
            plain("default", "http://127.0.0.1:1"),
            json!({"uid": "default", "isDefault": true}),
        ))
        .await;
    for (path, level) in
        [("builtInRoles/Viewer", ""), ("builtInRoles/Editor", "Edit"), ("users/3", "Query")]
    {
        let path = format!("/api/access-control/datasources/secret/{path}");
        let set = client.post(&path, &json!({"permission": level})).await;
        assert_eq!(set.status, 200, "{}", set.text());
    }
    (server, client)
}

#[tokio::test]
async fn what_is_exported_here_works_there_with_its_secrets_and_permissions() {
    let (here, there, upstream) = (folder(), folder(), FakeUpstream::start().await);
    let (server, client) = filled(here.path(), &upstream).await;
    let before = client.get("/api/datasources/uid/secret").await.json();
    let permissions = client.get("/api/access-control/datasources/secret").await.json();

    let exported = admin(here.path(), EXPORT).await;
    assert_eq!(exported.status.code(), Some(0), "{}", text(&exported.stderr));
    assert_eq!(
        text(&exported.stdout),
        "exported 3 data sources and 0 documents with their secrets to all.age\n"
    );
    let file = here.path().join("all.age");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    assert!(!bytes.windows(6).any(|six| six == b"canary"), "nothing in it is readable");
    assert!(!here.path().join("all.age.part").exists());
    drop(server);

    fs::copy(&file, there.path().join("all.age")).unwrap();
    // Other accounts have these numbers there.
    let other = Binary::start(there.path(), &[]).await;
    for login in ["eve", "bob"] {
        assert_eq!(
            admin(there.path(), &["user", "create", login, "--role", "viewer", "--generate"])
                .await
                .status
                .code(),
            Some(0)
        );
    }
    let imported = admin(there.path(), IMPORT).await;
    assert_eq!(
        text(&imported.stdout),
        "3 created, 0 replaced, 0 skipped\n",
        "{}",
        text(&imported.stderr)
    );
    let client = other.admin(&there.path().join(".sourcegate"));
    let after = client.get("/api/datasources/uid/secret").await.json();
    let same = |source: &Value| with(source.clone(), json!({"id": 0, "version": 0}));
    assert_eq!(same(&after), same(&before));
    assert_eq!(client.get("/api/datasources/uid/default").await.json()["isDefault"], true);
    let names = |all: &Value| -> Vec<String> {
        let of = |one: &Value| {
            format!(
                "{}{} {}",
                one["userLogin"].as_str().unwrap_or_default(),
                one["builtInRole"].as_str().unwrap_or_default(),
                one["permission"]
            )
        };
        all.as_array().unwrap().iter().map(of).collect()
    };
    let there_permissions = client.get("/api/access-control/datasources/secret").await.json();
    assert_eq!(names(&there_permissions), names(&permissions));

    assert_eq!(client.get("/api/datasources/proxy/uid/secret/x").await.status, 200);
    let sent = upstream.requests().pop().unwrap();
    let expected = Client::basic(upstream.address(), "u", "canary-password");
    assert_eq!(sent.header("authorization"), Some(expected.authorization()));
    let checked = admin(there.path(), &["fsck"]).await;
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
}

#[tokio::test]
async fn what_is_there_already_stays_is_replaced_or_stops_the_import() {
    let (here, upstream) = (folder(), FakeUpstream::start().await);
    let (_server, client) = filled(here.path(), &upstream).await;
    assert_eq!(admin(here.path(), EXPORT).await.status.code(), Some(0));
    assert_eq!(client.delete("/api/datasources/uid/plain").await.status, 200);
    let changed = with(
        plain("with secret", "http://127.0.0.1:2"),
        json!({"secureJsonData": {"basicAuthPassword": "other"}}),
    );
    assert_eq!(client.put("/api/datasources/uid/secret", &changed).await.status, 200);

    let stopped = admin(here.path(), &[IMPORT, &["--json"]].concat()).await;
    assert_eq!((stopped.status.code(), text(&stopped.stdout).as_str()), (Some(1), ""));
    let error: Value = serde_json::from_slice(&stopped.stderr).unwrap();
    let error = error["error"].as_str().unwrap();
    assert!(error.starts_with("nothing was imported, since some is there already"), "{error}");
    assert!(error.contains("organisation 1: uid `secret` is there already"), "{error}");
    assert_eq!(client.get("/api/datasources/uid/plain").await.status, 404);

    let skipped =
        admin(here.path(), &[IMPORT, &["--on-conflict", "skip", "--json"]].concat()).await;
    assert_eq!(skipped.status.code(), Some(0), "as asked");
    let done: Value = serde_json::from_slice(&skipped.stdout).unwrap();
    assert_eq!(
        (&done["created"], &done["replaced"], &done["skipped"]),
        (&json!(1), &json!(0), &json!(2))
    );
    assert_eq!(client.get("/api/datasources/uid/secret").await.json()["url"], "http://127.0.0.1:2");

    let id = client.get("/api/datasources/uid/secret").await.json()["id"].clone();
    let replaced =
        admin(here.path(), &[IMPORT, &["--on-conflict", "replace", "--json"]].concat()).await;
    let done: Value = serde_json::from_slice(&replaced.stdout).unwrap();
    assert_eq!(
        (&done["created"], &done["replaced"], &done["skipped"]),
        (&json!(0), &json!(3), &json!(0))
    );
    let after = client.get("/api/datasources/uid/secret").await.json();
    assert_eq!((&after["url"], &after["id"]), (&json!(upstream.url()), &id));
    assert_eq!(client.get("/api/datasources/proxy/uid/secret/x").await.status, 200);

    // The uid of one and the name of another.
    assert_eq!(client.delete("/api/datasources/uid/plain").await.status, 200);
    assert_eq!(client.delete("/api/datasources/uid/secret").await.status, 200);
    client.create(&with(plain("plain", "http://127.0.0.1:1"), json!({"uid": "secret"}))).await;
    let mixed = admin(here.path(), &[IMPORT, &["--on-conflict", "replace"]].concat()).await;
    assert_eq!(mixed.status.code(), Some(0), "{}", text(&mixed.stderr));
    assert_eq!(text(&mixed.stdout), "1 created, 2 replaced, 0 skipped\n");

    // The uid of one and the name of another, both there.
    assert_eq!(client.delete("/api/datasources/uid/secret").await.status, 200);
    client.create(&with(plain("taken", "http://127.0.0.1:1"), json!({ "uid": "secret" }))).await;
    client.create(&with(plain("with secret", "http://127.0.0.1:1"), json!({ "uid": "x" }))).await;
    let both = admin(here.path(), &[IMPORT, &["--on-conflict", "replace"]].concat()).await;
    assert_eq!(both.status.code(), Some(3));
    let said = text(&both.stdout);
    let reason = "uid and name are those of two that are there, `taken` and `with secret`";
    assert!(
        said.contains(reason) && said.ends_with("0 created, 2 replaced, 0 skipped, 1 left out\n"),
        "{said}"
    );
    assert_eq!(admin(here.path(), &["fsck"]).await.status.code(), Some(0));

    // What is there stays as it is where that is asked for, however it is in the way.
    let skipped = admin(here.path(), &[IMPORT, &["--on-conflict", "skip"]].concat()).await;
    assert_eq!(skipped.status.code(), Some(0));
    assert!(text(&skipped.stdout).ends_with("0 created, 0 replaced, 3 skipped\n"));
}

#[tokio::test]
async fn a_default_that_cannot_be_one_is_named() {
    let (here, there, upstream) = (folder(), folder(), FakeUpstream::start().await);
    let (server, client) = filled(here.path(), &upstream).await;
    for uid in ["secret", "plain"] {
        assert_eq!(client.delete(&format!("/api/datasources/uid/{uid}")).await.status, 200);
    }
    assert_eq!(admin(here.path(), EXPORT).await.status.code(), Some(0));
    drop(server);
    fs::copy(here.path().join("all.age"), there.path().join("all.age")).unwrap();
    let server = Binary::start(there.path(), &[]).await;
    let client = server.admin(&there.path().join(".sourcegate"));
    let own = json!({ "uid": "own", "isDefault": true });
    client.create(&with(plain("own", "http://127.0.0.1:1"), own)).await;
    for conflicts in ["fail", "replace"] {
        let import = [IMPORT, &["--on-conflict", conflicts]].concat();
        let imported = admin(there.path(), &import).await;
        assert_eq!(imported.status.code(), Some(3), "{conflicts}: {}", text(&imported.stderr));
        let told = "organisation 1, data source `default`: not the default, since `own` is\n";
        assert!(text(&imported.stdout).starts_with(told), "{}", text(&imported.stdout));
        assert_eq!(client.get("/api/datasources/uid/own").await.json()["isDefault"], true);
    }
}

#[tokio::test]
async fn a_data_source_that_would_be_refused_is_named_and_the_others_are_made() {
    let (here, there, upstream) = (folder(), folder(), FakeUpstream::start().await);
    let (server, client) = filled(here.path(), &upstream).await;
    let permissions = "/api/access-control/datasources/plain/users/3";
    assert_eq!(client.post(permissions, &json!({ "permission": "Edit" })).await.status, 200);
    assert_eq!(admin(here.path(), EXPORT).await.status.code(), Some(0));
    drop(server);
    fs::copy(here.path().join("all.age"), there.path().join("all.age")).unwrap();
    let server = Binary::start(there.path(), &[]).await;
    let import = [&["admin"], IMPORT].concat();
    let imported =
        run(there.path(), &import, &[("SOURCEGATE_EGRESS_ALLOW", "198.51.100.0/24")]).await;
    assert_eq!(imported.status.code(), Some(3), "{}", text(&imported.stderr));
    let reason = "it would be refused: data sources must not be at an address that is loopback";
    let told = format!(
        "organisation 1, data source `default`: left out, {reason}\n\
         organisation 1, data source `plain`: permissions left out, since nobody here is user bob\n\
         organisation 1, data source `secret`: left out, {reason}\n\
         1 created, 0 replaced, 0 skipped, 2 left out\n"
    );
    assert_eq!(text(&imported.stdout), told);
    let client = server.admin(&there.path().join(".sourcegate"));
    let made = client.get("/api/datasources").await.json();
    assert_eq!(made.as_array().unwrap().len(), 1);
    assert_eq!(made[0]["uid"], "plain");
}

#[tokio::test]
async fn what_is_given_to_somebody_who_has_left_is_not_in_the_file_and_the_export_says_so() {
    let (here, upstream) = (folder(), FakeUpstream::start().await);
    let (_server, client) = filled(here.path(), &upstream).await;
    documents::expelled(&client, "bob").await;
    let exported = admin(here.path(), EXPORT).await;
    let said = "organisation 1, data source `secret`: 1 permission left out, since who had it is not here any more\n\
                exported 3 data sources and 0 documents with their secrets to all.age\n";
    assert_eq!(text(&exported.stdout), said, "{}", text(&exported.stderr));
}

#[tokio::test]
async fn a_wrong_passphrase_a_cut_and_a_changed_file_are_refused_before_anything_is_written() {
    let (here, upstream) = (folder(), FakeUpstream::start().await);
    let (_server, client) = filled(here.path(), &upstream).await;
    assert_eq!(admin(here.path(), EXPORT).await.status.code(), Some(0));
    for uid in ["secret", "plain", "default"] {
        assert_eq!(client.delete(&format!("/api/datasources/uid/{uid}")).await.status, 200);
    }
    let whole = fs::read(here.path().join("all.age")).unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (bytes, passphrase) in [
        (&whole, "wrong"),
        (&changed, "passphrase"),
        (&whole[..whole.len() - 20].to_vec(), "passphrase"),
        (&b"age".to_vec(), "passphrase"),
    ] {
        fs::write(here.path().join("all.age"), bytes).unwrap();
        let refused =
            admin(here.path(), &["import", "all.age", "--passphrase-file", passphrase]).await;
        assert_eq!(refused.status.code(), Some(1));
        let said = text(&refused.stderr);
        assert!(
            said.starts_with("Error: ") && !said.contains("canary") && !said.contains("horse"),
            "{said}"
        );
    }
    assert_eq!(client.get("/api/datasources").await.json(), json!([]));
}

#[tokio::test]
async fn passphrases_come_from_files_and_never_from_the_command_line() {
    let here = folder();
    let server = Binary::start(here.path(), &[]).await;
    let asked = admin(here.path(), &["export", "x.age"]).await;
    assert_eq!(asked.status.code(), Some(1));
    assert!(
        text(&asked.stderr).contains("there is no terminal to ask at; give --passphrase-file"),
        "{}",
        text(&asked.stderr)
    );
    let flag = admin(here.path(), &["export", "x.age", "--passphrase", "x"]).await;
    assert_eq!(flag.status.code(), Some(2));
    fs::write(here.path().join("short"), "short").unwrap();
    let short = admin(here.path(), &["export", "x.age", "--passphrase-file", "short"]).await;
    assert!(text(&short.stderr).contains("at least 10 characters"), "{}", text(&short.stderr));
    assert!(!here.path().join("x.age").exists());
    assert_eq!(admin(here.path(), EXPORT).await.status.code(), Some(0));
    let again = admin(here.path(), EXPORT).await;
    assert!(
        text(&again.stderr).contains("all.age is there already; give --force"),
        "{}",
        text(&again.stderr)
    );
    assert_eq!(admin(here.path(), &[EXPORT, &["--force"]].concat()).await.status.code(), Some(0));
    drop(server);
}
