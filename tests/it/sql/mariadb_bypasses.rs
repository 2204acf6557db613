//! The battery for MariaDB: what strangers try to write, to reach or to leave behind. Each row is one statement of `writer`, who
//! may write, so that only the engine stands between.

use harness::mariadb::Mariadb;
use serde_json::json;
use sourcegate_core::{Classify as _, Kind};
use sql::Format::{self, Csv, Json, JsonArrays, Ndjson};

use super::asking::Source;

/// What answers a statement, of MariaDB or MySQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// Our own wall: the first word, or a word that reaches beyond tables.
    Lexer,
    /// The server refuses it for what it is, most when it parses it alone; or it has no columns.
    Server,
    /// The transaction cannot write.
    ReadOnly,
    /// The account may not.
    Account,
    /// It runs, and nothing of it is left.
    Nothing,
}

/// Statements by row of `faults.md`, and what answers them.
const BATTERY: &[(&str, Met, &str)] = &[
    ("Q01", Met::Server, "SELECT 1; DROP TABLE goods"),
    ("Q01", Met::Lexer, "SELECT 1; INSERT INTO log VALUES ('written')"),
    ("Q01", Met::Server, "SELECT 1; DELETE FROM goods; SELECT 1"),
    ("Q01", Met::Server, "SELECT 1;; SELECT 2"),
    ("Q02", Met::Lexer, "COMMIT; INSERT INTO log VALUES ('written'); SELECT 1"),
    ("Q02", Met::Server, "SELECT 1; COMMIT"),
    ("Q03", Met::Lexer, "COMMIT"),
    ("Q03", Met::Lexer, "COMMIT AND CHAIN"),
    ("Q03", Met::Lexer, "ROLLBACK"),
    ("Q03", Met::Lexer, "BEGIN"),
    ("Q03", Met::Lexer, "BEGIN NOT ATOMIC DELETE FROM goods; END"),
    ("Q03", Met::Lexer, "START TRANSACTION READ WRITE"),
    ("Q03", Met::Lexer, "SAVEPOINT a"),
    ("Q03", Met::Lexer, "XA START 'a'"),
    ("Q03", Met::Lexer, "SET TRANSACTION READ WRITE"),
    ("Q03", Met::Lexer, "SET SESSION tx_read_only = 0"),
    ("Q03", Met::Lexer, "SET STATEMENT max_statement_time = 0 FOR SELECT 1"),
    ("Q03", Met::Lexer, "PREPARE evil FROM 'DELETE FROM goods'"),
    ("Q03", Met::Lexer, "EXECUTE IMMEDIATE 'DELETE FROM goods'"),
    ("Q03", Met::Lexer, "/* SELECT */ COMMIT"),
    ("Q07", Met::Server, "WITH d AS (SELECT 1) DELETE FROM goods"),
    ("Q07", Met::Server, "WITH d AS (DELETE FROM goods RETURNING id) SELECT * FROM d"),
    ("Q07", Met::Lexer, "DELETE FROM goods RETURNING id"),
    ("Q07", Met::Lexer, "INSERT INTO log VALUES ('written') RETURNING line"),
    ("Q07", Met::Lexer, "REPLACE INTO log VALUES ('written') RETURNING line"),
    ("Q07", Met::ReadOnly, "EXPLAIN DELETE FROM goods"),
    ("Q07", Met::ReadOnly, "EXPLAIN UPDATE goods SET price = 0"),
    ("Q07", Met::Lexer, "ANALYZE DELETE FROM goods"),
    ("Q07", Met::Lexer, "ANALYZE FORMAT=JSON SELECT write_log()"),
    ("Q07", Met::Lexer, "ANALYZE TABLE goods"),
    ("Q09", Met::Lexer, "SELECT * INTO @rows FROM goods WHERE id = 1"),
    ("Q09", Met::Lexer, "SELECT id FROM goods WHERE id = 1 INTO @id"),
    ("Q09", Met::Lexer, "CREATE TABLE copied AS SELECT * FROM goods"),
    ("Q09", Met::Lexer, "CREATE TEMPORARY TABLE copied AS SELECT * FROM goods"),
    ("Q10", Met::ReadOnly, "SELECT write_log()"),
    ("Q10", Met::ReadOnly, "SELECT write_aria()"),
    ("Q10", Met::ReadOnly, "SELECT write_myisam()"),
    ("Q10", Met::ReadOnly, "SELECT write_memory()"),
    ("Q10", Met::ReadOnly, "SELECT write_as_caller()"),
    ("Q10", Met::ReadOnly, "SELECT write_anyhow()"),
    ("Q10", Met::ReadOnly, "SELECT write_temporary()"),
    ("Q10", Met::ReadOnly, "SELECT * FROM written"),
    ("Q10", Met::ReadOnly, "SELECT * FROM goods WHERE write_log() = id"),
    ("Q10", Met::ReadOnly, "VALUES (write_log())"),
    ("Q11", Met::ReadOnly, "SELECT NEXTVAL(counter)"),
    ("Q11", Met::ReadOnly, "SELECT NEXT VALUE FOR counter"),
    ("Q11", Met::ReadOnly, "SELECT SETVAL(counter, 99)"),
    ("Q11", Met::ReadOnly, "SELECT draw()"),
    ("Q12", Met::Lexer, "SELECT * FROM goods FOR UPDATE"),
    ("Q12", Met::Lexer, "SELECT * FROM goods LOCK IN SHARE MODE"),
    ("Q13", Met::Lexer, "LOCK TABLES goods WRITE"),
    ("Q13", Met::Lexer, "FLUSH TABLES WITH READ LOCK"),
    ("Q13", Met::Lexer, "HANDLER goods OPEN"),
    ("Q15", Met::Lexer, "SELECT 1 INTO OUTFILE '/tmp/sourcegate-mariadb-written'"),
    ("Q15", Met::Lexer, "SELECT 1 INTO DUMPFILE '/tmp/sourcegate-mariadb-written'"),
    (
        "Q15",
        Met::Lexer,
        "(SELECT 1) UNION (SELECT 2) INTO OUTFILE '/tmp/sourcegate-mariadb-written'",
    ),
    ("Q15", Met::Lexer, "EXPLAIN SELECT 1 INTO OUTFILE '/tmp/sourcegate-mariadb-written'"),
    ("Q15", Met::Lexer, "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE log"),
    ("Q15", Met::Lexer, "LOAD DATA INFILE '/etc/passwd' INTO TABLE log"),
    ("Q16", Met::Lexer, "SELECT LOAD_FILE('/etc/passwd')"),
    ("Q16", Met::Lexer, "SELECT `load_file`('/etc/passwd')"),
    ("Q16", Met::Lexer, "SELECT /*!50000 LOAD_FILE('/etc/passwd') */"),
    ("Q16", Met::Lexer, "SELECT /*M!100000 LOAD_FILE('/etc/passwd') */"),
    ("Q17", Met::Server, "SELECT sys_exec"),
    ("Q17", Met::Lexer, "SELECT sys_exec('touch /tmp/sourcegate-mariadb-written')"),
    ("Q18", Met::Lexer, "CALL write_by_call()"),
    ("Q18", Met::Lexer, "DO write_log()"),
    ("Q19", Met::Lexer, "SET ROLE boss"),
    ("Q19", Met::Lexer, "KILL 1"),
    ("Q19", Met::Lexer, "SHOW GRANTS"),
    ("Q19", Met::Lexer, "SHOW CREATE USER"),
    ("Q19", Met::Account, "SELECT * FROM mysql.global_priv"),
    ("Q20", Met::Lexer, "RESET QUERY CACHE"),
    ("Q20", Met::Lexer, "USE mysql"),
    ("Q22", Met::Lexer, "SELECT GET_LOCK('evil', 0)"),
    ("Q22", Met::Nothing, "SELECT lock_it()"),
    ("Q23", Met::Nothing, "SELECT @evil := 1"),
    ("Q23", Met::Nothing, "SELECT loosen()"),
    ("Q25", Met::Lexer, "SHOW PROCESSLIST"),
    ("Q25", Met::Lexer, "SHOW FULL PROCESSLIST"),
    ("Q25", Met::Lexer, "SELECT INFO FROM information_schema.PROCESSLIST"),
    ("Q25", Met::Lexer, "SELECT INFO FROM information_schema.`processlist`"),
    ("Q25", Met::Lexer, "EXPLAIN SELECT INFO FROM information_schema.PROCESSLIST"),
    ("Q25", Met::Lexer, "SELECT INFO FROM information_schema.PROCESSL\u{130}ST"),
    ("Q25", Met::Lexer, "SELECT INFO FROM information_schema.processl\u{131}st"),
    ("Q25", Met::Lexer, "SELECT INFO FROM information_schema.`PROCE\u{17f}\u{17f}LIST`"),
    ("Q25", Met::Lexer, "SHOW EXPLAIN FOR 1"),
    ("Q25", Met::Lexer, "SHOW ANALYZE FORMAT=JSON FOR 1"),
    ("Q25", Met::Lexer, "EXPLAIN FOR CONNECTION 1"),
    ("Q25", Met::Account, "SELECT * FROM information_schema.INNODB_TRX"),
    ("Q25", Met::Account, "SELECT * FROM performance_schema.threads"),
    ("Q25", Met::Account, "SHOW ENGINE INNODB STATUS"),
    ("Q26", Met::Lexer, "-- \nINSERT INTO log VALUES ('written')"),
    ("Q26", Met::Lexer, "# \nINSERT INTO log VALUES ('written')"),
    ("Q26", Met::Lexer, "--\tSELECT\nDELETE FROM goods"),
    ("Q26", Met::Lexer, "/*!50000 INSERT INTO log VALUES ('written') */"),
    ("Q26", Met::Lexer, "SELECT 1 /*!50000 INTO @evil */"),
    ("Q26", Met::Server, "SELECT 1 /* open"),
    ("Q26", Met::Server, "SELECT 'open"),
    ("Q26", Met::Server, "SELECT `open"),
    ("Q29", Met::Lexer, ""),
    ("Q29", Met::Lexer, ";"),
    ("Q29", Met::Lexer, "# only a comment"),
    ("Q30", Met::Lexer, "SELECT 1\0"),
];

