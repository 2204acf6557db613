//! The published battery: what strangers try to write, to reach or to leave behind. Each row is one statement of `writer`, who
//! may write, so that only the engine stands between.

use std::collections::BTreeSet;

use harness::postgres::Postgres;
use serde_json::json;
use sourcegate_core::{Classify as _, Kind};
use sql::Format::{self, Csv, Json, JsonArrays, Ndjson};

use super::asking::Source;

const FORMATS: [Format; 4] = [Csv, Json, JsonArrays, Ndjson];

/// What answers a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    /// Our own wall: the first word.
    Lexer,
    /// The server refuses it for what it is, most when it parses it alone; or it has no columns.
    Server,
    /// The transaction cannot write.
    ReadOnly,
    /// The role may not.
    Role,
    /// It runs, and nothing of it is left.
    Nothing,
}

/// Statements by row of `faults.md`, and what answers them.
const BATTERY: &[(&str, Met, &str)] = &[
    ("Q01", Met::Server, "SELECT 1; DROP TABLE goods"),
    ("Q01", Met::Server, "SELECT 1; INSERT INTO log VALUES ('written'); SELECT 1"),
    ("Q01", Met::Server, "SELECT 1) TO STDOUT; INSERT INTO log VALUES ('written'); --"),
    ("Q01", Met::Server, "SELECT 1) TO PROGRAM 'touch /tmp/sourcegate-written' --"),
    ("Q01", Met::Server, "SELECT 1) TO '/tmp/sourcegate-written' --"),
    ("Q02", Met::Lexer, "COMMIT; INSERT INTO log VALUES ('written'); SELECT 1"),
    ("Q02", Met::Server, "SELECT 1; COMMIT; INSERT INTO log VALUES ('written')"),
    ("Q03", Met::Lexer, "COMMIT"),
    ("Q03", Met::Lexer, "COMMIT AND CHAIN"),
    ("Q03", Met::Lexer, "END"),
    ("Q03", Met::Lexer, "ABORT"),
    ("Q03", Met::Lexer, "ROLLBACK"),
    ("Q03", Met::Lexer, "BEGIN READ WRITE"),
    ("Q03", Met::Lexer, "START TRANSACTION READ WRITE"),
    ("Q03", Met::Lexer, "SAVEPOINT a"),
    ("Q03", Met::Lexer, "PREPARE TRANSACTION 'a'"),
    ("Q03", Met::Lexer, "/* SELECT */ COMMIT"),
    ("Q03", Met::Lexer, "SET TRANSACTION READ WRITE"),
    (
        "Q05",
        Met::Lexer,
        "DO $$ BEGIN RESET transaction_read_only; INSERT INTO log VALUES ('written'); END $$",
    ),
    ("Q05", Met::ReadOnly, "SELECT run('INSERT INTO log VALUES (''written'')')"),
    ("Q05", Met::Server, "SELECT run('COMMIT')"),
    ("Q06", Met::Nothing, "SELECT set_config('transaction_read_only', 'on', true)"),
    ("Q07", Met::ReadOnly, "WITH d AS (DELETE FROM goods RETURNING id) SELECT * FROM d"),
    (
        "Q07",
        Met::ReadOnly,
        "WITH d AS (INSERT INTO log VALUES ('written') RETURNING line) SELECT * FROM d",
    ),
    ("Q07", Met::ReadOnly, "EXPLAIN ANALYZE INSERT INTO log VALUES ('written')"),
    ("Q07", Met::ReadOnly, "EXPLAIN (ANALYZE) DELETE FROM goods"),
    ("Q09", Met::Server, "SELECT * INTO copied FROM goods"),
    ("Q09", Met::Lexer, "CREATE TABLE copied AS SELECT * FROM goods"),
    ("Q09", Met::Server, "SELECT * INTO TEMP copied FROM goods"),
    ("Q10", Met::ReadOnly, "SELECT write()"),
    ("Q10", Met::ReadOnly, "SELECT write_as_owner()"),
    (
        "Q10",
        Met::Server,
        "SELECT query_to_xml('INSERT INTO log VALUES (''written'')', true, true, '')",
    ),
    ("Q11", Met::ReadOnly, "SELECT nextval('counter')"),
    ("Q11", Met::ReadOnly, "SELECT setval('counter', 99)"),
    ("Q12", Met::ReadOnly, "SELECT * FROM goods FOR UPDATE"),
    ("Q12", Met::ReadOnly, "SELECT * FROM goods FOR SHARE"),
    ("Q13", Met::Lexer, "LOCK TABLE goods IN ACCESS EXCLUSIVE MODE"),
    ("Q14", Met::Lexer, "COPY goods TO STDOUT"),
    ("Q15", Met::Lexer, "COPY goods TO PROGRAM 'touch /tmp/sourcegate-written'"),
    ("Q15", Met::Lexer, "COPY goods TO '/tmp/sourcegate-written'"),
    ("Q16", Met::Role, "SELECT pg_read_file('/etc/passwd')"),
    ("Q16", Met::Role, "SELECT pg_ls_dir('/')"),
    ("Q16", Met::Role, "SELECT lo_import('/etc/passwd')"),
    ("Q18", Met::Lexer, "DO $$ BEGIN INSERT INTO log VALUES ('written'); END $$"),
    ("Q18", Met::Lexer, "CALL p()"),
    ("Q19", Met::Lexer, "SET ROLE postgres"),
    ("Q19", Met::Lexer, "SET SESSION AUTHORIZATION postgres"),
    ("Q19", Met::Role, "SELECT set_config('role', 'postgres', false)"),
    ("Q20", Met::Lexer, "RESET ALL"),
    ("Q20", Met::Lexer, "DISCARD ALL"),
    ("Q26", Met::Lexer, "-- \nINSERT INTO log VALUES ('written')"),
    ("Q26", Met::Lexer, "/* /* */ SELECT */ INSERT INTO log VALUES ('written')"),
    ("Q26", Met::Lexer, "/*!50000 INSERT INTO log VALUES ('written') */"),
    ("Q26", Met::Server, "SELECT 1 /* open"),
    ("Q26", Met::Server, "SELECT 'open"),
    ("Q26", Met::Server, "SELECT $a$ open"),
    ("Q29", Met::Lexer, ""),
    ("Q29", Met::Lexer, ";"),
    ("Q29", Met::Lexer, "-- only a comment"),
    ("Q30", Met::Lexer, "SELECT 1\0"),
];

