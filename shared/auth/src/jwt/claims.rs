//! What a verified token says, judged strictly: a claim of the wrong type is as good as forged.

use serde_json::{Map, Value};

use super::{BadJwt, Settings};

/// The longest login, in bytes: as that of a user.
const LONGEST_LOGIN: usize = 255;

/// The claims of a token whose signature is right.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn of(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Judges issuer, audience and time, and gives the second from which on the token is over.
    pub(super) fn check(&self, settings: &Settings, now: i64) -> Result<i64, BadJwt> {
        if self.text("iss")? != settings.issuer {
            return Err(BadJwt::Issuer);
        }
        if !self.audience()?.iter().any(|one| settings.audience.iter().any(|ours| ours == one)) {
            return Err(BadJwt::Audience);
        }
        let leeway = i64::try_from(settings.leeway.as_secs()).unwrap_or(i64::MAX);
        let ends = self.time("exp")?.ok_or(BadJwt::Missing("exp"))?.saturating_add(leeway);
        if now >= ends {
            return Err(BadJwt::Expired);
        }
        let begins = [self.time("nbf")?, self.time("iat")?].into_iter().flatten().max();
        if begins.is_some_and(|begins| begins > now.saturating_add(leeway)) {
            return Err(BadJwt::Early);
        }
        Ok(ends)
    }

    /// Gives `sub`.
    pub(super) fn subject(&self) -> Result<&str, BadJwt> {
        match self.text("sub")? {
            "" => Err(BadJwt::Claim("sub", "a text with at least one character")),
            subject => Ok(subject),
        }
    }

    /// Gives what the caller is called by.
    pub(super) fn login(&self, claim: &str) -> Result<&str, BadJwt> {
        let login = match self.find(claim) {
            None => return Err(BadJwt::Missing("for logins")),
            Some(value) => value.as_str().unwrap_or_default(),
        };
        if login.is_empty() || login.len() > LONGEST_LOGIN || login.contains(char::is_control) {
            return Err(BadJwt::Claim("for logins", "a text of 1 to 255 printable bytes"));
        }
        Ok(login)
    }

    /// Finds a claim by its name, or else by names with dots between. Whole names go first, since some are urls.
    pub(super) fn find(&self, path: &str) -> Option<&Value> {
        find(&self.0, path)
    }

    fn text(&self, name: &'static str) -> Result<&str, BadJwt> {
        let value = self.0.get(name).ok_or(BadJwt::Missing(name))?;
        value.as_str().ok_or(BadJwt::Claim(name, "a text"))
    }

    fn audience(&self) -> Result<Vec<&str>, BadJwt> {
        let wrong = BadJwt::Claim("aud", "a text or a list of texts");
        match self.0.get("aud").ok_or(BadJwt::Missing("aud"))? {
            Value::String(one) => Ok(vec![one]),
            Value::Array(all) => all.iter().map(|one| one.as_str().ok_or(wrong)).collect(),
            _ => Err(wrong),
        }
    }

    /// Reads a time in seconds since 1970, which may have a fraction (RFC 7519, 2).
    fn time(&self, name: &'static str) -> Result<Option<i64>, BadJwt> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
        match seconds {
            Some(seconds) if seconds >= 0 => Ok(Some(seconds)),
            _ => Err(BadJwt::Claim(name, "a number of seconds since 1970")),
        }
    }
}

fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| {
        path.match_indices('.').find_map(|(at, dot)| {
            find(claims.get(&path[..at])?.as_object()?, &path[at + dot.len()..])
        })
    })
}
