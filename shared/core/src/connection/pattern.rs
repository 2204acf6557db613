//! Patterns of allowed endpoints, which must match a whole path.

use std::fmt;

/// How large a compiled pattern may be, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// A pattern of RE2's syntax that matches whole paths. Perses' own matches anywhere in a path, so that
/// `/api/v1/query` allows `/admin/api/v1/query/../..` there.
#[derive(Clone)]
pub struct Pattern(regex_lite::Regex);

/// Says why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("endpointPattern cannot be compiled: {0}")]
pub struct BadPattern(String);

impl Pattern {
    /// Compiles a pattern. Classes of Unicode (`\\p{…}`) are not offered.
    ///
    /// # Errors
    /// It is no expression, or compiles to more than 1 MiB.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        if has_comments(text) {
            return Err(BadPattern("flag `x` is not offered".to_owned()));
        }
        // By itself first, so that no parenthesis in it can close the one around it.
        let compiled = |text: &str| {
            let compiled = regex_lite::RegexBuilder::new(text).size_limit(MOST_BYTES).build();
            compiled.map_err(|error| BadPattern(error.to_string()))
        };
        compiled(text)?;
        compiled(&format!(r"\A(?:{text})\z")).map(Self)
    }

    /// Tells whether it matches the whole of a path.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

/// Tells whether the flag `x` is set anywhere, which RE2 lacks: a comment could swallow what ends the whole path.
fn has_comments(text: &str) -> bool {
    text.split("(?").skip(1).any(|rest| {
        let flags = rest.split([':', ')']).next().unwrap_or_default();
        flags.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-') && flags.contains('x')
    })
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_str().fmt(f)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: bool) {
        assert_eq!(Pattern::parse(pattern).unwrap().matches(path), expected, "{pattern} {path}");
    }

    #[test]
    fn p23_a_pattern_matches_the_whole_path() {
        check("/api/v1/query", "/api/v1/query", true);
        check("/api/v1/query", "/api/v1/query_range", false);
        check("/api/v1/query", "/zzz/api/v1/query", false);
        check("/api/v1/query", "/api/v1/query\n", false);
        check("/api/v1/label/([a-zA-Z0-9_-]+)/values", "/api/v1/label/a/values", true);
        check("/api/v1/label/([a-zA-Z0-9_-]+)/values", "/api/v1/label/a/b/values", false);
    }

    #[test]
    fn p23_no_pattern_undoes_its_anchors() {
        check("/a|/b", "/b", true);
        check("/a|/b", "/a/b", false);
        check("(?m)/a", "/a\n/b", false);
        check("(?m)^/a$", "/x\n/a", false);
        assert!(Pattern::parse("(?x)/a # all").is_err() && Pattern::parse("/a(?i-x:b)").is_err());
        assert!(Pattern::parse("/a)|(?:.*").is_err());
        assert!(Pattern::parse("/a\\").is_err());
    }

    #[test]
    fn p22_a_pattern_may_cost_neither_room_nor_time() {
        assert!(Pattern::parse("(").is_err());
        assert!(Pattern::parse("((a{1000}){1000}){1000}").is_err());
        check("(a+)+$", &format!("{}!", "a".repeat(8_000)), false);
    }
}
