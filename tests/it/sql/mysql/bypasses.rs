//! The battery for MySQL: of MariaDB's what is answered otherwise, and what MySQL alone has.

use harness::mysql::Mysql;
use sql::Format::Csv;

use super::super::asking::Source;
use super::super::mariadb_bypasses::{Met, leaves_nothing, meets, withstands};
use super::{known, verified};

/// Statements of `writer` by row of `faults.md`, and what answers them.
const BATTERY: &[(&str, Met, &str)] = &[
    ("Q01", Met::Server, "SELECT 1; DROP TABLE goods"),
    ("Q01", Met::Lexer, "SELECT 1; INSERT INTO log VALUES ('written')"),
    ("Q01", Met::Server, "SELECT 1; DELETE FROM goods; SELECT 1"),
    ("Q02", Met::Lexer, "COMMIT; INSERT INTO log VALUES ('written'); SELECT 1"),
    ("Q02", Met::Server, "SELECT 1; COMMIT"),
    ("Q03", Met::Lexer, "START TRANSACTION READ WRITE"),
    ("Q03", Met::Lexer, "SET SESSION transaction_read_only = 0"),
    ("Q03", Met::Lexer, "SET PERSIST max_connections = 1"),
    ("Q03", Met::Lexer, "PREPARE evil FROM 'DELETE FROM goods'"),
    ("Q03", Met::Lexer, "XA START 'a'"),
    ("Q07", Met::ReadOnly, "WITH d AS (SELECT 1) DELETE FROM goods"),
    ("Q07", Met::ReadOnly, "WITH d AS (SELECT 1 AS id) UPDATE goods, d SET price = 0"),
    ("Q07", Met::Lexer, "DELETE FROM goods"),
    ("Q07", Met::Lexer, "REPLACE INTO log VALUES ('written')"),
    ("Q07", Met::ReadOnly, "EXPLAIN DELETE FROM goods"),
    ("Q09", Met::Lexer, "SELECT * INTO @rows FROM goods WHERE id = 1"),
    ("Q09", Met::Lexer, "SELECT id FROM goods WHERE id = 1 INTO @id"),
    ("Q09", Met::Lexer, "CREATE TABLE copied AS SELECT * FROM goods"),
    ("Q10", Met::ReadOnly, "SELECT write_log()"),
    ("Q10", Met::ReadOnly, "SELECT write_myisam()"),
    ("Q10", Met::ReadOnly, "SELECT write_memory()"),
    ("Q10", Met::ReadOnly, "SELECT write_as_caller()"),
    ("Q10", Met::ReadOnly, "SELECT write_anyhow()"),
    ("Q10", Met::ReadOnly, "SELECT write_temporary()"),
    ("Q10", Met::ReadOnly, "SELECT * FROM written"),
    ("Q10", Met::ReadOnly, "SELECT * FROM goods WHERE write_log() = id"),
    ("Q10", Met::ReadOnly, "SELECT BENCHMARK(2, write_log())"),
    ("Q12", Met::Lexer, "SELECT * FROM goods FOR UPDATE"),
    ("Q12", Met::Lexer, "SELECT * FROM goods FOR UPDATE OF goods SKIP LOCKED"),
    ("Q12", Met::Lexer, "SELECT * FROM goods FOR SHARE"),
    ("Q12", Met::Lexer, "SELECT * FROM goods LOCK IN SHARE MODE"),
    ("Q13", Met::Lexer, "LOCK INSTANCE FOR BACKUP"),
    ("Q13", Met::Lexer, "FLUSH TABLES WITH READ LOCK"),
    ("Q13", Met::Lexer, "HANDLER goods OPEN"),
    ("Q15", Met::Lexer, "SELECT 1 INTO OUTFILE '/tmp/sourcegate-mysql-written'"),
    ("Q15", Met::Lexer, "SELECT 1 INTO DUMPFILE '/tmp/sourcegate-mysql-written'"),
    ("Q15", Met::Lexer, "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE log"),
    ("Q15", Met::Lexer, "IMPORT TABLE FROM '/tmp/sourcegate.sdi'"),
    ("Q16", Met::Lexer, "SELECT LOAD_FILE('/etc/passwd')"),
    ("Q16", Met::Lexer, "SELECT /*!50000 LOAD_FILE('/etc/passwd') */"),
    ("Q16", Met::Lexer, "SELECT /*+ SET_VAR(sort_buffer_size = 1) */ LOAD_FILE('/etc/passwd')"),
    ("Q16", Met::Lexer, "SELECT gen_dictionary_load('/tmp/x', 'x')"),
    ("Q17", Met::Lexer, "SELECT keyring_key_store('evil', 'AES', 'x')"),
    ("Q17", Met::Lexer, "SELECT keyring_key_fetch('evil')"),
    ("Q17", Met::Lexer, "INSTALL COMPONENT 'file://component_query_attributes'"),
    ("Q18", Met::Lexer, "CALL write_by_call()"),
    ("Q18", Met::Lexer, "DO write_log()"),
    ("Q19", Met::Lexer, "SET ROLE boss"),
    ("Q19", Met::Lexer, "KILL 1"),
    ("Q19", Met::Lexer, "RESTART"),
    ("Q19", Met::Lexer, "SHOW GRANTS"),
    ("Q19", Met::Account, "SELECT * FROM mysql.user"),
    ("Q22", Met::Lexer, "SELECT GET_LOCK('evil', 0)"),
    ("Q22", Met::Lexer, "SELECT service_get_write_locks('evil', 'a', 0)"),
    ("Q22", Met::Nothing, "SELECT lock_it()"),
    ("Q23", Met::Nothing, "SELECT @evil := 1"),
    ("Q23", Met::Nothing, "SELECT loosen()"),
    ("Q23", Met::Lexer, "SELECT /*+ SET_VAR(sql_mode = 'ANSI_QUOTES') */ 1"),
    ("Q23", Met::Lexer, "SELECT /*+ MAX_EXECUTION_TIME(0) */ 1"),
    ("Q23", Met::Nothing, "SELECT /*+ NO_INDEX_MERGE(goods) */ 1 FROM goods"),
    ("Q25", Met::Lexer, "SHOW FULL PROCESSLIST"),
    ("Q25", Met::Lexer, "SELECT INFO FROM information_schema.PROCESSLIST"),
    ("Q25", Met::Lexer, "SELECT INFO FROM performance_schema.`processlist`"),
    ("Q25", Met::Lexer, "SELECT INFO FROM information_schema.PROCESSL\u{130}ST"),
    ("Q25", Met::Lexer, "EXPLAIN FOR CONNECTION 1"),
    ("Q25", Met::Account, "SELECT * FROM information_schema.INNODB_TRX"),
    ("Q25", Met::Account, "SELECT * FROM performance_schema.threads"),
    ("Q25", Met::Account, "SELECT * FROM performance_schema.events_statements_current"),
    ("Q25", Met::Account, "SELECT * FROM sys.session"),
    ("Q25", Met::Account, "SHOW ENGINE INNODB STATUS"),
    ("Q26", Met::Lexer, "# \nINSERT INTO log VALUES ('written')"),
    ("Q26", Met::Lexer, "/*!50000 INSERT INTO log VALUES ('written') */"),
    ("Q26", Met::Lexer, "SELECT 1 /*!50000 INTO @evil */"),
    ("Q26", Met::Lexer, "SELECT 1 /*!080000 INTO @evil */"),
    ("Q26", Met::Server, "SELECT 'open"),
];

