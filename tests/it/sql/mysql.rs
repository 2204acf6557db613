//! What MySQL does otherwise than MariaDB: how a password is proved, privileges, types, limits.

mod bypasses;

use std::time::Duration;

use harness::mysql::{Mysql, PASSWORD, SERVER_NAME};
use http_body_util::BodyExt as _;
use serde_json::json;
use sourcegate_core::{Classify as _, Kind, Rev, SqlDriver, SqlParams, SqlTls, SslMode};
use sql::Format::{Csv, Json, Ndjson};
use tokio::time::Instant;

use super::asking::Source;
use super::both::{
    FILLED, HELD, fills_numbers_up, is_refused, modes, race, set_password, waits_for_a_lock,
};
use super::mariadb_formats::lines;

const CIPHER: &str = "SELECT VARIABLE_VALUE AS x FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_cipher'";

/// TLS that verifies the server.
fn verified() -> SqlTls {
    SqlTls { authorities: Some("ca".into()), ..SqlTls::of(SslMode::VerifyCa) }
}

/// An account whose password the server has proved before, over verified TLS.
async fn known(mysql: &Mysql, user: &str) -> Source {
    let mut source = Source::of(mysql, user);
    source.target.tls = verified();
    assert_eq!(comes_to(&source).await, "encrypted", "{user}");
    (source.target.tls, source.rev) = (SqlTls::of(SslMode::Disable), Rev::new());
    source
}

/// What a connection comes to: whether it is encrypted, or the cause of its failure.
async fn comes_to(source: &Source) -> String {
    match source.whole(Csv, CIPHER, &[]).await {
        Ok(whole) if whole.text == "x\n\"\"\n" => "plain".to_owned(),
        Ok(_) => "encrypted".to_owned(),
        Err(error) => error.cause().unwrap_or_default().to_owned(),
    }
}

#[tokio::test]
async fn q42_each_mode_means_what_postgresql_means_by_it() {
    let mysql = Mysql::start(&[]).await;
    for user in ["reader", "tls_only"] {
        known(&mysql, user).await;
    }
    for (user, tls, expected) in modes(SERVER_NAME) {
        let mut source = Source::of(&mysql, user);
        source.target.tls = tls.clone();
        assert_eq!(comes_to(&source).await, expected, "{user} {tls:?}");
    }
}

#[tokio::test]
async fn q43_a_password_that_the_server_does_not_remember_goes_to_a_verified_one_alone() {
    let mysql = Mysql::start(&[]).await;
    let mut source = Source::of(&mysql, "reader");
    for mode in [SslMode::Disable, SslMode::Prefer, SslMode::Require] {
        (source.target.tls, source.rev) = (SqlTls::of(mode), Rev::new());
        let error = source.whole(Csv, "SELECT 1", &[]).await.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (Kind::Upstream, Some("auth_upstream")));
        assert!(error.public().contains("clear text without verified TLS"), "{error:?}");
    }
    (source.target.tls, source.rev) = (verified(), Rev::new());
    assert_eq!(comes_to(&source).await, "encrypted");
    (source.target.tls, source.rev) = (SqlTls::of(SslMode::Disable), Rev::new());
    assert_eq!(comes_to(&source).await, "plain");
    mysql.sql("mysql", "FLUSH PRIVILEGES");
    source.rev = Rev::new();
    assert_eq!(comes_to(&source).await, "auth_upstream");
}

#[tokio::test]
async fn q43_older_proofs_are_given_only_as_the_settings_say() {
    let mysql = Mysql::shared().await;
    // MySQL 9 has this proof no more.
    mysql.sql(
        "mysql",
        &format!("CREATE USER older IDENTIFIED WITH mysql_native_password BY '{PASSWORD}'"),
    );
    mysql.sql("mysql", "GRANT SELECT ON shop.* TO older");
    let mut source = Source::of(mysql, "older");
    assert_eq!(comes_to(&source).await, "plain");
    let native = SqlParams::new(SqlDriver::Mysql, [("allowNativePasswords", "false")]);
    (source.target.params, source.rev) = (native.unwrap(), Rev::new());
    let error = source.whole(Csv, "SELECT 1", &[]).await.unwrap_err();
    assert!(error.public().contains("allowNativePasswords=false"), "{error:?}");
}

