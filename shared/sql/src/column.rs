//! The columns of an answer.

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name; several may have one.
    pub name: String,
    /// Its type in Perses' words (contract/perses.md 2.6).
    pub type_name: String,
    /// How its values become JSON.
    pub(crate) shape: Shape,
}

/// How the text of a value becomes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As a string.
    Text,
    /// As it stands: a whole number.
    Integer,
    /// `t` or `f`.
    Boolean,
    /// Of 32 bits, which Perses widens.
    Single,
    /// Of 64 bits.
    Double,
    /// A day, as its midnight.
    Date,
    /// A time without zone, as one in UTC.
    Timestamp,
    /// A time with its offset.
    TimestampTz,
    /// Bytes in hexadecimal after `\x`, as the string that they are.
    Hex,
}
