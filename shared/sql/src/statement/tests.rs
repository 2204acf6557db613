use super::*;

fn read(text: &str, dialect: Dialect) -> Result<Keyword, BadStatement> {
    check(&Statement { text: text.to_owned(), params: Vec::new() }, dialect)
}

#[track_caller]
fn check_both(text: &str, expected: &Result<Keyword, BadStatement>) {
    assert_eq!(read(text, Dialect::Postgres), *expected, "{text:?}");
    assert_eq!(read(text, Dialect::Mysql), *expected, "{text:?}");
}

#[test]
fn the_first_word_decides() {
    check_both("SELECT 1", &Ok(Keyword::Select));
    check_both("\n\t sElEcT 1", &Ok(Keyword::Select));
    check_both("((SELECT 1) UNION (SELECT 2))", &Ok(Keyword::Select));
    check_both("with x as (select 1) table x", &Ok(Keyword::With));
    check_both("VALUES(1)", &Ok(Keyword::Values));
    check_both("table t", &Ok(Keyword::Table));
    check_both("SHOW TABLES", &Ok(Keyword::Show));
    check_both("EXPLAIN SELECT 1", &Ok(Keyword::Explain));
    check_both("SELECT'a'", &Ok(Keyword::Select));
    check_both("-- c\nSELECT 1", &Ok(Keyword::Select));
    check_both("/* c */ SELECT 1", &Ok(Keyword::Select));
}

#[test]
fn q03_other_words_are_refused() {
    for text in [
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "MERGE INTO t USING s ON true",
        "COPY t TO STDOUT",
        "COMMIT",
        "END",
        "ABORT",
        "ROLLBACK",
        "BEGIN",
        "START TRANSACTION",
        "SAVEPOINT a",
        "SET ROLE x",
        "RESET ALL",
        "DO $$ $$",
        "CALL p()",
        "LOCK TABLE t",
        "LISTEN a",
        "PREPARE x AS SELECT 1",
        "EXECUTE x",
        "DECLARE c CURSOR FOR SELECT 1",
        "VACUUM",
        "DISCARD ALL",
        "SELECTED",
        "SELECT_",
        "SELECTé",
        "$1",
        "'SELECT'",
        "\"SELECT\"",
        "\u{feff}SELECT 1",
        "1",
        "){",
        "+SELECT 1",
        "-- c\nINSERT INTO t VALUES (1)",
        "/* c */ DELETE FROM t",
        "/* SELECT */ DELETE FROM t",
        "LOAD DATA INFILE 'x' INTO TABLE t",
        "HANDLER t OPEN",
        "RENAME TABLE t TO u",
        "; DELETE FROM t",
        "(; SELECT 1",
    ] {
        check_both(text, &Err(BadStatement::NotReading));
    }
}

#[test]
fn q29_nothing_is_refused_as_empty() {
    for text in ["", " \n", ";", " ; ;", "-- only\n", "-- only", "/* only */", "/* open"] {
        check_both(text, &Err(BadStatement::Empty));
    }
}

#[test]
fn q26_comments_are_read_as_each_database_reads_them() {
    let nested = "/* a /* b */ SELECT 1 */ DELETE FROM t";
    assert_eq!(read(nested, Dialect::Postgres), Err(BadStatement::NotReading));
    assert_eq!(read("# c\nSELECT 1", Dialect::Postgres), Err(BadStatement::NotReading));
    assert_eq!(read("# c\nSELECT 1", Dialect::Mysql), Ok(Keyword::Select));
    assert_eq!(read("-- c\rSELECT 1", Dialect::Postgres), Ok(Keyword::Select));
    assert_eq!(read("-- c\rSELECT 1", Dialect::Mysql), Err(BadStatement::Empty));
    assert_eq!(read("--SELECT 1", Dialect::Mysql), Err(BadStatement::NotReading));
    for run in
        ["/*! SELECT 1 */", "/*!50000 DELETE FROM t */", "/*M! SELECT 1 */", "/*!*/ SELECT 1"]
    {
        assert_eq!(read(run, Dialect::Mysql), Err(BadStatement::NotReading), "{run:?}");
    }
}

#[test]
fn q30_q31_what_no_protocol_carries_is_refused() {
    check_both("SELECT 1\0", &Err(BadStatement::Nul(None)));
    assert_eq!(BadStatement::Nul(None).to_string(), "query holds a NUL character");
    assert_eq!(BadStatement::Nul(Some(1)).to_string(), "parameter 1 holds a NUL character");
    let long = format!("SELECT '{}'", "x".repeat(MOST_BYTES));
    check_both(&long, &Err(BadStatement::TooLong(MOST_BYTES)));
    let many = Statement { text: "SELECT 1".into(), params: vec![Param::Null; 65_536] };
    let wrong = BadStatement::ParamCount { wanted: 65_535, given: 65_536 };
    assert_eq!(check(&many, Dialect::Postgres), Err(wrong));
}
