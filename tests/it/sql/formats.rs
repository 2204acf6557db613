//! What answers look like, beside what psql writes.

use harness::postgres::Postgres;
use insta::assert_snapshot;
use serde_json::{Value, json};
use sourcegate_core::{Classify as _, Kind, SqlDriver, SqlParams};
use sql::Format::{Csv, Json, JsonArrays, Ndjson};
use sql::{Limits, Trailers};

use super::asking::Source;

/// One value of each type in Perses' table (contract/perses.md 2.6) and of those that break parsers.
const TYPES: &str = r#"SELECT true AS b, 1::int2 AS i2, 2::int4 AS i4, 9007199254740993::int8 AS i8, 5::oid AS o,
 1.1::float4 AS f4, 1e300::float8 AS f8, 123.450::numeric AS n, 'a'::text AS t, 'v'::varchar AS v, 'na'::name AS na,
 'c'::char AS c, 'y'::bpchar(3) AS bp, '00000000-0000-0000-0000-000000000001'::uuid AS u, '10.0.0.1/8'::inet AS inet,
 '1 day 2 hours'::interval AS iv, '03:04:05.5'::time AS ti, ARRAY[1,2] AS a, int4range(1,3) AS r, ROW(1,'x y') AS rec,
 'a b'::tsvector AS ts, point(1,2) AS p, '<a/>'::xml AS x, '{"b":1e999}'::json AS j, '{"b":[1,2]}'::jsonb AS jb,
 '\x6162ff'::bytea AS by, DATE '2024-01-02' AS d, DATE 'infinity' AS di, DATE '0044-03-15 BC' AS bc,
 TIMESTAMP '2024-01-02 03:04:05.123456' AS tp, TIMESTAMPTZ '2024-01-01 22:04:05-05' AS tz, TIME '24:00:00' AS t24,
 'fine'::mood AS m, 1.5::money AS mo, ROW(1,'q')::point_in AS co, 3::positive AS dom, 'NaN'::float8 AS nan,
 '-Infinity'::float4 AS inf, 12345678901234567890123456789012345678901234567890::numeric AS big, NULL::int AS nul"#;

