//! The way to the data source: the caller's headers are stripped first, the configured ones injected last.

use std::io::Write;
use std::net::IpAddr;

use super::names::{is_set_on_request, is_stripped_from_request};
use super::{cookies, named_by_connection, remove_all, tokens};
use crate::{Client, Error};
use http::header::{
    CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, RANGE, REFERER,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT, VIA,
};
use sourcegate_core::{OWN_VIA, Passed, Rules, has_been_here};

const GRAFANA_REFERER: HeaderName = HeaderName::from_static("x-grafana-referer");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const AGENT: HeaderValue = HeaderValue::from_static("Grafana/13.0.0");

/// An IPv6 address in its longest form.
const LONGEST_ADDRESS: usize = 45;

/// Makes the headers of a caller's request those of the request to the data source.
///
/// # Errors
/// A header that reads like one of the gateway's, a protocol upgrade, or a request that the gateway itself has sent.
pub(crate) fn forward(
    headers: &mut HeaderMap,
    client: &Client,
    peer: Option<IpAddr>,
) -> Result<(), Error> {
    refuse_upgrade(headers)?;
    refuse_loop(headers)?;
    let mut doomed = stripped(headers, client)?;
    doomed.extend(named_by_connection(headers));
    if has_many_ranges(headers) {
        doomed.push(RANGE);
    }
    let cookie = cookies::kept(headers, &client.target().keep_cookies);
    let referer = headers.remove(REFERER);
    remove_all(headers, doomed);

    keep_passed(headers, &client.target().passed);
    // Perses sends the caller's on (contract/perses.md 1.6).
    if matches!(client.target().rules, Rules::Plugin(_)) {
        headers.insert(USER_AGENT, AGENT);
    }
    headers.append(VIA, OWN_VIA);
    if let Some(cookie) = cookie {
        headers.insert(COOKIE, cookie);
    }
    if let Some(referer) = referer.filter(|_| matches!(client.target().rules, Rules::Plugin(_))) {
        headers.insert(GRAFANA_REFERER, referer);
    }
    if let Some(peer) = peer.and_then(address) {
        headers.insert(FORWARDED_FOR, peer);
    }
    for (name, value) in client.injected() {
        headers.insert(name, value.clone());
    }
    headers.insert(HOST, client.host().clone());
    Ok(())
}

/// Takes away what the data source's operator does not want. What frames the body is not the caller's to leave out.
fn keep_passed(headers: &mut HeaderMap, passed: &Passed) {
    let frames = |name: &HeaderName| matches!(*name, CONTENT_LENGTH | TRANSFER_ENCODING);
    let doomed = |name: &&HeaderName| match passed {
        Passed::All => false,
        Passed::Only(allowed) => !frames(name) && !allowed.contains(name),
        Passed::AllBut(dropped) => !frames(name) && dropped.contains(name),
    };
    let doomed: Vec<_> = headers.keys().filter(doomed).cloned().collect();
    remove_all(headers, doomed);
}

/// Lists what is stripped for its name; refuses what a server could take for it (`faults.md` H03).
fn stripped(headers: &HeaderMap, client: &Client) -> Result<Vec<HeaderName>, Error> {
    let mut doomed = Vec::new();
    for name in headers.keys() {
        let text = name.as_str();
        if is_stripped_from_request(text) || client.configured().any(|own| own == name) {
            doomed.push(name.clone());
        } else if client.configured().any(|own| is_twin(own.as_str(), text))
            || text.contains('_') && is_ours(&text.replace('_', "-"))
        {
            return Err(Error::Header(text.to_owned()));
        }
    }
    Ok(doomed)
}

fn is_ours(name: &str) -> bool {
    is_stripped_from_request(name) || is_set_on_request(name)
}

/// Tells whether two names become one where `-` and `_` are the same, as in CGI and what came after it.
fn is_twin(one: &str, other: &str) -> bool {
    let same = |(a, b): (u8, u8)| a == b || matches!((a, b), (b'-', b'_') | (b'_', b'-'));
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(same)
}

/// A server may pass over an offer of HTTP/2 (RFC 9110, 7.8); any other protocol is meant.
fn refuse_upgrade(headers: &HeaderMap) -> Result<(), Error> {
    if tokens(headers, UPGRADE).all(|protocol| protocol.eq_ignore_ascii_case(b"h2c")) {
        Ok(())
    } else {
        Err(Error::Upgrade)
    }
}

fn refuse_loop(headers: &HeaderMap) -> Result<(), Error> {
    if has_been_here(headers) { Err(Error::Loop) } else { Ok(()) }
}

/// Many ranges make one small request cost a server many (`faults.md` H22).
fn has_many_ranges(headers: &HeaderMap) -> bool {
    tokens(headers, RANGE).nth(1).is_some()
}

/// Writes the peer's address; an IPv4 address that came over an IPv6 socket as what it is.
fn address(peer: IpAddr) -> Option<HeaderValue> {
    let mut text = [0; LONGEST_ADDRESS];
    let mut rest = &mut text[..];
    write!(rest, "{}", peer.to_canonical()).ok()?;
    let left = rest.len();
    HeaderValue::from_bytes(&text[..LONGEST_ADDRESS - left]).ok()
}
