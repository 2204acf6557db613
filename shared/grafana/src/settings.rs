//! What operators may set of this dialect.

use std::fmt;
use std::str::FromStr;

const COMPAT: &str = "SOURCEGATE_GRAFANA_COMPAT";
const DATASOURCE_LIMIT: &str = "SOURCEGATE_DATASOURCE_LIMIT";

/// The settings of this dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `SOURCEGATE_GRAFANA_COMPAT`: whose wire forms are written, `13` (default), `9` or `amg`.
    pub compat: Compat,
    /// `SOURCEGATE_DATASOURCE_LIMIT`: how many data sources a list holds at most. Default 5 000, as Grafana's
    /// `datasource_limit`.
    pub datasource_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { compat: Compat::V13, datasource_limit: 5_000 }
    }
}

impl Settings {
    /// Reads the settings named at the fields; an unset one has its default.
    ///
    /// # Errors
    /// The variable that makes no sense, and its value.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadSetting> {
        let default = Self::default();
        let compat = get(COMPAT).map(|text| text.parse()).transpose()?;
        let limit = get(DATASOURCE_LIMIT).map(|text| Self::parse_limit(&text)).transpose()?;
        Ok(Self {
            compat: compat.unwrap_or(default.compat),
            datasource_limit: limit.unwrap_or(default.datasource_limit),
        })
    }

    /// Reads the largest number of data sources in a list.
    ///
    /// # Errors
    /// What is no positive number.
    pub fn parse_limit(text: &str) -> Result<usize, BadSetting> {
        let limit = text.parse().ok().filter(|limit| *limit > 0);
        limit.ok_or_else(|| BadSetting::new(DATASOURCE_LIMIT, text, "a positive number"))
    }
}

/// Which Grafana is spoken like, where they differ (contract 1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compat {
    /// Grafana 13.
    V13,
    /// Grafana 9 to 11 as its documentation has it: objects with empty passwords, without `apiVersion`.
    V9,
    /// Amazon Managed Grafana and Grafana 7: the same, and DELETE by uid tells no number.
    Amg,
}

impl Compat {
    const ALL: [Self; 3] = [Self::V13, Self::V9, Self::Amg];

    /// Tells whether objects have an `apiVersion`, and no `password` and `basicAuthPassword`, which were always empty.
    pub(crate) fn is_newest(self) -> bool {
        self == Self::V13
    }

    /// Tells whether the answer to DELETE by uid has the number of what was deleted.
    pub(crate) fn tells_deleted_id(self) -> bool {
        self != Self::Amg
    }
}

impl FromStr for Compat {
    type Err = BadSetting;

    fn from_str(text: &str) -> Result<Self, BadSetting> {
        let found = Self::ALL.into_iter().find(|one| one.to_string() == text);
        found.ok_or_else(|| BadSetting::new(COMPAT, text, "13, 9 or amg"))
    }
}

impl fmt::Display for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V13 => "13",
            Self::V9 => "9",
            Self::Amg => "amg",
        })
    }
}

/// A setting that makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is `{value}`; it must be {expected}")]
pub struct BadSetting {
    variable: &'static str,
    value: String,
    expected: &'static str,
}

impl BadSetting {
    fn new(variable: &'static str, value: &str, expected: &'static str) -> Self {
        Self { variable, value: value.to_owned(), expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Settings, BadSetting> {
        Settings::read(|name| {
            settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn unset_ones_have_their_defaults() {
        assert_eq!(read(&[]), Ok(Settings { compat: Compat::V13, datasource_limit: 5_000 }));
        let set = read(&[(COMPAT, "amg"), (DATASOURCE_LIMIT, "1")]);
        assert_eq!(set, Ok(Settings { compat: Compat::Amg, datasource_limit: 1 }));
        assert_eq!(read(&[(COMPAT, "9")]).unwrap().compat, Compat::V9);
    }

    #[test]
    fn what_makes_no_sense_is_named_with_its_value() {
        for value in ["14", "13 ", "AMG", "v9", ""] {
            let said = read(&[(COMPAT, value)]).unwrap_err().to_string();
            let expected =
                format!("SOURCEGATE_GRAFANA_COMPAT is `{value}`; it must be 13, 9 or amg");
            assert_eq!(said, expected);
        }
        for value in ["0", "-1", "1e3", "many", "", "99999999999999999999999"] {
            let said = read(&[(DATASOURCE_LIMIT, value)]).unwrap_err().to_string();
            assert!(said.contains(&format!("SOURCEGATE_DATASOURCE_LIMIT is `{value}`")), "{said}");
        }
    }
}
