//! Names: what is asked, and what becomes of the answers.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use sourcegate_core::{Classify, Kind, Verdict};

use super::name_server::{A, Answer, NameServer};
use super::{door, listen};
use crate::{Egress, Error, Stats};

const LONG: Duration = Duration::from_secs(5);
const PRIVATE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const ALLOWED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

#[track_caller]
fn is_denied(error: &Error, expected: Verdict) {
    assert_eq!((error.kind(), error.cause()), (Kind::Upstream, Some("denied_egress")));
    match error {
        Error::Denied { refused, .. } => assert_eq!(refused.verdict, expected),
        other => panic!("not denied: {other:?}"),
    }
}

#[track_caller]
fn fails(error: &Error, kind: Kind, cause: &str) {
    assert_eq!((error.kind(), error.cause()), (kind, Some(cause)), "{error:?}");
}

#[tokio::test]
async fn s29_a_name_of_loopback_is_refused() {
    let names = NameServer::answering(&[PRIVATE]).await;
    let egress = door(&[], names.dns(), LONG);
    is_denied(&egress.dial("inside.test", 80).await.unwrap_err(), Verdict::Loopback);
    assert_eq!(egress.stats(), Stats { lookups: 1, connects: 0, denials: 1 });
}

#[tokio::test]
async fn s30_each_dial_resolves_once_and_connects_to_what_it_checked() {
    let (_listener, address) = listen("127.0.0.2").await;
    let names = NameServer::start(|_, _, nth| match nth {
        0 => Answer::Addresses(vec![ALLOWED]),
        _ => Answer::Addresses(vec![PRIVATE]),
    })
    .await;
    let egress = door(&["127.0.0.2"], names.dns(), LONG);
    let stream = egress.dial("rebind.test", address.port()).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
    assert!(stream.nodelay().unwrap());
    assert_eq!(names.asked(), ["rebind.test"]);
    is_denied(&egress.dial("rebind.test", address.port()).await.unwrap_err(), Verdict::Loopback);
    assert_eq!(names.asked(), ["rebind.test", "rebind.test"]);
    assert_eq!(egress.stats(), Stats { lookups: 2, connects: 1, denials: 1 });
}

#[tokio::test]
async fn s31_one_private_address_among_the_answers_refuses_all() {
    for answer in [[ALLOWED, PRIVATE], [PRIVATE, ALLOWED]] {
        let names = NameServer::answering(&answer).await;
        let egress = door(&["127.0.0.2"], names.dns(), LONG);
        is_denied(&egress.dial("mixed.test", 80).await.unwrap_err(), Verdict::Loopback);
        assert_eq!(egress.stats().connects, 0);
    }
}

#[tokio::test]
async fn s33_a_loop_and_a_long_chain_of_aliases_end_in_time() {
    let looping = NameServer::start(|name, _, _| match name {
        "a.test" => Answer::Alias("b.test".to_owned()),
        _ => Answer::Alias("a.test".to_owned()),
    });
    let chain = NameServer::start(|name, _, _| match name.strip_suffix(".test").unwrap().parse() {
        Ok(20) | Err(_) => Answer::Addresses(vec![ALLOWED]),
        Ok(n) => Answer::Alias(format!("{}.test", n + 1_u8)),
    });
    for (names, first) in [(looping.await, "a.test"), (chain.await, "0.test")] {
        let egress = door(&["127.0.0.2"], names.dns(), LONG);
        let start = Instant::now();
        fails(&egress.dial(first, 80).await.unwrap_err(), Kind::Upstream, "dns");
        assert!(start.elapsed() < LONG, "{first}");
        assert!(names.asked().len() < 32, "{first}: {:?}", names.asked());
    }
}

#[tokio::test]
async fn s33_an_alias_is_followed_and_what_it_leads_to_is_judged() {
    let (_listener, address) = listen("127.0.0.2").await;
    let names = NameServer::start(|name, _, _| match name {
        "alias.test" => Answer::Alias("good.test".to_owned()),
        "trap.test" => Answer::Alias("inside.test".to_owned()),
        "good.test" => Answer::Addresses(vec![ALLOWED]),
        _ => Answer::Addresses(vec![PRIVATE]),
    })
    .await;
    let egress = door(&["127.0.0.2"], names.dns(), LONG);
    assert!(egress.dial("alias.test", address.port()).await.is_ok());
    is_denied(&egress.dial("trap.test", address.port()).await.unwrap_err(), Verdict::Loopback);
}

