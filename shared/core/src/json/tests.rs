use std::collections::BTreeMap;

use serde_json::json;
use serde_json::value::RawValue;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Outer {
    inner: Inner,
    #[serde(default)]
    list: Vec<Inner>,
    #[serde(default)]
    map: BTreeMap<String, Inner>,
    maybe: Option<Box<Inner>>,
    any: Option<Value>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Inner {
    text: String,
    number: u16,
}

#[test]
fn what_is_an_object_is_read() {
    let text = r#"{"inner":{"text":"a","number":7},"list":[{},{"text":"\u0062"}],"map":{"x":{}},"maybe":{},"any":[1,{"a":2}]}"#;
    let of = |text: &str, number| Inner { text: text.to_owned(), number };
    let expected = Outer {
        inner: of("a", 7),
        list: vec![of("", 0), of("b", 0)],
        map: BTreeMap::from([("x".to_owned(), of("", 0))]),
        maybe: Some(Box::new(of("", 0))),
        any: Some(json!([1, { "a": 2 }])),
    };
    let value: Value = read(text).unwrap();
    assert_eq!(part::<Outer>(&value).unwrap(), expected);
    assert_eq!(read::<Outer>(text).unwrap(), expected);
    assert_eq!(body::<Outer>(text.as_bytes()).unwrap(), expected);
    assert_eq!(first::<Outer>(format!("{text}rest").as_bytes()).unwrap(), expected);
    assert!(read::<Outer>(&format!("{text}rest")).is_err());
}

#[test]
fn in_a_part_null_is_absent() {
    let value = json!({ "inner": { "text": null, "number": 7 }, "list": null, "map": { "a": null }, "any": null });
    let expected = Outer {
        inner: Inner { text: String::new(), number: 7 },
        list: Vec::new(),
        map: BTreeMap::new(),
        maybe: None,
        any: None,
    };
    assert_eq!(part::<Outer>(&value).unwrap(), expected);
    // An item of a list is not a field.
    let value = json!({ "inner": {}, "list": [null] });
    assert_eq!(part::<Outer>(&value).unwrap_err().to_string(), "expected an object");
}

#[test]
fn no_array_passes_for_an_object_however_deep() {
    for text in [
        r#"[{},[],{},{},0]"#,
        r#"{"inner":["a",7]}"#,
        r#"{"inner":{},"list":[["a",7]]}"#,
        r#"{"inner":{},"map":{"x":["a",7]}}"#,
        r#"{"inner":{},"maybe":["a",7]}"#,
    ] {
        assert!(serde_json::from_str::<Outer>(text).is_ok(), "serde itself takes it: {text}");
        let value: Value = read(text).unwrap();
        assert_eq!(part::<Outer>(&value).unwrap_err().to_string(), "expected an object", "{text}");
        for said in [
            read::<Outer>(text).unwrap_err().to_string(),
            body::<Outer>(text.as_bytes()).unwrap_err().to_string(),
            first::<Outer>(text.as_bytes()).unwrap_err().to_string(),
        ] {
            assert!(said.starts_with("expected an object at line 1 column "), "{text}: {said}");
        }
    }
}

#[test]
fn what_is_said_of_a_text_quotes_nothing_of_it() {
    for (text, expected) in [
        (r#""CANARY""#, "expected an object at line 1 column 8"),
        (r#"{"inner":"CANARY"}"#, "expected an object at line 1 column 17"),
        (r#"{"inner":{"text":8888}}"#, "expected a string at line 1 column 21"),
        (r#"{"inner":{"number":"CANARY"}}"#, "expected u16 at line 1 column 27"),
        (r#"{"inner":{"number":888888}}"#, "expected u16 at line 1 column 25"),
        (r#"{"inner":{},"list":"CANARY"}"#, "expected an array at line 1 column 27"),
        (r#"{"CANARY":1}"#, "missing field `inner` at line 1 column 12"),
        ("{CANARY", "not JSON at line 1 column 2"),
        (r#"{"inner":"CANARY"#, "the text ends too early at line 1 column 16"),
    ] {
        assert_eq!(read::<Outer>(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn what_is_said_of_a_part_quotes_nothing_of_it() {
    for value in
        [json!("CANARY"), json!("x, expected CANARY at line 5"), json!("missing field CANARY")]
    {
        assert_eq!(part::<Outer>(&value).unwrap_err().to_string(), "expected an object", "{value}");
        let said = read::<Outer>(&value.to_string()).unwrap_err().to_string();
        assert!(said.starts_with("expected an object at line 1 column "), "{said}");
    }
}

#[test]
fn a_field_that_is_not_known_is_named_where_it_is_a_word() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Closed {
        #[serde(rename = "url")]
        _url: Option<String>,
    }
    let check = |name: &str, expected: &str| {
        let text = json!({ name: "CANARY" }).to_string();
        let said = read::<Closed>(&text).unwrap_err().to_string();
        assert!(said.starts_with(expected) && !said.contains("CANARY"), "{said}");
    };
    check("Url", "unknown field `Url`, expected `url` at line 1 column ");
    check("url, expected `b`", "expected `url` at line 1 column ");
    check("a`, expected b", "expected `url` at line 1 column ");
    check(&"a".repeat(65), "expected `url` at line 1 column ");
}

#[test]
fn a_raw_part_is_kept_byte_for_byte() {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        part: &'a RawValue,
    }
    let raw: Raw<'_> = read(r#"{"part": [1.50, {"b":1,"a":2}] }"#).unwrap();
    assert_eq!(raw.part.get(), r#"[1.50, {"b":1,"a":2}]"#);
    let raw: BTreeMap<String, Box<RawValue>> = body(br#"{"x":1e5}"#).unwrap();
    assert_eq!(raw["x"].get(), "1e5");
}
