//! Names, tags and the rest of what every document of Perses begins with (Perses `pkg/model/api/v1/common`, `metadata.go`).

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};

use super::quoted::quoted;

/// The most bytes that a name has.
const MOST_BYTES: usize = 75;
/// The most tags that a document has, and the most characters of one.
const MOST_TAGS: usize = 20;
const MOST_TAG_CHARACTERS: usize = 50;
/// As it is quoted in messages.
const NAMES: &str = "^[a-zA-Z0-9_.-]+$";

/// The name of a document, or of a project: folded, since Perses' names differ in case by default only in spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

/// Says why a name is none, in Perses' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
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

impl Name {
    /// Reads one, as it is in a document or, decoded, in a path.
    ///
    /// # Errors
    /// What of Perses' rules it breaks first.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let own = || text.to_owned();
        match text {
            "" => Err(BadName::Empty),
            _ if text.len() > MOST_BYTES => Err(BadName::Long),
            _ if !text.bytes().all(fits) => Err(BadName::Characters(own())),
            _ if text.contains("..") => Err(BadName::Dots(own())),
            _ if text.starts_with('.') || text.ends_with('.') => Err(BadName::Edge(own())),
            _ => Ok(Self(text.to_ascii_lowercase())),
        }
    }

    /// The name, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The tags of a document, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tags(BTreeSet<String>);

/// Says why tags are none, in Perses' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTags {
    /// There are more than 20 of them.
    #[error("cannot contain more than {MOST_TAGS} tags")]
    Many,
    /// One has nothing in it.
    #[error("tag cannot be empty")]
    Empty,
    /// One has more than 50 characters.
    #[error("tag {} cannot contain more than {MOST_TAG_CHARACTERS} characters", quoted(.0))]
    Long(String),
    /// One begins or ends with a blank.
    #[error("tag {} cannot start or end with whitespace", quoted(.0))]
    Blanks(String),
}

impl Tags {
    /// Takes tags in any order and number of times.
    ///
    /// # Errors
    /// What of Perses' rules they break first.
    pub fn of(tags: impl IntoIterator<Item = String>) -> Result<Self, BadTags> {
        let tags: BTreeSet<String> = tags.into_iter().collect();
        if tags.len() > MOST_TAGS {
            return Err(BadTags::Many);
        }
        for tag in &tags {
            match tag {
                _ if tag.is_empty() => return Err(BadTags::Empty),
                _ if tag.chars().count() > MOST_TAG_CHARACTERS => {
                    return Err(BadTags::Long(tag.clone()));
                }
                _ if tag.trim() != tag => return Err(BadTags::Blanks(tag.clone())),
                _ => {}
            }
        }
        Ok(Self(tags))
    }

    /// Tells whether there are none, so that the field is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tags = Vec::<String>::deserialize(deserializer)?;
        Self::of(tags).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Result<&str, &str>) {
        let found = Name::parse(name).map_err(|error| error.to_string());
        let found = found.as_ref().map(Name::as_str).map_err(String::as_str);
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
        assert!(Name::parse("\u{212a}").is_err());
    }

    #[track_caller]
    fn check_tags(tags: &[&str], expected: Result<&[&str], &str>) {
        let found = Tags::of(tags.iter().map(|&tag| tag.to_owned()));
        let found = found.map_err(|error| error.to_string());
        let found = found.as_ref().map(|tags| tags.0.iter().map(String::as_str).collect());
        assert_eq!(found.map_err(String::as_str), expected.map(<[&str]>::to_vec), "{tags:?}");
    }

    #[test]
    fn perses_cases_43_and_44_tags() {
        let many: Vec<_> = (0..21).map(|n| n.to_string()).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        check_tags(&many, Err("cannot contain more than 20 tags"));
        let long = "ü".repeat(51);
        let said = format!("tag \"{long}\" cannot contain more than 50 characters");
        check_tags(&[&long], Err(&said));
        check_tags(&["  tag  "], Err("tag \"  tag  \" cannot start or end with whitespace"));
        check_tags(&[""], Err("tag cannot be empty"));
        check_tags(&["a", "a", "B", "!@#$crazy_tag-+"], Ok(&["!@#$crazy_tag-+", "B", "a"]));
        check_tags(
            &[&many[..20], &many[..20]].concat(),
            Ok(&{
                let mut sorted = many[..20].to_vec();
                sorted.sort_unstable();
                sorted
            }),
        );
    }
}
