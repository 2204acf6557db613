//! What is said of JSON that is refused.

use std::fmt;

use super::unique_keys::DUPLICATE_KEY;

/// Where and how a text fails to be the expected JSON. It never holds a value of the text: serde's own texts quote what
/// they found, and that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct JsonFault {
    what: What,
    /// Counted from 1; 0 where it was read from no text.
    line: usize,
    column: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Encoding,
    Syntax,
    Incomplete,
    DuplicateKey,
    Unexpected(String),
}

impl JsonFault {
    pub(super) fn encoding(valid_up_to_bytes: usize) -> Self {
        Self { what: What::Encoding, line: 1, column: valid_up_to_bytes + 1 }
    }

    pub(super) fn of(error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        let what = match error.classify() {
            Category::Syntax | Category::Io => What::Syntax,
            Category::Eof => What::Incomplete,
            Category::Data => data_fault(error),
        };
        Self { what, line: error.line(), column: error.column() }
    }

    /// A stable word for programs.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self.what {
            What::DuplicateKey => "duplicate_key",
            _ => "bad_json",
        }
    }
}

/// Keeps of serde's text what our own types put there: what they expected, never what came, nor what a type is called.
fn data_fault(error: &serde_json::Error) -> What {
    let text = error.to_string();
    // Without a place of its own, what looks like one was sent.
    let text = match text.rsplit_once(" at line ") {
        Some((text, _)) if error.line() > 0 => text,
        _ => &*text,
    };
    if text == DUPLICATE_KEY {
        return What::DuplicateKey;
    }
    let kept = match text.rfind(", expected ") {
        // The one part of a text that is shown: whoever misspelt a name has to find it.
        Some(_) if unknown_field(text).is_some_and(is_word) => text,
        Some(at) if text[at..].starts_with(", expected struct ") => "expected an object",
        Some(at) if &text[at..] == ", expected a map" => "expected an object",
        Some(at) if &text[at..] == ", expected a sequence" => "expected an array",
        Some(at) => &text[at + 2..],
        None if text.starts_with("missing field ") => text,
        None => "bad value",
    };
    What::Unexpected(kept.to_owned())
}

fn unknown_field(text: &str) -> Option<&str> {
    Some(text.strip_prefix("unknown field `")?.rsplit_once("`, expected ")?.0)
}

fn is_word(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Encoding => f.write_str("not UTF-8")?,
            What::Syntax => f.write_str("not JSON")?,
            What::Incomplete => f.write_str("the text ends too early")?,
            What::DuplicateKey => f.write_str("the same key twice")?,
            What::Unexpected(expectation) => f.write_str(expectation)?,
        }
        if self.line == 0 {
            return Ok(());
        }
        write!(f, " at line {} column {}", self.line, self.column)
    }
}
