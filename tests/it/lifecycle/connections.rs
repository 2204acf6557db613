//! Connections to data sources that end or go silent while the process stands still.

use std::time::{Duration, Instant};

use harness::upstream::{FakeUpstream, RawUpstream, Script};
use harness::wire::Wire;

use super::{Single, TIMEOUT};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What the process sees first is chance: that an event has come, or that its connection is closed.
const ROUNDS: usize = 10;

#[tokio::test]
async fn l01_a_read_after_a_freeze_gets_through_though_its_connection_was_closed() {
    let upstream = FakeUpstream::start().await;
    let wire = Wire::to(upstream.address()).await;
    let single = Single::start(&wire.url()).await;
    for _ in 0..ROUNDS {
        single.is_served().await;
        single.member.process.freeze().await;
        wire.cut().await;
        let asked = single.member.send(&single.call("GET", "a"));
        single.member.process.thaw();
        let answer = asked.answered().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    }
    assert_eq!((upstream.requests().len(), wire.connections()), (2 * ROUNDS, ROUNDS + 1));
}

#[tokio::test]
async fn l01_a_read_is_sent_once_more_where_its_kept_connection_closed_under_it() {
    let forgetful = Script::answer(OK).then_answer("");
    let upstream = RawUpstream::start([forgetful, Script::answer(OK)]).await;
    let single = Single::start(&upstream.url()).await;
    single.is_served().await;
    single.is_served().await;
    let heard = upstream.heard();
    assert_eq!((heads(&heard[0].bytes), heads(&heard[1].bytes), heard.len()), (2, 1, 2));
}

fn heads(bytes: &[u8]) -> usize {
    bytes.windows(4).filter(|four| four == b"\r\n\r\n").count()
}

#[tokio::test]
async fn l02_a_write_after_a_freeze_is_sent_at_most_once() {
    let upstream = FakeUpstream::start().await;
    let wire = Wire::to(upstream.address()).await;
    let single = Single::start(&wire.url()).await;
    let mut through = 0;
    for _ in 0..ROUNDS {
        single.is_served().await;
        single.member.process.freeze().await;
        wire.cut().await;
        let asked = single.member.send(&single.call("POST", "a").body("once"));
        single.member.process.thaw();
        let answer = asked.answered().await;
        match answer.status {
            200 => through += 1,
            _ => assert_eq!(answer.json()["cause"], "connection_reused_closed"),
        }
        let requests = upstream.requests();
        assert_eq!(requests.iter().filter(|request| request.method == "POST").count(), through);
    }
}

#[tokio::test]
async fn l02_a_write_on_a_kept_connection_that_closes_under_it_is_refused_by_name() {
    for method in ["POST", "PUT", "DELETE"] {
        let forgetful = Script::answer(OK).then_answer("");
        let upstream = RawUpstream::start([forgetful, Script::answer(OK)]).await;
        let single = Single::start(&upstream.url()).await;
        single.is_served().await;
        let answer = single.member.invoke(&single.call(method, "a").body("once")).await;
        let said = (answer.status, answer.json()["cause"].clone());
        assert_eq!(said, (502, "connection_reused_closed".into()), "{method}");
        assert_eq!((heads(&upstream.heard()[0].bytes), upstream.connections()), (2, 1), "{method}");
    }
}

#[tokio::test]
#[ignore = "longer than a connection is kept: make soak"]
async fn soak_l02_a_write_after_a_long_freeze_takes_a_new_connection() {
    let upstream = FakeUpstream::start().await;
    let wire = Wire::to(upstream.address()).await;
    let single = Single::start(&wire.url()).await;
    for round in 1..=3 {
        single.is_served().await;
        single.member.process.freeze().await;
        wire.cut().await;
        let asked = single.member.send(&single.call("POST", "a").body("once"));
        tokio::time::sleep(Duration::from_secs(31)).await;
        single.member.process.thaw();
        assert_eq!(asked.answered().await.text(), "ok");
        assert_eq!(upstream.requests().len(), 2 * round);
    }
}

#[tokio::test]
async fn l03_a_connection_that_went_silent_costs_one_timeout_and_is_not_used_again() {
    for method in ["GET", "POST"] {
        let upstream = FakeUpstream::start().await;
        let wire = Wire::to(upstream.address()).await;
        let single = Single::start(&wire.url()).await;
        single.is_served().await;
        single.member.process.freeze().await;
        wire.silence();
        single.member.process.thaw();
        let asked = Instant::now();
        let answer = single.member.invoke(&single.call(method, "a").body("once")).await;
        let said = (answer.status, answer.json()["cause"].clone());
        assert_eq!(said, (504, "timeout".into()), "{method}");
        assert!(asked.elapsed() >= Duration::from_secs(TIMEOUT), "{method}");
        single.is_served().await;
        assert_eq!((upstream.requests().len(), wire.connections()), (2, 2), "{method}");
    }
}
