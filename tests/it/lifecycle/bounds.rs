//! What a process that is kept for long holds of the machine.

use std::time::{Duration, Instant};

use harness::upstream::{Answer, FakeUpstream};

use super::{Heard, Single, source};

/// Beside one connection for each data source: a few to tables, KMS and the Runtime API come and go.
const OTHERS: usize = 8;

/// Asks many data sources one after the other, again and again. Gives the process with what it held before.
async fn many_sources(sources: usize, rounds: usize) -> (Single, FakeUpstream, usize) {
    let upstream = FakeUpstream::start().await;
    let single = Single::start(&upstream.url()).await;
    single.is_served().await;
    let before = single.member.process.descriptors();
    let uids: Vec<_> = (0..sources).map(|n| format!("u{n}")).collect();
    for uid in &uids {
        single.deployed.create(&source(uid, &upstream.url())).await;
    }
    for _ in 0..rounds {
        for uid in &uids {
            assert_eq!(single.member.invoke(&single.call("GET", uid)).await.status, 200);
        }
        let held = single.member.process.descriptors();
        assert!(held <= before + sources + OTHERS, "{held} after {before}");
    }
    (single, upstream, before)
}

#[tokio::test]
async fn l12_descriptors_are_one_for_each_data_source_at_most() {
    let (_, upstream, _) = many_sources(50, 6).await;
    assert_eq!(upstream.seen().accepted, 51, "each connection is used again");
}

#[tokio::test]
#[ignore = "50,000 requests: make soak"]
async fn soak_l12_descriptors_are_bounded_over_50_000_requests_to_500_data_sources() {
    let (single, _upstream, before) = many_sources(500, 100).await;
    // Connections are kept for 30 s and clients for 60 s.
    let idle = Instant::now();
    while single.member.process.descriptors() > before + OTHERS {
        assert!(idle.elapsed() < Duration::from_secs(100), "idle connections stay");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Begins so many answers and leaves each in its middle.
async fn leave(single: &Single, times: usize) {
    for _ in 0..times {
        let mut invocation = single.member.send(&single.call("GET", "a"));
        Heard::default().until(&mut invocation, "first").await;
    }
}

async fn cancelled_requests_leave_nothing(times: usize) {
    let upstream = FakeUpstream::start().await;
    let single = Single::start(&upstream.url()).await;
    // Its second piece never comes.
    let pause = Duration::from_secs(24 * 60 * 60);
    upstream.answer(Answer::status(200).pieces(["first", "last"], pause));
    leave(&single, 50).await;
    let process = &single.member.process;
    let held = || (process.descriptors(), process.threads());
    let (before, peak) = (held(), process.peak_kib());
    leave(&single, times).await;
    upstream.wait_for(|seen| seen.open == 0).await;
    let (after, more) = (held(), process.grown_kib(peak));
    assert!(after.0 <= before.0 + OTHERS && after.1 <= before.1, "{before:?} {after:?}");
    assert!(more < 8 << 10, "{more} KiB more");
    upstream.answer(Answer::ok("ok"));
    single.is_served().await;
}

#[tokio::test]
async fn l13_cancelled_requests_leave_nothing_behind() {
    cancelled_requests_leave_nothing(500).await;
}

#[tokio::test]
#[ignore = "100,000 requests: make soak"]
async fn soak_l13_100_000_cancelled_requests_leave_nothing_behind() {
    cancelled_requests_leave_nothing(100_000).await;
}
