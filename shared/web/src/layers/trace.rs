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
        let w3c = || Some(only_w3c(headers)?.trace);
        let xray = || Some(XRay::of(headers)?.root);
        w3c().or_else(xray).map_or_else(Self::unique, Self)
    }

    fn unique() -> Self {
        Self(u128::from(unique()) << 64 | u128::from(unique()))
    }

    /// The same in the words of OpenTelemetry's library.
    pub(super) fn to_otel(self) -> opentelemetry::TraceId {
        opentelemetry::TraceId::from_bytes(self.0.to_be_bytes())
    }
}

/// Makes an id that is unique, which is all that it must be, and not 0: a system call for real randomness would be paid by
/// each request.
pub(super) fn unique() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let seed = *SEED.get_or_init(|| getrandom::u64().unwrap_or(std::process::id().into()));
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let id = mix(seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        if id != 0 {
            return id;
        }
    }
}

/// The finaliser of SplitMix64: a bijection, so that different counts stay different.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Makes what a data source gets tell of the same trace: a `traceparent` that is none goes with its `tracestate`, as W3C has
/// it, and what X-Ray knows is said in W3C's words too. The parent is `own`, if the gateway keeps spans, else the caller's.
pub(crate) fn carry(headers: &mut HeaderMap, own: Option<HeaderValue>) {
    let is_valid = only_w3c(headers).is_some();
    let is_silent = !headers.contains_key(TRACEPARENT) && !headers.contains_key(XRAY);
    if own.is_none() && (is_valid || is_silent) {
        return;
    }
    if !is_valid {
        headers.remove(TRACESTATE);
    }
    let known = || XRay::of(headers)?.parent()?.traceparent();
    match own.or_else(known) {
        Some(parent) => headers.insert(TRACEPARENT, parent),
        None => headers.remove(TRACEPARENT),
    };
}

/// Who asked, in the words of one `traceparent`: of two, neither counts.
fn only_w3c(headers: &HeaderMap) -> Option<Parent> {
    let mut sent = headers.get_all(TRACEPARENT).into_iter();
    let one = sent.next().filter(|_| sent.next().is_none());
    Parent::w3c(one?)
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const XRAY: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// The caller's span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) sampled: bool,
}

impl Parent {
    /// Finds it in `traceparent`, else in AWS X-Ray's header.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        only_w3c(headers).or_else(|| XRay::of(headers)?.parent())
    }

    /// `00-<32 hex>-<16 hex>-<2 hex>`, lower case, later versions with more behind; zero ids are invalid.
    fn w3c(value: &HeaderValue) -> Option<Self> {
        let mut parts = value.to_str().ok()?.splitn(5, '-');
        let (version, trace) = (hex(parts.next()?, 2)?, hex(parts.next()?, 32)?);
        let (span, flags) = (hex(parts.next()?, 16)?, hex(parts.next()?, 2)?);
        let fits_version = version != 0xff && (version != 0 || parts.next().is_none());
        let span = u64::try_from(span).ok()?;
        let sampled = flags & 1 == 1;
        (fits_version && trace != 0 && span != 0).then_some(Self { trace, span, sampled })
    }

    fn traceparent(self) -> Option<HeaderValue> {
        let Self { trace, span, sampled } = self;
        HeaderValue::try_from(format!("00-{trace:032x}-{span:016x}-{:02x}", u8::from(sampled))).ok()
    }
}

/// `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=<0 or 1>`, in any order, with or without the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct XRay {
    root: u128,
    parent: Option<u64>,
    sampled: Option<bool>,
}

impl XRay {
    fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(XRAY)?.to_str().ok()?)
    }

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
        let parent = field("Parent").and_then(|parent| u64::try_from(hex(parent, 16)?).ok());
        (root != 0).then_some(Self { root, parent: parent.filter(|id| *id != 0), sampled })
    }

    /// The same in W3C's words, if it says enough: whether others keep spans is not ours to decide.
    fn parent(self) -> Option<Parent> {
        let (span, sampled) = self.parent.zip(self.sampled)?;
        Some(Parent { trace: self.root, span, sampled })
    }
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
mod tests;