#[tokio::test]
async fn q39_types_are_those_of_perses() {
    let source = Source::reader().await;
    let answer: Value = serde_json::from_str(&source.text(Json, TYPES).await).unwrap();
    let row = &answer["rows"][0];
    let columns = answer["columns"].as_array().unwrap();
    let lines = columns.iter().map(|column| {
        let (name, of) = (column["name"].as_str().unwrap(), column["type"].as_str().unwrap());
        // Of types of this database the number differs from server to server.
        let of = if of.len() == 5 && of.parse::<u32>().is_ok() { "(number)" } else { of };
        format!("{name} {of} {}\n", row[name])
    });
    assert_snapshot!(lines.collect::<String>(), @r##"
    b BOOL true
    i2 INT2 1
    i4 INT4 2
    i8 INT8 9007199254740993
    o OID 5
    f4 FLOAT4 1.100000023841858
    f8 FLOAT8 1e+300
    n NUMERIC "123.450"
    t TEXT "a"
    v VARCHAR "v"
    na NAME "na"
    c BPCHAR "c"
    bp BPCHAR "y  "
    u UUID "00000000-0000-0000-0000-000000000001"
    inet INET "10.0.0.1/8"
    iv INTERVAL "1 day 02:00:00"
    ti TIME "03:04:05.5"
    a _INT4 "{1,2}"
    r INT4RANGE "[1,3)"
    rec RECORD "(1,\"x y\")"
    ts TSVECTOR "'a' 'b'"
    p POINT "(1,2)"
    x XML "<a/>"
    j JSON "{\"b\":1e999}"
    jb JSONB "{\"b\": [1, 2]}"
    by BYTEA "ab�"
    d DATE "2024-01-02T00:00:00Z"
    di DATE "infinity"
    bc DATE "0044-03-15 BC"
    tp TIMESTAMP "2024-01-02T03:04:05.123456Z"
    tz TIMESTAMPTZ "2024-01-02T03:04:05Z"
    t24 TIME "24:00:00"
    m (number) "fine"
    mo 790 "$1.50"
    co (number) "(1,q)"
    dom INT4 3
    nan FLOAT8 "NaN"
    inf FLOAT4 "-Infinity"
    big NUMERIC "12345678901234567890123456789012345678901234567890"
    nul INT4 null
    "##);
}

#[tokio::test]
async fn q39_csv_is_that_of_psql_with_parameters_and_without() {
    let postgres = Postgres::shared().await;
    let source = Source::of(postgres, "reader");
    let tricky = "SELECT * FROM (VALUES (1, 'a,b', ''), (2, E'l1\nl2\r', NULL), (3, 'q\"q', ' s '), (4, '\\.', E'\\t')) v(n, \"x,y\", z)";
    let single = "SELECT * FROM (VALUES ('\\.'), (''), (NULL), ('x')) v(a)";
    for query in [TYPES, tricky, single, "TABLE goods", "SELECT 1 WHERE false", "VALUES (1)"] {
        let expected = String::from_utf8(postgres.csv("reader", "shop", query)).unwrap();
        assert_eq!(source.text(Csv, query).await, expected, "{query}");
        let asked = format!("SELECT * FROM ({query}) everything WHERE $1");
        let ours = source.whole(Csv, &asked, &[json!(true)]).await.unwrap();
        assert_eq!(ours.text, expected, "{asked}");
    }
}

#[tokio::test]
async fn each_format_has_the_same_rows() {
    let source = Source::reader().await;
    let query = "SELECT id, name, price FROM goods ORDER BY id";
    assert_snapshot!(source.text(Csv, query).await, @r#"
    id,name,price
    1,tea,2.50
    2,"a ""large"", cup",
    3,"",0.10
    "#);
    assert_snapshot!(source.text(Json, query).await, @r#"{"columns":[{"name":"id","type":"INT4"},{"name":"name","type":"TEXT"},{"name":"price","type":"NUMERIC"}],"rows":[{"id":1,"name":"tea","price":"2.50"},{"id":2,"name":"a \"large\", cup","price":null},{"id":3,"name":"","price":"0.10"}]}"#);
    assert_snapshot!(source.text(JsonArrays, query).await, @r#"{"columns":[{"name":"id","type":"INT4"},{"name":"name","type":"TEXT"},{"name":"price","type":"NUMERIC"}],"rows":[[1,"tea","2.50"],[2,"a \"large\", cup",null],[3,"","0.10"]]}"#);
    assert_snapshot!(source.text(Ndjson, query).await, @r#"
    {"id":1,"name":"tea","price":"2.50"}
    {"id":2,"name":"a \"large\", cup","price":null}
    {"id":3,"name":"","price":"0.10"}
    {"rowCount":3,"truncated":false}
    "#);
    let whole = source.whole(Csv, query, &[]).await.unwrap();
    assert_eq!((whole.rows, whole.truncated), (3, false));
}

#[tokio::test]
async fn what_copy_does_not_take_is_csv_too() {
    let source = Source::reader().await;
    assert_eq!(source.text(Csv, "SHOW server_encoding").await, "server_encoding\nUTF8\n");
    assert_eq!(source.text(Csv, "SELECT 1 AS a;").await, "a\n1\n");
    assert_eq!(source.text(Csv, "SELECT 1 AS a -- the end").await, "a\n1\n");
    assert_eq!(source.text(Csv, "(SELECT 1 AS a);; -- the end").await, "a\n1\n");
    assert!(source.text(Csv, "EXPLAIN SELECT 1").await.starts_with("QUERY PLAN\n"));
}

#[tokio::test]
async fn a_type_that_is_looked_up_stands_before_any_end() {
    let source = Source::reader().await;
    for end in ["", ";", " ;\n; ", "; -- the end", " -- ;", "/* ; */"] {
        let query = format!("SELECT 'fine'::mood AS a{end}");
        assert_eq!(source.text(Csv, &query).await, "a\nfine\n", "{query}");
        assert!(source.text(JsonArrays, &query).await.ends_with("[[\"fine\"]]}\n"), "{query}");
        let lines = source.text(Ndjson, &query).await;
        assert!(lines.starts_with("{\"a\":\"fine\"}\n"), "{query}");
    }
}

#[tokio::test]
async fn q38_an_answer_begins_with_its_first_row_however_long_its_head_is() {
    let source = Source::reader().await;
    let columns = (0..600).map(|n| format!("1 / (g - 1) AS c{n}_{}", "x".repeat(55)));
    let columns = columns.collect::<Vec<_>>().join(", ");
    let query = format!("SELECT {columns} FROM generate_series(1, 2) g");
    for format in [Csv, Json, Ndjson] {
        let failed = (sourcegate_core::Kind::Invalid, "statement".to_owned());
        assert_eq!(source.fails(format, &query).await, failed);
        assert!(source.ask(format, &query, &[]).await.is_err(), "{format:?}");
    }
}

#[tokio::test]
async fn q38_no_column_is_lost() {
    let source = Source::reader().await;
    let query = "SELECT 1 AS a, 2 AS a, 3, 4";
    assert_eq!(source.text(Csv, query).await, "a,a,?column?,?column?\n1,2,3,4\n");
    let answer: Value = serde_json::from_str(&source.text(Json, query).await).unwrap();
    assert_eq!(answer["rows"][0], json!({"a": 1, "a_2": 2, "?column?": 3, "?column?_2": 4}));
    assert!(source.text(JsonArrays, query).await.contains("[[1,2,3,4]]"));
}

#[tokio::test]
async fn q27_parameters_are_bound_and_never_read_as_sql() {
    let source = Source::reader().await;
    let hostile = r#"'); DROP TABLE goods; -- \' $1 $$"#;
    let query = "SELECT $1::text AS t, $2::int + 1 AS i, $3::int[] AS a, $4::jsonb AS j, $5::text AS n, $6::bool AS b;";
    let params =
        [json!(hostile), json!(41), json!([1, null]), json!({"k": "'"}), json!(null), json!(true)];
    let whole = source.whole(JsonArrays, query, &params).await.unwrap();
    let answer: Value = serde_json::from_str(&whole.text).unwrap();
    assert_eq!(answer["rows"][0], json!([hostile, 42, "{1,NULL}", r#"{"k": "'"}"#, null, true]));
    let text =
        r#"SELECT 'a--b' AS a, '/*x*/' AS b, $$--$$ AS c, E'\'' AS d, U&'\0061' AS e, 1 AS "x;y""#;
    assert_eq!(source.text(Csv, text).await, "a,b,c,d,e,x;y\na--b,/*x*/,--,',a,1\n");
}

#[tokio::test]
async fn q27_a_number_is_never_another_one() {
    let source = Source::reader().await;
    let long = "1234567890".repeat(20);
    let small = format!("0.{long}");
    let huge = format!("1{}", "0".repeat(400));
    for (query, number, expected) in [
        ("SELECT $1::numeric AS x", "18446744073709551616", "18446744073709551616"),
        ("SELECT $1::numeric AS x", &long, &long),
        ("SELECT $1::numeric AS x", &small, &small),
        ("SELECT $1::numeric AS x", "1e400", &huge),
        ("SELECT $1::text AS x", "1.50", "1.50"),
        ("SELECT $1::numeric = 18446744073709551615 AS x", "18446744073709551616", "f"),
        ("SELECT ($1::numeric[])[1] AS x", "[18446744073709551616]", "18446744073709551616"),
        (
            "SELECT $1::jsonb ->> 'a' AS x",
            r#"{"a": 0.1234567890123456789}"#,
            "0.1234567890123456789",
        ),
    ] {
        let answer = source.whole_of(Csv, query, number).await.unwrap();
        assert_eq!(answer.text, format!("x\n{expected}\n"), "{query} {number}");
    }
    for (of, number) in [("float8", "1e400"), ("bigint", "18446744073709551616"), ("int", "1.5")] {
        let query = format!("SELECT $1::{of} AS x");
        let error = source.whole_of(Csv, &query, number).await.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (Kind::Invalid, Some("statement")), "{of}");
    }
}

#[tokio::test]
async fn q27_a_plan_is_asked_for_with_parameters_too() {
    let source = Source::reader().await;
    for options in ["", "ANALYZE", "(COSTS off, FORMAT json)", "(FORMAT xml)", "(FORMAT yaml)"] {
        let query = format!("EXPLAIN {options} SELECT * FROM goods WHERE id = $1 AND name = $2");
        for format in [Csv, Json, JsonArrays, Ndjson] {
            let params = [json!(7), json!("it's")];
            let whole = source.whole(format, &query, &params).await.unwrap();
            assert!(whole.text.contains("id = 7"), "{query}: {}", whole.text);
            assert!(whole.text.contains("it''s"), "{query}: {}", whole.text);
        }
    }
    let query = "EXPLAIN ANALYZE SELECT 1 / $1::int";
    for (param, cause) in
        [(json!(0), "statement"), (json!("x"), "statement"), (json!([]), "parameters")]
    {
        let error = source.whole(Csv, query, &[param]).await.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (Kind::Invalid, Some(cause)));
    }
    assert!(
        source.whole(Csv, query, &[json!(null)]).await.unwrap().text.starts_with("QUERY PLAN\n")
    );
}

#[tokio::test]
async fn q27_an_item_of_an_array_of_json_is_one_value() {
    let source = Source::reader().await;
    for of in ["json[]", "jsonb[]"] {
        let query = format!("SELECT x FROM unnest($1::{of}) WITH ORDINALITY u(x, n) ORDER BY n");
        let items = json!([{"a": "b'\"\\"}, [1, [2]], 3, null, "{}"]);
        let whole = source.whole(JsonArrays, &query, &[items]).await.unwrap();
        let answer: Value = serde_json::from_str(&whole.text).unwrap();
        let read = |row: &Value| row[0].as_str().map(|text| serde_json::from_str(text).unwrap());
        let read: Vec<Option<Value>> =
            answer["rows"].as_array().unwrap().iter().map(read).collect();
        let expected = [json!({"a": "b'\"\\"}), json!([1, [2]]), json!(3), json!(null), json!({})];
        let expected = expected.map(|value| Some(value).filter(|value| !value.is_null()));
        assert_eq!(read, expected, "{of}");
    }
}

#[tokio::test]
async fn q31_wrong_parameters_are_the_callers_fault() {
    let source = Source::reader().await;
    for (query, params, cause) in [
        ("SELECT $1::int", json!([]), "parameters"),
        ("SELECT 1", json!([1]), "parameters"),
        ("SELECT $1::int", json!([1, 2]), "parameters"),
        ("SELECT $1::int", json!([[1]]), "parameters"),
        ("SELECT $1::text", json!(["a\0b"]), "nul"),
        ("SELECT $1::int", json!(["no number"]), "statement"),
        ("SHOW $1", json!(["x"]), "statement"),
    ] {
        for format in [Csv, Json] {
            let error = source.whole(format, query, params.as_array().unwrap()).await.unwrap_err();
            let found = (error.kind(), error.cause().unwrap_or_default());
            assert_eq!(found, (Kind::Invalid, cause), "{query} {params}");
        }
    }
}

#[tokio::test]
async fn q34_q35_a_cut_answer_says_so() {
    let postgres = Postgres::shared().await;
    let few = Source::with(postgres, "reader", Limits { rows: 2, ..Limits::default() });
    let query = "SELECT generate_series(1, 3) AS n";
    let whole = few.whole(Csv, query, &[]).await.unwrap();
    assert_eq!((&*whole.text, whole.rows, whole.truncated), ("n\n1\n2\n", 2, true));
    assert_eq!(
        few.text(Ndjson, query).await,
        "{\"n\":1}\n{\"n\":2}\n{\"rowCount\":2,\"truncated\":true}\n"
    );
    assert!(
        few.text(Json, query)
            .await
            .ends_with("[{\"n\":1},{\"n\":2}],\"truncated\":true,\"rowCount\":2}\n")
    );
    let exact = few.whole(Csv, "SELECT generate_series(1, 2) AS n", &[]).await.unwrap();
    assert_eq!((exact.rows, exact.truncated), (2, false));
    // Without trailers a cut CSV would look whole.
    let blind = Source { trailers: Trailers::Lost, ..few };
    let broken = blind.whole(Csv, query, &[]).await.unwrap_err();
    assert_eq!(broken.cause(), Some("limit_bytes"));
    let narrow = Source::with(postgres, "reader", Limits { bytes: 100, ..Limits::default() });
    let wide = narrow
        .whole(Ndjson, "SELECT repeat('x', 30) AS x FROM generate_series(1, 9)", &[])
        .await
        .unwrap();
    assert!(wide.truncated && wide.text.len() < 200, "{wide:?}");
    let thin = Source::with(postgres, "reader", Limits { row_bytes: 1000, ..Limits::default() });
    let (kind, cause) = thin.fails(Json, "SELECT repeat('x', 2000)").await;
    assert_eq!((kind, &*cause), (Kind::Upstream, "limit_bytes"));
    let mut thin = Source::of(postgres, "reader");
    thin.target.most_row_bytes = Some(1000);
    let (kind, cause) = thin.fails(Json, "SELECT repeat('x', 2000)").await;
    assert_eq!((kind, &*cause), (Kind::Upstream, "limit_bytes"));
}

#[tokio::test]
async fn the_session_is_set_as_the_source_says() {
    let mut source = Source::reader().await;
    source.target.params = SqlParams::new(
        SqlDriver::Postgres,
        [("timezone", "Europe/Berlin"), ("search_path", "\"a b\", public")],
    )
    .unwrap();
    let query =
        "SELECT TIMESTAMPTZ '2024-07-01 00:00:00Z' AS t, current_setting('search_path') AS s";
    let answer: Value = serde_json::from_str(&source.text(Json, query).await).unwrap();
    assert_eq!(
        answer["rows"][0],
        json!({"t": "2024-07-01T02:00:00+02:00", "s": "\"a b\", public"})
    );
}
