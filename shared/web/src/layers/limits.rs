//! What no route serves, however it is spelled.

use http::{HeaderMap, Method, Request, header};

use sourcegate_core::has_been_here;

use crate::Refusal;

const TARGET_LIMIT_BYTES: usize = 8 << 10;
const SEGMENT_LIMIT: usize = 1_000;
const HEADER_LIMIT_BYTES: usize = 16 << 10;
const HEADER_LIMIT: usize = 100;

/// Refuses `TRACE` and `CONNECT` (405), targets over 8 KiB or 1,000 segments (414), header sections
/// over 16 KiB or 100 headers (431), WebSockets (501), and requests that the gateway itself has sent (508): whoever made a
/// data source of the gateway would lend its credential to all who may query it.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    let method = request.method();
    if matches!(*method, Method::TRACE | Method::CONNECT) {
        return Err(Refusal::MethodNeverServed(method.clone()));
    }
    check_target(request.uri().path(), request.uri().query())?;
    check_headers(request.headers())?;
    if has_been_here(request.headers()) { Err(Refusal::Loop) } else { Ok(()) }
}

fn check_target(path: &str, query: Option<&str>) -> Result<(), Refusal> {
    if path.len() + query.map_or(0, |query| query.len() + 1) > TARGET_LIMIT_BYTES {
        return Err(Refusal::TargetTooLong { limit: TARGET_LIMIT_BYTES, unit: "bytes" });
    }
    if path.bytes().filter(|byte| *byte == b'/').count() > SEGMENT_LIMIT {
        return Err(Refusal::TargetTooLong { limit: SEGMENT_LIMIT, unit: "segments" });
    }
    Ok(())
}

fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.len() > HEADER_LIMIT {
        return Err(Refusal::HeadersTooLarge { limit: HEADER_LIMIT, unit: "headers" });
    }
    // Four for the colon, the space and the line's end, as sent.
    let section: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if section > HEADER_LIMIT_BYTES {
        return Err(Refusal::HeadersTooLarge { limit: HEADER_LIMIT_BYTES, unit: "bytes" });
    }
    // An offer of h2c may be ignored, and is; a WebSocket would wait for an answer that never comes.
    let websocket = |value: &http::HeaderValue| {
        value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("websocket"))
    };
    match headers.get(header::UPGRADE) {
        Some(value) if websocket(value) => Err(Refusal::UpgradeNotOffered),
        _ => Ok(()),
    }
}
