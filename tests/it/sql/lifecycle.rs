//! Sessions from their making to their end: turns, deadlines, callers who leave, servers that die.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::postgres::Postgres;
use http_body_util::BodyExt as _;
use serde_json::json;
use sourcegate_core::{Classify as _, Kind, Rev, SqlDriver, SqlParams};
use sql::Format::{Csv, Json, Ndjson};
use sql::Limits;

use super::asking::Source;
use super::both;

/// Rows that come as fast as they are read, and do not end soon.
const ENDLESS: &str = "SELECT generate_series(1, 100000000) AS n, repeat('x', 100) AS x";

/// A statement that has no row for a minute.
const SLEEPING: &str = "SELECT pg_sleep(60)";

/// Waits until the server counts this many sessions of `reader`, or of those that run a statement.
async fn wait_for(postgres: &Postgres, which: &str, expected: usize) {
    let query =
        format!("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND {which}");
    let started = Instant::now();
    loop {
        let counted = postgres.sql("shop", &query);
        if counted == expected.to_string() {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(15), "{which}: {counted}, not {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn pid(source: &Source) -> String {
    source.text(Csv, "SELECT pg_backend_pid() AS x").await
}

#[tokio::test]
async fn a_session_is_kept_for_its_source_and_for_no_other() {
    let postgres = Postgres::start(&[]).await;
    let source = Source::of(&postgres, "reader");
    let first = pid(&source).await;
    assert_eq!(source.fails(Json, "SELECT 1/0").await, (Kind::Invalid, "statement".to_owned()));
    assert_eq!(source.fails(Csv, "SELECT nothing").await, (Kind::Invalid, "statement".to_owned()));
    assert_eq!(pid(&source).await, first, "a refused statement costs no connection");
    let other = Source { rev: Rev::new(), ..source.clone() };
    assert_ne!(pid(&other).await, first);
    let settings =
        "SELECT current_setting('idle_session_timeout') AS a, current_setting('lock_timeout') AS b";
    assert_eq!(source.text(Csv, settings).await, "a,b\n90s,10s\n");
}

#[tokio::test]
async fn an_idle_session_is_closed() {
    let postgres = Postgres::start(&[]).await;
    let idle = Duration::from_millis(200);
    let source = Source::with(&postgres, "reader", Limits { idle, ..Limits::default() });
    pid(&source).await;
    wait_for(&postgres, "true", 0).await;
    pid(&source).await;
}

#[tokio::test]
async fn q21_a_statement_ends_at_its_limit_here_and_in_the_database() {
    let postgres = Postgres::start(&[]).await;
    let mut source = Source::of(&postgres, "reader");
    source.target.statement_timeout = Duration::from_secs(2);
    for (format, statement) in [
        (Csv, SLEEPING),
        (Json, SLEEPING),
        // Without the server's own limit.
        (
            Json,
            "WITH RECURSIVE r(n) AS (SELECT length(set_config('statement_timeout', '0', false)) UNION ALL SELECT 1 FROM r) SELECT count(*) FROM r",
        ),
    ] {
        source.rev = Rev::new();
        let error = source.whole(format, statement, &[]).await.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (Kind::UpstreamTimeout, Some("timeout_sql")));
        wait_for(&postgres, "state = 'active'", 0).await;
    }
    // What has begun breaks off, and NDJSON says why.
    let answer = source.ask(Ndjson, ENDLESS, &[]).await.unwrap();
    let mut body = answer.body;
    let mut last = Vec::new();
    let error = loop {
        match body.frame().await.expect("the body does not end by itself") {
            Ok(frame) => last = frame.into_data().expect("no trailers of a broken answer").to_vec(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.cause(), Some("timeout_sql"));
    let text = String::from_utf8(last).unwrap();
    let record: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(record["error"], "data source did not answer the statement within 2.000 s");
    wait_for(&postgres, "true", 0).await;
}

#[tokio::test]
async fn q21_whatever_ends_a_statement_is_named() {
    let postgres = Postgres::start(&["max_prepared_transactions=1", "temp_file_limit=64kB"]).await;
    // Its locks stay without a session.
    postgres.sql("shop", "BEGIN; LOCK TABLE goods; PREPARE TRANSACTION 'held'");
    let mut source = Source::of(&postgres, "reader");
    let params = [("lock_timeout", "300ms"), ("statement_timeout", "1s")];
    source.target.params = SqlParams::new(SqlDriver::Postgres, params).unwrap();
    let locked = "statement waited 0.3 s for a lock that another session of the database holds";
    let late = "data source did not answer the statement within 1.000 s";
    let large = "temporary file size exceeds temp_file_limit (64kB) (SQLSTATE 53400)";
    let sorted = "SELECT count(*) FROM (SELECT g FROM generate_series(1, 300000) g ORDER BY -g) s";
    for (query, params, kind, cause, text) in [
        ("TABLE goods", json!([]), Kind::UpstreamTimeout, "timeout_lock", locked),
        ("SELECT $1::int FROM goods", json!([1]), Kind::UpstreamTimeout, "timeout_lock", locked),
        (SLEEPING, json!([]), Kind::UpstreamTimeout, "timeout_sql", late),
        (sorted, json!([]), Kind::Invalid, "statement", large),
    ] {
        for format in [Csv, Json] {
            let error = source.whole(format, query, params.as_array().unwrap()).await.unwrap_err();
            // PostgreSQL 18 puts names of settings in quotes.
            let found = (error.kind(), error.cause(), error.public().replace('"', ""));
            assert_eq!(found, (kind, Some(cause), text.to_owned()), "{query}");
        }
    }
    source.target.params = SqlParams::default();
    source.rev = Rev::new();
    let cancelling = async {
        wait_for(&postgres, "query LIKE '%pg_sleep%' AND state = 'active'", 1).await;
        postgres.sql(
            "shop",
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'",
        );
    };
    let (found, ()) = tokio::join!(source.fails(Json, SLEEPING), cancelling);
    assert_eq!(found, (Kind::Upstream, "cancelled".to_owned()));
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_statement() {
    let postgres = Postgres::start(&[]).await;
    let source = Source::of(&postgres, "reader");
    // Before the first row, and after it.
    let waiting = source.ask(Json, SLEEPING, &[]);
    tokio::select! {
        answer = waiting => panic!("{answer:?}"),
        () = wait_for(&postgres, "query LIKE '%pg_sleep%' AND state = 'active'", 1) => {}
    }
    wait_for(&postgres, "true", 0).await;
    for format in [Csv, Json, Ndjson] {
        let mut answer = source.ask(format, ENDLESS, &[]).await.unwrap();
        answer.body.frame().await.unwrap().unwrap();
        drop(answer);
        wait_for(&postgres, "true", 0).await;
    }
}

#[tokio::test]
async fn a_caller_who_does_not_read_holds_the_database_no_longer_than_the_limit() {
    let postgres = Postgres::start(&[]).await;
    let mut source = Source::of(&postgres, "reader");
    source.target.statement_timeout = Duration::from_secs(2);
    let answer = source.ask(Csv, ENDLESS, &[]).await.unwrap();
    wait_for(&postgres, "true", 0).await;
    assert!(answer.body.collect().await.is_err(), "what is missing is not taken for whole");
}

#[tokio::test]
async fn q37_an_error_after_the_first_row_breaks_every_format() {
    let postgres = Postgres::shared().await;
    let source = Source::of(postgres, "reader");
    let late = "SELECT n, 10 / (20000 - n) AS x FROM generate_series(1, 100000) n";
    for format in [Csv, Json, Ndjson] {
        let answer = source.ask(format, late, &[]).await.unwrap();
        let error = answer.body.collect().await.unwrap_err();
        assert_eq!(
            (error.kind(), &*error.public()),
            (Kind::Invalid, "division by zero (SQLSTATE 22012)")
        );
        // It is not said in what goes to the log.
        assert_eq!(error.to_string(), "statement failed with SQLSTATE 22012");
    }
}

#[tokio::test]
async fn q37_a_backend_that_is_killed_breaks_the_answer_and_nothing_else() {
    let postgres = Postgres::start(&["restart_after_crash=on"]).await;
    let source = Source::of(&postgres, "reader");
    for signal in ["pg_terminate_backend", "kill -9"] {
        let mut answer = source.ask(Ndjson, ENDLESS, &[]).await.unwrap();
        answer.body.frame().await.unwrap().unwrap();
        let pid = postgres.sql("shop", "SELECT pid FROM pg_stat_activity WHERE usename = 'reader'");
        match signal {
            "kill -9" => assert!(
                std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success()
            ),
            _ => assert_eq!(
                postgres.sql("shop", &format!("SELECT pg_terminate_backend({pid})")),
                "t"
            ),
        }
        let error = answer.body.collect().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Upstream, "{error:?}");
        // The server is up again soon after a crash.
        let started = Instant::now();
        while source.whole(Csv, "SELECT 1", &[]).await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn q46_a_kept_session_that_has_ended_is_made_again() {
    let postgres = Postgres::start(&[]).await;
    let source = Source::of(&postgres, "reader");
    let first = pid(&source).await;
    postgres.sql(
        "shop",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'",
    );
    assert_ne!(pid(&source).await, first);
}

#[tokio::test]
async fn q45_a_full_server_is_a_503_and_no_storm() {
    let postgres =
        Postgres::start(&["max_connections=4", "superuser_reserved_connections=2"]).await;
    let sources: Vec<_> =
        (0..2).map(|_| Source { rev: Rev::new(), ..Source::of(&postgres, "reader") }).collect();
    for source in &sources {
        pid(source).await;
    }
    let late = Source { rev: Rev::new(), ..sources[0].clone() };
    let started = Instant::now();
    let failures = join_all((0..20).map(|_| late.whole(Csv, "SELECT 1", &[]))).await;
    for failure in failures {
        let error = failure.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (Kind::Unavailable, Some("connections")));
    }
    if started.elapsed() < Duration::from_millis(900) {
        assert_eq!(
            postgres.log().matches("remaining connection slots").count(),
            1,
            "one of them asked"
        );
    }
}

#[tokio::test]
async fn q50_many_statements_take_turns_on_one_connection() {
    let postgres = Postgres::start(&[]).await;
    let limits = Limits { waiting: 60, wait: Duration::from_secs(30), ..Limits::default() };
    let source = Source::with(&postgres, "reader", limits);
    let answers =
        join_all((0..100).map(|_| source.whole(Csv, "SELECT pg_backend_pid() AS x", &[]))).await;
    let (served, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((served.len(), refused.len()), (61, 39));
    let pids: std::collections::BTreeSet<_> =
        served.into_iter().map(|whole| whole.unwrap().text).collect();
    assert_eq!(pids.len(), 1);
    for error in refused {
        let error = error.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (Kind::Unavailable, Some("busy")));
    }
    let hasty = Source::with(
        &postgres,
        "reader",
        Limits { wait: Duration::from_millis(50), ..Limits::default() },
    );
    let holding = hasty.ask(Csv, ENDLESS, &[]).await.unwrap();
    assert_eq!(hasty.fails(Csv, "SELECT 1").await, (Kind::Unavailable, "busy".to_owned()));
    drop(holding);
}

async fn race(runs: u64) {
    let postgres = Postgres::start(&[]).await;
    let source = Source::of(&postgres, "reader");
    let next = ("SELECT pg_sleep(0.001), 1 AS one", "pg_sleep,one\n\"\",1\n");
    both::race(&source, "SELECT sum(n) FROM generate_series(1, 2000) n", next, runs).await;
}

#[tokio::test]
async fn q47_a_cancel_never_hits_the_next_statement() {
    race(60).await;
}

#[tokio::test]
#[ignore = "takes a minute: make soak"]
async fn soak_q47_a_cancel_never_hits_the_next_statement() {
    race(1000).await;
}
