//! Values of a statement's parameters, as JSON has them; a number keeps its digits, however many.

use serde_json::Value;
use serde_json::value::RawValue;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it was written.
    Number(String),
    /// A string, unescaped.
    Text(String),
    /// An array or an object as it was written.
    Json(String),
}

impl Param {
    /// Reads one.
    ///
    /// # Errors
    /// A string with half a character; an array or an object that is nested deeper than 127, or has a number beyond those of 64 bits.
    pub fn read(json: &RawValue) -> Result<Self, serde_json::Error> {
        let text = json.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::Text(serde_json::from_str(text)?),
            Some(b'[' | b'{') => {
                serde_json::from_str::<Value>(text)?;
                Self::Json(text.to_owned())
            }
            _ => Self::Number(text.to_owned()),
        })
    }

    /// Reads the items of an array; none if it is another value.
    pub(crate) fn items(&self) -> Option<Vec<Self>> {
        let Self::Json(text) = self else { return None };
        let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        items.into_iter().map(|item| Self::read(item).ok()).collect()
    }
}

/// Reads values as an array has them.
#[cfg(test)]
pub(crate) fn params(json: &str) -> Vec<Param> {
    Param::Json(json.to_owned()).items().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_was_written() {
        let text = |text: &str| Param::Text(text.to_owned());
        let number = |text: &str| Param::Number(text.to_owned());
        let json = |text: &str| Param::Json(text.to_owned());
        let found = params(
            r#"[null, true, false, "a\"\u00e9", -0, 1.50, 18446744073709551616, 1e400, [1, [2]] , {"a": 1}]"#,
        );
        let expected = [
            Param::Null,
            Param::Bool(true),
            Param::Bool(false),
            text("a\"é"),
            number("-0"),
            number("1.50"),
            number("18446744073709551616"),
            number("1e400"),
            json("[1, [2]]"),
            json(r#"{"a": 1}"#),
        ];
        assert_eq!(found, expected);
        assert_eq!(json(r#"{"a": 1}"#).items(), None);
    }

    #[test]
    fn b01_what_is_nested_too_deep_is_refused() {
        for (text, fits) in [
            ("[".repeat(100) + &"]".repeat(100), true),
            ("[".repeat(100_000) + &"]".repeat(100_000), false),
            ("[1e400]".to_owned(), false),
            (r#""\ud800""#.to_owned(), false),
        ] {
            let read: Box<RawValue> = serde_json::from_str(&text).unwrap();
            assert_eq!(Param::read(&read).is_ok(), fits, "{text:.9}");
        }
    }
}