async fn meets(source: &Source, format: Format, statement: &str) -> Met {
    let error = match source.whole(format, statement, &[]).await {
        Ok(_) => return Met::Nothing,
        Err(error) => error,
    };
    assert_eq!(error.kind(), Kind::Invalid, "{statement}: {error:?}");
    match &error {
        sql::Error::Refused(sql::BadStatement::NoColumns) => Met::Server,
        sql::Error::Refused(_) => Met::Lexer,
        sql::Error::Statement { code, .. } => match code.as_str() {
            "25006" => Met::ReadOnly,
            "42501" => Met::Role,
            _ => Met::Server,
        },
        other => panic!("{statement}: {other:?}"),
    }
}

#[tokio::test]
async fn q01_to_q30_no_statement_writes_or_leaves_anything() {
    let postgres = Postgres::start(&[]).await;
    let source = Source::of(&postgres, "writer");
    let state = || {
        postgres.sql("shop", "SELECT (SELECT count(*) FROM goods), (SELECT count(*) FROM log), (SELECT last_value FROM counter), (SELECT count(*) FROM pg_class WHERE relname = 'copied')")
    };
    let before = state();
    for (row, expected, statement) in BATTERY {
        for format in FORMATS {
            assert_eq!(
                meets(&source, format, statement).await,
                *expected,
                "{row} {format:?} {statement}"
            );
            // The connection, kept or new, serves the next caller as if nothing had been.
            let setting = "SELECT current_setting('transaction_read_only') AS r";
            assert!(source.text(format, setting).await.contains("on"));
        }
        assert_eq!(state(), before, "{row} {statement}");
    }
    assert!(!std::path::Path::new("/tmp/sourcegate-written").exists());
}

