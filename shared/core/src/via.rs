//! What the gateway calls itself on the way, so that it knows a request that it has sent itself.

use http::HeaderValue;
use http::header::{HeaderMap, VIA};

/// The gateway's own entry in `Via` (RFC 9110, 7.6.3), in both directions.
pub const OWN_VIA: HeaderValue = HeaderValue::from_static("1.1 sourcegate");

/// Tells whether a request has been through a gateway: one of its hops is called `sourcegate`, in any case.
#[must_use]
pub fn has_been_here(headers: &HeaderMap) -> bool {
    let hops =
        headers.get_all(VIA).into_iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let is_own = |hop: &[u8]| {
        let mut words = hop.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.nth(1).is_some_and(|by| by.eq_ignore_ascii_case(b"sourcegate"))
    };
    hops.into_iter().any(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(via: &[&'static str], expected: bool) {
        let lines = via.iter().map(|line| (VIA, HeaderValue::from_static(line)));
        assert_eq!(has_been_here(&lines.collect()), expected, "{via:?}");
    }

    #[test]
    fn a_hop_of_our_name_is_ours() {
        check(&[], false);
        check(&["1.1 sourcegate"], true);
        check(&["1.0 a, HTTP/1.1  SourceGate (x)"], true);
        check(&["1.0 a", "2 sourcegate"], true);
        check(&["1.1 other, sourcegate"], false);
        check(&["1.1 sourcegate.example"], false);
    }
}
