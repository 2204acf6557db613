//! Paths and redirects: where a request ends up.

use http::header::LOCATION;

use super::super::echo::ELSEWHERE;
use super::{Miss, Verify, hold};

/// Spellings of "one up" that servers understand.
const CLIMBING: &[&str] = &[
    "../climbed",
    "%2e%2e/climbed",
    ".%2E/climbed",
    "%2e%2e%2fclimbed",
    "..%2fclimbed",
    "..%5cclimbed",
    "below/../../climbed",
    "below/%2e%2e/%2e%2e/climbed",
    "..;/climbed",
];

/// Spellings that mean something to a server and must arrive as they are.
const FAITHFUL: &[&str] = &["a%2Fb", "e;f=1", "g'h", "%C3%A4", "i%25j", "k+l", "m%20n"];

/// A path is refused, or arrives below the base; what is harmless arrives byte for byte.
pub(super) async fn below_base(verify: &mut Verify) -> Result<(), Miss> {
    let base = format!("/{}/base/", verify.sources.run());
    for tail in CLIMBING {
        let (answer, seen) = verify.ask_echo(tail, &[]).await?;
        let outside = seen.iter().find(|seen| climbs(&base, &seen.target));
        hold(outside.is_none(), || {
            let target = outside.map(|seen| seen.target.as_str()).unwrap_or_default();
            format!("`{tail}` arrived as `{target}`: {}", answer.brief())
        })?;
    }
    for tail in FAITHFUL {
        let (answer, seen) = verify.ask_echo(tail, &[]).await?;
        let arrived = seen.iter().any(|seen| seen.target == format!("{base}{tail}"));
        hold(arrived, || match seen.first() {
            Some(seen) => format!("`{tail}` arrived as `{}`", seen.target),
            None => format!("`{tail}` did not arrive: {}", answer.brief()),
        })?;
    }
    Ok(())
}

/// Tells whether a server might take a path for one outside of the base.
fn climbs(base: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let Some(tail) = path.strip_prefix(base) else { return true };
    let tail =
        tail.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    let segments = tail.split(['/', '\\']).map(|part| part.split(';').next().unwrap_or_default());
    let mut depth = 0_i32;
    segments.filter(|part| !part.is_empty() && *part != ".").any(|part| {
        depth += if part == ".." { -1 } else { 1 };
        depth < 0
    })
}

/// The caller is told where it goes on, and nobody goes there.
pub(super) async fn redirects(verify: &mut Verify) -> Result<(), Miss> {
    let (answer, _) = verify.ask_echo("redirect", &[]).await?;
    let told = answer.headers.get(LOCATION).is_some_and(|place| place == ELSEWHERE);
    hold(answer.status.is_redirection() && told, || format!("a 302: {}", answer.brief()))
}

#[cfg(test)]
mod tests {
    use super::climbs;

    #[track_caller]
    fn check(target: &str, expected: bool) {
        assert_eq!(climbs("/run/base/", target), expected, "{target}");
    }

    #[test]
    fn a_path_climbs_if_some_server_might_think_so() {
        check("/run/base/climbed", false);
        check("/run/base/a/../climbed", false);
        check("/run/base/a/../../climbed", true);
        check("/run/base/%2E%2e/climbed", true);
        check("/run/base/..%2fclimbed", true);
        check("/run/base/..%5Cclimbed", true);
        check("/run/base/..;/climbed", true);
        check("/run/base/..climbed/...", false);
        check("/run/base/climbed?x=../..", false);
        check("/run/climbed", true);
    }
}
