//! Processes that the platform froze: a thawed one serves nothing that has changed since.

use std::time::Instant;

use harness::fleet::everyone;
use tokio::time::sleep_until;

use super::{BOUND, Deployed, all_say, named, protected, through};

#[tokio::test]
async fn a_thawed_process_heeds_what_changed_while_it_was_frozen() {
    let (deployed, one, two) = (Deployed::start().await, named("one").await, named("two").await);
    deployed.create(&protected("a", &one)).await;
    let (kept, _) = deployed.robot("kept").await;
    let (revoked, path) = deployed.robot("revoked").await;
    let members = deployed.fleet.members("http-proxy", 4).await;
    for token in [&kept, &revoked] {
        all_say(&everyone(&members, &through("a", token)).await, "one");
    }
    for member in &members {
        member.process.freeze().await;
    }
    deployed.done(&deployed.access, deployed.fleet.call("DELETE", &path)).await;
    let moved = deployed.fleet.call("PUT", "/api/datasources/uid/a").json(&protected("a", &two));
    deployed.done(&deployed.registry, moved).await;
    let (forwarded, changed) = (one.requests().len(), Instant::now());
    // Its events are there before it goes on, as the one is that thaws an environment.
    let asked = members.iter().map(|member| {
        let first = member.send(&through("a", &revoked));
        (first, member.send(&through("a", &kept)))
    });
    let asked: Vec<_> = asked.collect();
    sleep_until((changed + BOUND).into()).await;
    members.iter().for_each(|member| member.process.thaw());
    for (revoked, kept) in asked {
        assert_eq!(revoked.answered().await.status, 401);
        assert_eq!(kept.answered().await.text(), "two");
    }
    assert_eq!((one.requests().len(), two.requests().len()), (forwarded, members.len()));
}

#[tokio::test]
async fn what_was_read_before_a_freeze_lets_nobody_in_after_it() {
    let (deployed, upstream) = (Deployed::start().await, named("ok").await);
    deployed.create(&protected("a", &upstream)).await;
    let (token, path) = deployed.robot("robot").await;
    let member = deployed.fleet.member("http-proxy").await;
    member.tables.keep();
    let (asked, answer) = (Instant::now(), member.send(&through("a", &token)));
    member.tables.keeps_one().await;
    member.process.freeze().await;
    // The answer that lets the token in lies there when the process goes on.
    member.tables.give_out().await;
    deployed.done(&deployed.access, deployed.fleet.call("DELETE", &path)).await;
    sleep_until((asked + BOUND + BOUND / 10).into()).await;
    member.process.thaw();
    let status = answer.answered().await.status;
    // It depends on what the process looks at first, the answer or its own clock.
    assert!([401, 503].contains(&status), "{status}");
    assert_eq!(upstream.requests().len(), 0);
}
