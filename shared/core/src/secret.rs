//! Opened secrets: named, redacted, zeroised when dropped.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The plaintext secrets of one data source, by the names that `secureJsonData` gives them.
///
/// There is no `Serialize` and `Debug` shows names only; the texts are zeroised when this is dropped.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, SecretString>);

impl Secrets {
    /// Finds a secret's text by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(ExposeSecret::expose_secret)
    }

    /// Lists the names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Iterates over names and texts, in order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text))
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, SecretString)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (String, SecretString)>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k22_debug_shows_names_and_no_text() {
        let secrets =
            Secrets::from_iter([("password".to_owned(), SecretString::from("canary-4711"))]);
        assert_eq!(format!("{secrets:?}"), r#"Secrets(["password"])"#);
        assert_eq!(secrets.get("password"), Some("canary-4711"));
    }
}
