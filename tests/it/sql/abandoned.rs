//! Statements that wait for a lock, which they do as soon as the server parses them, and whose callers leave meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::TestApp;
use harness::mariadb::Mariadb;
use harness::postgres::{PASSWORD, Postgres};
use http::Method;
use serde_json::json;
use sourcegate_core::{Classify as _, Kind, Rev, SqlTls, SslMode};
use sql::Format::Json;
use tokio::task::{JoinHandle, spawn_blocking};

use super::asking::Source;

const WAITING: &str = "SELECT count(*) AS n FROM goods";

/// The server's own limit for a lock is 10 s: whatever ends sooner was ended.
const SOON: Duration = Duration::from_secs(5);

/// Sessions of `reader` that PostgreSQL has.
const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'";

/// The same as MariaDB and MySQL count them.
const PROCESSES: &str =
    "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'reader' AND true";

/// Holds a table until it is told to let go.
const HOLDING: &str = "DO $$ BEGIN LOCK TABLE goods; PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END $$";
const LETTING_GO: &str = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'";

/// Waits until a question that is asked outside has this answer.
async fn wait_for(ask: impl Fn() -> String, expected: &str, limit: Duration) {
    let started = Instant::now();
    loop {
        let answer = ask();
        if answer == expected {
            return;
        }
        assert!(started.elapsed() < limit, "{answer}, not {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn held(postgres: &Arc<Postgres>) -> JoinHandle<String> {
    let server = Arc::clone(postgres);
    let holding = spawn_blocking(move || server.sql("shop", HOLDING));
    let locks = "SELECT count(*) FROM pg_locks WHERE relation = 'goods'::regclass AND granted";
    wait_for(|| postgres.sql("shop", locks), "1", SOON).await;
    holding
}

/// Looks all the time how many sessions there are, and gives the most once it is told to stop.
fn watch(postgres: &Arc<Postgres>, stop: &Arc<AtomicBool>) -> JoinHandle<u32> {
    let (postgres, stop) = (Arc::clone(postgres), Arc::clone(stop));
    spawn_blocking(move || {
        let mut most = 0;
        while !stop.load(Ordering::Relaxed) {
            most = most.max(postgres.sql("shop", SESSIONS).parse().unwrap());
        }
        most
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_max_conns_sessions_whoever_leaves_while_they_wait_for_a_lock() {
    let (app, postgres) = (TestApp::start().await, Arc::new(Postgres::start(&[]).await));
    let source = json!({
        "name": "shop", "type": "postgres", "access": "proxy", "user": "reader",
        "url": postgres.address().to_string(), "secureJsonData": { "password": PASSWORD },
        "jsonData": { "database": "shop", "sslmode": "disable", "maxOpenConns": 2 },
    });
    let admin = app.as_admin();
    assert_eq!(admin.post("/api/datasources", &source).await.status, 200);
    let statement = json!({ "query": WAITING }).to_string();
    let asking = || {
        admin.request(Method::POST, "/proxy/globaldatasources/shop").body(statement.clone()).send()
    };
    let holding = held(&postgres).await;
    let stop = Arc::default();
    let watching = watch(&postgres, &stop);
    let leaving = (0..60).map(|nth| async move {
        tokio::time::sleep(Duration::from_millis(nth * 50)).await;
        tokio::time::timeout(Duration::from_millis(500 + nth), asking()).await.is_err()
    });
    let left = join_all(leaving).await;
    assert!(left.iter().all(|left| *left), "nobody has an answer");
    wait_for(|| postgres.sql("shop", SESSIONS), "0", SOON).await;
    stop.store(true, Ordering::Relaxed);
    let most = watching.await.unwrap();
    assert!((1..=2).contains(&most), "{most} sessions at a time");
    postgres.sql("shop", LETTING_GO);
    holding.await.unwrap();
    // The slots are there again, long before they end by themselves.
    let answer = tokio::time::timeout(SOON, asking()).await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "n\n3\n");
}

#[tokio::test]
async fn a_statement_that_waits_for_a_lock_ends_with_its_caller_and_at_the_deadline() {
    let postgres = Arc::new(Postgres::start(&[]).await);
    let holding = held(&postgres).await;
    let waits = format!("{SESSIONS} AND wait_event_type = 'Lock'");
    for params in [&[][..], &[json!("x")]] {
        let text = if params.is_empty() { WAITING } else { "SELECT name = $1 AS n FROM goods" };
        let source = Source { rev: Rev::new(), ..Source::of(&*postgres, "reader") };
        tokio::select! {
            answer = source.ask(Json, text, params) => panic!("{answer:?}"),
            () = wait_for(|| postgres.sql("shop", &waits), "1", SOON) => {}
        }
        wait_for(|| postgres.sql("shop", SESSIONS), "0", SOON).await;
        let hasty = Source { patience: Duration::from_millis(500), ..source };
        let started = Instant::now();
        let error = hasty.whole(Json, text, params).await.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (Kind::UpstreamTimeout, Some("timeout_sql")));
        assert!(started.elapsed() < SOON);
        wait_for(|| postgres.sql("shop", SESSIONS), "0", SOON).await;
    }
    postgres.sql("shop", LETTING_GO);
    holding.await.unwrap();
}

/// Leaves and comes too late while `hold` holds the table for 6 s.
async fn ends_without_a_lock(
    source: Source,
    ask: impl Fn(&str) -> String,
    hold: impl FnOnce() + Send + 'static,
) {
    let holding = spawn_blocking(hold);
    wait_for(
        || ask("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP%'"),
        "1",
        SOON,
    )
    .await;
    let waits = format!("{PROCESSES} AND STATE LIKE '%lock%'");
    tokio::select! {
        answer = source.ask(Json, WAITING, &[]) => panic!("{answer:?}"),
        () = wait_for(|| ask(&waits), "1", SOON) => {}
    }
    let limit = Duration::from_secs(2);
    wait_for(|| ask(PROCESSES), "0", limit).await;
    let hasty = Source { patience: Duration::from_millis(500), ..source };
    let error = hasty.whole(Json, WAITING, &[]).await.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (Kind::UpstreamTimeout, Some("timeout_sql")));
    wait_for(|| ask(PROCESSES), "0", limit).await;
    assert!(!holding.is_finished(), "nothing ends because it has the lock");
    holding.await.unwrap();
}

#[tokio::test]
async fn a_statement_that_waits_for_a_lock_of_mariadb_ends_with_its_caller() {
    let mariadb = Arc::new(Mariadb::start(&[]).await);
    let (source, server) = (Source::of(&*mariadb, "reader"), Arc::clone(&mariadb));
    let hold = move || drop(server.sql("shop", "LOCK TABLES goods WRITE; DO SLEEP(6)"));
    ends_without_a_lock(source, |query| mariadb.sql("shop", query), hold).await;
}

#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn a_statement_that_waits_for_a_lock_of_mysql_ends_with_its_caller() {
    let mysql = Arc::new(harness::mysql::Mysql::start(&[]).await);
    let (mut source, server) = (Source::of(&*mysql, "reader"), Arc::clone(&mysql));
    // Its password goes to a verified server alone.
    source.target.tls = SqlTls { authorities: Some("ca".into()), ..SqlTls::of(SslMode::VerifyCa) };
    let hold = move || drop(server.sql("shop", "LOCK TABLES goods WRITE; DO SLEEP(6)"));
    ends_without_a_lock(source, |query| mysql.sql("shop", query), hold).await;
}
