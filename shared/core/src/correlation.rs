//! Links from a field of one data source's answers to a query of another, or to an address (contract 1.11).

use crate::{Incarnation, JsonText, LegacyId, Uid};

/// What a link leads to. The names are Grafana's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrelationKind {
    /// A query of another data source, or of the same.
    Query,
    /// An address.
    External,
}

impl CorrelationKind {
    /// Reads a kind as Grafana writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Query, Self::External].into_iter().find(|kind| kind.as_str() == text)
    }

    /// Gives Grafana's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::External => "external",
        }
    }
}

/// Which data source a link leads to: by its number, which finds it under whatever uid it has now, and by its incarnation,
/// so that one that was made later is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The number.
    pub id: LegacyId,
    /// Drawn once when it was made.
    pub incarnation: Incarnation,
}

/// A correlation. The data source that it starts from holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correlation {
    /// Its text name in paths.
    pub uid: Uid,
    /// What it leads to.
    pub kind: CorrelationKind,
    /// The data source that it leads to; a query has one.
    pub target: Option<Target>,
    /// What people call it.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// The field that the link is shown at.
    pub field: String,
    /// The query, or the address; kept as sent and never read.
    pub query: JsonText,
    /// How variables for the query are taken out of the field.
    pub transformations: Vec<Transformation>,
}

/// One way to take variables out of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transformation {
    /// How the field is read.
    pub kind: TransformationKind,
    /// A regular expression, or nothing; kept as sent and never run.
    pub expression: String,
    /// The field to read instead of the link's own.
    pub field: String,
    /// The variable that the match becomes.
    pub map_value: String,
}

/// How a field is read. The names are Grafana's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransformationKind {
    /// By a regular expression.
    Regex,
    /// As `key=value` pairs.
    Logfmt,
}

impl TransformationKind {
    /// Reads a kind as Grafana writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Regex, Self::Logfmt].into_iter().find(|kind| kind.as_str() == text)
    }

    /// Gives Grafana's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regex => "regex",
            Self::Logfmt => "logfmt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_spelled_as_grafana_does() {
        for kind in [CorrelationKind::Query, CorrelationKind::External] {
            assert_eq!(CorrelationKind::parse(kind.as_str()), Some(kind));
        }
        for kind in [TransformationKind::Regex, TransformationKind::Logfmt] {
            assert_eq!(TransformationKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(CorrelationKind::parse("Query"), None);
        assert_eq!(TransformationKind::parse(""), None);
    }
}
