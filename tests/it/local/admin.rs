//! `sourcegate admin token`, beside a running server and without one.

use harness::Client;
use harness::build::plain;
use tempfile::tempdir;

use super::binary::{Binary, run, text};

#[tokio::test]
async fn a_token_made_beside_a_running_server_works_at_once_with_its_role() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &[]).await;
    for (role, create) in [("viewer", 403), ("editor", 403), ("admin", 200)] {
        let made = run(folder.path(), &["admin", "token", "--role", role], &[]).await;
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        let token = text(&made.stdout);
        let token = token.strip_suffix('\n').expect("the token and nothing else");
        assert!(token.starts_with("glsa_"), "{token}");
        let client = Client::new(server.address, Some(format!("Bearer {token}")));
        assert_eq!(client.get("/api/org").await.status, 200, "{role}");
        let answer = client.post("/api/datasources", &plain(role, "http://127.0.0.1:1")).await;
        assert_eq!(answer.status, create, "{role}: {}", answer.text());
    }
    let data = folder.path().join(".sourcegate");
    let listed = server.admin(&data).get("/api/datasources").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test]
async fn a_token_is_for_a_folder_that_a_server_was_started_on() {
    let folder = tempdir().unwrap();
    let arguments = ["admin", "token", "--role", "viewer", "--data", "new"];
    let answer = run(folder.path(), &arguments, &[]).await;
    assert_eq!(answer.status.code(), Some(1));
    insta::assert_snapshot!(text(&answer.stderr), @"Error: new is no data folder yet; start sourcegate on it first, or give --data another folder");
    assert_eq!(text(&answer.stdout), "");
    assert!(!folder.path().join("new").exists());
}

#[tokio::test]
async fn a_role_that_is_none_is_named() {
    let folder = tempdir().unwrap();
    let answer = run(folder.path(), &["admin", "token", "--role", "owner"], &[]).await;
    assert_eq!(answer.status.code(), Some(2));
    let said = text(&answer.stderr);
    assert!(said.contains("'owner'") && said.contains("viewer, editor, admin"), "{said}");
}
