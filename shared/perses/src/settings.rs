//! What an operator sets of this dialect.

use std::str::FromStr;

use gateway::Format;

/// The variable of [`Settings::sql_format`].
const SQL_FORMAT: &str = "SOURCEGATE_SQL_FORMAT";

/// What an operator sets of this dialect.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `SOURCEGATE_SQL_FORMAT`: how answers to statements are written where `Accept` leaves it open, `csv` (default) or
    /// `json`, which is what Perses does from 0.53 on.
    pub sql_format: SqlFormat,
    /// Whether trailers reach callers who ask for them; on Lambda they do not.
    pub trailers: bool,
}

/// How answers to statements are written where nobody says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SqlFormat {
    /// As `psql` writes it.
    #[default]
    Csv,
    /// `columns` and `rows`.
    Json,
}

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{SQL_FORMAT} is {0:?}; it must be csv or json")]
pub struct BadSetting(String);

impl Default for Settings {
    /// Gives those of a process that is not a function.
    fn default() -> Self {
        Self { sql_format: SqlFormat::Csv, trailers: true }
    }
}

impl Settings {
    /// Reads the setting of a function; an unset one has its default.
    ///
    /// # Errors
    /// The variable that makes no sense, and its value.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadSetting> {
        let format = get(SQL_FORMAT).filter(|text| !text.is_empty());
        let sql_format = format.map(|text| text.parse()).transpose()?.unwrap_or_default();
        Ok(Self { sql_format, trailers: false })
    }
}

impl FromStr for SqlFormat {
    type Err = BadSetting;

    fn from_str(text: &str) -> Result<Self, BadSetting> {
        match text {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            other => Err(BadSetting(other.chars().take(64).collect())),
        }
    }
}

impl From<SqlFormat> for Format {
    fn from(format: SqlFormat) -> Self {
        match format {
            SqlFormat::Csv => Self::Csv,
            SqlFormat::Json => Self::Json,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unset_has_its_default_and_what_is_wrong_is_told() {
        let read = |text: Option<&str>| {
            Settings::read(|_| text.map(str::to_owned)).map(|settings| settings.sql_format)
        };
        assert_eq!(read(None), Ok(SqlFormat::Csv));
        assert_eq!(read(Some("")), Ok(SqlFormat::Csv));
        assert_eq!(read(Some("json")), Ok(SqlFormat::Json));
        let said = "SOURCEGATE_SQL_FORMAT is \"xml\"; it must be csv or json";
        assert_eq!(read(Some("xml")).unwrap_err().to_string(), said);
    }
}