#[tokio::test]
async fn q41_refused_credentials_are_a_502_that_shows_nothing() {
    let mysql = Mysql::shared().await;
    for (user, password) in [
        ("reader", "wrong-password-0815"),
        ("nobody", PASSWORD),
        ("absent", PASSWORD),
        ("elsewhere", PASSWORD),
    ] {
        let mut source = Source::of(mysql, user);
        source.target.tls = verified();
        set_password(&mut source, password);
        let error = source.whole(Csv, "SELECT 1", &[]).await.unwrap_err();
        is_refused(&error, user, password);
    }
}

#[tokio::test]
async fn an_account_that_may_more_than_tables_is_refused_at_connect() {
    let mysql = Mysql::shared().await;
    for (user, is_refused) in [
        ("reader", false),
        ("writer", false),
        ("everywhere", false),
        ("staffed", false),
        ("super", true),
        ("files", true),
        ("shuts_down", true),
        ("replica", true),
        // By a role of a role.
        ("become", true),
        // By a privilege of the newer kind.
        ("sets", true),
    ] {
        let mut source = Source::of(mysql, user);
        source.target.tls = verified();
        let answer = source.whole(Csv, "SELECT COUNT(*) AS n FROM goods", &[]).await;
        let cause = answer.as_ref().err().and_then(|error| error.cause());
        assert_eq!(cause, is_refused.then_some("dangerous_role"), "{user}: {answer:?}");
        source.target.allow_dangerous_role = true;
        source.rev = Rev::new();
        assert!(source.whole(Csv, "SELECT 1", &[]).await.is_ok(), "{user}");
    }
}

