//! `admin bootstrap`, `password`, `user`, `orgs` and `token`: beside a running server, and for scripts.

use std::process::Stdio;
use std::time::{Duration, Instant};

use harness::Client;
use harness::process::built;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::io::AsyncWriteExt as _;

use super::binary::{Binary, PATIENCE, credential, run, text};

/// Runs a command with something on its standard input.
async fn fed(folder: &std::path::Path, arguments: &[&str], input: &str) -> std::process::Output {
    let mut command = tokio::process::Command::new(built("sourcegate"));
    command.current_dir(folder).args(arguments).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    child.wait_with_output().await.unwrap()
}

#[tokio::test]
async fn a14_of_two_first_administrators_one_wins() {
    let folder = tempdir().unwrap();
    let bootstrap = || run(folder.path(), &["admin", "bootstrap", "--json"], &[]);
    let (one, other) = tokio::join!(bootstrap(), bootstrap());
    let mut codes = [one.status.code(), other.status.code()];
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)], "{} {}", text(&one.stderr), text(&other.stderr));
    let (won, lost) = if one.status.success() { (one, other) } else { (other, one) };
    let won: Value = serde_json::from_slice(&won.stdout).unwrap();
    assert_eq!(won, json!({"login": "admin", "org": 1, "file": "./.sourcegate/admin"}));
    let lost: Value = serde_json::from_slice(&lost.stderr).unwrap();
    let said = lost["error"].as_str().unwrap();
    assert!(
        said.contains("there is an administrator already")
            || said.contains("is using ./.sourcegate"),
        "{said}"
    );
    let server = Binary::start(folder.path(), &[]).await;
    assert!(server.greeting().contains("administrator's credentials: ./.sourcegate/admin"));
    let data = folder.path().join(".sourcegate");
    assert_eq!(server.admin(&data).get("/api/org").await.status, 200);
    let password = credential(&data, "SOURCEGATE_ADMIN_PASSWORD");
    assert_eq!(Client::basic(server.address, "admin", &password).get("/api/org").await.status, 200);
}

#[tokio::test]
async fn a_new_password_works_at_once_and_the_old_one_dies_within_five_seconds() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &[]).await;
    let data = folder.path().join(".sourcegate");
    let old = credential(&data, "SOURCEGATE_ADMIN_PASSWORD");
    let path = "/api/datasources";
    assert_eq!(Client::basic(server.address, "admin", &old).get(path).await.status, 200);
    let done = fed(folder.path(), &["admin", "password", "admin"], "a new one\n").await;
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(!text(&done.stdout).contains("a new one"));
    assert_eq!(credential(&data, "SOURCEGATE_ADMIN_PASSWORD"), "a new one");
    assert_eq!(Client::basic(server.address, "admin", "a new one").get(path).await.status, 200);
    let changed = Instant::now();
    while Client::basic(server.address, "admin", &old).get(path).await.status != 401 {
        assert!(changed.elapsed() < PATIENCE.min(Duration::from_secs(10)), "the old one lives on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let drawn =
        run(folder.path(), &["admin", "password", "ADMIN", "--generate", "--json"], &[]).await;
    let drawn: Value = serde_json::from_slice(&drawn.stdout).unwrap();
    let drawn = drawn["password"].as_str().unwrap();
    assert_eq!(Client::basic(server.address, "admin", drawn).get(path).await.status, 200);
    for (arguments, input, said) in [
        (["admin", "password", "nobody"], "x\n", "there is no user `nobody`"),
        (["admin", "password", "admin"], "\n", "the password is empty"),
    ] {
        let refused = fed(folder.path(), &arguments, input).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains(said), "{}", text(&refused.stderr));
    }
}

