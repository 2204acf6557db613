//! What the operator sets so that JWTs are accepted.

use std::time::Duration;

use auth::jwt::{BadRules, Rules, Settings};
use url::{Host, Url};

use super::KeyTimes;

const ISSUER: &str = "SOURCEGATE_JWT_ISSUER";
const AUDIENCE: &str = "SOURCEGATE_JWT_AUDIENCE";
const RULES: &str = "SOURCEGATE_JWT_RULES";
const LOGIN_CLAIM: &str = "SOURCEGATE_JWT_LOGIN_CLAIM";
const KEYS_URL: &str = "SOURCEGATE_JWT_JWKS_URL";

/// How far the issuer's clock and ours may be apart.
const LEEWAY: Duration = Duration::from_secs(60);

/// Which JWTs are accepted, and where their keys are.
#[derive(Clone, Debug)]
pub struct JwtConfig {
    /// `SOURCEGATE_JWT_ISSUER`; `SOURCEGATE_JWT_AUDIENCE`, with commas between; `SOURCEGATE_JWT_LOGIN_CLAIM`, default `sub`;
    /// `SOURCEGATE_JWT_RULES`, JSON.
    pub settings: Settings,
    /// `SOURCEGATE_JWT_JWKS_URL`: where the issuer's keys are. Default: where its discovery document says.
    pub keys_url: Option<Url>,
    /// How long keys are believed. No variable sets it.
    pub times: KeyTimes,
}

/// Says what is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum BadJwtConfig {
    /// Some are there, and one that they need is not.
    #[error(
        "{missing} is not set although {set} is; set it, or unset all of SOURCEGATE_JWT_… to accept no JWTs"
    )]
    Missing {
        /// What is needed.
        missing: &'static str,
        /// What needs it.
        set: &'static str,
    },
    /// A url from which keys must not be taken.
    #[error(
        "{name}: `{value}` must be an https url without user and password (http only on this machine)"
    )]
    Url {
        /// Which setting.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// Rules that cannot be followed.
    #[error("{RULES}: {0}")]
    Rules(BadRules),
}

impl JwtConfig {
    /// Reads the settings named at the fields; none if none of them is set.
    ///
    /// # Errors
    /// [`BadJwtConfig`] naming the variable.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, BadJwtConfig> {
        let Some(issuer) = get(ISSUER) else {
            let lone = [AUDIENCE, RULES, LOGIN_CLAIM, KEYS_URL]
                .into_iter()
                .find(|name| get(name).is_some());
            return lone
                .map_or(Ok(None), |set| Err(BadJwtConfig::Missing { missing: ISSUER, set }));
        };
        let needed = |missing| get(missing).ok_or(BadJwtConfig::Missing { missing, set: ISSUER });
        let all = needed(AUDIENCE)?;
        let audience: Vec<_> = all
            .split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(str::to_owned)
            .collect();
        if audience.is_empty() {
            return Err(BadJwtConfig::Missing { missing: AUDIENCE, set: ISSUER });
        }
        let rules = Rules::parse(&needed(RULES)?).map_err(BadJwtConfig::Rules)?;
        let keys_url = match get(KEYS_URL) {
            Some(value) => Some(trusted(KEYS_URL, value)?),
            // Its discovery document will be read, so that it must be a place to read from.
            None => trusted(ISSUER, issuer.clone()).map(|_| None)?,
        };
        let login_claim = get(LOGIN_CLAIM).unwrap_or_else(|| "sub".to_owned());
        let settings = Settings { issuer, audience, leeway: LEEWAY, login_claim, rules };
        Ok(Some(Self { settings, keys_url, times: KeyTimes::default() }))
    }
}

fn trusted(name: &'static str, value: String) -> Result<Url, BadJwtConfig> {
    let url = Url::parse(&value).ok().filter(is_trusted);
    url.ok_or(BadJwtConfig::Url { name, value })
}

/// Tells whether keys may be taken from a url: nobody on the way can change them.
pub(super) fn is_trusted(url: &Url) -> bool {
    let is_bare = url.username().is_empty() && url.password().is_none();
    let is_safe = match url.scheme() {
        "https" => url.has_host(),
        "http" => is_on_this_machine(url),
        _ => false,
    };
    is_bare && is_safe
}

