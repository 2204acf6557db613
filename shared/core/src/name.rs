//! What data sources and organisations are called: parsed once at the edge, never wrong inside.

use std::fmt;

use crate::Datasource;

/// The largest number that a token's 31 bits can carry.
const LARGEST: u32 = i32::MAX as u32;

/// Says what is wrong with a name of any kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// A uid has characters other than `[a-zA-Z0-9_-]`, none, or more than 40.
    #[error("uid `{0}` must be 1 to 40 characters of a-z, A-Z, 0-9, `_` and `-`")]
    Uid(String),
    /// A numeric id is not a positive 64-bit integer in plain digits.
    #[error("id `{0}` is not a positive integer")]
    Id(String),
    /// A name is empty or longer than 190 bytes.
    #[error("name of {0} bytes must have 1 to 190")]
    Name(usize),
    /// An organisation's number is not between 1 and 2147483647.
    #[error("organisation `{0}` is not a number between 1 and 2147483647")]
    Org(i64),
}

/// The text that names a data source within its organisation: 1 to 40 characters of `[a-zA-Z0-9_-]`.
///
/// Source: Grafana's `IsValidShortUID` and its length limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(String);

impl Uid {
    /// Parses a uid as it stands in a path or a body.
    ///
    /// # Errors
    /// Other characters, none, or more than 40.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if plain && (1..=40).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName::Uid(text.chars().take(64).collect()))
        }
    }

    /// Draws a new uid: a version 4 UUID whose first character is a letter, as Grafana makes them.
    #[must_use]
    pub fn generate() -> Self {
        let digits = crate::Rev::new().to_string();
        let first = match digits.as_bytes()[0] {
            digit @ b'0'..=b'9' => char::from(digit - b'0' + b'g'),
            letter => char::from(letter),
        };
        let (a, b, c, d) = (&digits[1..8], &digits[8..12], &digits[13..16], &digits[17..20]);
        Self(format!("{first}{a}-{b}-4{c}-a{d}-{}", &digits[20..]))
    }

    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number that old clients name a data source by: positive, within its organisation, never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegacyId(i64);

impl LegacyId {
    /// Parses an id as it stands in a path: ASCII digits without sign or leading zero, at most 2^63 - 1.
    ///
    /// # Errors
    /// Everything else, zero included.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let plain = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(id) if plain => Ok(Self(id)),
            _ => Err(BadName::Id(text.chars().take(64).collect())),
        }
    }

    /// The first that an organisation gives.
    pub const FIRST: Self = Self(1);

    /// Wraps a number that is positive.
    #[must_use]
    pub fn new(id: i64) -> Option<Self> {
        (id > 0).then_some(Self(id))
    }

    /// Gives the number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for LegacyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What people call a data source: any text of 1 to 190 bytes, unique within its organisation, compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceName(String);

impl SourceName {
    /// Accepts a text of 1 to 190 bytes.
    ///
    /// # Errors
    /// An empty or a longer one.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if (1..=190).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName::Name(text.len()))
        }
    }

    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the text that lists are ordered by: lower case, as Grafana orders them.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of an organisation: 1 to 2^31 - 1, since tokens carry it in 31 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrgId(u32);

impl OrgId {
    /// The organisation that every deployment starts with.
    pub const MAIN: Self = Self(1);

    /// Where somebody is who is in no organisation: nothing is in it, and nothing can be put there.
    pub const NOWHERE: Self = Self(0);

    /// Wraps a number between 1 and 2^31 - 1.
    ///
    /// # Errors
    /// Any other number.
    pub fn new(id: i64) -> Result<Self, BadName> {
        match u32::try_from(id) {
            Ok(number @ 1..=LARGEST) => Ok(Self(number)),
            _ => Err(BadName::Org(id)),
        }
    }

    /// Gives the number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a request names the data source that it wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By uid.
    Uid(Uid),
    /// By number, as old clients do.
    Id(LegacyId),
    /// By name, compared exactly.
    Name(SourceName),
}

impl Reference {
    /// Tells whether a data source is the one that is meant.
    #[must_use]
    pub fn names(&self, source: &Datasource) -> bool {
        match self {
            Self::Uid(uid) => *uid == source.uid,
            Self::Id(id) => *id == source.id,
            Self::Name(name) => *name == source.settings.name,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uid(uid) => uid.fmt(f),
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_uid(text: &str, valid: bool) {
        assert_eq!(Uid::parse(text).is_ok(), valid, "{text:?}");
    }

    #[test]
    fn uids_are_forty_plain_characters() {
        check_uid("A-z_09", true);
        check_uid(&"u".repeat(40), true);
        check_uid(&"u".repeat(41), false);
        for bad in ["", "a b", "a/b", "*", "a#b", "a\0", "ä", "..", "%2e"] {
            check_uid(bad, false);
        }
    }

    #[test]
    fn generated_uids_are_valid_and_start_with_a_letter() {
        for _ in 0..64 {
            let uid = Uid::generate();
            check_uid(uid.as_str(), true);
            assert_eq!(uid.as_str().len(), 36);
            assert!(uid.as_str().starts_with(|c: char| c.is_ascii_alphabetic()), "{uid}");
        }
    }

    #[test]
    fn p25_ids_are_plain_positive_integers() {
        assert_eq!(LegacyId::parse("9223372036854775807").map(LegacyId::get), Ok(i64::MAX));
        for bad in ["9223372036854775808", "-1", "1e3", "01", "１", "0", "", "+1", " 1", "abc"] {
            assert!(LegacyId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_measured_in_bytes() {
        assert!(SourceName::parse(&"x".repeat(190)).is_ok());
        assert!(SourceName::parse(&"x".repeat(191)).is_err());
        assert!(SourceName::parse(&"é".repeat(100)).is_err());
        assert!(SourceName::parse("").is_err());
    }

    #[test]
    fn organisations_fit_into_thirty_one_bits() {
        assert!(OrgId::new(0).is_err());
        assert!(OrgId::new(i64::from(i32::MAX)).is_ok());
        assert!(OrgId::new(i64::from(i32::MAX) + 1).is_err());
    }
}
