//! What organisations and users are called: short texts that people write, parsed once at the edge.

use std::fmt;

/// The longest login, email or organisation's name, in characters, as Grafana's columns have it.
const LONGEST: usize = 190;

/// The login that stands for a token in `Basic`, so that nobody can have it.
const TOKEN_LOGIN: &str = "api_key";

/// Says what is wrong with a text of an organisation or a user. It never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLabel {
    /// It must have something in it.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// It has more characters than are kept.
    #[error("{field} has {characters} characters; at most {limit} are saved", limit = LONGEST)]
    TooLong {
        /// Which text.
        field: &'static str,
        /// How many it has.
        characters: usize,
    },
    /// It has a control character.
    #[error("{0} has a control character")]
    Control(&'static str),
    /// A login cannot be told from its password.
    #[error("login must have no colon: `Basic` ends it there")]
    Colon,
    /// A login stands for something else.
    #[error("login must not be api_key, which stands for a token")]
    Reserved,
}

/// A text of at most 190 characters without control characters; it may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Label(String);

impl Label {
    /// Accepts a text; `field` names it in a refusal.
    ///
    /// # Errors
    /// A longer one, or one with a control character.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, BadLabel> {
        let characters = text.chars().count();
        if characters > LONGEST {
            return Err(BadLabel::TooLong { field, characters });
        }
        if text.contains(char::is_control) {
            return Err(BadLabel::Control(field));
        }
        Ok(Self(text.to_owned()))
    }

    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an organisation is called: unique in the deployment, compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrgName(Label);

impl OrgName {
    /// Accepts a label that is not blank.
    ///
    /// # Errors
    /// [`BadLabel`] of `name`.
    pub fn parse(text: &str) -> Result<Self, BadLabel> {
        if text.trim().is_empty() {
            return Err(BadLabel::Empty("name"));
        }
        Label::parse("name", text).map(Self)
    }

    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for OrgName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a user logs in as: unique in the deployment without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Login(Label);

impl Login {
    /// Accepts a label that can stand before the colon of `Basic`.
    ///
    /// # Errors
    /// [`BadLabel`] of `login`.
    pub fn parse(text: &str) -> Result<Self, BadLabel> {
        if text.is_empty() {
            return Err(BadLabel::Empty("login"));
        }
        if text.contains(':') {
            return Err(BadLabel::Colon);
        }
        if text.eq_ignore_ascii_case(TOKEN_LOGIN) {
            return Err(BadLabel::Reserved);
        }
        Label::parse("login", text).map(Self)
    }

    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(login: &str, expected: Result<(), BadLabel>) {
        assert_eq!(Login::parse(login).map(drop), expected, "{login:?}");
    }

    #[test]
    fn logins_can_stand_before_a_colon() {
        for good in ["a", "ada@example.org", "Ada Lovelace", "é", "#", "sa-1"] {
            check(good, Ok(()));
        }
        check("", Err(BadLabel::Empty("login")));
        check("a:b", Err(BadLabel::Colon));
        check("API_key", Err(BadLabel::Reserved));
        check("a\0", Err(BadLabel::Control("login")));
    }

    #[test]
    fn labels_are_measured_in_characters() {
        check(&"é".repeat(190), Ok(()));
        let longer = BadLabel::TooLong { field: "login", characters: 191 };
        check(&"é".repeat(191), Err(longer));
        assert_eq!(longer.to_string(), "login has 191 characters; at most 190 are saved");
        assert!(Label::parse("email", "").is_ok());
        assert_eq!(Label::parse("email", "a\nb"), Err(BadLabel::Control("email")));
    }

    #[test]
    fn an_organisation_has_a_name_that_is_seen() {
        assert!(OrgName::parse(&"x".repeat(190)).is_ok() && OrgName::parse("#/ä").is_ok());
        for blank in ["", " ", "\t"] {
            assert_eq!(OrgName::parse(blank), Err(BadLabel::Empty("name")));
        }
        assert!(OrgName::parse(&"x".repeat(191)).is_err());
    }
}
