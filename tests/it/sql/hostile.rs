//! A server whose answers break off or are not what they were, at any place of a conversation: nothing of it is taken for whole,
//! and nothing panics.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use harness::mariadb::Mariadb;
use harness::postgres::Postgres;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sourcegate_core::{Classify as _, Kind, Rev};
use sql::Format::{self, Csv, Json, Ndjson};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::asking::{Source, door};

/// Conversations at a time.
const AT_ONCE: usize = 30;

/// A conversation that is harmed.
#[derive(Clone)]
struct Conversation {
    source: Source,
    format: Format,
    query: &'static str,
    params: Vec<Value>,
}

impl Conversation {
    fn with(mariadb: &Mariadb) -> Self {
        let query = "SELECT id, name, price, ? AS p FROM goods ORDER BY id";
        let source = Source::of(mariadb, "reader");
        Self { source, format: Ndjson, query, params: vec![json!("x")] }
    }

    /// Rows as `COPY` writes them, cell by cell, and of a statement.
    fn each_with(postgres: &Postgres) -> [Self; 3] {
        let query = "SELECT id, name, price FROM goods ORDER BY id";
        let source = Source::of(postgres, "reader");
        let of = |format| Self { source: source.clone(), format, query, params: Vec::new() };
        let query = "SELECT id, name, price, $1::text AS p FROM goods ORDER BY id";
        [of(Csv), of(Json), Self { query, params: vec![json!("x")], ..of(Ndjson) }]
    }

    /// The whole answer, or the kind of its failure; and how much the server has said.
    async fn harmed(&self, harm: Harm) -> (Result<Bytes, Kind>, usize) {
        let place = &self.source.target.place;
        let (address, said) = between((Ipv4Addr::LOCALHOST, place.port).into(), harm).await;
        let mut source = Source { rev: Rev::new(), ..self.source.clone() };
        source.target.place.port = address.port();
        source.target.connect_timeout = Duration::from_secs(1);
        source.target.statement_timeout = Duration::from_secs(1);
        let whole = async {
            let answer = source.ask(self.format, self.query, &self.params).await?;
            let whole = answer.body.collect().await?;
            assert!(whole.trailers().is_some(), "{harm:?}: a whole answer has trailers");
            Ok::<_, sql::Error>(whole.to_bytes())
        };
        let whole = whole.await.inspect(|bytes| {
            // CSV is the server's own text.
            let is_text = self.format == Csv || str::from_utf8(bytes).is_ok();
            assert!(is_text, "{:?} {harm:?}: {bytes:?}", self.format);
        });
        (whole.map_err(|error| error.kind()), said.load(Ordering::Relaxed))
    }

    async fn all(&self, harms: Vec<Harm>) -> Vec<(Harm, Result<Bytes, Kind>)> {
        let asking = harms.into_iter().map(|harm| async move { (harm, self.harmed(harm).await.0) });
        stream::iter(asking).buffer_unordered(AT_ONCE).collect().await
    }

    /// Breaks it off after each byte.
    async fn cut(&self) {
        let (whole, length) = self.harmed(Harm::None).await;
        let whole = whole.unwrap();
        assert!(length > 700, "the whole conversation is listened to: {length}");
        for (harm, answer) in self.all((0..length).map(Harm::Cut).collect()).await {
            match answer {
                // What is cut off is said behind the rows.
                Ok(answer) => assert_eq!(answer, whole, "{:?} {harm:?}", self.format),
                Err(kind) => {
                    let known = [Kind::Upstream, Kind::UpstreamTimeout];
                    assert!(known.contains(&kind), "{:?} {harm:?}: {kind:?}", self.format);
                }
            }
        }
    }

    /// Flips bits of each `step`th byte.
    async fn flip(&self, step: usize, masks: &[u8]) {
        let (_, length) = self.harmed(Harm::None).await;
        let places = (0..length).step_by(step);
        let harms = places.flat_map(|place| masks.iter().map(move |mask| Harm::Flip(place, *mask)));
        for (harm, answer) in self.all(harms.collect()).await {
            assert_ne!(answer.err(), Some(Kind::Internal), "{:?} {harm:?}", self.format);
        }
    }
}

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

#[tokio::test]
async fn q37_an_answer_of_mariadb_that_breaks_off_anywhere_is_not_whole() {
    let mariadb = Mariadb::start(&[]).await;
    Conversation::with(&mariadb).cut().await;
}

#[tokio::test]
async fn q37_an_answer_of_postgresql_that_breaks_off_anywhere_is_not_whole() {
    let postgres = Postgres::start(&[]).await;
    for conversation in Conversation::each_with(&postgres) {
        conversation.cut().await;
    }
}

#[tokio::test]
async fn an_answer_of_mariadb_with_other_bytes_is_no_fault_of_ours() {
    let mariadb = Mariadb::start(&[]).await;
    Conversation::with(&mariadb).flip(7, &[0xff, 0x01]).await;
}

#[tokio::test]
async fn an_answer_of_postgresql_with_other_bytes_is_no_fault_of_ours() {
    let postgres = Postgres::start(&[]).await;
    for conversation in Conversation::each_with(&postgres) {
        conversation.flip(19, &[0xff, 0x01]).await;
    }
}

#[tokio::test]
#[ignore = "takes minutes: make soak"]
async fn soak_an_answer_with_other_bytes_is_no_fault_of_ours() {
    let (mariadb, postgres) = (Mariadb::start(&[]).await, Postgres::start(&[]).await);
    let masks = [0xff, 0x01, 0x80, 0x10];
    Conversation::with(&mariadb).flip(1, &masks).await;
    for conversation in Conversation::each_with(&postgres) {
        conversation.flip(1, &masks).await;
    }
}
