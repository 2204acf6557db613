//! What MariaDB's answers look like, beside what its own client writes.

use harness::mariadb::Mariadb;
use insta::assert_snapshot;
use serde_json::{Value, json};
use sourcegate_core::{Classify as _, Kind, SqlDriver, SqlParams};
use sql::Format::{Csv, Json, JsonArrays, Ndjson};
use sql::{Limits, Trailers};

use super::asking::Source;
use super::both::{FILLED, fills_numbers_up};

pub(super) fn lines(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let row = &answer["rows"][0];
    let columns = answer["columns"].as_array().unwrap();
    let lines = columns.iter().map(|column| {
        let (name, of) = (column["name"].as_str().unwrap(), column["type"].as_str().unwrap());
        format!("{name} {of} {}\n", row[name])
    });
    lines.collect()
}

#[tokio::test]
async fn q39_types_are_those_of_perses() {
    let source = Source::of(Mariadb::shared().await, "reader");
    assert_snapshot!(lines(&source.text(Json, "SELECT * FROM types").await), @r#"
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
    j TEXT "{\"b\": [1, 2]}"
    bin BINARY "ab\u0000"
    vb VARBINARY "ab�"
    tb BLOB "tb"
    b BLOB "b"
    mb BLOB "mb"
    lb BLOB "\u0000�"
    bit4 BIT "\u0005"
    u CHAR "00000000-0000-0000-0000-000000000001"
    ip CHAR "::1"
    z UNSIGNED INT 7
    p GEOMETRY null
    n INT null
    "#);
}

#[tokio::test]
async fn q39_texts_are_those_of_the_server() {
    let mariadb = Mariadb::shared().await;
    let source = Source::of(mariadb, "reader");
    let theirs = mariadb.sql("shop", "SET time_zone = '+00:00'; SELECT * FROM types");
    let ours = source.text(Ndjson, "SELECT * FROM types").await;
    let ours: Value = serde_json::from_str(ours.lines().next().unwrap()).unwrap();
    let columns = mariadb.sql("shop", "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_NAME = 'types' ORDER BY ORDINAL_POSITION");
    let theirs: Vec<_> = theirs.split('\t').collect();
    assert_eq!(theirs.len(), columns.lines().count());
    for (name, theirs) in columns.lines().zip(theirs) {
        let ours = match &ours[name] {
            Value::Null => "NULL".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // The client fills numbers up, and JSON writes exponents with a sign; bytes that are no text are lost in both.
        match name {
            "z" => assert_eq!((&*ours, theirs), ("7", "0007")),
            "d" => assert_eq!((&*ours, theirs), ("1e+300", "1e300")),
            _ => assert_eq!(ours, theirs, "{name}"),
        }
    }
}

#[tokio::test]
async fn q39_times_are_rfc_3339_where_the_settings_ask_for_it() {
    let mut source = Source::of(Mariadb::shared().await, "reader");
    source.target.params = SqlParams::new(SqlDriver::Mariadb, [("parseTime", "true")]).unwrap();
    let times = "SELECT da, dt, dt6, ts, ts3, zero, t FROM types";
    assert_snapshot!(lines(&source.text(Json, times).await), @r#"
    da DATE "2024-01-02T00:00:00Z"
    dt DATETIME "2024-01-02T03:04:05Z"
    dt6 DATETIME "2024-01-02T03:04:05.123456Z"
    ts TIMESTAMP "2024-01-02T03:04:05Z"
    ts3 TIMESTAMP "2024-01-02T03:04:05.500Z"
    zero DATE "0000-00-00"
    t TIME "-838:59:59"
    "#);
    assert_snapshot!(source.text(Csv, times).await, @r"
    da,dt,dt6,ts,ts3,zero,t
    2024-01-02,2024-01-02 03:04:05,2024-01-02 03:04:05.123456,2024-01-02 03:04:05,2024-01-02 03:04:05.500,0000-00-00,-838:59:59
    ");
}

#[tokio::test]
async fn q39_times_have_the_offset_of_their_zone() {
    let mut source = Source::of(Mariadb::shared().await, "reader");
    let set =
        |zone| SqlParams::new(SqlDriver::Mariadb, [("parseTime", "true"), ("time_zone", zone)]);
    source.target.params = set("'+05:30'").unwrap();
    let times = "SELECT da, dt, ts, ts3, zero, FROM_UNIXTIME(0) AS n FROM types";
    assert_snapshot!(lines(&source.text(Json, times).await), @r#"
    da DATE "2024-01-02T00:00:00+05:30"
    dt DATETIME "2024-01-02T03:04:05+05:30"
    ts TIMESTAMP "2024-01-02T08:34:05+05:30"
    ts3 TIMESTAMP "2024-01-02T08:34:05.500+05:30"
    zero DATE "0000-00-00"
    n DATETIME "1970-01-01T05:30:00+05:30"
    "#);
    source.target.params = set("Europe/Berlin").unwrap();
    assert_eq!(source.fails(Json, times).await, (Kind::Invalid, "bad_settings".to_owned()));
}

#[tokio::test]
async fn q39_numbers_are_written_as_the_server_writes_them() {
    let mariadb = Mariadb::shared().await;
    let source = Source::of(mariadb, "reader");
    for number in [
        "0e0",
        "1e0",
        "-1e0",
        "1e14",
        "1e15",
        "123456789012345e0",
        "1e16",
        "1.5e-5",
        "1e-4",
        "1e-14",
        "1.25e-16",
        "1e300",
        "1.7976931348623157e308",
        "5e-324",
        "0.1e0",
        "100e0",
        "1e20",
    ] {
        let query = format!("SELECT {number} AS x");
        let theirs = mariadb.sql("shop", &query);
        assert_eq!(source.text(Csv, &query).await, format!("x\n{theirs}\n"), "{number}");
    }
}

#[tokio::test]
async fn q39_numbers_are_filled_up_as_the_server_does() {
    let mariadb = Mariadb::start(&[]).await;
    mariadb.sql("shop", FILLED);
    let source = Source::of(&mariadb, "reader");
    fills_numbers_up(&source, |query| mariadb.sql("shop", query)).await;
}

#[tokio::test]
async fn each_format_has_the_same_rows() {
    let source = Source::of(Mariadb::shared().await, "reader");
    let query = "SELECT id, name, price FROM goods ORDER BY id";
    assert_snapshot!(source.text(Csv, query).await, @r#"
    id,name,price
    1,tea,2.50
    2,"a ""large"", cup",
    3,"",0.10
    "#);
    assert_snapshot!(source.text(Json, query).await, @r#"{"columns":[{"name":"id","type":"INT"},{"name":"name","type":"VARCHAR"},{"name":"price","type":"DECIMAL"}],"rows":[{"id":1,"name":"tea","price":"2.50"},{"id":2,"name":"a \"large\", cup","price":null},{"id":3,"name":"","price":"0.10"}]}"#);
    assert_snapshot!(source.text(JsonArrays, query).await, @r#"{"columns":[{"name":"id","type":"INT"},{"name":"name","type":"VARCHAR"},{"name":"price","type":"DECIMAL"}],"rows":[[1,"tea","2.50"],[2,"a \"large\", cup",null],[3,"","0.10"]]}"#);
    assert_snapshot!(source.text(Ndjson, query).await, @r#"
    {"id":1,"name":"tea","price":"2.50"}
    {"id":2,"name":"a \"large\", cup","price":null}
    {"id":3,"name":"","price":"0.10"}
    {"rowCount":3,"truncated":false}
    "#);
    let whole = source.whole(Csv, query, &[]).await.unwrap();
    assert_eq!((whole.rows, whole.truncated), (3, false));
    assert_eq!(source.text(Csv, "SELECT 1 AS a WHERE false").await, "a\n");
    let empty = "{\"columns\":[{\"name\":\"a\",\"type\":\"INT\"}],\"rows\":[]}\n";
    assert_eq!(source.text(Json, "SELECT 1 AS a WHERE false").await, empty);
    let tricky = r#"SELECT 'a,b' AS `x,y`, 'l1\nl2\r' AS b, 'q"q' AS c, ' s ' AS d, '\\.' AS e, '\t' AS f, NULL AS g"#;
    let expected = "\"x,y\",b,c,d,e,f,g\n\"a,b\",\"l1\nl2\r\",\"q\"\"q\", s ,\\.,\t,\n";
    assert_eq!(source.text(Csv, tricky).await, expected);
}

#[tokio::test]
async fn q38_no_column_is_lost() {
    let source = Source::of(Mariadb::shared().await, "reader");
    let query = "SELECT 1 AS a, 2 AS a, 3, '' AS ``";
    assert_eq!(source.text(Csv, query).await, "a,a,3,\"\"\n1,2,3,\"\"\n");
    let answer: Value = serde_json::from_str(&source.text(Json, query).await).unwrap();
    assert_eq!(answer["rows"][0], json!({"a": 1, "a_2": 2, "3": 3, "": ""}));
    assert!(source.text(JsonArrays, query).await.contains("[[1,2,3,\"\"]]"));
}

#[tokio::test]
async fn q27_parameters_are_bound_and_never_read_as_sql() {
    let source = Source::of(Mariadb::shared().await, "reader");
    let hostile = r#"'); DROP TABLE goods; -- \' ? # é"#;
    let query = "SELECT ? AS t, ? + 1 AS i, ? AS d, ? AS n, ? AS b, ? AS big;";
    let params = [json!(hostile), json!(41), json!(1.5), json!(null), json!(true), json!(u64::MAX)];
    let whole = source.whole(JsonArrays, query, &params).await.unwrap();
    let answer: Value = serde_json::from_str(&whole.text).unwrap();
    assert_eq!(answer["rows"][0], json!([hostile, 42, 1.5, null, 1, u64::MAX]));
    // A column has the type that its parameter has.
    let of = |place: usize| answer["columns"][place]["type"].as_str().unwrap().to_owned();
    assert_eq!([of(0), of(2), of(4)], ["VARCHAR", "DOUBLE", "BIGINT"]);
    let query = "SELECT name FROM goods WHERE id IN (?, ?) AND name LIKE ? ORDER BY id LIMIT ?";
    let params = [json!(1), json!("2"), json!("%a%"), json!(5)];
    let whole = source.whole(Csv, query, &params).await.unwrap();
    assert_eq!(whole.text, "name\ntea\n\"a \"\"large\"\", cup\"\n");
    let long = "x".repeat(2 << 20);
    let whole = source.whole(Csv, "SELECT LENGTH(?) AS n", &[json!(long)]).await.unwrap();
    assert_eq!(whole.text, "n\n2097152\n");
    let text = r##"SELECT 'a--b' AS a, '/*x*/' AS b, "#-" AS c, 'it''s' AS d, '\'' AS e, 1 AS `x;y`, '?' AS f"##;
    assert_eq!(source.text(Csv, text).await, "a,b,c,d,e,x;y,f\na--b,/*x*/,#-,it's,',1,?\n");
}

#[tokio::test]
async fn q27_a_number_is_never_another_one() {
    let source = Source::of(Mariadb::shared().await, "reader");
    let digits = "12345678901234567890123456789012345678901234567890";
    let (whole, small) = ("123456789".repeat(7) + "12", format!("0.{}1", &digits[..29]));
    let scaled = format!("{}.{}1", &digits[..35], &digits[..29]);
    let same = ["18446744073709551616", "-9223372036854775809", &whole, &small, &scaled, "1e300"];
    let same = same.map(|number| ("SELECT ? AS x", number, number));
    for (query, number, expected) in same.into_iter().chain([
        ("SELECT 18446744073709551615 = ? AS x", "18446744073709551616", "0"),
        ("SELECT ? - 18446744073709551615 AS x", "18446744073709551616", "1"),
        ("SELECT COUNT(*) AS x FROM types WHERE big = ?", digits, "1"),
        ("SELECT COUNT(*) AS x FROM types WHERE big = ? + 1", digits, "0"),
        ("SELECT COUNT(*) AS x FROM goods WHERE price = ?", "2.5", "1"),
    ]) {
        let answer = source.whole_of(Csv, query, number).await.unwrap();
        assert_eq!(answer.text, format!("x\n{expected}\n"), "{query} {number}");
    }
    for number in ["1e400", "1e-400", &(whole + "1"), &(small + "1")] {
        let error = source.whole_of(Csv, "SELECT ? AS x", number).await.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (Kind::Invalid, Some("parameters")), "{number}");
    }
}

#[tokio::test]
async fn q31_wrong_parameters_are_the_callers_fault() {
    let source = Source::of(Mariadb::shared().await, "reader");
    let many = Value::Array(vec![json!(1); 65_536]);
    for (query, params, cause) in [
        ("SELECT ?", json!([]), "parameters"),
        ("SELECT 1", json!([1]), "parameters"),
        ("SELECT ?", json!([1, 2]), "parameters"),
        ("SELECT ?", json!([[1]]), "parameters"),
        ("SELECT ?", json!([{"a": 1}]), "parameters"),
        ("SELECT 1", many, "parameters"),
        ("SELECT ? FROM ?", json!([1, "goods"]), "statement"),
        ("SHOW ?", json!(["x"]), "statement"),
    ] {
        for format in [Csv, Json] {
            let error = source.whole(format, query, params.as_array().unwrap()).await.unwrap_err();
            let found = (error.kind(), error.cause().unwrap_or_default());
            assert_eq!(found, (Kind::Invalid, cause), "{query}");
        }
    }
    // Each parameter is an item, up to what the protocol counts.
    let most = vec![json!(1); 65_535];
    let query = format!("SELECT 1 AS a WHERE 1 IN ({}?)", "?,".repeat(65_534));
    assert_eq!(source.whole(Csv, &query, &most).await.unwrap().text, "a\n1\n");
}

#[tokio::test]
async fn q34_q35_a_cut_answer_says_so() {
    let mariadb = Mariadb::shared().await;
    let few = Source::with(mariadb, "reader", Limits { rows: 2, ..Limits::default() });
    let query = "SELECT seq AS n FROM seq_1_to_3";
    let whole = few.whole(Csv, query, &[]).await.unwrap();
    assert_eq!((&*whole.text, whole.rows, whole.truncated), ("n\n1\n2\n", 2, true));
    let cut = "{\"n\":1}\n{\"n\":2}\n{\"rowCount\":2,\"truncated\":true}\n";
    assert_eq!(few.text(Ndjson, query).await, cut);
    let cut = "[{\"n\":1},{\"n\":2}],\"truncated\":true,\"rowCount\":2}\n";
    assert!(few.text(Json, query).await.ends_with(cut));
    let exact = few.whole(Csv, "SELECT seq AS n FROM seq_1_to_2", &[]).await.unwrap();
    assert_eq!((exact.rows, exact.truncated), (2, false));
    // Without trailers a cut CSV would look whole.
    let blind = Source { trailers: Trailers::Lost, ..few };
    let broken = blind.whole(Csv, query, &[]).await.unwrap_err();
    assert_eq!(broken.cause(), Some("limit_bytes"));
    let narrow = Source::with(mariadb, "reader", Limits { bytes: 100, ..Limits::default() });
    let wide = "SELECT REPEAT('x', 30) AS x FROM seq_1_to_9";
    let wide = narrow.whole(Ndjson, wide, &[]).await.unwrap();
    assert!(wide.truncated && wide.text.len() < 200, "{wide:?}");
    let thin = Source::with(mariadb, "reader", Limits { row_bytes: 1000, ..Limits::default() });
    let (kind, cause) = thin.fails(Json, "SELECT REPEAT('x', 2000)").await;
    assert_eq!((kind, &*cause), (Kind::Upstream, "limit_bytes"));
    // The lesser of the engine's limit and of the settings' counts, for rows and for nothing else.
    for (most, limit, length, fits) in [
        (50, 1000, 40, true),
        (50, 1000, 60, false),
        (1000, 50, 60, false),
        (50, 1 << 20, 20_000, false),
    ] {
        let mut thin =
            Source::with(mariadb, "reader", Limits { row_bytes: limit, ..Limits::default() });
        thin.target.most_row_bytes = Some(most);
        let query = format!(
            "SELECT REPEAT('x', {length}) AS a_name_that_has_more_bytes_than_any_row_of_this_answer_may"
        );
        for _ in 0..2 {
            let found = thin.whole(Csv, &query, &[]).await;
            let text = "a row of the answer is larger than 50 bytes";
            assert_eq!(
                found.map(drop).map_err(|error| error.public()),
                if fits { Ok(()) } else { Err(text.to_owned()) }
            );
        }
    }
}

#[tokio::test]
async fn the_session_is_set_as_the_source_says() {
    let mut source = Source::of(Mariadb::shared().await, "reader");
    source.target.params = SqlParams::new(
        SqlDriver::Mariadb,
        [("time_zone", "'+02:00'"), ("charset", "utf8mb4"), ("parseTime", "false")],
    )
    .unwrap();
    let query = "SELECT FROM_UNIXTIME(0) AS t, @@time_zone AS z";
    for _ in 0..2 {
        assert_eq!(source.text(Csv, query).await, "t,z\n1970-01-01 02:00:00,+02:00\n");
    }
}

#[tokio::test]
async fn texts_are_utf8_whatever_the_table_has() {
    let mariadb = Mariadb::start(&["--character-set-server=latin1"]).await;
    mariadb.sql("shop", "CREATE TABLE old (t varchar(9) CHARACTER SET latin1, `spalte_é` int); INSERT INTO old VALUES ('déjà', 1)");
    let source = Source::of(&mariadb, "reader");
    assert_eq!(
        source.text(Csv, "SELECT * FROM old WHERE t = 'déjà'").await,
        "t,spalte_é\ndéjà,1\n"
    );
    let bound =
        source.whole(Csv, "SELECT t, '😀' AS s FROM old WHERE t = ?", &[json!("déjà")]).await;
    assert_eq!(bound.unwrap().text, "t,s\ndéjà,😀\n");
}

#[tokio::test]
async fn an_error_says_what_the_server_says() {
    let source = Source::of(Mariadb::shared().await, "reader");
    for (query, expected) in [
        ("SELECT nothing", "Unknown column 'nothing' in 'SELECT' (SQLSTATE 42S22)"),
        ("SELECT * FROM nowhere", "Table 'shop.nowhere' doesn't exist (SQLSTATE 42S02)"),
        (
            "SELECT * FROM mysql.global_priv",
            "SELECT command denied to user of the data source for table `mysql`.`global_priv` (SQLSTATE 42000)",
        ),
    ] {
        let error = source.whole(Csv, query, &[]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert_eq!(error.public().to_lowercase(), expected.to_lowercase());
        assert!(!error.to_string().contains("nothing"), "the log has no message");
    }
}
