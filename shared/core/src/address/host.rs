//! What a host text is, before any name server is asked.

use std::net::{IpAddr, Ipv6Addr};

/// Names under which clouds and function sandboxes offer metadata and credentials.
pub(super) const METADATA: &[&str] = &[
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
    "metadata.azure.internal",
    "metadata.google.internal",
    "sandbox.localdomain",
];

/// A host text, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// An address in its usual spelling; IPv4 inside IPv6 is reduced.
    Address(IpAddr),
    /// `localhost` or a name below it (RFC 6761): never asked of a name server.
    Localhost,
    /// A name, folded and without a trailing dot.
    Name(String),
    /// What resolvers and parsers do not agree on.
    Malformed,
}

impl Host {
    pub(super) fn read(text: &str) -> Self {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
            return inner.map_or(Self::Malformed, |v6| Self::Address(v6.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if let Ok(ip) = name.parse::<IpAddr>() {
            return Self::Address(ip.to_canonical());
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let labels = name.split('.').all(|label| (1..=63).contains(&label.len()));
        let name = name.to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        if !labels || name.len() > 253 || !name.bytes().all(plain) || is_number(last) {
            return Self::Malformed;
        }
        if last == "localhost" { Self::Localhost } else { Self::Name(name) }
    }
}

/// Tells whether a last label makes parsers read the whole host as an IPv4 address: WHATWG URL, "ends in a number".
/// `getaddrinfo` reads `2130706433`, `0x7f000001`, `127.1` and `0177.0.0.1` so.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x");
    label.bytes().all(|b| b.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