/// Tells whether a url's host is this machine.
pub(super) fn is_on_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [(&str, &str); 3] = [
        (ISSUER, "https://issuer.test/realm"),
        (AUDIENCE, "sourcegate, other,"),
        (RULES, r#"[{"org":1,"role":"Viewer"}]"#),
    ];

    /// Reads the whole configuration with some variables changed; an empty one is unset.
    fn read(changes: &[(&str, &str)]) -> Result<Option<JwtConfig>, String> {
        let get = |name: &str| {
            let all = changes.iter().chain(&WHOLE);
            let value = all.into_iter().find(|(known, _)| *known == name)?.1;
            (!value.is_empty()).then(|| value.to_owned())
        };
        JwtConfig::read(get).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check_refusal(changes: &[(&str, &str)], expected: &str) {
        let refused = read(changes).unwrap_err();
        assert!(refused.starts_with(expected), "{changes:?}: {refused}");
    }

    #[test]
    fn an_issuer_an_audience_and_rules_are_enough() {
        let read = read(&[]).unwrap().unwrap();
        assert_eq!(read.settings.issuer, "https://issuer.test/realm");
        assert_eq!(read.settings.audience, ["sourcegate", "other"]);
        assert_eq!(read.settings.leeway, Duration::from_secs(60));
        assert_eq!((read.settings.login_claim.as_str(), read.keys_url), ("sub", None));
    }

    #[test]
    fn without_settings_there_are_no_jwts() {
        assert!(JwtConfig::read(|_| None).unwrap().is_none());
    }

    #[test]
    fn half_a_configuration_is_refused() {
        check_refusal(
            &[(AUDIENCE, "")],
            "SOURCEGATE_JWT_AUDIENCE is not set although SOURCEGATE_JWT_ISSUER is",
        );
        check_refusal(&[(AUDIENCE, " , ")], "SOURCEGATE_JWT_AUDIENCE is not set");
        check_refusal(&[(RULES, "")], "SOURCEGATE_JWT_RULES is not set");
        check_refusal(&[(RULES, "[]")], "SOURCEGATE_JWT_RULES: no rule is in the list");
        check_refusal(
            &[(ISSUER, "")],
            "SOURCEGATE_JWT_ISSUER is not set although SOURCEGATE_JWT_AUDIENCE is",
        );
        check_refusal(
            &[(ISSUER, ""), (AUDIENCE, ""), (RULES, ""), (KEYS_URL, "https://a.test")],
            "SOURCEGATE_JWT_ISSUER is not set although SOURCEGATE_JWT_JWKS_URL is",
        );
    }

    #[test]
    fn keys_come_from_where_nobody_can_change_them_on_the_way() {
        for url in [
            "https://issuer.test/keys?v=1",
            "http://localhost:8080/keys",
            "http://127.9.9.9/keys",
            "http://[::1]:80/keys",
        ] {
            let read = read(&[(KEYS_URL, url)]).unwrap().unwrap();
            assert_eq!(
                read.keys_url.unwrap().as_str().trim_end_matches('/'),
                url.replace(":80/", "/")
            );
        }
        for url in [
            "http://issuer.test/keys",
            "http://localhost.issuer.test/keys",
            "http://10.0.0.1/keys",
            "http://[::ffff:10.0.0.1]/keys",
            "https://user:word@issuer.test/keys",
            "https://user@issuer.test/keys",
            "file:///keys",
            "data:application/json,{}",
            "issuer.test/keys",
            "https://",
        ] {
            check_refusal(&[(KEYS_URL, url)], "SOURCEGATE_JWT_JWKS_URL: `");
            check_refusal(&[(ISSUER, url)], "SOURCEGATE_JWT_ISSUER: `");
        }
        // Only a name, where the keys' place is given.
        assert!(read(&[(ISSUER, "accounts"), (KEYS_URL, "https://issuer.test/keys")]).is_ok());
    }
}
