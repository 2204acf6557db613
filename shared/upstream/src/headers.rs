//! Which headers go along: contract/grafana.md 2.5, `faults.md` class H.

mod answer;
mod cookies;
mod framing;
mod names;
mod request;

pub(crate) use answer::clear as clear_answer;
pub(crate) use framing::frame;
pub(crate) use request::forward;

use http::header::{CONNECTION, HeaderMap, HeaderName};

/// Lists the headers that `Connection` names, which end at each hop (RFC 9110, 7.6.1).
fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    tokens(headers, CONNECTION)
        .filter(|token| !token.eq_ignore_ascii_case(b"close"))
        .filter_map(|token| HeaderName::from_bytes(token).ok())
}

/// Lists the items of a header that is a comma-separated list, over all its lines.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> + use<'_> {
    let values = headers.get_all(name).into_iter();
    values.flat_map(|value| value.as_bytes().split(|b| *b == b',')).map(<[u8]>::trim_ascii)
}

fn remove_all(headers: &mut HeaderMap, names: Vec<HeaderName>) {
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
