//! The id by which an answer, its log line and the caller's own trace are brought together.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{HeaderMap, HeaderName, HeaderValue};

/// A trace id of W3C's Trace Context: 128 bits, shown as 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceId {
    /// Takes the id of a valid `traceparent`, else the root of AWS X-Ray's header, which API Gateway and function URLs add,
    /// else a new one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let w3c = || parent_id(headers.get(TRACEPARENT)?.as_bytes());
        let xray = || Some(XRay::parse(headers.get(XRAY)?.to_str().ok()?)?.root);
        w3c().or_else(xray).map_or_else(Self::unique, Self)
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

/// Makes what a data source gets tell of the same trace: a `traceparent` that is none goes with its `tracestate`, as W3C has
/// it, and what X-Ray knows is said in W3C's words too. The gateway keeps no spans, so that the caller's stays the parent.
pub(crate) fn carry(headers: &mut HeaderMap) {
    let mut sent = headers.get_all(TRACEPARENT).into_iter();
    match (sent.next(), sent.next()) {
        (None, _) if !headers.contains_key(XRAY) => return,
        (Some(one), None) if parent_id(one.as_bytes()).is_some() => return,
        _ => {}
    }
    headers.remove(TRACEPARENT);
    headers.remove(TRACESTATE);
    let xray = headers.get(XRAY).and_then(|value| XRay::parse(value.to_str().ok()?));
    if let Some(parent) = xray.and_then(|xray| xray.traceparent()) {
        headers.insert(TRACEPARENT, parent);
    }
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const XRAY: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=<0 or 1>`, in any order, with or without the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct XRay {
    root: u128,
    parent: Option<u128>,
    sampled: Option<bool>,
}

impl XRay {
    fn parse(text: &str) -> Option<Self> {
        let field = |wanted: &str| {
            let fields = text.split(';').filter_map(|field| field.trim().split_once('='));
            fields.into_iter().find_map(|(name, value)| (name == wanted).then_some(value))
        };
        let (time, rest) = field("Root")?.strip_prefix("1-")?.split_once('-')?;
        let root = hex(time, 8)? << 96 | hex(rest, 24)?;
        let sampled = match field("Sampled") {
            Some("1") => Some(true),
            Some("0") => Some(false),
            _ => None,
        };
        let parent = field("Parent").and_then(|parent| hex(parent, 16)).filter(|id| *id != 0);
        (root != 0).then_some(Self { root, parent, sampled })
    }

    /// The same in W3C's words, if it says enough: whether others keep spans is not ours to decide.
    fn traceparent(self) -> Option<HeaderValue> {
        let (parent, sampled) = self.parent.zip(self.sampled)?;
        let text = format!("00-{:032x}-{parent:016x}-{:02x}", self.root, u8::from(sampled));
        HeaderValue::try_from(text).ok()
    }
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

    fn carried(sent: &[(HeaderName, &'static str)]) -> (TraceId, Vec<String>) {
        let lines = sent.iter().map(|(name, text)| (name.clone(), HeaderValue::from_static(text)));
        let mut headers: HeaderMap = lines.collect();
        let id = TraceId::of(&headers);
        carry(&mut headers);
        let shown =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        let mut shown: Vec<_> = shown.collect();
        shown.sort();
        (id, shown)
    }

    const CALLERS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const AMAZONS: &str =
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn a_caller_s_own_trace_passes_as_it_came() {
        let sent = [(TRACEPARENT, CALLERS), (TRACESTATE, "a=b"), (XRAY, AMAZONS)];
        let (id, shown) = carried(&sent);
        assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let expected = [
            format!("traceparent: {CALLERS}"),
            "tracestate: a=b".to_owned(),
            format!("x-amzn-trace-id: {AMAZONS}"),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_x_ray_says_is_said_in_w3c_s_words_too() {
        let (id, shown) = carried(&[(XRAY, AMAZONS)]);
        assert_eq!(id.to_string(), "5759e988bd862e3fe1be46a994272793");
        let parent = "traceparent: 00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        assert_eq!(shown, [parent.to_owned(), format!("x-amzn-trace-id: {AMAZONS}")]);
        // Without a decision of whoever began the trace there is none of ours.
        let (id, shown) = carried(&[(XRAY, "Self=1-x; Root=1-5759e988-bd862e3fe1be46a994272793")]);
        assert_eq!(id.to_string(), "5759e988bd862e3fe1be46a994272793");
        assert_eq!(shown.len(), 1);
    }

    #[test]
    fn what_is_no_trace_is_not_passed_on() {
        let twice = [(TRACEPARENT, CALLERS), (TRACEPARENT, CALLERS), (TRACESTATE, "a=b")];
        assert_eq!(carried(&twice).1, [""; 0]);
        assert_eq!(carried(&[(TRACEPARENT, "00-1-2-01"), (TRACESTATE, "a=b")]).1, [""; 0]);
        assert_eq!(carried(&[(TRACESTATE, "a=b")]).1, ["tracestate: a=b"]);
        for odd in [
            "Root=1-5759e988-bd862e3fe1be46a99427279",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-00000000-000000000000000000000000",
            "Parent=53995c3f42cd8ad8",
            "",
            ";;=;",
        ] {
            assert_eq!(XRay::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn own_ids_differ_and_have_32_digits() {
        let ids: std::collections::HashSet<_> =
            (0..1_000).map(|_| TraceId::unique().to_string()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }
}