#[tokio::test]
async fn users_are_made_listed_shut_out_and_let_in() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &[]).await;
    let create = ["admin", "user", "create", "bob", "--role", "editor", "--json"];
    let made = fed(folder.path(), &create, "bob's own\n").await;
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(made, json!({"login": "bob", "org": 1, "role": "Editor", "password": null}));
    let bob = Client::basic(server.address, "Bob", "bob's own");
    assert_eq!(bob.get("/api/user").await.json()["login"], "bob");
    let listed = run(folder.path(), &["admin", "user", "list", "--json"], &[]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let logins: Vec<_> = listed.as_array().unwrap().iter().map(|user| &user["login"]).collect();
    assert_eq!(logins, ["admin", "bob"]);
    assert_eq!(listed[1]["orgs"], json!([{"id": 1, "role": "Editor"}]));
    for (what, status) in [("disable", 401), ("enable", 200)] {
        assert_eq!(
            run(folder.path(), &["admin", "user", what, "bob"], &[]).await.status.code(),
            Some(0)
        );
        assert_eq!(bob.get("/api/user").await.status, status, "{what}");
    }
    for (arguments, said) in [
        (
            vec!["admin", "user", "create", "BOB", "--role", "viewer", "--generate"],
            "login `BOB` is taken",
        ),
        (
            vec!["admin", "user", "create", "a:b", "--role", "viewer", "--generate"],
            "a login has 1 to 190 bytes",
        ),
        (
            vec!["admin", "user", "create", "x", "--role", "viewer", "--org", "7", "--generate"],
            "organisation 7 does not exist",
        ),
        (vec!["admin", "user", "disable", "nobody"], "there is no user `nobody`"),
        (vec!["admin", "token", "--role", "viewer", "--org", "7"], "organisation 7 does not exist"),
    ] {
        let refused = run(folder.path(), &arguments, &[]).await;
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert!(text(&refused.stderr).contains(said), "{}", text(&refused.stderr));
    }
    let orgs = run(folder.path(), &["admin", "orgs", "--json"], &[]).await;
    assert_eq!(
        serde_json::from_slice::<Value>(&orgs.stdout).unwrap(),
        json!([{"id": 1, "name": "Main Org."}])
    );
    assert_eq!(run(folder.path(), &["admin", "fsck"], &[]).await.status.code(), Some(0));
}

#[tokio::test]
async fn d20_a_token_with_an_end_is_dead_after_it() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &[]).await;
    let arguments = ["admin", "token", "--role", "viewer", "--name", "ci", "--ttl", "2s", "--json"];
    let made = run(folder.path(), &arguments, &[]).await;
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(
        (&made["name"], &made["role"], &made["org"]),
        (&json!("ci"), &json!("Viewer"), &json!(1))
    );
    let client =
        Client::new(server.address, Some(format!("Bearer {}", made["token"].as_str().unwrap())));
    assert_eq!(client.get("/api/datasources").await.status, 200);
    let started = Instant::now();
    while client.get("/api/datasources").await.status != 401 {
        assert!(started.elapsed() < Duration::from_secs(20), "it lives on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn commands_work_on_tables_that_are_reached_as_aws_is() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &["--dynamodb-listen", "127.0.0.1:0"]).await;
    let lines = std::fs::read_to_string(folder.path().join(".sourcegate/dynamodb")).unwrap();
    let key = folder.path().join(".sourcegate/key");
    let mut variables: Vec<_> = lines.lines().filter_map(|line| line.split_once('=')).collect();
    variables.push(("SOURCEGATE_KEY_FILE", key.to_str().unwrap()));
    std::fs::write(folder.path().join("passphrase"), "correct horse battery").unwrap();
    // Elsewhere, so that no data folder helps.
    let other = tempdir().unwrap();
    let passphrase = folder.path().join("passphrase");
    let aws = async |arguments: &[&str]| {
        run(other.path(), &[&["admin", "--aws"], arguments].concat(), &variables).await
    };
    let token = aws(&["token", "--role", "viewer"]).await;
    assert_eq!(token.status.code(), Some(0), "{}", text(&token.stderr));
    let client =
        Client::new(server.address, Some(format!("Bearer {}", text(&token.stdout).trim())));
    assert_eq!(client.get("/api/datasources").await.status, 200);
    assert_eq!(text(&aws(&["orgs"]).await.stdout), "1\tMain Org.\n");
    let second = aws(&["bootstrap"]).await;
    assert_eq!(second.status.code(), Some(1));
    assert!(
        text(&second.stderr).contains("there is an administrator already"),
        "{}",
        text(&second.stderr)
    );
    let admin = server.admin(&folder.path().join(".sourcegate"));
    let source = json!({"uid": "a", "secureJsonData": {"password": "canary"}});
    admin
        .create(&harness::build::with(harness::build::plain("a", "http://127.0.0.1:1"), source))
        .await;
    let exported =
        aws(&["export", "x.age", "--passphrase-file", passphrase.to_str().unwrap()]).await;
    assert_eq!(
        text(&exported.stdout),
        "exported 1 data sources and 0 documents with their secrets to x.age\n",
        "{}",
        text(&exported.stderr)
    );
    // A table cannot be read whole through this door.
    assert_eq!(aws(&["fsck"]).await.status.code(), Some(2));
}
