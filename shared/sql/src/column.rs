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
    /// A day, as its midnight in a zone.
    Date(Offset),
    /// A time without zone, as one in a zone.
    Timestamp(Offset),
    /// A time with its offset.
    TimestampTz,
    /// Bytes in hexadecimal after `\x`, as the string that they are.
    Hex,
}

/// How far a zone is before UTC, as RFC 3339 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offset {
    Utc,
    /// `+05:30`.
    Other([u8; 6]),
}

impl Offset {
    /// So many minutes, of which there are fewer than those of a hundred hours.
    pub(crate) fn of(minutes: i16) -> Self {
        if minutes == 0 {
            return Self::Utc;
        }
        let (sign, size) = (if minutes < 0 { b'-' } else { b'+' }, minutes.unsigned_abs());
        let digit = |number: u16| b"0123456789"[usize::from(number % 10)];
        let (hours, minutes) = (size / 60, size % 60);
        let [hours, minutes] = [hours, minutes].map(|part| [digit(part / 10), digit(part)]);
        Self::Other([sign, hours[0], hours[1], b':', minutes[0], minutes[1]])
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Utc => "Z",
            Self::Other(text) => std::str::from_utf8(text).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_that_of_rfc_3339() {
        for (minutes, expected) in
            [(0, "Z"), (330, "+05:30"), (-570, "-09:30"), (840, "+14:00"), (-1, "-00:01")]
        {
            assert_eq!(Offset::of(minutes).as_str(), expected);
        }
    }
}
