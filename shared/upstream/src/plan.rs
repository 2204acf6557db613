//! What is sent where, decided without a socket.

use std::borrow::Cow;

use auth::Caller;
use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, request};
use sourcegate_core::{BaseUrl, Rules, Scheme as Protocol};

use crate::path::Readings;
use crate::{BadPath, Client, Error, Hop, endpoint, headers, query, route};

/// How long the path after a data source's name may be, in bytes (`faults.md` P14).
const MOST_PATH_BYTES: usize = 8 * 1024;

/// How long path and query may be together: more than `http::Uri` can hold is never sent.
const MOST_TARGET_BYTES: usize = u16::MAX as usize - 1;

/// Makes a caller's request the one that goes to the data source.
///
/// # Errors
/// Whatever is refused before anything is sent.
pub(crate) fn apply(
    client: &Client,
    caller: &Caller,
    hop: Hop<'_>,
    parts: &mut request::Parts,
) -> Result<(), Error> {
    let Hop { tail, peer } = hop;
    // TRACE would show the caller what was injected; CONNECT is for proxies of another kind. Methods have a case, and
    // some servers do not know: `delete` would get past the rules for DELETE.
    let has_lower_case = || parts.method.as_str().bytes().any(|b| b.is_ascii_lowercase());
    if matches!(parts.method, Method::TRACE | Method::CONNECT) || has_lower_case() {
        return Err(Error::Method(parts.method.clone()));
    }
    if tail.len() > MOST_PATH_BYTES {
        return Err(Error::TooLong(MOST_PATH_BYTES));
    }
    let readings = Readings::of(tail).map_err(Error::Path)?;
    let rules = &client.target().rules;
    let reads_as = match rules {
        Rules::Plugin(plugin) => {
            route::decide(*plugin, caller.role(), &parts.method, &readings)?;
            *plugin
        }
        Rules::Endpoints { allowed, reads_as } => {
            endpoint::decide(allowed, &parts.method, &readings)?;
            *reads_as
        }
    };
    if caller.limits().read_only {
        route::decide_reading(reads_as, &parts.method, &readings)?;
    }
    let query = parts.uri.query();
    if query.is_some_and(query::holds_our_credential) {
        return Err(Error::CredentialInQuery);
    }
    let query = joined(client.target().query.as_deref(), query);
    let target = target(&client.target().base.path, tail, query.as_deref())?;
    parts.uri = absolute(client.scheme(), client.authority(), target)?;
    headers::forward(&mut parts.headers, client, peer)
}

/// Puts the url's own query before the caller's.
fn joined<'a>(own: Option<&'a str>, callers: Option<&'a str>) -> Option<Cow<'a, str>> {
    match (own, callers) {
        (Some(own), Some(callers)) if !callers.is_empty() => {
            Some(Cow::Owned(format!("{own}&{callers}")))
        }
        (Some(own), _) => Some(Cow::Borrowed(own)),
        (None, callers) => callers.map(Cow::Borrowed),
    }
}

/// Joins base path, tail and query: one slash between the first two, all else byte for byte.
fn target(base: &str, tail: &str, query: Option<&str>) -> Result<PathAndQuery, Error> {
    let (slash, tail) = match (base.ends_with('/'), tail.strip_prefix('/')) {
        _ if tail.is_empty() && !base.is_empty() => ("", tail),
        (true, Some(rest)) => ("", rest),
        (true, None) | (false, Some(_)) => ("", tail),
        (false, None) => ("/", tail),
    };
    // `concat` allocates exactly once and exactly enough, which `Bytes` takes over as it is.
    let text = match query {
        Some(query) => [base, slash, tail, "?", query].concat(),
        None => [base, slash, tail].concat(),
    };
    if text.len() > MOST_TARGET_BYTES {
        return Err(Error::TooLong(MOST_TARGET_BYTES));
    }
    PathAndQuery::from_maybe_shared(Bytes::from(text)).map_err(|_| Error::Path(BadPath::Character))
}

/// Makes the uri of a url that nothing is joined to.
pub(crate) fn absolute_of(url: &BaseUrl, query: Option<&str>) -> Result<Uri, Error> {
    let scheme = match url.scheme {
        Protocol::Http => Scheme::HTTP,
        Protocol::Https => Scheme::HTTPS,
        Protocol::Other => return Err(Error::Target),
    };
    let authority = Authority::try_from(url.authority()).map_err(|_| Error::Target)?;
    absolute(&scheme, &authority, target(&url.path, "", query)?)
}

fn absolute(scheme: &Scheme, authority: &Authority, target: PathAndQuery) -> Result<Uri, Error> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority.clone());
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).map_err(|_| Error::Target)
}

#[cfg(test)]
mod tests;
