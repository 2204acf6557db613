//! `admin bootstrap --aws`: tables and a key that are there, and nothing in them.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::future::join_all;
use harness::moto::Kms;
use local::engine::Engine;
use serde_json::Value;
use store::{Admin, Config, Endpoint, Store};
use tempfile::tempdir;
use tokio::sync::oneshot;

use crate::local::binary::{run, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a14_of_eight_first_administrators_on_aws_one_wins_and_the_others_are_told() {
    let (kms, data) = (Kms::start().await, tempdir().unwrap());
    let key = kms.create_key().await;
    let engine = Engine::open(data.path()).unwrap();
    let tables = Endpoint::InProcess(engine.http_client());
    let store = Store::connect(Config::read(|_| None), tables);
    let admin = Admin::new(store);
    admin.create_tables().await.unwrap();
    let (_listening, stopped) = oneshot::channel::<()>();
    let port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let _listener = engine.listen(port, async { drop(stopped.await) }).await.unwrap();
    let settings = std::fs::read_to_string(data.path().join("dynamodb")).unwrap();
    let mut variables: Vec<_> = settings.lines().filter_map(|line| line.split_once('=')).collect();
    let endpoint = kms.endpoint();
    variables.extend([("SOURCEGATE_KMS_KEY", &*key), ("AWS_ENDPOINT_URL_KMS", &*endpoint)]);

    let elsewhere = tempdir().unwrap();
    let aws = async |arguments: &[&str]| {
        let arguments = [&["admin", "--aws", "--json"], arguments].concat();
        run(elsewhere.path(), &arguments, &variables).await
    };
    let done = join_all((0..8).map(|_| aws(&["bootstrap"]))).await;
    let (won, lost): (Vec<_>, Vec<_>) = done.iter().partition(|done| done.status.success());
    assert_eq!(won.len(), 1, "{done:?}");
    for told in lost {
        let said: Value = serde_json::from_slice(&told.stderr).unwrap();
        let said = said["error"].as_str().unwrap();
        assert!(said.contains("there is an administrator already"), "{said}");
        assert_eq!(text(&told.stdout), "", "who has not won is told no secret");
    }
    let won: Value = serde_json::from_slice(&won[0].stdout).unwrap();
    assert!(won["token"].as_str().unwrap().starts_with("glsa_"), "{won}");
    assert_eq!(admin.users().await.unwrap().len(), 1);
    assert_eq!(admin.orgs().await.unwrap().len(), 1);
}
