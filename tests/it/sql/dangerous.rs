//! Roles that may do what no transaction holds.

use std::time::Duration;

use harness::postgres::{PASSWORD, Postgres};
use sourcegate_core::{Classify as _, Kind, Rev};
use sql::Format::Csv;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::asking::Source;

#[tokio::test]
async fn a_role_that_may_more_than_read_tables_is_refused_at_connect() {
    let postgres = Postgres::shared().await;
    for user in ["super", "files", "programs", "replica", "become"] {
        let mut source = Source::of(postgres, user);
        assert_eq!(
            source.fails(Csv, "SELECT 1").await,
            (Kind::Upstream, "dangerous_role".to_owned()),
            "{user}"
        );
        source.target.allow_dangerous_role = true;
        assert_eq!(source.text(Csv, "SELECT 1 AS a").await, "a\n1\n", "{user}");
    }
}

/// What a source comes to that is asked anew.
async fn cause(source: &Source) -> Option<&'static str> {
    let source = Source { rev: Rev::new(), ..source.clone() };
    let asked = source.whole(Csv, "SELECT 1 AS a", &[]).await;
    asked.err().map(|error| error.cause().unwrap())
}

/// Follows the advice in a refusal.
async fn heed(postgres: &Postgres, source: &Source, user: &str) {
    let said = source.whole(Csv, "SELECT 1 AS a", &[]).await.unwrap_err().public();
    let (_, way_out) = said.split_once("; ").expect("a way out");
    let (revoking, _) = way_out.split_once(" (").expect("what to run");
    postgres.sql("shop", &revoking.replace("from public", &format!("from public, {user}")));
}

#[tokio::test]
async fn q17_a_role_that_may_have_the_database_connect_is_refused_and_told_the_way_out() {
    let postgres = Postgres::start(&[]).await;
    let source = Source::of(&postgres, "reader");
    assert_eq!(cause(&source).await, None);
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("host=127.0.0.1 port={}", other.local_addr().unwrap().port());
    postgres.sql("shop", "CREATE EXTENSION dblink");
    let dialling =
        format!("SELECT * FROM dblink('{place} user=x password=y', 'SELECT 1') AS t(a int)");
    let refused = (Kind::Upstream, "dangerous_role".to_owned());
    let strict = Source { rev: Rev::new(), ..source.clone() };
    assert_eq!(strict.fails(Csv, &dialling).await, refused);
    let dialled = timeout(Duration::from_millis(200), other.accept()).await;
    assert!(dialled.is_err(), "nobody is dialled");
    // In any schema that the role may use, and by any role that it may take.
    postgres.sql("shop", "CREATE SCHEMA elsewhere; ALTER EXTENSION dblink SET SCHEMA elsewhere");
    assert_eq!(cause(&source).await, None);
    postgres.sql("shop", "GRANT USAGE ON SCHEMA elsewhere TO PUBLIC");
    assert_eq!(cause(&source).await, Some("dangerous_role"));
    heed(&postgres, &Source { rev: Rev::new(), ..source.clone() }, "reader").await;
    assert_eq!(cause(&source).await, None, "what is left of dblink connects to nobody");
    postgres.sql(
        "shop",
        "GRANT EXECUTE ON FUNCTION elsewhere.dblink_connect(text) TO nobody; ALTER ROLE reader NOINHERIT; GRANT nobody TO reader",
    );
    assert_eq!(cause(&source).await, Some("dangerous_role"));
}

#[tokio::test]
async fn q17_a_connection_that_a_caller_has_opened_is_not_there_for_the_next() {
    let postgres = Postgres::start(&[]).await;
    let mut source = Source::of(&postgres, "reader");
    source.target.allow_dangerous_role = true;
    let session = "SELECT pg_backend_pid() AS x";
    assert_eq!(source.text(Csv, session).await, source.text(Csv, session).await, "it is kept");
    postgres.sql("shop", "CREATE EXTENSION dblink");
    source.rev = Rev::new();
    let port = postgres.address().port();
    let opening = format!(
        "SELECT dblink_connect('mine', 'host=127.0.0.1 port={port} dbname=shop user=clear password={PASSWORD}') AS x"
    );
    assert_eq!(source.text(Csv, &opening).await, "x\nOK\n");
    let left = "SELECT coalesce(array_length(dblink_get_connections(), 1), 0) AS x";
    assert_eq!(source.text(Csv, left).await, "x\n0\n");
    assert_ne!(source.text(Csv, session).await, source.text(Csv, session).await, "none is kept");
}
