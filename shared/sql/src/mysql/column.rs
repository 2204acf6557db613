//! Columns of MySQL and MariaDB, their types in Perses' words: contract/perses.md 2.6.

use mysql_common::constants::{ColumnFlags, ColumnType};
use mysql_common::packets::Column as Definition;

use crate::column::{Column, Offset, Shape};

/// The number of the character set of what is no text.
const BINARY: u16 = 63;

/// Whether times become RFC 3339 in JSON, as those of a zone: the driver's `parseTime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    AsTexts,
    Rfc3339(Offset),
}

pub(super) fn of(definition: &Definition, times: Times) -> Column {
    Column {
        name: definition.name_str().into_owned(),
        type_name: name(definition),
        shape: shape(definition.column_type(), times),
    }
}

/// Tells whether its values are bytes and no text. Numbers, times and JSON have the same character set.
pub(super) fn is_binary(definition: &Definition) -> bool {
    use ColumnType as C;
    definition.character_set() == BINARY
        && matches!(
            definition.column_type(),
            C::MYSQL_TYPE_STRING
                | C::MYSQL_TYPE_VARCHAR
                | C::MYSQL_TYPE_VAR_STRING
                | C::MYSQL_TYPE_TINY_BLOB
                | C::MYSQL_TYPE_BLOB
                | C::MYSQL_TYPE_MEDIUM_BLOB
                | C::MYSQL_TYPE_LONG_BLOB
                | C::MYSQL_TYPE_BIT
                | C::MYSQL_TYPE_GEOMETRY
                | C::MYSQL_TYPE_VECTOR
        )
}

fn name(definition: &Definition) -> String {
    use ColumnType as C;
    let flags = definition.flags();
    let is_binary = definition.character_set() == BINARY;
    let of = |text: &'static str, bytes: &'static str| if is_binary { bytes } else { text };
    let name = match definition.column_type() {
        C::MYSQL_TYPE_TINY => "TINYINT",
        C::MYSQL_TYPE_SHORT => "SMALLINT",
        C::MYSQL_TYPE_INT24 => "MEDIUMINT",
        C::MYSQL_TYPE_LONG => "INT",
        C::MYSQL_TYPE_LONGLONG => "BIGINT",
        C::MYSQL_TYPE_YEAR => return "YEAR".to_owned(),
        C::MYSQL_TYPE_FLOAT => return "FLOAT".to_owned(),
        C::MYSQL_TYPE_DOUBLE => return "DOUBLE".to_owned(),
        C::MYSQL_TYPE_STRING if flags.contains(ColumnFlags::ENUM_FLAG) => "ENUM",
        C::MYSQL_TYPE_STRING if flags.contains(ColumnFlags::SET_FLAG) => "SET",
        C::MYSQL_TYPE_STRING => of("CHAR", "BINARY"),
        C::MYSQL_TYPE_VARCHAR | C::MYSQL_TYPE_VAR_STRING => of("VARCHAR", "VARBINARY"),
        C::MYSQL_TYPE_TINY_BLOB => of("TINYTEXT", "TINYBLOB"),
        C::MYSQL_TYPE_BLOB => of("TEXT", "BLOB"),
        C::MYSQL_TYPE_MEDIUM_BLOB => of("MEDIUMTEXT", "MEDIUMBLOB"),
        C::MYSQL_TYPE_LONG_BLOB => of("LONGTEXT", "LONGBLOB"),
        C::MYSQL_TYPE_DECIMAL | C::MYSQL_TYPE_NEWDECIMAL => "DECIMAL",
        C::MYSQL_TYPE_DATE | C::MYSQL_TYPE_NEWDATE => "DATE",
        C::MYSQL_TYPE_DATETIME | C::MYSQL_TYPE_DATETIME2 => "DATETIME",
        C::MYSQL_TYPE_TIMESTAMP | C::MYSQL_TYPE_TIMESTAMP2 => "TIMESTAMP",
        C::MYSQL_TYPE_TIME | C::MYSQL_TYPE_TIME2 => "TIME",
        C::MYSQL_TYPE_BIT => "BIT",
        C::MYSQL_TYPE_NULL => "NULL",
        C::MYSQL_TYPE_JSON => "JSON",
        C::MYSQL_TYPE_ENUM => "ENUM",
        C::MYSQL_TYPE_SET => "SET",
        C::MYSQL_TYPE_GEOMETRY => "GEOMETRY",
        C::MYSQL_TYPE_VECTOR => "VECTOR",
        C::MYSQL_TYPE_TYPED_ARRAY | C::MYSQL_TYPE_UNKNOWN => "",
    };
    match name.ends_with("INT") && flags.contains(ColumnFlags::UNSIGNED_FLAG) {
        true => format!("UNSIGNED {name}"),
        false => name.to_owned(),
    }
}

fn shape(of: ColumnType, times: Times) -> Shape {
    use ColumnType as C;
    match (of, times) {
        (
            C::MYSQL_TYPE_TINY
            | C::MYSQL_TYPE_SHORT
            | C::MYSQL_TYPE_INT24
            | C::MYSQL_TYPE_LONG
            | C::MYSQL_TYPE_LONGLONG
            | C::MYSQL_TYPE_YEAR,
            _,
        ) => Shape::Integer,
        // One of 32 bits comes as its own shortest digits, which are read as those of 64.
        (C::MYSQL_TYPE_FLOAT | C::MYSQL_TYPE_DOUBLE, _) => Shape::Double,
        (C::MYSQL_TYPE_DATE | C::MYSQL_TYPE_NEWDATE, Times::Rfc3339(zone)) => Shape::Date(zone),
        (C::MYSQL_TYPE_DATETIME | C::MYSQL_TYPE_TIMESTAMP, Times::Rfc3339(zone)) => {
            Shape::Timestamp(zone)
        }
        _ => Shape::Text,
    }
}
