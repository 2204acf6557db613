//! The address of a data source, judged on its raw text: what two parsers could read differently is refused.

use std::net::Ipv6Addr;

/// Says why a text is no base url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// A control character, a blank, a backslash or a character outside ASCII.
    #[error("url has a blank, a control character, a backslash or a character outside ASCII")]
    Characters,
    /// A scheme that no data source uses.
    #[error("url has a scheme that no data source uses")]
    Scheme,
    /// A user or password before the host.
    #[error("url has a user or password in it; use basicAuthUser and secureJsonData instead")]
    Userinfo,
    /// No host, or one with characters that no host has.
    #[error("url has no valid host")]
    Host,
    /// A number that some parsers read as an address, or an address in an odd spelling.
    #[error("url names its host as a number; write the address in its usual form")]
    OddAddress,
    /// A port that is not a number between 1 and 65535.
    #[error("url has a port that is not a number from 1 to 65535")]
    Port,
    /// A `#` and what follows it.
    #[error("url has a fragment")]
    Fragment,
    /// A `%` that two hexadecimal digits do not follow.
    #[error("url has a malformed escape")]
    Escape,
    /// A dot segment, plain or escaped.
    #[error("url has a dot segment in its path")]
    DotSegment,
}

/// The protocol of a base url, as far as proxying is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// A database's or another protocol that is not proxied.
    Other,
}

/// Schemes that data sources of some type use. Everything else (`file`, `gopher`, …) is refused.
const OTHER_SCHEMES: &[&str] = &[
    "clickhouse",
    "grpc",
    "grpcs",
    "mongodb",
    "mongodb+srv",
    "mqtt",
    "mqtts",
    "mssql",
    "mysql",
    "opc.tcp",
    "postgres",
    "postgresql",
    "redis",
    "rediss",
    "sqlserver",
    "tcp",
    "udp",
    "unix+http",
    "ws",
    "wss",
];

/// A base url in parts. The text stays with the settings; this is what is dialled and joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// The protocol.
    pub scheme: Scheme,
    /// Lower case, without a trailing dot; an IPv6 address stands in brackets.
    pub host: String,
    /// As written, or the protocol's own; none for another protocol that names none.
    pub port: Option<u16>,
    /// As written: empty, or from the first `/` up to the query.
    pub path: String,
}

impl BaseUrl {
    /// Parses a base url. A text without `://` is read as if `http://` stood before it, as Grafana reads it.
    ///
    /// # Errors
    /// Anything that another parser could read as another host: see [`BadUrl`].
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        if text.bytes().any(|b| b <= b' ' || b >= 0x7f || b == b'\\') {
            return Err(BadUrl::Characters);
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if !scheme.contains([':', '/', '?', '#', '@']) => (scheme, rest),
            _ => ("http", text),
        };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other if OTHER_SCHEMES.contains(&other) => Scheme::Other,
            _ => return Err(BadUrl::Scheme),
        };
        if rest.contains('#') {
            return Err(BadUrl::Fragment);
        }
        let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let path = tail.split_once('?').map_or(tail, |(path, _)| path);
        check_path(path)?;
        let (host, port) = split_authority(authority)?;
        let port = match (port, scheme) {
            (Some(digits), _) => Some(parse_port(digits)?),
            (None, Scheme::Http) => Some(80),
            (None, Scheme::Https) => Some(443),
            (None, Scheme::Other) => None,
        };
        Ok(Self { scheme, host: canonical_host(host)?, port, path: path.to_owned() })
    }

    /// Gives what stands in a `Host` header: the host, and the port where it is not the protocol's own.
    #[must_use]
    pub fn authority(&self) -> String {
        match (self.scheme, self.port) {
            (_, None) | (Scheme::Http, Some(80)) | (Scheme::Https, Some(443)) => self.host.clone(),
            (_, Some(port)) => format!("{}:{port}", self.host),
        }
    }
}

fn split_authority(authority: &str) -> Result<(&str, Option<&str>), BadUrl> {
    if authority.contains('@') {
        return Err(BadUrl::Userinfo);
    }
    let after_host = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']').map(|at| at + 2).ok_or(BadUrl::Host)?,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(after_host);
    match port.strip_prefix(':') {
        Some(digits) => Ok((host, Some(digits))),
        None if port.is_empty() => Ok((host, None)),
        None => Err(BadUrl::Host),
    }
}

fn parse_port(digits: &str) -> Result<u16, BadUrl> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse() {
        Ok(port @ 1..) if plain => Ok(port),
        _ => Err(BadUrl::Port),
    }
}

/// Lower-cases a host and refuses every spelling of an address but the usual one.
fn canonical_host(host: &str) -> Result<String, BadUrl> {
    if let Some(v6) = host.strip_prefix('[') {
        let inner = v6.strip_suffix(']').ok_or(BadUrl::Host)?;
        let address: Ipv6Addr = inner.parse().map_err(|_| BadUrl::Host)?;
        return Ok(format!("[{address}]"));
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let labels = host.split('.').all(|label| (1..=63).contains(&label.len()));
    if !labels || host.len() > 253 || !host.bytes().all(plain) {
        return Err(BadUrl::Host);
    }
    // `url` reads every numeric spelling that a resolver might (`127.1`, `0x7f000001`, `017700000001`).
    match url::Host::parse(&host) {
        Ok(url::Host::Ipv4(address)) if address.to_string() != host => Err(BadUrl::OddAddress),
        Ok(_) => Ok(host),
        // A number that is no address (`1.2.3.256`), or a name that `url` does not know as one (`a_b` is fine).
        Err(_) if host.rsplit('.').next().is_some_and(is_number) => Err(BadUrl::OddAddress),
        Err(_) => Err(BadUrl::Host),
    }
}

fn is_number(label: &str) -> bool {
    label.bytes().all(|b| b.is_ascii_digit()) || label.starts_with("0x")
}

fn check_path(path: &str) -> Result<(), BadUrl> {
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let digits = rest.get(at + 1..at + 3).ok_or(BadUrl::Escape)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(BadUrl::Escape);
        }
        rest = &rest[at + 3..];
    }
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    if decoded.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Err(BadUrl::Characters);
    }
    if decoded.split(['/', '\\']).any(|segment| segment == "." || segment == "..") {
        return Err(BadUrl::DotSegment);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
