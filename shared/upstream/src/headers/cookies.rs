//! Which of the caller's cookies go along.

use http::HeaderValue;
use http::header::{COOKIE, HeaderMap};

/// How the names of Grafana's login cookie and of its companions begin. They never go along.
const LOGIN: &[u8] = b"grafana_session";

/// Rebuilds the `Cookie` header of the cookies that a data source may have, sorted by name; none if there is none.
pub(super) fn kept(headers: &HeaderMap, keep: &[String]) -> Option<HeaderValue> {
    if keep.is_empty() {
        return None;
    }
    let lines = headers.get_all(COOKIE).into_iter();
    let pairs =
        lines.flat_map(|line| line.as_bytes().split(|b| *b == b';')).map(<[u8]>::trim_ascii);
    let mut kept: Vec<(&[u8], &[u8])> = pairs
        .filter_map(|pair| {
            let at = pair.iter().position(|b| *b == b'=')?;
            let name = pair[..at].trim_ascii();
            is_kept(name, keep).then_some((name, pair))
        })
        .collect();
    kept.sort_by_key(|(name, _)| *name);
    let line = kept.iter().map(|(_, pair)| *pair).collect::<Vec<_>>().join(&b"; "[..]);
    if line.is_empty() {
        return None;
    }
    let mut value = HeaderValue::from_bytes(&line).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn is_kept(name: &[u8], keep: &[String]) -> bool {
    let login = name.get(..LOGIN.len()).is_some_and(|start| start.eq_ignore_ascii_case(LOGIN));
    let listed = keep.iter().any(|kept| match kept.strip_suffix("[]") {
        Some(prefix) => name.starts_with(prefix.as_bytes()),
        None => name == kept.as_bytes(),
    });
    listed && !login && !name.is_empty()
}
