//! Answers that are on their way when something happens to the process or its client.

use std::iter::repeat_n;
use std::time::{Duration, Instant};

use bytes::Bytes;
use harness::runtime_api::{Invocation, Said};
use harness::upstream::{Answer, FakeUpstream, Feed};
use tokio::time::sleep_until;

use super::{Heard, Single, TIMEOUT};

/// An answer whose first piece has reached the client.
struct Begun {
    single: Single,
    upstream: FakeUpstream,
    invocation: Invocation,
    heard: Heard,
    feed: Option<Feed>,
    asked: Instant,
}

impl Begun {
    async fn start() -> Self {
        let upstream = FakeUpstream::start().await;
        let single = Single::start(&upstream.url()).await;
        Self::of(single, upstream).await
    }

    async fn of(single: Single, upstream: FakeUpstream) -> Self {
        let (answer, feed) = Answer::fed();
        upstream.answer(answer);
        feed.send("first");
        let (asked, mut heard) = (Instant::now(), Heard::default());
        let mut invocation = single.member.send(&single.call("GET", "a"));
        heard.until(&mut invocation, "first").await;
        Self { single, upstream, invocation, heard, feed: Some(feed), asked }
    }

    /// Lets the process stand still past the data source's timeout, and something happen meanwhile.
    async fn frozen(&mut self, meanwhile: impl FnOnce(Feed) -> Option<Feed>) {
        self.single.member.process.freeze().await;
        self.feed = self.feed.take().and_then(meanwhile);
        // The process began to count a little later.
        let deadline = self.asked + Duration::from_secs(TIMEOUT) + Duration::from_secs(1);
        sleep_until(deadline.into()).await;
        self.single.member.process.thaw();
    }

    async fn goes_on(&self) {
        self.upstream.answer(Answer::ok("ok"));
        self.single.is_served().await;
    }
}

#[tokio::test]
async fn l04_a_stream_that_is_past_its_timeout_when_the_process_thaws_breaks_off() {
    let mut begun = Begun::start().await;
    begun
        .frozen(|feed| {
            feed.send("more");
            Some(feed)
        })
        .await;
    assert!(!begun.heard.is_whole(&mut begun.invocation).await);
    begun.upstream.wait_for(|seen| seen.open == 0).await;
    begun.goes_on().await;
}

#[tokio::test]
async fn l04_a_stream_that_ended_during_a_freeze_is_whole_or_broken_and_never_half() {
    let mut begun = Begun::start().await;
    begun
        .frozen(|feed| {
            feed.send("last");
            None
        })
        .await;
    let whole = begun.heard.is_whole(&mut begun.invocation).await;
    assert!(!whole || begun.heard.0.ends_with(b"firstlast"));
    begun.goes_on().await;
}

#[tokio::test]
async fn l04_a_stream_that_broke_during_a_freeze_is_broken() {
    let mut begun = Begun::start().await;
    begun
        .frozen(|feed| {
            feed.fail();
            None
        })
        .await;
    assert!(!begun.heard.is_whole(&mut begun.invocation).await);
    begun.goes_on().await;
}

#[tokio::test]
async fn l07_a_client_who_leaves_ends_the_request_at_the_data_source() {
    let upstream = FakeUpstream::start().await;
    // A timeout that is longer than the patience of this test: no clock ends the request.
    let single = Single::without_a_timeout(&upstream.url()).await;
    let begun = Begun::of(single, upstream).await;
    drop(begun.invocation);
    begun.upstream.wait_for(|seen| seen.open == 0).await;
    begun.upstream.answer(Answer::ok("ok"));
    begun.single.is_served().await;
}

/// Streams so many MiB to a client who takes them; gives how many bytes came.
async fn streamed(single: &Single, upstream: &FakeUpstream, mebibytes: usize) -> usize {
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    upstream.answer(Answer::status(200).pieces(repeat_n(piece, mebibytes << 4), Duration::ZERO));
    let mut invocation = single.member.send(&single.call("GET", "a"));
    let mut came = 0;
    loop {
        match invocation.next().await {
            Said::Started(_) => {}
            Said::Piece(piece) => came += piece.len(),
            Said::Ended => return came,
            said => panic!("after {came} bytes: {said:?}"),
        }
    }
}

#[tokio::test]
async fn l11_a_stream_of_200_megabytes_takes_no_more_memory_than_one_of_ten() {
    let upstream = FakeUpstream::start().await;
    let single = Single::without_a_timeout(&upstream.url()).await;
    assert!(streamed(&single, &upstream, 10).await > 10 << 20);
    let before = single.member.process.peak_kib();
    assert!(streamed(&single, &upstream, 200).await > 200 << 20);
    let more = single.member.process.grown_kib(before);
    assert!(more < 8 << 10, "{more} KiB more");
    assert!(before < 100 << 10, "{before} KiB would not fit into 128 MB");
}
