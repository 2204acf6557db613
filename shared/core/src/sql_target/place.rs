//! Where a database is.

use super::{BadSqlTarget, SqlDriver};

/// A host and a port that have been read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SqlPlace {
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl SqlPlace {
    /// Reads `host`, `host:port`, `[ipv6]` or `[ipv6]:port`; without a port it is the driver's.
    ///
    /// # Errors
    /// Empty, a socket's path, several hosts, userinfo, or a port that is none.
    pub fn parse(text: &str, driver: SqlDriver) -> Result<Self, BadSqlTarget> {
        // What is before an `@` may be a password.
        let shown = text.rsplit_once('@').map_or(text.to_owned(), |(_, host)| format!("…@{host}"));
        let bad = || BadSqlTarget::Host(shown.chars().take(300).collect());
        if text.is_empty() {
            return Err(BadSqlTarget::NoHost);
        }
        let (host, port) = split(text).ok_or_else(bad)?;
        let is_address = host.contains(':');
        let fits = |c: char| {
            c.is_ascii_alphanumeric() || "-._".contains(c) || (is_address && ":%".contains(c))
        };
        if host.is_empty() || host.len() > 255 || !host.chars().all(fits) {
            return Err(bad());
        }
        if is_address && host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(bad());
        }
        let port = match port {
            None => driver.default_port(),
            Some(digits) if digits.chars().all(|c| c.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?
            }
            Some(_) => return Err(bad()),
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(inner) = text.strip_prefix('[') {
        let (host, rest) = inner.split_once(']')?;
        return match rest {
            "" => Some((host, None)),
            _ => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    match text.split_once(':') {
        None => Some((text, None)),
        Some((_, rest)) if rest.contains(':') => Some((text, None)),
        Some((host, port)) => Some((host, Some(port))),
    }
}
