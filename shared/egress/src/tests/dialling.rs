//! What needs no name server, and what a failed connection looks like.

use std::time::Duration;

use sourcegate_core::{Classify, Kind, Policy, Verdict};
use tokio::net::{TcpSocket, TcpStream};

use super::{listen, nameless};
use crate::{Dns, Egress, Error, Stats, Timeouts};

#[track_caller]
fn is_denied(result: Result<TcpStream, Error>, expected: Verdict) {
    match result {
        Err(Error::Denied { refused, .. }) => assert_eq!(refused.verdict, expected),
        other => panic!("not denied: {other:?}"),
    }
}

#[tokio::test]
async fn addresses_are_dialled_without_a_look_up() {
    let (_listener, address) = listen("127.0.0.1").await;
    let egress = nameless(&["127.0.0.1", "::1"]);
    for host in
        ["127.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST.", "a.localhost"]
    {
        let stream = egress.dial(host, address.port()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address, "{host}");
    }
    assert_eq!(egress.stats(), Stats { lookups: 0, connects: 6, denials: 0 });
}

#[tokio::test]
async fn ipv6_is_dialled_with_and_without_brackets() {
    let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else {
        return; // a machine without IPv6
    };
    let address = listener.local_addr().unwrap();
    let egress = nameless(&["127.0.0.1", "::1"]);
    // Nothing listens on 127.0.0.1, so that `localhost` falls through to `::1`.
    for host in ["[::1]", "::1", "localhost"] {
        let stream = egress.dial(host, address.port()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address, "{host}");
    }
}

#[tokio::test]
async fn addresses_pass_the_same_guard() {
    let egress = nameless(&[]);
    for (host, verdict) in [
        ("127.0.0.1", Verdict::Loopback),
        ("[::1]", Verdict::Loopback),
        ("[::ffff:127.0.0.1]", Verdict::Loopback),
        ("localhost", Verdict::Loopback),
        ("10.0.0.1", Verdict::Private),
        ("169.254.169.254", Verdict::LinkLocal),
        ("[fd00:ec2::254]", Verdict::Metadata),
        ("metadata.google.internal", Verdict::Metadata),
        ("0.0.0.0", Verdict::Unspecified),
        ("[64:ff9b::a9fe:a9fe]", Verdict::Translated),
    ] {
        is_denied(egress.dial(host, 80).await, verdict);
    }
    assert_eq!(egress.stats(), Stats { lookups: 0, connects: 0, denials: 10 });
}

#[tokio::test]
async fn s07_s09_s10_numbers_are_neither_addresses_nor_names() {
    let egress = nameless(&["0.0.0.0/0"]);
    for host in ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "1.2.3"] {
        is_denied(egress.dial(host, 80).await, Verdict::Malformed);
    }
    assert_eq!(egress.stats(), Stats { lookups: 0, connects: 0, denials: 6 });
}

#[tokio::test]
async fn s27_denied_ports_are_refused_before_a_look_up() {
    let egress = nameless(&["127.0.0.0/8"]);
    for port in [22, 25, 2375, 6379, 9001, 11211] {
        is_denied(egress.dial("127.0.0.1", port).await, Verdict::DeniedPort);
        is_denied(egress.dial("good.test", port).await, Verdict::DeniedPort);
    }
    assert_eq!(egress.stats(), Stats { lookups: 0, connects: 0, denials: 12 });
}

#[tokio::test]
async fn s05_own_listeners_are_refused_where_loopback_is_allowed() {
    let (_listener, own) = listen("127.0.0.1").await;
    let policy = Policy::local(None).refusing_socket(own);
    let egress = Egress::new(policy, Dns::Servers(Vec::new()), Timeouts::default());
    for host in ["127.0.0.1", "127.0.0.9", "localhost", "[::1]", "[::ffff:7f00:1]"] {
        is_denied(egress.dial(host, own.port()).await, Verdict::Own);
    }
    assert_eq!(egress.stats().connects, 0);
}

/// A port whose queue of connections is full, so that the system drops further ones as a packet filter would.
async fn filtered() -> (TcpSocketHeld, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let egress = nameless(&["127.0.0.1"]);
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), egress.dial("127.0.0.1", address.port()))
            .await
    {
        queued.push(stream);
    }
    (TcpSocketHeld { _listener: listener, _queued: queued }, address.port())
}

struct TcpSocketHeld {
    _listener: tokio::net::TcpListener,
    _queued: Vec<TcpStream>,
}

#[tokio::test]
async fn s43_closed_and_filtered_ports_read_the_same() {
    let (listener, closed) = listen("127.0.0.1").await;
    drop(listener);
    let (_held, filtered) = filtered().await;
    let limit = Duration::from_millis(300);
    let egress = super::door(&["127.0.0.1"], Dns::Servers(Vec::new()), limit);

    let closed = egress.dial("127.0.0.1", closed.port()).await.unwrap_err();
    assert_eq!((closed.kind(), closed.cause()), (Kind::Upstream, Some("connect")));
    let filtered = egress.dial("127.0.0.1", filtered).await.unwrap_err();
    assert_eq!(
        (filtered.kind(), filtered.cause()),
        (Kind::UpstreamTimeout, Some("connect_timeout"))
    );
    assert_eq!(closed.public(), filtered.public());
    assert_eq!(closed.public(), "cannot connect to the data source");
}

#[tokio::test]
async fn a_refusal_names_no_address_to_the_caller_and_both_to_the_log() {
    let error = nameless(&[]).dial("10.1.2.3", 80).await.unwrap_err();
    assert_eq!(error.public(), "the data source is at an address that must not be reached");
    let Error::Denied { host, refused } = error else { panic!("not denied") };
    assert_eq!(
        (host.as_str(), refused.to_string().as_str()),
        ("10.1.2.3", "the host or port is private")
    );
}