#[tokio::test]
async fn q06_what_the_server_lets_through_is_rolled_back() {
    let postgres = Postgres::start(&[]).await;
    let source = Source::of(&postgres, "writer");
    for statement in
        ["SELECT write_anyhow()", "SELECT set_config('transaction_read_only', NULL, true), write()"]
    {
        for format in FORMATS {
            // PostgreSQL 15 writes, and 16 refuses; neither leaves a row.
            source.whole(format, statement, &[]).await.ok();
            assert_eq!(postgres.sql("shop", "SELECT count(*) FROM log"), "0", "{statement}");
        }
    }
}

/// Ways out of the transaction, and what moves a sequence once one is out.
const WAYS_OUT: &[(&str, &[Option<&str>])] = &[
    ("SELECT set_config('transaction_read_only', NULL, true), nextval('counter')", &[]),
    ("SELECT set_config('transaction_read_only', NULL, false), setval('counter', 99)", &[]),
    ("SELECT set_config('transaction_read_only', '', true), nextval('counter')", &[]),
    ("SELECT set_config('transaction_read_only', 'default', true), nextval('counter')", &[]),
    ("SELECT set_config('transaction_read_only', $1, true), nextval('counter')", &[None]),
    ("SELECT set_config('transaction_read_only', $1, true), nextval('counter')", &[Some("")]),
    (
        "SELECT set_config('transaction_read_only', $1, true), nextval('counter')",
        &[Some("default")],
    ),
    ("SELECT set_config('transaction_read_only', $1, true), nextval('counter')", &[Some("off")]),
    ("SELECT set_config($1, NULL, true), setval('counter', 99)", &[Some("transaction_read_only")]),
    ("SELECT run('RESET transaction_read_only'), nextval('counter')", &[]),
    ("SELECT write_anyhow(), nextval('counter')", &[]),
    ("SELECT move_anyhow()", &[]),
];

#[tokio::test]
async fn q06_no_sequence_is_moved_on_postgresql_16_nor_before_by_who_has_no_right_to_it() {
    let postgres = Postgres::start(&[]).await;
    let source = Source::of(&postgres, "writer");
    let version: u32 = postgres.sql("shop", "SHOW server_version_num").parse().unwrap();
    if version < 160_000 {
        // The server lets a statement out there, and no rollback moves a sequence back.
        postgres.sql("shop", "REVOKE ALL ON SEQUENCE counter FROM writer");
    }
    let state = || {
        postgres
            .sql("shop", "SELECT last_value, is_called, (SELECT count(*) FROM log) FROM counter")
    };
    let before = state();
    for (statement, params) in WAYS_OUT {
        let params: Vec<_> = params.iter().map(|param| json!(param)).collect();
        for format in FORMATS {
            let asked = source.whole(format, statement, &params).await;
            assert!(asked.is_err(), "{statement}: {asked:?}");
            assert_eq!(state(), before, "{statement} {params:?}");
        }
    }
}

