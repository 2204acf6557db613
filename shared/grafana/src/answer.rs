//! JSON as Grafana writes it: safe to stand inside HTML.

use std::io;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// An answer with a JSON body in which `<`, `>`, `&`, U+2028 and U+2029 are escaped (contract 0.1).
pub(crate) struct Answer<T>(pub(crate) StatusCode, pub(crate) T);

/// Answers 200.
pub(crate) fn ok<T>(body: T) -> Answer<T> {
    Answer(StatusCode::OK, body)
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match write(&self.1) {
            Ok(body) => (self.0, json(body)).into_response(),
            Err(error) => web::Error::from(crate::Error::Unwritable(error)).into_response(),
        }
    }
}

/// Answers 200 with JSON that is written already, or is being written.
pub(crate) fn json(body: impl Into<Body>) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body.into()).into_response()
}

/// Writes a value.
pub(crate) fn write(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(512);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, HtmlSafe))?;
    Ok(bytes)
}

struct HtmlSafe;

impl Formatter for HtmlSafe {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_escaped(writer, fragment)
    }

    /// In valid JSON these characters stand in strings only, so that raw parts are escaped alike.
    fn write_raw_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_escaped(writer, fragment)
    }
}

fn write_escaped<W: ?Sized + io::Write>(writer: &mut W, text: &str) -> io::Result<()> {
    let special = |c: char| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        let (plain, tail) = rest.split_at(at);
        writer.write_all(plain.as_bytes())?;
        let mut characters = tail.chars();
        if let Some(character) = characters.next() {
            write!(writer, "\\u{:04x}", u32::from(character))?;
        }
        rest = characters.as_str();
    }
    CompactFormatter.write_string_fragment(writer, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    #[track_caller]
    fn check(value: &impl Serialize, expected: &str) {
        assert_eq!(String::from_utf8(write(value).unwrap()).unwrap(), expected);
    }

    #[test]
    fn strings_are_safe_inside_html() {
        check(&"a<b>&\u{2028}\u{2029}\"é", r#""a\u003cb\u003e\u0026\u2028\u2029\"é""#);
        check(&"", r#""""#);
        check(&"<", r#""\u003c""#);
    }

    #[test]
    fn keys_and_raw_parts_are_safe_too() {
        let raw = RawValue::from_string(r#"{ "a&b" : "</script>", "n":1.0 }"#.to_owned()).unwrap();
        check(&raw, r#"{ "a\u0026b" : "\u003c/script\u003e", "n":1.0 }"#);
        check(&std::collections::BTreeMap::from([("<", 1)]), r#"{"\u003c":1}"#);
    }
}
