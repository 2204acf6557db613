//! What one process changes, all others heed within the bound.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::fleet::{Fleet, Member, everyone};
use harness::runtime_api::{Answered, Call};

use super::{BOUND, Deployed, FEW, MANY, all_say, named, protected, through};

/// Asks each process again and again until its answer is a new one. None that was asked after the bound may give
/// another; a process that never remembered anything would be no test.
async fn all_heed(members: &[Member], call: &Call, is_new: impl Fn(&Answered) -> bool) {
    let changed = Instant::now();
    let heeding = members.iter().map(async |member| {
        let mut old = 0;
        loop {
            let age = changed.elapsed();
            let answer = member.invoke(call).await;
            if is_new(&answer) {
                return old;
            }
            assert!(age < BOUND, "after {age:?}: {} {}", answer.status, answer.text());
            old += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let old: usize = join_all(heeding).await.into_iter().sum();
    assert!(old > 0, "nothing was remembered");
}

pub(super) async fn a_revocation_is_heeded(fleet: Fleet, count: usize) {
    let (deployed, upstream) = (Deployed::with(fleet).await, named("one").await);
    deployed.create(&protected("a", &upstream)).await;
    let (token, path) = deployed.robot("robot").await;
    let members = deployed.fleet.members("http-proxy", count).await;
    let call = through("a", &token);
    all_say(&everyone(&members, &call).await, "one");
    deployed.done(&deployed.access, deployed.fleet.call("DELETE", &path)).await;
    all_heed(&members, &call, |answer| answer.status == 401).await;
    let forwarded = upstream.requests().len();
    let refused = everyone(&members, &call).await;
    assert!(refused.iter().all(|answer| answer.status == 401));
    assert_eq!(upstream.requests().len(), forwarded);
}

#[tokio::test]
async fn t89_a_revoked_token_is_refused_by_all_processes_within_the_bound() {
    a_revocation_is_heeded(Fleet::start().await, FEW).await;
}

#[tokio::test]
#[ignore = "fifty processes: make soak"]
async fn soak_t89_a_revoked_token_is_refused_by_50_processes_within_the_bound() {
    a_revocation_is_heeded(Fleet::start().await, MANY).await;
}

pub(super) async fn a_change_is_heeded(fleet: Fleet, count: usize) {
    let (deployed, one, two) =
        (Deployed::with(fleet).await, named("one").await, named("two").await);
    deployed.create(&protected("a", &one)).await;
    let (token, _) = deployed.robot("robot").await;
    let members = deployed.fleet.members("http-proxy", count).await;
    let call = through("a", &token);
    all_say(&everyone(&members, &call).await, "one");
    let moved = deployed.fleet.call("PUT", "/api/datasources/uid/a").json(&protected("a", &two));
    deployed.done(&deployed.registry, moved).await;
    all_heed(&members, &call, |answer| answer.text() == "two").await;
    let forwarded = one.requests().len();
    all_say(&everyone(&members, &call).await, "two");
    assert_eq!(one.requests().len(), forwarded);
    for request in two.requests() {
        // reader:password
        assert_eq!(request.header("authorization"), Some("Basic cmVhZGVyOnBhc3N3b3Jk"));
    }
}

#[tokio::test]
async fn d16_a_moved_data_source_is_found_by_all_processes_within_the_bound() {
    a_change_is_heeded(Fleet::start().await, FEW).await;
}

#[tokio::test]
#[ignore = "fifty processes: make soak"]
async fn soak_d16_a_moved_data_source_is_found_by_50_processes_within_the_bound() {
    a_change_is_heeded(Fleet::start().await, MANY).await;
}
