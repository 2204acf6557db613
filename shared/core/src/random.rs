//! Random identities: what caches, pools and sealed values are keyed by.

use std::fmt;

/// The revision of a data source: 128 random bits, new at every write, never shown on the wire.
///
/// `version` is a wire field and nothing else, since Grafana's clients reset it; this is what caches and pools compare.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rev([u8; 16]);

/// The identity of a data source from its making to its end: 128 random bits that never recur.
///
/// Sealed values and permissions are bound to it, so that a new source under an old uid inherits nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnation([u8; 16]);

/// Draws bytes from the system.
///
/// # Panics
/// If the system has no randomness to give.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "without the system's randomness no secret can be made, and nothing may go on"
)]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has no randomness to give");
    bytes
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..32).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

impl Rev {
    /// Gives a number below another one, spread evenly enough for choosing among a few; 0 below 0.
    #[must_use]
    pub fn spread(self, below: usize) -> usize {
        let bytes = self.0.first_chunk().map_or(0, |bytes: &[u8; 4]| u32::from_be_bytes(*bytes));
        usize::try_from(bytes).unwrap_or_default().checked_rem(below).unwrap_or_default()
    }
}

macro_rules! identity {
    ($name:ident) => {
        impl $name {
            /// Draws a new one.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "two defaults would differ")]
            pub fn new() -> Self {
                Self(random_bytes())
            }

            /// Reads the 32 hexadecimal digits that `Display` writes.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                parse_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

impl Rev {
    /// Makes the revision of two things together: another one whenever either has another.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut both = self.0;
        both.iter_mut().zip(other.0).for_each(|(one, other)| *one ^= other);
        Self(both)
    }
}

identity!(Rev);
identity!(Incarnation);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let rev = Rev::new();
        assert_eq!(Rev::parse(&rev.to_string()), Some(rev));
        assert_eq!(Rev::parse("0"), None);
        assert_eq!(Rev::parse(&"g".repeat(32)), None);
    }

    #[test]
    fn two_are_never_equal() {
        assert_ne!(Incarnation::new(), Incarnation::new());
    }
}