/// Rows of every table, and whether there is a table too many.
const STATE: &str = "SELECT (SELECT COUNT(*) FROM goods), (SELECT COUNT(*) FROM log), (SELECT COUNT(*) FROM log_myisam),
 (SELECT COUNT(*) FROM log_memory), (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop')";

#[tokio::test]
async fn q01_to_q30_no_statement_writes_or_leaves_anything() {
    let mysql = Mysql::start(&[]).await;
    let source = known(&mysql, "writer").await;
    let settings = "SELECT @@transaction_read_only AS r, @evil AS e";
    withstands(&source, BATTERY, settings, || mysql.sql("shop", STATE)).await;
    assert!(!std::path::Path::new("/tmp/sourcegate-mysql-written").exists());
}

/// What only later versions know: to the others it is no statement.
const LATER: [&str; 8] = [
    "EXPLAIN ANALYZE DELETE FROM goods",
    "EXPLAIN ANALYZE SELECT write_log()",
    "EXPLAIN ANALYZE SELECT write_myisam()",
    "VALUES ROW(1), ROW(write_log())",
    "SELECT * FROM goods, LATERAL (SELECT write_log()) t",
    "EXPLAIN FORMAT=TREE SELECT write_memory()",
    "EXPLAIN FOR SCHEMA shop DELETE FROM goods",
    "SHOW PARSE_TREE DELETE FROM goods",
];

#[tokio::test]
async fn q07_q10_nor_does_one_that_only_later_versions_know() {
    let mysql = Mysql::start(&[]).await;
    let source = known(&mysql, "writer").await;
    let before = mysql.sql("shop", STATE);
    for statement in LATER {
        let met = meets(&source, Csv, statement).await;
        assert!([Met::Server, Met::ReadOnly].contains(&met), "{met:?} {statement}");
        assert_eq!(mysql.sql("shop", STATE), before, "{statement}");
    }
}

#[tokio::test]
async fn q15_q16_files_stay_out_of_reach_of_whoever_may_use_them() {
    let mysql = Mysql::shared().await;
    let mut source = Source::of(mysql, "super");
    (source.target.tls, source.target.allow_dangerous_role) = (verified(), true);
    for (row, _, statement) in
        BATTERY.iter().filter(|(row, ..)| ["Q15", "Q16", "Q17"].contains(row))
    {
        assert_eq!(meets(&source, Csv, statement).await, Met::Lexer, "{row} {statement}");
    }
    assert!(!std::path::Path::new("/tmp/sourcegate-mysql-written").exists());
}

/// What a caller may leave in a session, and what the next one sees of it.
const LEFT: &[(&str, &str, &str)] = &[
    ("SELECT @evil := 1", "SELECT @evil AS x", ""),
    ("SELECT loosen()", "SELECT @evil AS x", ""),
    ("SELECT loosen()", "SELECT @@transaction_read_only AS x", "1"),
    ("SELECT loosen()", "SELECT @@max_execution_time AS x", "30000"),
    ("SELECT loosen()", "SELECT @@time_zone AS x", "+00:00"),
    ("SELECT loosen()", "SELECT @@wait_timeout AS x", "90"),
    ("SELECT loosen()", "SELECT @@lock_wait_timeout AS x", "10"),
    ("SELECT lock_it()", "SELECT IS_USED_LOCK('evil') AS x", ""),
    ("SELECT 1", "SELECT @@character_set_client AS x", "utf8mb4"),
    ("SELECT 1", "SELECT @@autocommit AS x", "1"),
    ("SELECT 1", "SELECT DATABASE() AS x", "shop"),
    ("SELECT ? AS x", "SELECT @evil AS x", ""),
];

#[tokio::test]
async fn q22_q23_nothing_of_a_caller_is_left_for_the_next() {
    let mysql = Mysql::start(&[
        "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
        "--default-time-zone=+03:00",
        "--autocommit=0",
    ])
    .await;
    let source = known(&mysql, "writer").await;
    leaves_nothing(&source, LEFT).await;
}