/// What a caller may leave in a session, and what the next one sees of it.
const LEFT: &[(&str, &str, &str)] = &[
    (
        "SELECT set_config('app.tenant', 'evil', false)",
        "SELECT coalesce(current_setting('app.tenant', true), '') AS x",
        "",
    ),
    (
        "SELECT set_config('search_path', 'evil', false)",
        "SELECT current_setting('search_path') AS x",
        "\"$user\", public",
    ),
    (
        "SELECT set_config('statement_timeout', '0', false)",
        "SELECT current_setting('statement_timeout') AS x",
        "30s",
    ),
    (
        "SELECT set_config('datestyle', 'German', false)",
        "SELECT current_setting('datestyle') AS x",
        "ISO, YMD",
    ),
    (
        "SELECT set_config('default_transaction_read_only', 'off', false)",
        "SELECT current_setting('default_transaction_read_only') AS x",
        "on",
    ),
    (
        "SELECT run('PREPARE evil AS SELECT 1')",
        "SELECT count(*) AS x FROM pg_prepared_statements WHERE name = 'evil'",
        "0",
    ),
    ("SELECT run('LISTEN evil')", "SELECT count(*) AS x FROM pg_listening_channels()", "0"),
    (
        "SELECT run('DECLARE evil CURSOR WITH HOLD FOR SELECT 1')",
        "SELECT count(*) AS x FROM pg_cursors WHERE name = 'evil'",
        "0",
    ),
    (
        "SELECT pg_advisory_lock(4711)",
        "SELECT count(*) AS x FROM pg_locks WHERE locktype = 'advisory'",
        "0",
    ),
    (
        "SELECT $1::int AS x",
        "SELECT count(*) AS x FROM pg_prepared_statements WHERE name = 'sourcegate'",
        "0",
    ),
];

#[tokio::test]
async fn q22_q23_nothing_of_a_caller_is_left_for_the_next() {
    let postgres = Postgres::start(&[]).await;
    let source = Source::of(&postgres, "writer");
    let session = "SELECT pg_backend_pid() AS x";
    let first = source.text(Csv, session).await;
    for (statement, question, expected) in LEFT {
        for format in FORMATS {
            let params = if statement.contains("$1") { vec![json!(1)] } else { Vec::new() };
            source.whole(format, statement, &params).await.unwrap();
            let answer = source.whole(JsonArrays, question, &[]).await.unwrap();
            let answer: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
            let left = &answer["rows"][0][0];
            let left = left.as_str().map_or_else(|| left.to_string(), str::to_owned);
            assert_eq!(left, *expected, "{statement}");
        }
    }
    assert_eq!(source.text(Csv, session).await, first, "it is the same session all the time");
}

#[tokio::test]
async fn q22_a_seed_that_a_caller_has_set_is_not_the_next_ones() {
    let postgres = Postgres::start(&[]).await;
    let source = Source::of(&postgres, "reader");
    let random = "SELECT random() AS x, pg_backend_pid() AS session";
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        source.text(Csv, "SELECT setseed(0.25)").await;
        seen.insert(source.text(Csv, random).await);
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    let sessions: BTreeSet<_> = seen.iter().map(|line| line.rsplit(',').next()).collect();
    assert_eq!(sessions.len(), 1, "it is the same session all the time");
}

/// PostgreSQL shows a role what its sessions run, and runs SQL from texts that no wall reads: only an administrator's setting of the
/// role hides it.
#[tokio::test]
async fn q25_statements_of_a_role_that_is_not_tracked_are_shown_to_nobody() {
    let postgres = Postgres::start(&[]).await;
    let spying = "SELECT count(*) AS x FROM pg_stat_activity WHERE query LIKE '%canary%' AND pid <> pg_backend_pid()";
    for (lock, setting, seen) in [(1, "on", 1), (2, "off", 0)] {
        postgres.sql("shop", &format!("ALTER ROLE reader SET track_activities = {setting}"));
        let source = Source::of(&postgres, "reader");
        let running = format!("SELECT 'canary', pg_advisory_lock({lock}), pg_sleep(60)");
        let running = source.ask(Json, &running, &[]);
        let seeing = async {
            let locks = format!("SELECT count(*) FROM pg_locks WHERE objid = {lock} AND granted");
            while postgres.sql("shop", &locks) == "0" {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            Source::of(&postgres, "reader").text(Csv, spying).await
        };
        tokio::select! {
            answer = running => panic!("{answer:?}"),
            text = seeing => assert_eq!(text, format!("x\n{seen}\n"), "{setting}"),
        }
    }
}