#[tokio::test]
async fn s34_silence_ends_at_the_limit_and_holds_nobody_else_up() {
    let (_listener, address) = listen("127.0.0.2").await;
    let names = NameServer::start(|name, _, _| match name {
        "silent.test" => Answer::Silence,
        _ => Answer::Addresses(vec![ALLOWED]),
    })
    .await;
    let egress = door(&["127.0.0.2"], names.dns(), Duration::from_secs(1));
    let start = Instant::now();
    let silent: Vec<_> = (0..50)
        .map(|_| {
            let egress = egress.clone();
            tokio::spawn(async move { egress.dial("silent.test", 80).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(egress.dial("good.test", address.port()).await.is_ok());
    assert!(start.elapsed() < Duration::from_millis(700), "the others waited for silence");
    for task in silent {
        fails(&task.await.unwrap().unwrap_err(), Kind::UpstreamTimeout, "dns_timeout");
    }
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_name_server_that_ignores_ipv6_is_enough() {
    let (_listener, address) = listen("127.0.0.2").await;
    let names = NameServer::start(|_, kind, _| match kind {
        A => Answer::Addresses(vec![ALLOWED]),
        _ => Answer::Silence,
    })
    .await;
    let egress = door(&["127.0.0.2"], names.dns(), Duration::from_secs(1));
    assert!(egress.dial("old.test", address.port()).await.is_ok());
}

fn five_hundred(last: Ipv4Addr) -> Vec<Ipv4Addr> {
    (0..499_u16).map(|n| Ipv4Addr::from([127, 1, (n >> 8) as u8, n as u8])).chain([last]).collect()
}

#[tokio::test]
async fn s35_of_500_addresses_all_are_judged_and_32_are_tried() {
    let (listener, address) = listen("127.0.0.2").await;
    drop(listener);
    let names = NameServer::answering(&five_hundred(ALLOWED)).await;
    let egress = door(&["127.1.0.0/16", "127.0.0.2"], names.dns(), LONG);
    let error = egress.dial("huge.test", address.port()).await.unwrap_err();
    fails(&error, Kind::Upstream, "connect");
    assert_eq!(egress.stats().connects, 32);

    let names = NameServer::answering(&five_hundred(PRIVATE)).await;
    let egress = door(&["127.1.0.0/16", "127.0.0.2"], names.dns(), LONG);
    is_denied(&egress.dial("huge.test", address.port()).await.unwrap_err(), Verdict::Loopback);
    assert_eq!(egress.stats().connects, 0);
}

#[tokio::test]
async fn an_address_that_refuses_gives_way_to_the_next() {
    let (_listener, address) = listen("127.0.0.3").await;
    let names = NameServer::answering(&[ALLOWED, Ipv4Addr::new(127, 0, 0, 3)]).await;
    let egress = door(&["127.0.0.2/31"], names.dns(), LONG);
    let stream = egress.dial("two.test", address.port()).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
    assert_eq!(egress.stats().connects, 2);
}

async fn failing(script: impl Fn() -> Answer + Send + Sync + 'static) -> Egress {
    let names = NameServer::start(move |_, _, _| script()).await;
    door(&[], names.dns(), LONG)
}

#[tokio::test]
async fn a_name_without_an_address_is_a_dns_failure() {
    for egress in [
        failing(|| Answer::NoSuchName).await,
        failing(|| Answer::Addresses(Vec::new())).await,
        super::nameless(&[]),
    ] {
        fails(&egress.dial("none.test", 80).await.unwrap_err(), Kind::Upstream, "dns");
    }
}

#[tokio::test]
async fn names_are_asked_for_folded_and_without_a_trailing_dot() {
    let names = NameServer::answering(&[PRIVATE]).await;
    let egress = door(&[], names.dns(), LONG);
    for host in ["inside.test", "Inside.TEST", "inside.test."] {
        is_denied(&egress.dial(host, 80).await.unwrap_err(), Verdict::Loopback);
    }
    // Remembered for its TTL, which is 0.
    assert_eq!(names.asked(), ["inside.test"; 3]);
}
