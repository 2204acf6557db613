//! Parameters as literals of the type that the server found for them.
//!
//! The driver takes rows in binary form alone, and only the server knows how all of its types are written. So a statement with
//! parameters is prepared by SQL and executed with literals, which the server reads as the types that it found by itself.

use serde_json::Value;
use tokio_postgres::types::{Kind, Type};

use crate::statement::{BadStatement, Statement};

/// Writes what runs the statement: its text alone where there are no parameters.
///
/// The text is known to be one statement: the server has parsed it alone.
pub(super) fn executing(statement: &Statement, types: &[Type]) -> Result<String, BadStatement> {
    let Statement { text, params } = statement;
    if params.is_empty() {
        return Ok(text.clone());
    }
    let literals = params.iter().zip(types).enumerate();
    let literals = literals.map(|(place, (value, of))| {
        literal(value, of).map_err(|why| match why {
            Unfit::Nul => BadStatement::Nul(Some(place + 1)),
            Unfit::Type => BadStatement::Param(place + 1),
        })
    });
    let literals = literals.collect::<Result<Vec<_>, _>>()?.join(", ");
    Ok(format!("PREPARE sourcegate AS {text}\n; EXECUTE sourcegate({literals})"))
}

#[derive(Debug, PartialEq, Eq)]
enum Unfit {
    Nul,
    Type,
}

fn literal(value: &Value, of: &Type) -> Result<String, Unfit> {
    match value {
        Value::Null => Ok("NULL".to_owned()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => quoted(&plain(value)),
        Value::Array(_) | Value::Object(_) if *of == Type::JSON || *of == Type::JSONB => {
            quoted(&value.to_string())
        }
        Value::Array(items) if matches!(of.kind(), Kind::Array(_)) => quoted(&array(items)?),
        Value::Array(_) | Value::Object(_) => Err(Unfit::Type),
    }
}

/// The text of a value that has no others in it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn array(items: &[Value]) -> Result<String, Unfit> {
    let items = items.iter().map(|item| match item {
        Value::Null => Ok("NULL".to_owned()),
        Value::Array(items) => array(items),
        Value::Object(_) => Err(Unfit::Type),
        _ => Ok(format!("\"{}\"", plain(item).replace('\\', r"\\").replace('"', "\\\""))),
    });
    Ok(format!("{{{}}}", items.collect::<Result<Vec<_>, _>>()?.join(",")))
}

/// Quotes a text so that it reads the same whatever `standard_conforming_strings` is.
fn quoted(text: &str) -> Result<String, Unfit> {
    if text.contains('\0') {
        return Err(Unfit::Nul);
    }
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        Ok(format!(" E'{}'", doubled.replace('\\', r"\\")))
    } else {
        Ok(format!("'{doubled}'"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: &Value, of: &Type, expected: Result<&str, Unfit>) {
        assert_eq!(literal(value, of), expected.map(str::to_owned), "{value}");
    }

    #[test]
    fn q27_a_parameter_is_one_literal_whatever_it_holds() {
        check(&json!(null), &Type::INT4, Ok("NULL"));
        check(&json!(7), &Type::INT4, Ok("'7'"));
        check(&json!(1.5), &Type::NUMERIC, Ok("'1.5'"));
        check(&json!(true), &Type::BOOL, Ok("'true'"));
        check(&json!("it's"), &Type::TEXT, Ok("'it''s'"));
        check(&json!("'); DROP TABLE t; --"), &Type::TEXT, Ok("'''); DROP TABLE t; --'"));
        check(&json!(r"\'; --"), &Type::TEXT, Ok(r" E'\\''; --'"));
        check(&json!("a\0b"), &Type::TEXT, Err(Unfit::Nul));
        check(&json!({"a": "'"}), &Type::JSONB, Ok(r#"'{"a":"''"}'"#));
        check(&json!([1, [2]]), &Type::JSON, Ok("'[1,[2]]'"));
        check(&json!(["a", null, "\"\\"]), &Type::TEXT_ARRAY, Ok(r#" E'{"a",NULL,"\\"\\\\"}'"#));
        check(&json!([1]), &Type::INT4, Err(Unfit::Type));
        check(&json!([{}]), &Type::TEXT_ARRAY, Err(Unfit::Type));
    }
}
