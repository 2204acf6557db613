//! What each process asks of the tables and of KMS.

use std::time::Instant;

use harness::fleet::{Fleet, everyone, spread};
use harness::runtime_api::Call;
use serde_json::{Value, json};

use super::{BOUND, Deployed, FEW, MANY, all_say, named, protected, through};

pub(super) async fn cold_processes_ask_once(fleet: Fleet, count: usize) {
    let (deployed, upstream) = (Deployed::with(fleet).await, named("ok").await);
    deployed.create(&protected("a", &upstream)).await;
    let (token, _) = deployed.robot("robot").await;
    let members = deployed.fleet.members("http-proxy", count).await;
    assert!(members.iter().all(|member| member.tables.calls().is_empty()), "a start asks nothing");
    all_say(&everyone(&members, &through("a", &token)).await, "ok");
    for member in &members {
        let calls = member.tables.calls();
        assert_eq!((member.tables.reads(), member.decrypts()), (1, 1), "{calls:?}");
        // Beside the read it notes, once a minute, that the token was used.
        assert!(calls.keys().all(|name| ["BatchGetItem", "UpdateItem"].contains(&&**name)));
        assert!(calls.values().sum::<usize>() <= 2, "{calls:?}");
        assert_eq!(member.kms.calls().len(), 1, "{:?}", member.kms.calls());
    }
}

#[tokio::test]
async fn l18_each_process_of_a_cold_burst_reads_once_and_asks_kms_once() {
    cold_processes_ask_once(Fleet::start().await, FEW).await;
}

#[tokio::test]
#[ignore = "fifty processes: make soak"]
async fn soak_l18_each_of_50_cold_processes_reads_once_and_asks_kms_once() {
    cold_processes_ask_once(Fleet::start().await, MANY).await;
}

async fn a_hot_source_is_read_seldom(count: usize) {
    let (deployed, upstream) = (Deployed::start().await, named("ok").await);
    deployed.create(&protected("a", &upstream)).await;
    let (token, _) = deployed.robot("robot").await;
    let members = deployed.fleet.members("http-proxy", count).await;
    let started = Instant::now();
    let mut asked = 0;
    // Past the bound, so that each reads a second time.
    while started.elapsed() <= BOUND {
        // Not all at once: a call that waits too long for one of two cores is made again.
        for some in members.chunks(FEW) {
            let calls = (0..10 * some.len()).map(|_| through("a", &token));
            all_say(&spread(some, calls).await, "ok");
            asked += 10 * some.len();
        }
    }
    for some in members.chunks(FEW) {
        all_say(&everyone(some, &through("a", &token)).await, "ok");
    }
    let periods = started.elapsed().as_secs() / BOUND.as_secs() + 1;
    for member in &members {
        let reads = member.tables.reads();
        assert!((1..=periods).contains(&(reads as u64)), "{reads} reads, {periods} periods");
        assert_eq!(member.decrypts(), 1);
    }
    assert_eq!(upstream.requests().len(), asked + count);
}

#[tokio::test]
async fn d15_a_hot_source_is_read_once_by_each_process_in_five_seconds() {
    a_hot_source_is_read_seldom(FEW).await;
}

#[tokio::test]
#[ignore = "fifty processes: make soak"]
async fn soak_d15_a_hot_source_is_read_once_by_each_of_50_processes_in_five_seconds() {
    a_hot_source_is_read_seldom(MANY).await;
}

/// Makes another organisation with a data source and a robot of its own; gives a request of his through it.
async fn organisation(deployed: &Deployed, name: &str, source: &Value) -> Call {
    let fleet = &deployed.fleet;
    let call = fleet.server_call("POST", "/api/orgs").json(&json!({ "name": name }));
    let id = deployed.done(&deployed.access, call).await["orgId"].to_string();
    let there =
        |method: &str, path: &str| fleet.server_call(method, path).header("X-Grafana-Org-Id", &id);
    let create = there("POST", "/api/datasources").json(source);
    deployed.done(&deployed.registry, create).await;
    let (token, _) = deployed.robot_by("robot", there).await;
    through(source["uid"].as_str().expect("a uid"), &token)
}

async fn kms_is_asked_once_per_organisation(count: usize) {
    let (deployed, upstream) = (Deployed::start().await, named("ok").await);
    let mut calls = Vec::new();
    for name in ["one", "two", "three"] {
        calls.push(organisation(&deployed, name, &protected(name, &upstream)).await);
    }
    deployed.create(&protected("a", &upstream)).await;
    deployed.create(&protected("b", &upstream)).await;
    let (token, _) = deployed.robot("robot").await;
    calls.extend(["a", "b"].map(|uid| through(uid, &token)));
    let members = deployed.fleet.members("http-proxy", count).await;
    for _ in 0..2 {
        for call in &calls {
            all_say(&everyone(&members, call).await, "ok");
        }
    }
    for member in &members {
        assert_eq!(member.decrypts(), 4, "of three organisations and the first");
    }
    assert_eq!((deployed.registry.decrypts(), deployed.access.decrypts()), (0, 0));
}

#[tokio::test]
async fn kms_is_asked_once_by_each_process_and_organisation() {
    kms_is_asked_once_per_organisation(FEW).await;
}

#[tokio::test]
#[ignore = "fifty processes: make soak"]
async fn soak_kms_is_asked_once_by_each_of_50_processes_and_organisation() {
    kms_is_asked_once_per_organisation(MANY).await;
}
