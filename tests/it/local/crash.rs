//! `kill -9` during writes: what was acknowledged is there after the next start, and nothing is half there.

use std::path::Path;
use std::sync::{Arc, Mutex};

use harness::Client;
use harness::build::{plain, with};
use http::Method;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::binary::Binary;

const ROUNDS: usize = 3;
const WRITERS: usize = 20;
/// Acknowledged creates before the kill; the other writers are at work meanwhile.
const ENOUGH: usize = 30;

/// What was acknowledged: the uid and the name of each data source.
type Acknowledged = Arc<Mutex<Vec<(String, String)>>>;

/// Creates until the server is gone.
async fn write(client: Client, name: String, acknowledged: Acknowledged, enough: Arc<Notify>) {
    for number in 0_u32.. {
        let name = format!("{name}-{number}");
        let secret = json!({ "secureJsonData": { "basicAuthPassword": "secret" } });
        let source = with(plain(&name, "http://127.0.0.1:1"), secret);
        let Ok(response) =
            client.request(Method::POST, "/api/datasources").json(&source).send().await
        else {
            return;
        };
        let status = response.status();
        let Ok(body) = response.json::<Value>().await else { return };
        assert_eq!(status, 200, "{body}");
        let uid = body["datasource"]["uid"].as_str().expect("a uid").to_owned();
        let mut acknowledged = acknowledged.lock().unwrap();
        acknowledged.push((uid, name));
        if acknowledged.len() >= ENOUGH {
            enough.notify_one();
        }
    }
}

/// Starts, lets many write at once, kills in the middle.
async fn round(folder: &Path, number: usize) -> Vec<(String, String)> {
    let server = Binary::start(folder, &[]).await;
    let client = server.admin(&folder.join(".sourcegate"));
    let (acknowledged, enough) = (Acknowledged::default(), Arc::new(Notify::new()));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (all, enough) = (Arc::clone(&acknowledged), Arc::clone(&enough));
        writers.spawn(write(client.clone(), format!("round-{number}-{writer}"), all, enough));
    }
    enough.notified().await;
    server.end("KILL").await;
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer sees no error before the end");
    }
    let all = acknowledged.lock().unwrap();
    all.clone()
}

#[tokio::test]
async fn every_acknowledged_create_survives_kill_9() {
    let folder = tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for number in 0..ROUNDS {
        acknowledged.extend(round(folder.path(), number).await);
    }
    assert!(acknowledged.len() >= ROUNDS * ENOUGH);
    let server = Binary::start(folder.path(), &[]).await;
    let client = server.admin(&folder.path().join(".sourcegate"));
    let listed = client.get("/api/datasources").await.json();
    let listed = listed.as_array().expect("a list");
    for (uid, name) in &acknowledged {
        let found = listed.iter().any(|item| item["uid"] == **uid && item["name"] == **name);
        assert!(found, "`{name}` was acknowledged and is not in the list");
    }
    check_whole(&client, listed).await;
}

/// One that was not acknowledged is there by all its names or by none.
async fn check_whole(client: &Client, listed: &[Value]) {
    for item in listed {
        let (uid, id) = (item["uid"].as_str().unwrap(), &item["id"]);
        let by_uid = client.get(&format!("/api/datasources/uid/{uid}")).await;
        assert_eq!(by_uid.status, 200, "{item}");
        let whole = by_uid.json();
        assert_eq!(whole["secureJsonFields"], json!({ "basicAuthPassword": true }), "{item}");
        let by_id = client.get(&format!("/api/datasources/{id}")).await;
        assert_eq!(by_id.json(), whole, "{item}");
    }
    let last = &listed[listed.len() - 1];
    let again = plain(last["name"].as_str().unwrap(), "http://127.0.0.1:1");
    assert_eq!(client.post("/api/datasources", &again).await.status, 409);
    let fresh = client.create(&plain("after the last round", "http://127.0.0.1:1")).await;
    let ids: Vec<_> = listed.iter().map(|item| item["id"].as_u64()).collect();
    assert!(!ids.contains(&fresh["id"].as_u64()), "ids are given once");
}
