//! Two servers behind one address: what ends a statement may arrive at the one that does not run it.

use std::net::SocketAddr;
use std::time::Duration;

use harness::mariadb::Mariadb;
use sourcegate_core::{Classify as _, Kind};
use sql::Format::Csv;
use tokio::io::copy_bidirectional;
use tokio::net::TcpListener;

use super::asking::{Source, door};

/// A balancer: the first connection goes to the first server, and all others to the last.
async fn balancer(servers: [SocketAddr; 2]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut next = servers.into_iter().chain(std::iter::repeat(servers[1]));
        while let Ok((mut client, _)) = listener.accept().await {
            let server = next.next().unwrap();
            let mut server = door().dial("127.0.0.1", server.port()).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    address
}

fn id(mariadb: &Mariadb) -> u64 {
    mariadb.sql("shop", "SELECT CONNECTION_ID()").parse().unwrap()
}

/// Has both servers give the next session the same id.
fn bring_level(one: &Mariadb, other: &Mariadb) {
    let (mut first, mut second) = (id(one), id(other));
    while first != second {
        match first < second {
            true => first = id(one),
            false => second = id(other),
        }
    }
}

#[tokio::test]
async fn q47_a_cancel_never_hits_another_server() {
    let (ours, other) = tokio::join!(Mariadb::start(&[]), Mariadb::start(&[]));
    let mut leaving = Source::of(&ours, "reader");
    leaving.target.place.port = balancer([ours.address(), other.address()]).await.port();
    leaving.target.statement_timeout = Duration::from_secs(1);
    let staying = Source::of(&other, "reader");
    bring_level(&ours, &other);
    let session = "SELECT CONNECTION_ID() AS x";
    assert_eq!(leaving.text(Csv, session).await, staying.text(Csv, session).await);
    let question = "SELECT SLEEP(3) AS killed";
    let (left, stayed) =
        tokio::join!(leaving.whole(Csv, question, &[]), staying.whole(Csv, question, &[]));
    assert_eq!(left.unwrap_err().kind(), Kind::UpstreamTimeout);
    assert_eq!(stayed.unwrap().text, "killed\n0\n");
    let kills = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'Com_kill'";
    assert_eq!((ours.sql("shop", kills), other.sql("shop", kills)), ("0".into(), "0".into()));
}
