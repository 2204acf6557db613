//! Starting: what is made, what is said, what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use harness::Client;
use insta::assert_snapshot;
use tempfile::tempdir;

use super::binary::{Binary, credential, run, text};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[tokio::test]
async fn a_start_says_what_it_did_and_what_to_try() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &[]).await;
    let greeting = server.greeting().replace(&server.address.to_string(), "ADDRESS");
    assert_snapshot!(greeting, @r#"
    sourcegate listens on http://ADDRESS, data in ./.sourcegate
    made an administrator; credentials in ./.sourcegate/admin
    try:
      . ./.sourcegate/admin; curl -sS -H "Authorization: Bearer $SOURCEGATE_ADMIN_TOKEN" http://ADDRESS/api/datasources
    "#);
    for line in fs::read_to_string(folder.path().join(".sourcegate/admin")).unwrap().lines() {
        let (_, secret) = line.split_once('=').unwrap();
        assert!(!greeting.contains(secret.trim_matches('\'')), "only a terminal gets credentials");
    }
}

#[tokio::test]
async fn help_lists_every_flag() {
    let folder = tempdir().unwrap();
    let answer = run(folder.path(), &["--help"], &[]).await;
    assert_eq!(answer.status.code(), Some(0));
    let help = text(&answer.stdout);
    let flags = [
        ("--listen", "[env: SOURCEGATE_LISTEN=] [default: 127.0.0.1:3000]"),
        ("--data", "[env: SOURCEGATE_DATA=] [default: ./.sourcegate]"),
        ("--host <NAME,…>", "[env: SOURCEGATE_HOST=]"),
        ("--egress-allow <CIDR,…>", "[env: SOURCEGATE_EGRESS_ALLOW=]"),
        ("--dynamodb-listen <ADDR>", "[env: SOURCEGATE_DYNAMODB_LISTEN=]"),
        ("--grafana-compat <13|9|amg>", "[env: SOURCEGATE_GRAFANA_COMPAT=] [default: 13]"),
        ("--datasource-limit <NUMBER>", "[env: SOURCEGATE_DATASOURCE_LIMIT=] [default: 5000]"),
        ("--log", "[env: SOURCEGATE_LOG_FORMAT=] [default: text]"),
        ("--provisioning <DIR>", "[env: SOURCEGATE_PROVISIONING=]"),
        ("--demo", "[env: SOURCEGATE_DEMO=]"),
        ("--help", "help"),
    ];
    for (flag, meaning) in flags {
        assert!(help.contains(flag), "{flag}: {help}");
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(meaning), "{meaning}: {help}");
    }
    assert!(help.contains("admin"), "{help}");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "help makes nothing");
}

#[tokio::test]
async fn what_the_first_start_makes_is_its_owners_alone_and_later_starts_keep_it() {
    let folder = tempdir().unwrap();
    let data = folder.path().join(".sourcegate");
    assert_eq!(Binary::start(folder.path(), &[]).await.end("TERM").await, Some(0));
    assert_eq!(mode(&data), 0o700);
    let (admin, key) = (data.join("admin"), data.join("key"));
    assert_eq!((mode(&admin), mode(&key)), (0o600, 0o600));
    let key_text = fs::read_to_string(&key).unwrap();
    assert_eq!(key_text.trim_end().len(), 64, "64 hexadecimal digits");
    let before = (fs::read(&admin).unwrap(), key_text);

    let again = Binary::start(folder.path(), &[]).await;
    let greeting = again.greeting();
    assert!(greeting.contains("administrator's credentials: ./.sourcegate/admin"), "{greeting}");
    assert_eq!((fs::read(&admin).unwrap(), fs::read_to_string(&key).unwrap()), before);
    assert_eq!(again.admin(&data).get("/api/org").await.status, 200);
    let password = credential(&data, "SOURCEGATE_ADMIN_PASSWORD");
    let user = Client::basic(again.address, "admin", &password);
    assert_eq!(user.get("/api/org").await.status, 200);
}

#[tokio::test]
async fn the_password_of_the_environment_counts_at_the_first_start_only() {
    let folder = tempdir().unwrap();
    let variable = |password| [("SOURCEGATE_ADMIN_PASSWORD", password)];
    let first = Binary::with(folder.path(), &[], &variable("first choice")).await;
    let data = folder.path().join(".sourcegate");
    assert_eq!(credential(&data, "SOURCEGATE_ADMIN_PASSWORD"), "first choice");
    let user = Client::basic(first.address, "admin", "first choice");
    assert_eq!(user.get("/api/org").await.status, 200);
    first.end("TERM").await;

    let second = Binary::with(folder.path(), &[], &variable("second choice")).await;
    assert_eq!(credential(&data, "SOURCEGATE_ADMIN_PASSWORD"), "first choice");
    let user = Client::basic(second.address, "admin", "first choice");
    assert_eq!(user.get("/api/org").await.status, 200);
    let user = Client::basic(second.address, "admin", "second choice");
    assert_eq!(user.get("/api/org").await.status, 401);
}