pub(super) async fn meets(source: &Source, format: Format, statement: &str) -> Met {
    let error = match source.whole(format, statement, &[]).await {
        Ok(_) => return Met::Nothing,
        Err(error) => error,
    };
    assert_eq!(error.kind(), Kind::Invalid, "{statement}: {error:?}");
    match &error {
        sql::Error::Refused(sql::BadStatement::NoColumns) => Met::Server,
        sql::Error::Refused(_) => Met::Lexer,
        sql::Error::Statement { code, message } => match code.as_str() {
            "25006" => Met::ReadOnly,
            "42000" if message.contains("denied") => Met::Account,
            _ => Met::Server,
        },
        other => panic!("{statement}: {other:?}"),
    }
}

/// Tries statements, each of which is met as it says and leaves the tables' state and the session's settings as they were.
pub(super) async fn withstands(
    source: &Source,
    battery: &[(&str, Met, &str)],
    settings: &str,
    state: impl Fn() -> String,
) {
    let before = state();
    for (row, expected, statement) in battery {
        for format in [Csv, Json] {
            let met = meets(source, format, statement).await;
            assert_eq!(met, *expected, "{row} {format:?} {statement}");
            // The connection, kept or new, serves the next caller as if nothing had been.
            assert_eq!(source.text(Csv, settings).await, "r,e\n1,\n", "{statement}");
        }
        assert_eq!(state(), before, "{row} {statement}");
    }
}

