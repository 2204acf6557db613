use super::*;
use crate::column::{Offset, Shape};

fn column(name: &str, shape: Shape) -> Column {
    Column { name: name.into(), type_name: "T".into(), shape }
}

#[track_caller]
fn check_value(shape: Shape, text: &str, expected: &str) {
    let mut out = Vec::new();
    json::write_value(&mut out, shape, text.as_bytes());
    assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
}

#[test]
fn q39_values_are_those_of_perses() {
    check_value(Shape::Integer, "9007199254740993", "9007199254740993");
    check_value(Shape::Integer, "-1", "-1");
    check_value(Shape::Boolean, "t", "true");
    check_value(Shape::Single, "1.1", "1.100000023841858");
    check_value(Shape::Double, "1.1", "1.1");
    check_value(Shape::Double, "1e+300", "1e+300");
    check_value(Shape::Double, "1e+15", "1000000000000000");
    check_value(Shape::Double, "1e-07", "1e-7");
    check_value(Shape::Double, "1e-06", "0.000001");
    check_value(Shape::Double, "-0", "-0");
    check_value(Shape::Date(Offset::Utc), "2024-01-02", r#""2024-01-02T00:00:00Z""#);
    check_value(
        Shape::Timestamp(Offset::Utc),
        "2024-01-02 03:04:05.123456",
        r#""2024-01-02T03:04:05.123456Z""#,
    );
    let india = Offset::of(330);
    check_value(Shape::Date(india), "2024-01-02", r#""2024-01-02T00:00:00+05:30""#);
    let local = Shape::Timestamp(india);
    check_value(local, "2024-01-02 08:34:05.5", r#""2024-01-02T08:34:05.5+05:30""#);
    check_value(local, "0000-00-00 00:00:00", r#""0000-00-00 00:00:00""#);
    check_value(Shape::TimestampTz, "2024-01-02 03:04:05+00", r#""2024-01-02T03:04:05Z""#);
    check_value(Shape::TimestampTz, "2024-01-01 22:04:05-05", r#""2024-01-01T22:04:05-05:00""#);
    check_value(Shape::TimestampTz, "2024-01-01 22:04:05+05:30", r#""2024-01-01T22:04:05+05:30""#);
    check_value(Shape::Hex, r"\x6162ff", "\"ab\u{fffd}\"");
    check_value(Shape::Text, "a\"\n\u{1}é", r#""a\"\n\u0001é""#);
}

#[test]
fn what_json_cannot_say_is_a_string() {
    check_value(Shape::Double, "NaN", r#""NaN""#);
    check_value(Shape::Double, "-Infinity", r#""-Infinity""#);
    check_value(Shape::Single, "Infinity", r#""Infinity""#);
    check_value(Shape::Date(Offset::Utc), "infinity", r#""infinity""#);
    check_value(Shape::Date(Offset::Utc), "0000-00-00", r#""0000-00-00""#);
    check_value(Shape::Timestamp(Offset::Utc), "2024-01-00 00:00:00", r#""2024-01-00 00:00:00""#);
    check_value(Shape::Date(Offset::Utc), "0044-03-15 BC", r#""0044-03-15 BC""#);
    check_value(
        Shape::Timestamp(Offset::Utc),
        "0044-03-15 00:00:00 BC",
        r#""0044-03-15 00:00:00 BC""#,
    );
    check_value(Shape::Timestamp(Offset::Utc), "10000-01-01 00:00:00", r#""10000-01-01 00:00:00""#);
    check_value(
        Shape::TimestampTz,
        "1900-01-01 00:00:00+00:53:28",
        r#""1900-01-01 00:00:00+00:53:28""#,
    );
    check_value(Shape::Integer, "", r#""""#);
}

#[track_caller]
fn check_answer(format: Format, names: &[&str], expected: &str) {
    let columns = names.iter().map(|name| column(name, Shape::Integer)).collect();
    let writer = Writer::new(format, columns);
    let mut out = Vec::new();
    writer.head(&mut out);
    writer.row(&mut out, 0, |place| (place != 1).then_some(b"7".as_slice()));
    writer.row(&mut out, 1, |_| Some(b"8"));
    writer.tail(&mut out, 2, true);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn q34_q38_each_format_has_all_columns_and_says_that_it_was_cut() {
    check_answer(
        Format::Json,
        &["b", "a", "a"],
        "{\"columns\":[{\"name\":\"b\",\"type\":\"T\"},{\"name\":\"a\",\"type\":\"T\"},{\"name\":\"a_2\",\"type\":\"T\"}],\
         \"rows\":[{\"a\":null,\"a_2\":7,\"b\":7},{\"a\":8,\"a_2\":8,\"b\":8}],\"truncated\":true,\"rowCount\":2}\n",
    );
    check_answer(
        Format::JsonArrays,
        &["a", "a"],
        "{\"columns\":[{\"name\":\"a\",\"type\":\"T\"},{\"name\":\"a\",\"type\":\"T\"}],\
         \"rows\":[[7,null],[8,8]],\"truncated\":true,\"rowCount\":2}\n",
    );
    check_answer(
        Format::Ndjson,
        &["b", "a"],
        "{\"b\":7,\"a\":null}\n{\"b\":8,\"a\":8}\n{\"rowCount\":2,\"truncated\":true}\n",
    );
    check_answer(Format::Csv, &["a,b", ""], "\"a,b\",\"\"\n7,\n8,8\n");
}

#[test]
fn q38_a_number_is_none_that_a_column_has() {
    let mut columns = ["a", "a", "a_2", "a", ""].map(|name| column(name, Shape::Text));
    json::number_duplicates(&mut columns);
    assert_eq!(columns.map(|column| column.name), ["a", "a_3", "a_2", "a_4", ""]);
}

#[test]
fn q38_thousands_of_equal_names_are_as_many_names() {
    let names = (2..5_002).flat_map(|n| ["a".to_owned(), format!("a_{n}")]);
    let mut names: Vec<_> = names.collect();
    names.extend(["a_2", "a_2", "a_2_2", "", "b"].map(str::to_owned));
    let mut columns: Vec<_> = names.iter().map(|name| column(name, Shape::Text)).collect();
    json::number_duplicates(&mut columns);
    let found: Vec<_> = columns.into_iter().map(|column| column.name).collect();
    // The first of a name keeps it, the others have the first numbers that are free: from 5002 on.
    let expected = (0..5_000).flat_map(|n| match n {
        0 => ["a".to_owned(), "a_2".to_owned()],
        n => [format!("a_{}", 5_001 + n), format!("a_{}", n + 2)],
    });
    let others = ["a_2_3", "a_2_4", "a_2_2", "", "b"].map(str::to_owned);
    assert_eq!(found, expected.chain(others).collect::<Vec<_>>());
    let distinct: std::collections::HashSet<_> = found.iter().collect();
    assert_eq!(distinct.len(), found.len());
}

#[test]
fn only_a_single_cell_quotes_the_end_of_data() {
    let write = |cells: &[&str]| {
        let mut out = Vec::new();
        write_line(&mut out, cells.iter().map(|cell| Some(cell.as_bytes())), cells.len() == 1);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(write(&["\\."]), "\"\\.\"\n");
    assert_eq!(write(&["\\.", "a\"b"]), "\\.,\"a\"\"b\"\n");
    assert_eq!(write(&["a\rb", "", " "]), "\"a\rb\",\"\", \n");
}
