//! Headers, in both directions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method};

use super::super::echo::{MARK, PRESUMPTUOUS, Seen};
use super::super::hex;
use super::{Miss, Verify, hold};

/// Credentials of the caller, who it says to be, from where, and what changes a request behind the rules.
const STRIPPED: &[&str] = &[
    "cookie",
    "forwarded",
    "proxy-authorization",
    "true-client-ip",
    "x-client-ip",
    "x-ds-authorization",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-user",
    "x-grafana-id",
    "x-grafana-user",
    "x-http-method-override",
    "x-id-token",
    "x-jwt-assertion",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-remote-user",
    "x-rewrite-url",
    "x-scope-orgid",
    "x-verify-hop",
    "x-webauth-user",
];

/// What the caller sends in place of them.
const CLAIMED: &str = "sourcegate-verify-claims";

/// The data source's credential replaces the caller's, and a header of its name.
pub(super) async fn injected(verify: &mut Verify) -> Result<(), Miss> {
    let (answer, seen) = verify.ask_echo("injected", &[("x-verify", CLAIMED)]).await?;
    let seen = the_one(&seen, || answer.brief())?;
    let [password, header] = &verify.canaries;
    let basic = format!("Basic {}", STANDARD.encode(format!("verify:{password}")));
    for (name, expected) in [("authorization", &basic), ("x-verify", header)] {
        let arrived = values(&seen.headers, name);
        hold(arrived == [expected.as_bytes()], || match arrived.len() {
            1 => format!("{name} arrived with another value than the data source's"),
            times => format!("{name} arrived {times} times"),
        })?;
    }
    Ok(())
}

/// Nothing that the caller claims arrives, in any header.
pub(super) async fn stripped(verify: &mut Verify) -> Result<(), Miss> {
    let mut sent: Vec<_> = STRIPPED.iter().map(|name| (*name, CLAIMED)).collect();
    sent.push(("connection", "x-verify-hop"));
    let (answer, seen) = verify.ask_echo("stripped", &sent).await?;
    let seen = the_one(&seen, || answer.brief())?;
    let claimed = |value: &[u8]| String::from_utf8_lossy(value).contains(CLAIMED);
    let arrived = seen.headers.iter().filter(|(_, value)| claimed(value.as_bytes()));
    let names: Vec<_> = arrived.map(|(name, _)| name.as_str()).collect();
    hold(names.is_empty(), || format!("these arrived: {}", names.join(", ")))
}

/// What speaks for an origin does not pass. Only the echo's own words count: a gateway's front may add some itself.
pub(super) async fn answers(verify: &mut Verify) -> Result<(), Miss> {
    let (answer, seen) = verify.ask_echo("answers", &[]).await?;
    the_one(&seen, || answer.brief())?;
    let marked = |value: &[u8]| String::from_utf8_lossy(value).contains(MARK);
    let passed = answer.headers.iter().filter(|(_, value)| marked(value.as_bytes()));
    let names: Vec<_> = passed.map(|(name, _)| name.as_str()).collect();
    hold(names.is_empty(), || {
        format!("of {} headers these passed: {}", PRESUMPTUOUS.len(), names.join(", "))
    })
}

/// A TRACE would show a browser's script the headers that it may not read.
pub(super) async fn trace(verify: &mut Verify) -> Result<(), Miss> {
    let mark = hex::<16>()?;
    let sent = [("x-verify-trace", mark.as_str())];
    let answer = verify.admin.send(Method::TRACE, "/api/health", &sent, None).await?;
    let refused = !answer.status.is_success() && !answer.shows(&mark);
    hold(refused, || format!("TRACE /api/health: {}", answer.brief()))
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
    headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect()
}

/// The one request that arrived.
fn the_one(seen: &[Seen], answer: impl FnOnce() -> String) -> Result<&Seen, Miss> {
    match seen {
        [seen] => Ok(seen),
        [] => Err(Miss::Broken(format!("nothing arrived: {}", answer()))),
        more => Err(Miss::Broken(format!("one request arrived {} times", more.len()))),
    }
}
