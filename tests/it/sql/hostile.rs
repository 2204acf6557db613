//! A server whose answers break off or are not what they were, at any place of a conversation: nothing of it is taken for whole,
//! and nothing panics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use harness::mariadb::Mariadb;
use sourcegate_core::{Classify as _, Kind};
use sql::Format::Ndjson;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::asking::{Source, Whole, door};

/// Conversations at a time.
const AT_ONCE: usize = 30;

const QUERY: &str = "SELECT id, name, price, ? AS p FROM goods ORDER BY id";

/// What is done to the bytes that the server says on a connection, counted from its first.
#[derive(Clone, Copy, Debug)]
enum Harm {
    None,
    Cut(usize),
    Flip(usize, u8),
}

/// Stands between; tells how much the server has said.
async fn between(server: SocketAddr, harm: Harm) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, said) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&said);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = door().dial("127.0.0.1", server.port()).await.unwrap();
            tokio::spawn(relay(client, server, harm, Arc::clone(&counted)));
        }
    });
    (address, said)
}

async fn relay(client: TcpStream, server: TcpStream, harm: Harm, said: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asking = tokio::io::copy(&mut from_client, &mut to_server);
    let answering = async {
        let (mut place, mut bytes) = (0, [0; 4096]);
        loop {
            let Ok(count @ 1..) = from_server.read(&mut bytes).await else { return };
            let end = match harm {
                Harm::None => count,
                Harm::Cut(at) => count.min(at.saturating_sub(place)),
                Harm::Flip(at, mask) => {
                    if let Some(byte) = at.checked_sub(place).and_then(|at| bytes.get_mut(at)) {
                        *byte ^= mask;
                    }
                    count
                }
            };
            said.fetch_add(count, Ordering::Relaxed);
            place += count;
            if to_client.write_all(&bytes[..end]).await.is_err() || end < count {
                return;
            }
        }
    };
    tokio::select! {
        _ = asking => {}
        () = answering => {}
    }
}

/// The whole answer, or the kind of its failure; and how much the server has said.
async fn asked(mariadb: &Mariadb, harm: Harm) -> (Result<Whole, Kind>, usize) {
    let (address, said) = between(mariadb.address(), harm).await;
    let mut source = Source::of(mariadb, "reader");
    source.target.place.port = address.port();
    source.target.connect_timeout = Duration::from_secs(1);
    source.target.statement_timeout = Duration::from_secs(1);
    let answer = source.whole(Ndjson, QUERY, &[serde_json::json!("x")]).await;
    (answer.map_err(|error| error.kind()), said.load(Ordering::Relaxed))
}

async fn all(mariadb: &Mariadb, harms: Vec<Harm>) -> Vec<(Harm, Result<Whole, Kind>)> {
    let asking = harms.into_iter().map(|harm| async move { (harm, asked(mariadb, harm).await.0) });
    stream::iter(asking).buffer_unordered(AT_ONCE).collect().await
}

#[tokio::test]
async fn q37_an_answer_that_breaks_off_anywhere_is_not_whole() {
    let mariadb = Mariadb::start(&[]).await;
    let (whole, length) = asked(&mariadb, Harm::None).await;
    let whole = whole.unwrap();
    assert!(length > 700, "the whole conversation is listened to: {length}");
    for (harm, answer) in all(&mariadb, (0..length).map(Harm::Cut).collect()).await {
        match answer {
            // What is cut off is said behind the rows.
            Ok(answer) => assert_eq!(answer.text, whole.text, "{harm:?}"),
            Err(kind) => {
                let known = [Kind::Upstream, Kind::UpstreamTimeout];
                assert!(known.contains(&kind), "{harm:?}: {kind:?}");
            }
        }
    }
}

/// Flips bits of each `step`th byte.
async fn flip(step: usize, masks: &[u8]) {
    let mariadb = Mariadb::start(&[]).await;
    let (_, length) = asked(&mariadb, Harm::None).await;
    let places = (0..length).step_by(step);
    let harms = places.flat_map(|place| masks.iter().map(move |mask| Harm::Flip(place, *mask)));
    for (harm, answer) in all(&mariadb, harms.collect()).await {
        assert_ne!(answer.err(), Some(Kind::Internal), "{harm:?}");
    }
}

#[tokio::test]
async fn an_answer_with_other_bytes_is_no_fault_of_ours() {
    flip(7, &[0xff, 0x01]).await;
}

#[tokio::test]
#[ignore = "takes minutes: make soak"]
async fn soak_an_answer_with_other_bytes_is_no_fault_of_ours() {
    flip(1, &[0xff, 0x01, 0x80, 0x10]).await;
}
