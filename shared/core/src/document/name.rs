//! What documents and projects are called (Perses `pkg/model/api/v1/common`, `metadata.go`).

use std::fmt;

use crate::quoted;

/// The most bytes that a name has.
const MOST_BYTES: usize = 75;
/// As it is quoted in messages.
const NAMES: &str = "^[a-zA-Z0-9_.-]+$";

/// The name of a document, or of a project: folded, since Perses' names differ in case by default only in spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentName(String);

/// Says why a name is none, in Perses' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDocumentName {
    /// There is none.
    #[error("name cannot be empty")]
    Empty,
    /// It has more than 75 bytes.
    #[error("cannot contain more than {MOST_BYTES} characters")]
    Long,
    /// It has other characters.
    #[error("{} is not a correct name. It should match the regexp: {NAMES}", quoted(.0))]
    Characters(String),
    /// It could be taken for a way out of a folder.
    #[error("{} is not a correct name. It should not contain '..'", quoted(.0))]
    Dots(String),
    /// It begins or ends with a dot.
    #[error("{} is not a correct name. It should not start or end with '.'", quoted(.0))]
    Edge(String),
}

impl DocumentName {
    /// Reads one, as it is in a document or, decoded, in a path.
    ///
    /// # Errors
    /// What of Perses' rules it breaks first.
    pub fn parse(text: &str) -> Result<Self, BadDocumentName> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let own = || text.to_owned();
        match text {
            "" => Err(BadDocumentName::Empty),
            _ if text.len() > MOST_BYTES => Err(BadDocumentName::Long),
            _ if !text.bytes().all(fits) => Err(BadDocumentName::Characters(own())),
            _ if text.contains("..") => Err(BadDocumentName::Dots(own())),
            _ if text.starts_with('.') || text.ends_with('.') => Err(BadDocumentName::Edge(own())),
            _ => Ok(Self(text.to_ascii_lowercase())),
        }
    }

    /// Gives the name, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Result<&str, &str>) {
        let found = DocumentName::parse(name).map_err(|error| error.to_string());
        let found = found.as_ref().map(DocumentName::as_str).map_err(String::as_str);
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn perses_case_43_names_are_refused_in_its_words() {
        check("", Err("name cannot be empty"));
        let said = "\"f o o\" is not a correct name. It should match the regexp: ^[a-zA-Z0-9_.-]+$";
        check("f o o", Err(said));
        check("a..b", Err("\"a..b\" is not a correct name. It should not contain '..'"));
        check(".a", Err("\".a\" is not a correct name. It should not start or end with '.'"));
        check("a.", Err("\"a.\" is not a correct name. It should not start or end with '.'"));
        check(&"a".repeat(76), Err("cannot contain more than 75 characters"));
        let said =
            "\"a\\n\\\"\" is not a correct name. It should match the regexp: ^[a-zA-Z0-9_.-]+$";
        check("a\n\"", Err(said));
    }

    #[test]
    fn names_are_folded() {
        check("MyDTS", Ok("mydts"));
        check(&"A".repeat(75), Ok(&"a".repeat(75)));
        check("a-b_c.9", Ok("a-b_c.9"));
        // No letter outside of ASCII may become one inside.
        assert!(DocumentName::parse("\u{212a}").is_err());
    }
}
