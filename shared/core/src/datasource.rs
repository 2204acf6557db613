//! A registered upstream and its settings, without its secrets.

use std::collections::BTreeSet;

use crate::{Incarnation, LegacyId, OrgId, Permissions, Plugin, Rev, SourceName, Uid};

/// A registered upstream of the Grafana kind. Holds no secret, only the names of those that are sealed beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Datasource {
    /// The organisation that it belongs to.
    pub org: OrgId,
    /// Its number, which old clients use.
    pub id: LegacyId,
    /// Its text name in paths.
    pub uid: Uid,
    /// Drawn once when it was made.
    pub incarnation: Incarnation,
    /// Drawn at every write.
    pub rev: Rev,
    /// Drawn when its sealed values were last written; none if it never had any.
    pub sec_rev: Option<Rev>,
    /// Grafana's counter, a wire field only: clients may reset it.
    pub version: i64,
    /// Made from a file, not to be changed over the API.
    pub read_only: bool,
    /// Who may do what with it; none leaves it to the roles. Kept in the source itself, so that both are read at one
    /// moment and go together when it is renamed or deleted.
    pub permissions: Option<Permissions>,
    /// The names of its secrets that are not empty.
    pub secret_names: BTreeSet<String>,
    /// What an operator set.
    pub settings: Settings,
}

/// What an operator sets of a data source: contract/grafana.md 1.5.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Unique within the organisation.
    pub name: SourceName,
    /// The type as it was sent; see [`Settings::plugin`].
    pub type_text: String,
    /// `proxy` or `direct`; kept as sent and never read.
    pub access: String,
    /// The base url as it was sent; may be empty.
    pub url: String,
    /// The user of a database, or of basic authentication where `basic_auth` is off.
    pub user: String,
    /// The database, where the type has one.
    pub database: String,
    /// Whether requests carry basic authentication as `basic_auth_user`.
    pub basic_auth: bool,
    /// The user of basic authentication.
    pub basic_auth_user: String,
    /// A hint to browsers; kept and never read.
    pub with_credentials: bool,
    /// Everything else, as JSON.
    pub json_data: JsonText,
    /// The version of the resource API that wrote it; kept and never read.
    pub api_version: String,
}

impl Settings {
    /// Tells the type.
    #[must_use]
    pub fn plugin(&self) -> Plugin {
        Plugin::parse(&self.type_text)
    }
}

/// A JSON object as text, byte for byte as it was sent: numbers of any size and the order of keys survive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    /// Accepts the text of a JSON object; anything else gives none.
    #[must_use]
    pub fn object(text: String) -> Option<Self> {
        let json = text.trim_matches([' ', '\t', '\n', '\r']);
        // A raw value is a whole document; one that starts with a brace is an object.
        let valid = serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok();
        (valid && json.starts_with('{')).then_some(Self(text))
    }

    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for JsonText {
    /// Gives the empty object, which is what absent and null mean.
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d19_json_is_kept_as_text() {
        let text = r#"{"big":123456789012345678901234567890123456789012345,"e":{},"s":"","n":1.0}"#;
        assert_eq!(JsonText::object(text.to_owned()).unwrap().as_str(), text);
    }

    #[test]
    fn only_objects_are_accepted() {
        for bad in ["[]", "1", "\"x\"", "null", "", "{", "{}{}"] {
            assert_eq!(JsonText::object(bad.to_owned()), None, "{bad}");
        }
    }
}