#[tokio::test]
async fn a_password_that_no_shell_line_holds_is_refused() {
    let folder = tempdir().unwrap();
    let variables = [("SOURCEGATE_ADMIN_PASSWORD", "it's")];
    let answer = run(folder.path(), &["--listen", "127.0.0.1:0"], &variables).await;
    assert_eq!(answer.status.code(), Some(1));
    let said = text(&answer.stderr);
    assert!(said.contains("SOURCEGATE_ADMIN_PASSWORD must not be empty"), "{said}");
    assert!(!said.contains("it's"), "{said}");
    let started = Binary::start(folder.path(), &[]).await;
    assert!(started.greeting().contains("made an administrator"), "the next start makes one");
}

#[tokio::test]
async fn a_second_start_on_the_same_folder_is_refused_with_the_pid_and_the_way_out() {
    let folder = tempdir().unwrap();
    let first = Binary::start(folder.path(), &[]).await;
    let answer = run(folder.path(), &["--listen", "127.0.0.1:0"], &[]).await;
    assert_eq!(answer.status.code(), Some(1));
    let said = text(&answer.stderr).replace(&first.process.id().to_string(), "PID");
    assert_snapshot!(said, @"Error: another sourcegate (pid PID) is using ./.sourcegate; stop it, or give --data another folder");
    let data = folder.path().join(".sourcegate");
    assert_eq!(first.admin(&data).get("/api/org").await.status, 200, "the first goes on");
    first.end("KILL").await;
    Binary::start(folder.path(), &[]).await;
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_way_out() {
    let folder = tempdir().unwrap();
    let first = Binary::start(folder.path(), &[]).await;
    let address = first.address.to_string();
    let answer = run(folder.path(), &["--data", "other", "--listen", &address], &[]).await;
    assert_eq!(answer.status.code(), Some(1));
    let said = text(&answer.stderr).replace(&address, "ADDRESS");
    assert_snapshot!(said, @"Error: cannot listen on ADDRESS; give --listen another address: Address already in use (os error 98)");
}

#[tokio::test]
async fn a_damaged_key_file_is_named_and_left_alone() {
    let folder = tempdir().unwrap();
    assert_eq!(Binary::start(folder.path(), &[]).await.end("INT").await, Some(0));
    let key = folder.path().join(".sourcegate/key");
    fs::write(&key, "canary-not-a-key").unwrap();
    let answer = run(folder.path(), &["--listen", "127.0.0.1:0"], &[]).await;
    assert_eq!(answer.status.code(), Some(1));
    assert_snapshot!(text(&answer.stderr), @"Error: ./.sourcegate/key is damaged: the key file must hold 64 hexadecimal digits and nothing else");
    assert_eq!(fs::read_to_string(&key).unwrap(), "canary-not-a-key");
}

#[tokio::test]
async fn flags_are_variables_too() {
    let folder = tempdir().unwrap();
    let variables = [("SOURCEGATE_DATA", "elsewhere"), ("SOURCEGATE_HOST", "gate.test,b.test")];
    let server = Binary::with(folder.path(), &[], &variables).await;
    assert!(folder.path().join("elsewhere/key").exists());
    let client = server.admin(&folder.path().join("elsewhere"));
    for (host, status) in [("gate.test", 200), ("b.test:80", 200), ("other.test", 421)] {
        let request = client.request(http::Method::GET, "/api/org").header("host", host);
        assert_eq!(client.send(request).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn a_flag_that_does_not_parse_is_named() {
    let folder = tempdir().unwrap();
    for (flag, value) in [("--listen", "nowhere"), ("--egress-allow", "10.0.0.0/33")] {
        let answer = run(folder.path(), &[flag, value], &[]).await;
        assert_eq!(answer.status.code(), Some(2));
        let said = text(&answer.stderr);
        assert!(said.contains(flag) && said.contains(value), "{said}");
    }
    for (variable, value) in
        [("SOURCEGATE_GRAFANA_COMPAT", "14"), ("SOURCEGATE_DATASOURCE_LIMIT", "0")]
    {
        let answer = run(folder.path(), &["--listen", "127.0.0.1:0"], &[(variable, value)]).await;
        assert_eq!(answer.status.code(), Some(2));
        let said = text(&answer.stderr);
        assert!(said.contains(&format!("{variable} is `{value}`; it must be")), "{said}");
    }
    let public = ["--listen", "127.0.0.1:0", "--dynamodb-listen", "0.0.0.0:0"];
    let answer = run(folder.path(), &public, &[]).await;
    assert_eq!(answer.status.code(), Some(1));
    assert_snapshot!(text(&answer.stderr), @"Error: 0.0.0.0:0 is neither a loopback nor a private address; the engine is offered on those only");
}
