//! MariaDB's sessions from their making to their end: turns, deadlines, callers who leave, servers that die.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::mariadb::Mariadb;
use http_body_util::BodyExt as _;
use sourcegate_core::{Classify as _, Kind, Rev, SqlTls, SslMode};
use sql::Format::{Csv, Json, Ndjson};
use sql::Limits;

use super::asking::Source;
use super::both;

/// Rows that come as fast as they are read, and do not end soon.
const ENDLESS: &str = "SELECT seq AS n, REPEAT('x', 100) AS x FROM seq_1_to_100000000";

/// A statement that has no row for a minute.
const SLEEPING: &str = "SELECT SLEEP(60)";

/// Rows far apart, each so large that the server does not wait for the next before it sends it.
const SLOW: &str = "SELECT seq AS n, SLEEP(0.05) AS s, REPEAT('x', 20000) AS x FROM seq_1_to_1000";

/// Waits until the server counts this many sessions of `reader`, or of those that are as `which` says.
async fn wait_for(mariadb: &Mariadb, which: &str, expected: usize) {
    let query = format!(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'reader' AND {which}"
    );
    let started = Instant::now();
    loop {
        let counted = mariadb.sql("shop", &query);
        if counted == expected.to_string() {
            return;
        }
        let list = || mariadb.sql("shop", "SHOW FULL PROCESSLIST");
        assert!(started.elapsed() < Duration::from_secs(15), "{which}: {counted}\n{}", list());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn id(source: &Source) -> String {
    source.text(Csv, "SELECT CONNECTION_ID() AS x").await
}

#[tokio::test]
async fn a_session_is_kept_for_its_source_and_for_no_other() {
    let mariadb = Mariadb::start(&[]).await;
    let source = Source::of(&mariadb, "reader");
    let first = id(&source).await;
    for (format, statement) in
        [(Json, "SELECT nothing"), (Csv, "SELECT 1 +"), (Csv, "SELECT write_log()")]
    {
        assert_eq!(source.fails(format, statement).await.0, Kind::Invalid, "{statement}");
    }
    assert_eq!(id(&source).await, first, "a refused statement costs no connection");
    let other = Source { rev: Rev::new(), ..source.clone() };
    assert_ne!(id(&other).await, first);
}

#[tokio::test]
async fn an_idle_session_is_closed_and_said_goodbye_to() {
    let mariadb = Mariadb::start(&["--log-warnings=4"]).await;
    let idle = Duration::from_millis(200);
    let source = Source::with(&mariadb, "reader", Limits { idle, ..Limits::default() });
    id(&source).await;
    wait_for(&mariadb, "true", 0).await;
    id(&source).await;
    wait_for(&mariadb, "true", 0).await;
    assert!(!mariadb.log().contains("Aborted connection"), "{}", mariadb.log());
}

#[tokio::test]
async fn q21_a_statement_ends_at_its_limit_here_and_in_the_database() {
    let mariadb = Mariadb::start(&[]).await;
    let mut source = Source::of(&mariadb, "reader");
    source.target.statement_timeout = Duration::from_secs(2);
    for (format, statement) in [
        (Csv, SLEEPING),
        (Json, "SELECT COUNT(*) FROM seq_1_to_100000000 a, seq_1_to_1000 b"),
        // Without the server's own limit.
        (Json, "SELECT loosen(), SLEEP(60)"),
    ] {
        source.rev = Rev::new();
        let error = source.whole(format, statement, &[]).await.unwrap_err();
        let found = (error.kind(), error.cause());
        assert_eq!(found, (Kind::UpstreamTimeout, Some("timeout_sql")), "{statement}: {error:?}");
        wait_for(&mariadb, "COMMAND <> 'Sleep'", 0).await;
    }
    // What has begun breaks off, and NDJSON says why.
    for statement in [ENDLESS, SLOW] {
        let answer = source.ask(Ndjson, statement, &[]).await.unwrap();
        let mut body = answer.body;
        let mut last = Vec::new();
        let error = loop {
            match body.frame().await.expect("the body does not end by itself") {
                Ok(frame) => {
                    last = frame.into_data().expect("no trailers of a broken answer").to_vec()
                }
                Err(error) => break error,
            }
        };
        assert_eq!(error.cause(), Some("timeout_sql"));
        let text = String::from_utf8(last).unwrap();
        let record: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(record["error"], "data source did not answer the statement within 2.000 s");
        wait_for(&mariadb, "true", 0).await;
    }
}

#[tokio::test]
async fn q21_a_lock_that_another_session_holds_is_named() {
    let locking = ["--transaction-isolation=SERIALIZABLE", "--innodb-lock-wait-timeout=1"];
    let mariadb = Mariadb::start(&locking).await;
    mariadb.sql("shop", both::HELD);
    both::waits_for_a_lock(&Source::of(&mariadb, "reader")).await;
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_statement() {
    let mariadb = Mariadb::start(&[]).await;
    for mode in [SslMode::Disable, SslMode::Require] {
        let mut source = Source::of(&mariadb, "reader");
        source.target.tls = SqlTls::of(mode);
        // Before the first row, and after it.
        let waiting = source.ask(Json, SLEEPING, &[]);
        tokio::select! {
            answer = waiting => panic!("{answer:?}"),
            () = wait_for(&mariadb, "INFO LIKE '%SLEEP%'", 1) => {}
        }
        wait_for(&mariadb, "true", 0).await;
        for format in [Csv, Json, Ndjson] {
            for statement in [ENDLESS, SLOW] {
                let mut answer = source.ask(format, statement, &[]).await.unwrap();
                answer.body.frame().await.unwrap().unwrap();
                drop(answer);
                wait_for(&mariadb, "true", 0).await;
            }
        }
    }
}

#[tokio::test]
async fn a_caller_who_does_not_read_holds_the_database_no_longer_than_the_limit() {
    let mariadb = Mariadb::start(&[]).await;
    let mut source = Source::of(&mariadb, "reader");
    source.target.statement_timeout = Duration::from_secs(2);
    let answer = source.ask(Csv, ENDLESS, &[]).await.unwrap();
    wait_for(&mariadb, "true", 0).await;
    assert!(answer.body.collect().await.is_err(), "what is missing is not taken for whole");
}

#[tokio::test]
async fn q37_an_error_after_the_first_row_breaks_every_format() {
    let source = Source::of(Mariadb::shared().await, "reader");
    let late =
        "SELECT seq, IF(seq = 20000, (SELECT seq UNION SELECT 0), 1) AS x FROM seq_1_to_100000";
    let first = source.text(Csv, "SELECT CONNECTION_ID() AS x").await;
    for format in [Csv, Json, Ndjson] {
        let answer = source.ask(format, late, &[]).await.unwrap();
        let error = answer.body.collect().await.unwrap_err();
        let text = "Subquery returns more than 1 row (SQLSTATE 21000)".to_owned();
        assert_eq!((error.kind(), error.public()), (Kind::Invalid, text));
        // It is not said in what goes to the log.
        assert_eq!(error.to_string(), "statement failed with SQLSTATE 21000");
        assert_eq!(id(&source).await, first);
    }
}

#[tokio::test]
async fn q37_a_server_that_is_killed_breaks_the_answer() {
    let mariadb = Mariadb::start(&[]).await;
    let source = Source::of(&mariadb, "reader");
    let running = "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'reader'";
    for kill in ["KILL", "KILL QUERY"] {
        let mut answer = source.ask(Ndjson, ENDLESS, &[]).await.unwrap();
        answer.body.frame().await.unwrap().unwrap();
        mariadb.sql("shop", &format!("{kill} {}", mariadb.sql("shop", running)));
        let error = answer.body.collect().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Upstream, "{error:?}");
        assert_eq!(error.cause() == Some("cancelled"), kill == "KILL QUERY", "{error:?}");
        assert_eq!(source.text(Csv, "SELECT 1 AS a").await, "a\n1\n");
    }
    let mut answer = source.ask(Ndjson, ENDLESS, &[]).await.unwrap();
    answer.body.frame().await.unwrap().unwrap();
    mariadb.process().signal("KILL");
    let error = answer.body.collect().await.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (Kind::Upstream, Some("upstream_closed")));
    assert_eq!(source.fails(Csv, "SELECT 1").await, (Kind::Upstream, "connect".to_owned()));
}

#[tokio::test]
async fn q46_a_kept_session_that_has_ended_is_made_again() {
    let mariadb = Mariadb::start(&[]).await;
    for mode in [SslMode::Disable, SslMode::Require] {
        let mut source = Source::of(&mariadb, "reader");
        source.target.tls = SqlTls::of(mode);
        let first = id(&source).await;
        let number = first.lines().last().unwrap();
        mariadb.sql("shop", &format!("KILL {number}"));
        assert_ne!(id(&source).await, first);
    }
}

#[tokio::test]
async fn q45_a_full_server_is_a_503_and_no_storm() {
    let mariadb = Mariadb::start(&["--max-connections=10"]).await;
    // The administrator has one more than the others.
    let sources: Vec<_> =
        (0..10).map(|_| Source { rev: Rev::new(), ..Source::of(&mariadb, "reader") }).collect();
    for source in &sources {
        id(source).await;
    }
    // Asked in a session that is there, since one that is made for it may still be ending when the next comes.
    let of_server = async |name: &str| {
        let query = format!(
            "SELECT VARIABLE_VALUE AS x FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = '{name}'"
        );
        let answer = sources[0].text(Csv, &query).await;
        answer.trim_start_matches("x\n").trim_end().parse::<u64>().unwrap()
    };
    while of_server("THREADS_CONNECTED").await > 10 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let late = Source { rev: Rev::new(), ..sources[0].clone() };
    let (before, started) = (of_server("CONNECTIONS").await, Instant::now());
    let failures = join_all((0..20).map(|_| late.whole(Csv, "SELECT 1", &[]))).await;
    for failure in failures {
        let error = failure.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (Kind::Unavailable, Some("connections")));
    }
    if started.elapsed() < Duration::from_millis(900) {
        assert_eq!(of_server("CONNECTIONS").await - before, 1, "one of them asked");
    }
    mariadb.sql("shop", "ALTER USER reader WITH MAX_USER_CONNECTIONS 1");
    let late = Source { rev: Rev::new(), ..sources[0].clone() };
    assert_eq!(late.fails(Csv, "SELECT 1").await, (Kind::Unavailable, "connections".to_owned()));
}

#[tokio::test]
async fn q50_many_statements_take_turns_on_one_connection() {
    let mariadb = Mariadb::start(&[]).await;
    let limits = Limits { waiting: 60, wait: Duration::from_secs(30), ..Limits::default() };
    let source = Source::with(&mariadb, "reader", limits);
    let query = "SELECT CONNECTION_ID() AS x";
    let answers = join_all((0..100).map(|_| source.whole(Csv, query, &[]))).await;
    let (served, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((served.len(), refused.len()), (61, 39));
    let ids: std::collections::BTreeSet<_> =
        served.into_iter().map(|whole| whole.unwrap().text).collect();
    assert_eq!(ids.len(), 1);
}

async fn race(runs: u64) {
    let mariadb = Mariadb::start(&[]).await;
    let source = Source::of(&mariadb, "reader");
    let next = ("SELECT SLEEP(0.001) AS s, 1 AS one", "s,one\n0,1\n");
    both::race(&source, "SELECT SUM(seq) FROM seq_1_to_2000", next, runs).await;
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
