//! How long clients are kept, and how many.

use std::time::Duration;

use sourcegate_core::Classify;

use super::{Gate, HttpTarget, Setup, secrets};
use crate::Limits;

/// Opens a client of another data source with the same engine.
fn open_another(gate: &Gate) -> super::Rev {
    let granted = Setup::default().granted("http://h");
    let target = HttpTarget::of(&granted.source().settings).unwrap();
    gate.upstream.open(&granted, granted.source().rev, target, secrets(&[])).unwrap();
    granted.source().rev
}

#[tokio::test(start_paused = true)]
async fn a_client_is_dropped_after_a_minute_without_use() {
    let gate = Gate::to("http://h");
    let rev = gate.granted.source().rev;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert!(gate.upstream.pooled(rev).is_some());
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(gate.upstream.pooled(rev).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_client_is_dropped_while_no_request_comes() {
    let gate = Gate::to("http://h");
    let Gate { upstream, client, .. } = gate;
    let kept = std::sync::Arc::downgrade(&client);
    drop(client);
    assert!(kept.upgrade().is_some());
    tokio::time::sleep(Duration::from_secs(80)).await;
    assert!(kept.upgrade().is_none());
    assert_eq!(upstream.0.pool.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_sweeper_starts_again_with_the_next_client() {
    let gate = Gate::to("http://h");
    for _ in 0..3 {
        open_another(&gate);
        tokio::time::sleep(Duration::from_secs(80)).await;
        assert_eq!(gate.upstream.0.pool.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_that_was_not_used_for_longest_makes_room() {
    let limits = Limits { clients: 3, ..Limits::default() };
    let gate = Setup { limits, ..Setup::default() }.open("http://h").unwrap();
    let first = gate.granted.source().rev;
    let mut revs = vec![first];
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        revs.push(open_another(&gate));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(gate.upstream.pooled(first).is_some());
    tokio::time::sleep(Duration::from_secs(1)).await;
    revs.push(open_another(&gate));
    let warm = revs.iter().map(|rev| gate.upstream.pooled(*rev).is_some());
    assert_eq!(Vec::from_iter(warm), [true, false, true, true]);
}

#[tokio::test]
async fn at_most_a_thousand_clients_are_kept() {
    let gate = Gate::to("http://h");
    for _ in 0..1_100 {
        open_another(&gate);
    }
    assert_eq!(gate.upstream.0.pool.len(), 1_000);
}

#[tokio::test]
async fn two_who_open_at_once_share_the_first_client() {
    let gate = Gate::to("http://h");
    let target = gate.client.target().clone();
    let rev = gate.granted.source().rev;
    let second = gate.upstream.open(&gate.granted, rev, target, secrets(&[])).unwrap();
    assert!(std::sync::Arc::ptr_eq(&gate.client, &second));
}

#[test]
fn tls_settings_that_cannot_be_used_are_a_400_with_the_contracts_text() {
    let setup = Setup {
        json: r#"{"tlsAuthWithCACert":true}"#,
        secrets: &[("tlsCACert", "canary")],
        ..Setup::default()
    };
    let error = setup.open("https://h").err().unwrap();
    assert_eq!(error.public(), "Unable to load TLS certificate");
    assert_eq!((error.kind(), error.cause()), (sourcegate_core::Kind::Invalid, Some("tls")));
    assert!(!format!("{error:?}").contains("canary"));
}

#[test]
fn l12_clients_are_as_many_as_there_are_descriptors_for() {
    let clients = |descriptors, at_once| Limits::within(descriptors, at_once).clients;
    assert_eq!(clients(None, 1), 1_000);
    assert_eq!(clients(Some(1_048_576), 8), 1_000);
    assert_eq!(clients(Some(1_024), 1), 900);
    assert_eq!(clients(Some(1_024), 8), 112);
    assert_eq!(clients(Some(64), 8), 1);
    assert_eq!(clients(Some(1_024), 0), 900);
}
