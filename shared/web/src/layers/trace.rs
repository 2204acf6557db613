//! The id by which an answer, its log line and the caller's own trace are brought together.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use http::HeaderMap;

/// A trace id of W3C's Trace Context: 128 bits, shown as 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceId {
    /// Takes the id of a valid `traceparent`, else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        headers
            .get("traceparent")
            .and_then(|value| parent_id(value.as_bytes()))
            .map_or_else(Self::unique, Self)
    }

    /// Makes an id that is unique, which is all that it must be: a system call for real randomness
    /// would be paid by each request.
    fn unique() -> Self {
        static SEED: OnceLock<u64> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let seed = *SEED.get_or_init(|| getrandom::u64().unwrap_or(std::process::id().into()));
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let high = mix(seed ^ count.rotate_left(32));
        let low = mix((!seed).wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15))) | 1;
        Self(u128::from(high) << 64 | u128::from(low))
    }
}

/// The finaliser of SplitMix64: a bijection, so that different counts stay different.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, lower case, later versions with more behind; zero ids are invalid.
fn parent_id(value: &[u8]) -> Option<u128> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.splitn(5, '-');
    let (version, trace) = (hex(parts.next()?, 2)?, hex(parts.next()?, 32)?);
    let (parent, _flags) = (hex(parts.next()?, 16)?, hex(parts.next()?, 2)?);
    let fits_version = version != 0xff && (version != 0 || parts.next().is_none());
    (fits_version && trace != 0 && parent != 0).then_some(trace)
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let valid = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let fits = text.len() == digits && text.bytes().all(valid);
    fits.then(|| u128::from_str_radix(text, 16).ok())?
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // By hand, since each request shows its id, and formatting 128 bits is slow.
        let bytes = self.0.to_be_bytes();
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let mut text = [0; 32];
        text.iter_mut().zip(digits).for_each(|(to, digit)| *to = DIGITS[usize::from(digit)]);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(traceparent: &str, expected: Option<&str>) {
        let found = parent_id(traceparent.as_bytes()).map(|id| TraceId(id).to_string());
        assert_eq!(found.as_deref(), expected, "{traceparent}");
    }

    #[test]
    fn only_a_valid_traceparent_names_the_trace() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        check(&format!("00-{id}-00f067aa0ba902b7-01"), Some(id));
        check(&format!("01-{id}-00f067aa0ba902b7-01-more"), Some(id));
        check(&format!("00-{id}-00f067aa0ba902b7-01-more"), None);
        check(&format!("ff-{id}-00f067aa0ba902b7-01"), None);
        check(&format!("00-{id}-0000000000000000-01"), None);
        check("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None);
        check(&format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()), None);
        check(&format!("00-+{}-00f067aa0ba902b7-01", &id[1..]), None);
        check(&format!("00-{}-00f067aa0ba902b7-01", &id[1..]), None);
        check("", None);
    }

    #[test]
    fn own_ids_differ_and_have_32_digits() {
        let ids: std::collections::HashSet<_> =
            (0..1_000).map(|_| TraceId::unique().to_string()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }
}
