//! Parameters as literals of the type that the server found for them.
//!
//! The driver takes rows in binary form alone, and only the server knows how all of its types are written. So a statement with
//! parameters is prepared by SQL and executed with literals, which the server reads as the types that it found by itself.

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::error::BoxError;
use crate::param::Param;
use crate::statement::{BadStatement, Statement};

/// The most dimensions that an array has.
const MOST_DIMENSIONS: usize = 6;

/// Writes what runs the statement: its text alone where there are no parameters.
///
/// The text is known to be one statement: the server has parsed it alone.
pub(super) fn executing(statement: &Statement, types: &[Type]) -> Result<String, BadStatement> {
    let Statement { text, params } = statement;
    if params.is_empty() {
        return Ok(text.clone());
    }
    let literals: Vec<_> = texts(params, types)?.iter().map(literal).collect();
    let literals = literals.join(", ");
    Ok(format!("PREPARE sourcegate AS {text}\n; EXECUTE sourcegate({literals})"))
}

/// A parameter as a text, which the server reads as the type that it found.
#[derive(Debug)]
pub(super) struct Bound(Option<String>);

/// Gives what `EXPLAIN`, which cannot be prepared by SQL, is executed with.
pub(super) fn bound(statement: &Statement, types: &[Type]) -> Result<Vec<Bound>, BadStatement> {
    let texts = texts(&statement.params, types)?;
    Ok(texts.into_iter().map(Bound).collect())
}

impl ToSql for Bound {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        let Some(text) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

#[derive(Debug, PartialEq, Eq)]
enum Unfit {
    Nul,
    Type,
}

fn texts(params: &[Param], types: &[Type]) -> Result<Vec<Option<String>>, BadStatement> {
    let texts = params.iter().zip(types).enumerate();
    let texts = texts.map(|(place, (value, of))| {
        text(value, of).map_err(|why| match why {
            Unfit::Nul => BadStatement::Nul(Some(place + 1)),
            Unfit::Type => BadStatement::Param(place + 1),
        })
    });
    texts.collect()
}

/// The text of a value, as a type is written.
fn text(param: &Param, of: &Type) -> Result<Option<String>, Unfit> {
    let text = match (param, of.kind()) {
        (Param::Json(_), Kind::Array(item)) => Some(array(param, item, MOST_DIMENSIONS)?),
        (Param::Json(_), _) if !is_json(of) => return Err(Unfit::Type),
        _ => plain(param).map(str::to_owned),
    };
    match text {
        Some(text) if text.contains('\0') => Err(Unfit::Nul),
        text => Ok(text),
    }
}

fn is_json(of: &Type) -> bool {
    *of == Type::JSON || *of == Type::JSONB
}

/// The text of a value; none of what is none.
fn plain(param: &Param) -> Option<&str> {
    match param {
        Param::Null => None,
        Param::Bool(true) => Some("true"),
        Param::Bool(false) => Some("false"),
        Param::Number(text) | Param::Text(text) | Param::Json(text) => Some(text),
    }
}

/// An array of JSON has one value of JSON an item, and so one dimension.
fn array(param: &Param, of: &Type, dimensions: usize) -> Result<String, Unfit> {
    let items = param.items().filter(|_| dimensions > 0).ok_or(Unfit::Type)?;
    let items = items.iter().map(|item| match (item, plain(item)) {
        (_, None) => Ok("NULL".to_owned()),
        (Param::Json(_), _) if !is_json(of) => array(item, of, dimensions - 1),
        (_, Some(text)) => Ok(format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))),
    });
    Ok(format!("{{{}}}", items.collect::<Result<Vec<_>, _>>()?.join(",")))
}

/// Quotes a text so that it reads the same whatever `standard_conforming_strings` is.
fn literal(text: &Option<String>) -> String {
    let Some(text) = text else { return "NULL".to_owned() };
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', r"\\"))
    } else {
        format!("'{doubled}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::param::params;

    #[track_caller]
    fn check(json: &str, of: &Type, expected: Result<&str, Unfit>) {
        let found = text(&params(&format!("[{json}]"))[0], of).map(|text| literal(&text));
        assert_eq!(found, expected.map(str::to_owned), "{json}");
    }

    #[test]
    fn q27_a_parameter_is_one_literal_whatever_it_holds() {
        check("null", &Type::INT4, Ok("NULL"));
        check("7", &Type::INT4, Ok("'7'"));
        check("1.5", &Type::NUMERIC, Ok("'1.5'"));
        check("true", &Type::BOOL, Ok("'true'"));
        check(r#""it's""#, &Type::TEXT, Ok("'it''s'"));
        check(r#""'); DROP TABLE t; --""#, &Type::TEXT, Ok("'''); DROP TABLE t; --'"));
        check(r#""\\'; --""#, &Type::TEXT, Ok(r" E'\\''; --'"));
        check(r#""a\u0000b""#, &Type::TEXT, Err(Unfit::Nul));
        check(r#"{"a":"'"}"#, &Type::JSONB, Ok(r#"'{"a":"''"}'"#));
        check("[1,[2]]", &Type::JSON, Ok("'[1,[2]]'"));
        check(r#"["a", null, "\"\\"]"#, &Type::TEXT_ARRAY, Ok(r#" E'{"a",NULL,"\\"\\\\"}'"#));
        check("[1]", &Type::INT4, Err(Unfit::Type));
        check("{}", &Type::INT4_ARRAY, Err(Unfit::Type));
        check("[{}]", &Type::TEXT_ARRAY, Err(Unfit::Type));
        check("[[[[[[1]]]]]]", &Type::INT4_ARRAY, Ok("'{{{{{{\"1\"}}}}}}'"));
        check("[[[[[[[1]]]]]]]", &Type::INT4_ARRAY, Err(Unfit::Type));
    }

    #[test]
    fn an_item_of_an_array_of_json_is_one_value() {
        for of in [Type::JSON_ARRAY, Type::JSONB_ARRAY] {
            check(
                r#"[{"a":1},[1,[2]],7,null]"#,
                &of,
                Ok(r#" E'{"{\\"a\\":1}","[1,[2]]","7",NULL}'"#),
            );
            // A string is JSON that is written already, as where one value is asked for.
            check(r#"["{}", "\"x\""]"#, &of, Ok(r#" E'{"{}","\\"x\\""}'"#));
            check("{}", &of, Err(Unfit::Type));
            check(r#"["\u0000"]"#, &of, Err(Unfit::Nul));
        }
    }

    #[test]
    fn a_number_keeps_its_digits() {
        check("1e400", &Type::NUMERIC, Ok("'1e400'"));
        for digits in ["18446744073709551616", "0.1234567890123456789012", "-0.0"] {
            check(digits, &Type::NUMERIC, Ok(&format!("'{digits}'")));
            let array = format!("'{{\"{digits}\"}}'");
            check(&format!("[{digits}]"), &Type::NUMERIC_ARRAY, Ok(&array));
            let json = format!("'[{digits}]'");
            check(&format!("[{digits}]"), &Type::JSONB, Ok(&json));
        }
    }
}