/// Tries what a caller may leave in a session, and what the next one sees of it.
pub(super) async fn leaves_nothing(source: &Source, left: &[(&str, &str, &str)]) {
    let session = "SELECT CONNECTION_ID() AS x";
    let first = source.text(Csv, session).await;
    for (statement, question, expected) in left {
        for format in [Csv, Json, JsonArrays, Ndjson] {
            let params = if statement.contains('?') { vec![json!(1)] } else { Vec::new() };
            source.whole(format, statement, &params).await.unwrap();
            assert_eq!(source.text(Csv, question).await, format!("x\n{expected}\n"), "{statement}");
        }
    }
    assert_eq!(source.text(Csv, session).await, first, "it is the same session all the time");
}

/// Rows of every table, how far the sequence is, and whether there is a table too many.
const STATE: &str = "SELECT (SELECT COUNT(*) FROM goods), (SELECT COUNT(*) FROM log), (SELECT COUNT(*) FROM log_aria),
 (SELECT COUNT(*) FROM log_myisam), (SELECT COUNT(*) FROM log_memory), (SELECT next_not_cached_value FROM counter),
 (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop')";

#[tokio::test]
async fn q01_to_q30_no_statement_writes_or_leaves_anything() {
    let mariadb = Mariadb::start(&[]).await;
    let source = Source::of(&mariadb, "writer");
    let settings = "SELECT @@tx_read_only AS r, @evil AS e";
    withstands(&source, BATTERY, settings, || mariadb.sql("shop", STATE)).await;
    assert!(!std::path::Path::new("/tmp/sourcegate-mariadb-written").exists());
}

/// What a caller may leave in a session, and what the next one sees of it.
const LEFT: &[(&str, &str, &str)] = &[
    ("SELECT @evil := 1", "SELECT @evil AS x", ""),
    ("SELECT loosen()", "SELECT @evil AS x", ""),
    ("SELECT loosen()", "SELECT @@tx_read_only AS x", "1"),
    ("SELECT loosen()", "SELECT @@max_statement_time AS x", "30.000000"),
    ("SELECT loosen()", "SELECT @@time_zone AS x", "+00:00"),
    ("SELECT loosen()", "SELECT @@wait_timeout AS x", "90"),
    ("SELECT loosen()", "SELECT @@lock_wait_timeout AS x", "10"),
    ("SELECT lock_it()", "SELECT IS_USED_LOCK('evil') AS x", ""),
    ("SELECT 1", "SELECT @@character_set_client AS x", "utf8mb4"),
    ("SELECT 1", "SELECT @@character_set_results AS x", "utf8mb4"),
    ("SELECT 1", "SELECT @@autocommit AS x", "1"),
    ("SELECT 1", "SELECT DATABASE() AS x", "shop"),
    (
        "SELECT 1",
        "SELECT @@sql_mode AS x",
        "\"STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION\"",
    ),
    (
        "SELECT ? AS x",
        "SELECT VARIABLE_VALUE AS x FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Com_stmt_close'",
        "0",
    ),
];

#[tokio::test]
async fn q22_q23_nothing_of_a_caller_is_left_for_the_next() {
    // The server's own settings are others than a session's here.
    let mariadb = Mariadb::start(&[
        "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
        "--character-set-server=latin1",
        "--default-time-zone=+03:00",
        "--autocommit=0",
    ])
    .await;
    let source = Source::of(&mariadb, "writer");
    leaves_nothing(&source, LEFT).await;
}

#[tokio::test]
async fn q15_q16_files_stay_out_of_reach_of_whoever_may_use_them() {
    let mariadb = Mariadb::shared().await;
    let mut source = Source::of(mariadb, "super");
    source.target.allow_dangerous_role = true;
    for (_, _, statement) in BATTERY.iter().filter(|(row, ..)| ["Q15", "Q16", "Q17"].contains(row))
    {
        let error = source.whole(Csv, statement, &[]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{statement}");
    }
    assert!(!std::path::Path::new("/tmp/sourcegate-mariadb-written").exists());
}

#[tokio::test]
async fn what_reads_runs() {
    let source = Source::of(Mariadb::shared().await, "reader");
    for (statement, begins) in [
        ("SELECT 1 AS a;", "a\n1\n"),
        ("(SELECT 1 AS a) -- the end", "a\n1\n"),
        ("-- c\n/* c */ # c\nSELECT 1 AS a", "a\n1\n"),
        ("WITH x AS (SELECT 1 AS a) SELECT * FROM x", "a\n1\n"),
        ("VALUES (1), (2)", "1\n1\n2\n"),
        ("SHOW TABLES LIKE 'goods'", "Tables_in_shop (goods)\ngoods\n"),
        ("SHOW DATABASES LIKE 'shop'", "Database (shop)\nshop\n"),
        ("SHOW VARIABLES LIKE 'tx_read_only'", "Variable_name,Value\ntx_read_only,ON\n"),
        ("SHOW CREATE TABLE goods", "Table,Create Table\ngoods,"),
        ("SHOW COLUMNS FROM goods", "Field,Type,Null,Key,Default,Extra\n"),
        ("SHOW INDEX FROM goods", "Table,Non_unique,Key_name,"),
        ("SHOW STATUS LIKE 'Uptime'", "Variable_name,Value\nUptime,"),
        ("SHOW WARNINGS", "Level,Code,Message\n"),
        ("SHOW ENGINES", "Engine,Support,"),
        ("SHOW TABLE STATUS LIKE 'goods'", "Name,Engine,"),
        ("SHOW FUNCTION STATUS WHERE Db = 'shop'", "Db,Name,Type,"),
        ("SHOW CREATE FUNCTION draw", "Function,sql_mode,"),
        ("EXPLAIN SELECT * FROM goods", "id,select_type,table,"),
        ("EXPLAIN FORMAT=JSON SELECT * FROM goods", "EXPLAIN\n"),
    ] {
        let text = source.text(Csv, statement).await;
        assert!(text.starts_with(begins), "{statement}: {text}");
    }
}
