//! Columns of PostgreSQL, their types in Perses' words: contract/perses.md 2.6.

use tokio_postgres::types::Type;

use crate::column::{Column, Offset, Shape};

/// Types of the server's own that Perses' driver has no name for; their number stands in its place.
const NAMELESS: [&str; 3] = ["money", "_money", "regclass"];

pub(super) fn of(column: &tokio_postgres::Column) -> Column {
    let of = column.type_();
    Column { name: column.name().to_owned(), type_name: name(of), shape: shape(of) }
}

/// Tells whether the driver had to ask the server what the type is.
pub(super) fn is_looked_up(of: &Type) -> bool {
    Type::from_oid(of.oid()).is_none()
}

fn name(of: &Type) -> String {
    if is_looked_up(of) || NAMELESS.contains(&of.name()) {
        of.oid().to_string()
    } else {
        of.name().to_uppercase()
    }
}

fn shape(of: &Type) -> Shape {
    match *of {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Shape::Integer,
        Type::BOOL => Shape::Boolean,
        Type::FLOAT4 => Shape::Single,
        Type::FLOAT8 => Shape::Double,
        Type::DATE => Shape::Date(Offset::Utc),
        Type::TIMESTAMP => Shape::Timestamp(Offset::Utc),
        Type::TIMESTAMPTZ => Shape::TimestampTz,
        Type::BYTEA => Shape::Hex,
        _ => Shape::Text,
    }
}
