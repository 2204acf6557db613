//! The tags of a document (Perses `pkg/model/api/v1/common`, `metadata.go`).

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};
use sourcegate_core::quoted;

/// The most tags that a document has, and the most characters of one.
const MOST_TAGS: usize = 20;
const MOST_TAG_CHARACTERS: usize = 50;

/// The tags of a document, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Tags(BTreeSet<String>);

/// Says why tags are none, in Perses' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTags {
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
    pub(crate) fn of(tags: impl IntoIterator<Item = String>) -> Result<Self, BadTags> {
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

    /// Gives the texts.
    pub(crate) fn into_texts(self) -> BTreeSet<String> {
        self.0
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
