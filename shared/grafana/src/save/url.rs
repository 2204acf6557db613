//! What a url may be when it is saved.

use std::borrow::Cow;

use sourcegate_core::{BadUrl, BaseUrl, Plugin, Policy};

use super::{Saving, needs_url};
use crate::Error;

/// The longest url that is kept, in bytes (contract 1.5).
const LONGEST: usize = 255;

/// Judges a url. The host is judged as far as it is an address or a name that is never allowed; other names are
/// resolved and judged when they are dialled.
pub(super) fn check(
    type_text: &str,
    url: &str,
    policy: &Policy,
    saving: Saving,
) -> Result<(), Error> {
    if url.is_empty() {
        let missing = saving == Saving::Again && needs_url(type_text);
        return if missing { Err(Error::NoUrl) } else { Ok(()) };
    }
    if url.len() > LONGEST {
        return Err(Error::UrlTooLong(url.len()));
    }
    let address = match Plugin::parse(type_text) {
        Plugin::Mssql => without_instance(url).map_err(Error::Url)?,
        _ => Cow::Borrowed(url),
    };
    let base = BaseUrl::parse(&address).map_err(Error::Url)?;
    match policy.refuses_literal(&base.host, base.port.unwrap_or_default()) {
        Some(verdict) => Err(Error::Address(verdict)),
        None => Ok(()),
    }
}

/// Reads `host`, `host:port`, `host\instance` or `host\instance:port`, and gives the first or second form.
fn without_instance(text: &str) -> Result<Cow<'_, str>, BadUrl> {
    if text.contains('/') {
        return Err(BadUrl::Host);
    }
    let Some((host, rest)) = text.split_once('\\') else { return Ok(Cow::Borrowed(text)) };
    let (instance, port) = match rest.split_once(':') {
        Some((instance, port)) => (instance, Some(port)),
        None => (rest, None),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'-');
    if instance.is_empty() || !instance.bytes().all(plain) {
        return Err(BadUrl::Characters);
    }
    Ok(match port {
        Some(port) => Cow::Owned(format!("{host}:{port}")),
        None => Cow::Borrowed(host),
    })
}
