//! The data folder: one server, private files, nothing lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::{client, open_with_table, put, value};
use crate::engine::{Engine, Error};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[track_caller]
fn check_in_use(data: &Path) {
    let refused = Engine::open(data).unwrap_err();
    assert!(matches!(refused, Error::InUse { .. }), "{refused:?}");
    let expected = format!(
        "another sourcegate (pid {}) is using {}; stop it, or give --data another folder",
        std::process::id(),
        data.display()
    );
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_second_server_on_one_folder_is_refused_by_pid() {
    let data = TempDir::new().unwrap();
    fs::write(data.path().join("lock"), "4294967295\nof an earlier start\n").unwrap();
    let engine = Engine::open(data.path()).unwrap();
    check_in_use(data.path());
    drop(engine);
    Engine::open(data.path()).unwrap();
}

#[test]
fn the_lock_is_held_for_as_long_as_a_client_lives() {
    let data = TempDir::new().unwrap();
    let client = Engine::open(data.path()).unwrap().http_client();
    check_in_use(data.path());
    drop(client);
    Engine::open(data.path()).unwrap();
}

#[tokio::test]
async fn an_operator_works_beside_the_server() {
    let data = TempDir::new().unwrap();
    let (_engine, server) = open_with_table(data.path()).await;
    let beside = client(&Engine::open_beside(data.path()).unwrap());
    put(&beside, "a", "operator").send().await.unwrap();
    put(&server, "b", "server").send().await.unwrap();
    assert_eq!(value(&server, "a").await.as_deref(), Some("operator"));
    assert_eq!(value(&beside, "b").await.as_deref(), Some("server"));
}

#[tokio::test]
async fn items_are_there_after_a_restart() {
    let data = TempDir::new().unwrap();
    let (engine, first) = open_with_table(data.path()).await;
    put(&first, "a", "1").send().await.unwrap();
    drop((engine, first));
    let second = client(&Engine::open(data.path()).unwrap());
    assert_eq!(value(&second, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn folder_and_files_are_the_owners_alone() {
    let parent = TempDir::new().unwrap();
    let data = parent.path().join("deep/data");
    let (_engine, client) = open_with_table(&data).await;
    put(&client, "a", "1").send().await.unwrap();
    assert_eq!(mode(&data), 0o700);
    for file in ["lock", "store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}

#[test]
fn files_that_others_could_read_are_closed_to_them() {
    let data = TempDir::new().unwrap();
    drop(Engine::open(data.path()).unwrap());
    let store = data.path().join("store.sqlite");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o644)).unwrap();
    let _engine = Engine::open(data.path()).unwrap();
    assert_eq!(mode(&store), 0o600);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let parent = TempDir::new().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = Engine::open(&file.join("data")).unwrap_err();
    assert!(refused.to_string().contains(&file.display().to_string()), "{refused}");
}
