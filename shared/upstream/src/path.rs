//! The path after a data source's name, read in every way in which a server behind the gateway may read it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Says why a path is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// `.` or `..` in some spelling.
    #[error("path has a dot segment")]
    DotSegment,
    /// A `%` that two hexadecimal digits do not follow.
    #[error("path has a malformed escape")]
    Escape,
    /// A control character, plain or escaped.
    #[error("path has a control character")]
    Control,
    /// Bytes that are not UTF-8, overlong forms among them.
    #[error("path is not UTF-8 once decoded")]
    Encoding,
    /// A backslash, which some servers take for a slash.
    #[error("path has a backslash")]
    Backslash,
    /// Something else that no uri may have.
    #[error("path has a character that no uri may have")]
    Character,
}

/// How often more a segment is decoded in search of a dot segment: once for each server that may stand in a row.
const FURTHER_DECODINGS: u8 = 3;

/// One path in three readings (`faults.md` P05). None has a slash at its start that only joins it to the base.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Readings<'a> {
    /// As sent.
    sent: &'a str,
    /// Decoded once; none if that changes nothing.
    decoded: Option<String>,
    /// Decoded, parameters and what an escaped `?` or `#` begins cut off, slashes merged; none if that changes nothing.
    cleaned: Option<String>,
}

impl<'a> Readings<'a> {
    /// Reads a path, or says why it could be mistaken.
    pub(crate) fn of(tail: &'a str) -> Result<Self, BadPath> {
        // The target has one slash between base and tail, whichever of the two brings it.
        let sent = tail.strip_prefix('/').unwrap_or(tail);
        if is_plain(sent) {
            return Ok(Self { sent, decoded: None, cleaned: None });
        }
        check_raw(tail)?;
        let decoded = percent_decode_str(sent).decode_utf8().map_err(|_| BadPath::Encoding)?;
        if decoded.chars().any(char::is_control) {
            return Err(BadPath::Control);
        }
        if has_dot_segment(&decoded, FURTHER_DECODINGS) {
            return Err(BadPath::DotSegment);
        }
        let cleaned = clean(&decoded);
        let cleaned = (cleaned != sent && cleaned != decoded).then_some(cleaned);
        let decoded = match decoded {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(text),
        };
        Ok(Self { sent, decoded, cleaned })
    }

    /// Iterates over the readings that differ, as sent first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let others = [self.decoded.as_deref(), self.cleaned.as_deref()];
        std::iter::once(self.sent).chain(others.into_iter().flatten())
    }
}

/// Tells whether every server reads this path alike: the case of nearly all requests, decided in one go.
fn is_plain(path: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-_~:=,+@!$&'()*./".contains(&b);
    let whole = path.strip_suffix('/').unwrap_or(path);
    path.is_empty()
        || (path.bytes().all(unreserved)
            && whole.split('/').all(|segment| !matches!(segment, "" | "." | "..")))
}

fn check_raw(tail: &str) -> Result<(), BadPath> {
    let bytes = tail.as_bytes();
    if bytes.contains(&b'\\') {
        return Err(BadPath::Backslash);
    }
    for (at, byte) in bytes.iter().enumerate() {
        let hex = |offset| bytes.get(at + offset).is_some_and(u8::is_ascii_hexdigit);
        match byte {
            b'%' if !(hex(1) && hex(2)) => return Err(BadPath::Escape),
            b'?' | b'#' => return Err(BadPath::Character),
            _ => {}
        }
    }
    Ok(())
}

/// Looks for `.` and `..`, with parameters (`..;x`) and escaped again (`%2e` in what was already decoded).
fn has_dot_segment(path: &str, decodings: u8) -> bool {
    path.split(['/', '\\']).any(|segment| {
        let name = segment.split(';').next().unwrap_or_default();
        matches!(name, "." | "..")
            || decodings > 0
                && match percent_decode_str(segment).decode_utf8_lossy() {
                    Cow::Borrowed(_) => false,
                    Cow::Owned(again) => has_dot_segment(&again, decodings - 1),
                }
    })
}

fn clean(decoded: &str) -> String {
    let path = decoded.split(['?', '#']).next().unwrap_or_default();
    let mut cleaned = String::with_capacity(path.len());
    for segment in path.split(['/', '\\']) {
        let name = segment.split(';').next().unwrap_or_default();
        if !name.is_empty() {
            if !cleaned.is_empty() {
                cleaned.push('/');
            }
            cleaned.push_str(name);
        }
    }
    cleaned
}

#[cfg(test)]
mod tests;
