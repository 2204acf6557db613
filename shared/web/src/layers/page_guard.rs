//! Keeps a web page in the user's browser from driving the local listener.

use http::{HeaderMap, HeaderValue, Request, Version, header};

use crate::Refusal;

/// The hosts that a local listener answers to. A page can reach any listener of this machine, by its
/// name or by a name of its own that it points here, but cannot forge `Host`, `Origin` or
/// `Sec-Fetch-Site`.
#[derive(Clone, Debug)]
pub struct LocalGuard {
    hosts: Vec<String>,
}

impl LocalGuard {
    /// Serves these hosts and no other. IPv6 addresses may come with or without brackets.
    pub fn new(hosts: impl IntoIterator<Item = String>) -> Self {
        let bracketed = |host: String| match host.parse::<std::net::Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => host.to_ascii_lowercase(),
        };
        Self { hosts: hosts.into_iter().map(bracketed).collect() }
    }

    /// Refuses foreign hosts (421), requests without exactly one `Host` (400), and what a page of
    /// another origin sent (403). An origin is our own if its scheme is http, its host is served
    /// and its port is the one that the request itself names.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let host = match only(request.headers(), &header::HOST) {
            Ok(Some(host)) => Some(self.served(host)?),
            // HTTP/1.0 knows no Host header, and browsers do not speak it.
            Ok(None) if request.version() < Version::HTTP_11 => None,
            Ok(None) | Err(Repeated) => return Err(Refusal::HostUnclear),
        };
        let target = match request.uri().authority() {
            Some(authority) => Some(self.served(authority.as_str())?),
            None => None,
        };
        self.check_page(request.headers(), target.or(host))
    }

    fn check_page(&self, headers: &HeaderMap, host: Option<HostPort<'_>>) -> Result<(), Refusal> {
        if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
            return Err(Refusal::ForeignOrigin);
        }
        let own = |origin: &str| {
            let origin = origin.strip_prefix("http://").and_then(HostPort::parse);
            origin.zip(host).is_some_and(|(origin, host)| {
                self.serves(origin.host) && origin.port_or_default() == host.port_or_default()
            })
        };
        match only(headers, &header::ORIGIN) {
            Ok(None) => Ok(()),
            Ok(Some(origin)) if own(origin) => Ok(()),
            Ok(Some(_)) | Err(Repeated) => Err(Refusal::ForeignOrigin),
        }
    }

    fn served<'a>(&self, authority: &'a str) -> Result<HostPort<'a>, Refusal> {
        HostPort::parse(authority)
            .filter(|found| self.serves(found.host))
            .ok_or_else(|| Refusal::HostNotServed(authority.chars().take(255).collect()))
    }

    fn serves(&self, host: &str) -> bool {
        self.hosts.iter().any(|served| served.eq_ignore_ascii_case(host))
    }
}

struct Repeated;

fn only<'a>(
    headers: &'a HeaderMap,
    name: &header::HeaderName,
) -> Result<Option<&'a str>, Repeated> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        // What is not text is no host that we serve.
        (Some(only), None) => Ok(Some(HeaderValue::to_str(only).unwrap_or_default())),
        _ => Err(Repeated),
    }
}

#[derive(Clone, Copy)]
struct HostPort<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> HostPort<'a> {
    fn parse(authority: &'a str) -> Option<Self> {
        let after_brackets = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority[after_brackets..].find(':') {
            Some(colon) => {
                let at = after_brackets + colon;
                (&authority[..at], Some(authority[at + 1..].parse().ok()?))
            }
            None => (authority, None),
        };
        Some(Self { host, port })
    }

    fn port_or_default(self) -> u16 {
        self.port.unwrap_or(80)
    }
}