#[tokio::test]
async fn q39_types_are_those_of_perses() {
    let source = known(Mysql::shared().await, "reader").await;
    insta::assert_snapshot!(lines(&source.text(Json, "SELECT * FROM types").await), @r#"
    ti TINYINT -1
    tu UNSIGNED TINYINT 255
    si SMALLINT -2
    mi MEDIUMINT -3
    mu UNSIGNED MEDIUMINT 4
    i INT -5
    iu UNSIGNED INT 6
    bi BIGINT 9007199254740993
    bu UNSIGNED BIGINT 18446744073709551615
    y YEAR 2024
    f FLOAT 1.1
    d DOUBLE 1e+300
    de DECIMAL "1.500"
    big DECIMAL "12345678901234567890123456789012345678901234567890"
    da DATE "2024-01-02"
    dt DATETIME "2024-01-02 03:04:05"
    dt6 DATETIME "2024-01-02 03:04:05.123456"
    ts TIMESTAMP "2024-01-02 03:04:05"
    ts3 TIMESTAMP "2024-01-02 03:04:05.500"
    t TIME "-838:59:59"
    t2 TIME "03:04:05.50"
    zero DATE "0000-00-00"
    c CHAR "y"
    v VARCHAR "it's é"
    tt TEXT "tiny"
    tx TEXT "a,b"
    mt TEXT "medium"
    lt TEXT "long"
    e ENUM "fine"
    s SET "a,b"
    j JSON "{\"b\": [1, 2]}"
    bin BINARY "ab\u0000"
    vb VARBINARY "ab�"
    tb BLOB "tb"
    b BLOB "b"
    mb BLOB "mb"
    lb BLOB "\u0000�"
    bit4 BIT "\u0005"
    z UNSIGNED INT 7
    p GEOMETRY null
    n INT null
    "#);
    let query = "SELECT NULL AS x, 1 + 1 AS i, 1.5 AS d, 1e0 AS f, 'a' AS t, TRUE AS b FROM DUAL";
    insta::assert_snapshot!(lines(&source.text(Json, query).await), @r#"
    x NULL null
    i BIGINT 2
    d DECIMAL "1.5"
    f DOUBLE 1
    t VARCHAR "a"
    b BIGINT 1
    "#);
}

#[tokio::test]
async fn q39_numbers_are_filled_up_as_the_server_does() {
    let mysql = Mysql::start(&[]).await;
    mysql.sql("shop", FILLED);
    let source = known(&mysql, "reader").await;
    fills_numbers_up(&source, |query| mysql.sql("shop", query)).await;
}

#[tokio::test]
async fn q27_a_number_is_never_another_one() {
    let source = known(Mysql::shared().await, "reader").await;
    for (query, param, expected) in [
        ("SELECT ? = 9007199254740993 AS x", json!(9_007_199_254_740_993_u64), "1"),
        ("SELECT ? = 18446744073709551615 AS x", json!(u64::MAX), "1"),
        ("SELECT ? = 9223372036854775808 AS x", json!(9_223_372_036_854_775_808_u64), "1"),
        ("SELECT ? = -9223372036854775808 AS x", json!(i64::MIN), "1"),
        ("SELECT ? = 0.1 AS x", json!(0.1), "1"),
        ("SELECT ? = 'tea' AS x", json!("tea"), "1"),
        ("SELECT ? IS NULL AS x", json!(null), "1"),
        ("SELECT ? AS x", json!(true), "1"),
        ("SELECT COUNT(*) AS x FROM goods WHERE price = ?", json!(2.5), "1"),
        ("SELECT COUNT(*) AS x FROM goods WHERE name = ?", json!("' OR ''='"), "0"),
    ] {
        let answer = source.whole(Csv, query, std::slice::from_ref(&param)).await.unwrap();
        assert_eq!(answer.text, format!("x\n{expected}\n"), "{query} {param}");
    }
}

/// Never ends by itself.
const ENDLESS: &str = "SELECT COUNT(*) FROM information_schema.COLUMNS a, information_schema.COLUMNS b, information_schema.COLUMNS c";

/// Statements that run beside the one that asks.
fn running(mysql: &Mysql) -> String {
    let query = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND IN ('Query', 'Execute') AND ID <> CONNECTION_ID()";
    mysql.sql("mysql", query)
}

async fn nothing_runs(mysql: &Mysql) {
    let begun = Instant::now();
    while running(mysql) != "0" {
        assert!(begun.elapsed() < Duration::from_secs(5), "it runs on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn q21_a_statement_ends_at_its_limit_here_and_in_the_database() {
    let mysql = Mysql::start(&[]).await;
    let mut source = known(&mysql, "reader").await;
    source.target.statement_timeout = Duration::from_secs(1);
    for query in [ENDLESS, "SELECT SLEEP(60)"] {
        let begun = Instant::now();
        let found = source.fails(Csv, query).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{query}");
        assert_eq!(found, (Kind::UpstreamTimeout, "timeout_sql".to_owned()), "{query}");
        nothing_runs(&mysql).await;
    }
}

#[tokio::test]
async fn q21_a_lock_that_another_session_holds_is_named() {
    let locking = ["--transaction-isolation=SERIALIZABLE", "--innodb-lock-wait-timeout=1"];
    let mysql = Mysql::start(&locking).await;
    mysql.sql("shop", HELD);
    waits_for_a_lock(&known(&mysql, "reader").await).await;
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_statement() {
    let mysql = Mysql::start(&[]).await;
    let source = known(&mysql, "reader").await;
    let begun = async {
        while running(&mysql) != "1" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        answer = source.ask(Csv, ENDLESS, &[]) => panic!("{answer:?}"),
        () = begun => {}
    }
    nothing_runs(&mysql).await;
    assert_eq!(source.text(Csv, "SELECT 1 AS x").await, "x\n1\n");
}

#[tokio::test]
async fn q47_a_cancel_never_hits_the_next_statement() {
    let source = known(Mysql::shared().await, "reader").await;
    let next = ("SELECT SLEEP(0.001) AS s, 1 AS one", "s,one\n0,1\n");
    race(&source, "SELECT COUNT(*) FROM information_schema.COLLATIONS", next, 60).await;
}

#[tokio::test]
async fn q37_an_error_after_the_first_row_breaks_every_format() {
    let source = known(Mysql::shared().await, "reader").await;
    // The 20,000th row asks for one value and finds two.
    let query =
        "SELECT @n := @n + 1 AS n, IF(@n < 20000, REPEAT('x', 20), (SELECT 1 UNION SELECT 2)) AS x
        FROM information_schema.COLLATIONS a, information_schema.COLLATIONS b, (SELECT @n := 0) c";
    for format in [Csv, Json, Ndjson] {
        let answer = source.ask(format, query, &[]).await.unwrap();
        let error = answer.body.collect().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{format:?}: {error:?}");
        assert!(error.public().contains("more than 1 row"), "{format:?}: {error:?}");
        assert_eq!(source.text(Csv, "SELECT 1 AS x").await, "x\n1\n");
    }
}
