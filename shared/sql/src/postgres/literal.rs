//! Parameters as literals of the type that the server found for them.
//!
//! The driver takes rows in binary form alone, and only the server knows how all of its types are written. So a statement with
//! parameters is prepared by SQL and executed with literals, which the server reads as the types that it found by itself.

use tokio_postgres::types::{Kind, Type};

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

fn literal(param: &Param, of: &Type) -> Result<String, Unfit> {
    match param {
        Param::Json(_) if matches!(of.kind(), Kind::Array(_)) => {
            quoted(&array(param, MOST_DIMENSIONS)?)
        }
        Param::Json(_) if *of != Type::JSON && *of != Type::JSONB => Err(Unfit::Type),
        _ => plain(param).map_or(Ok("NULL".to_owned()), quoted),
    }
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

fn array(param: &Param, dimensions: usize) -> Result<String, Unfit> {
    let items = param.items().filter(|_| dimensions > 0).ok_or(Unfit::Type)?;
    let items = items.iter().map(|item| match (item, plain(item)) {
        (_, None) => Ok("NULL".to_owned()),
        (Param::Json(_), _) => array(item, dimensions - 1),
        (_, Some(text)) => Ok(format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))),
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
    use super::*;
    use crate::param::params;

    #[track_caller]
    fn check(json: &str, of: &Type, expected: Result<&str, Unfit>) {
        let found = literal(&params(&format!("[{json}]"))[0], of);
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
