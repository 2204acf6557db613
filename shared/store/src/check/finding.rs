//! What a check found, and what would put it right.

use std::fmt;

use crate::table::{Key, Table, Tables};
use crate::write::Write;

/// Something that is not as it should be.
#[derive(Clone, Debug)]
pub struct Finding {
    key: Key,
    what: String,
    repair: Option<Repair>,
}

/// What would put it right. Each is one transaction that holds only if nothing has changed since.
#[derive(Clone, Debug)]
pub(super) struct Repair {
    says: String,
    pub(super) writes: Vec<Write>,
}

impl Repair {
    pub(super) fn new(says: impl Into<String>, writes: Vec<Write>) -> Self {
        Self { says: says.into(), writes }
    }
}

impl Finding {
    pub(super) fn new(key: Key, what: impl Into<String>, repair: Option<Repair>) -> Self {
        Self { key, what: what.into(), repair }
    }

    /// The same, for a person to judge.
    pub(super) fn unrepaired(self) -> Self {
        Self { repair: None, ..self }
    }

    /// Gives the table's name.
    #[must_use]
    pub fn table<'t>(&self, tables: &'t Tables) -> &'t str {
        tables.name(self.key.table)
    }

    /// Gives the partition key; a token's hash is not told.
    #[must_use]
    pub fn pk(&self) -> &str {
        if self.key.table == Table::Access && self.key.pk.starts_with("TOKEN#") {
            return "TOKEN#…";
        }
        &self.key.pk
    }

    /// Gives the sort key.
    #[must_use]
    pub fn sk(&self) -> &str {
        &self.key.sk
    }

    /// Tells what is wrong.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Tells what a repair would do; none if only a person can.
    #[must_use]
    pub fn repair(&self) -> Option<&str> {
        self.repair.as_ref().map(|repair| repair.says.as_str())
    }

    pub(super) fn writes(&self) -> Option<&[Write]> {
        self.repair.as_ref().map(|repair| repair.writes.as_slice())
    }

    /// Tells whether two checks found the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.what == other.what
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.pk(), self.sk(), self.what)
    }
}
