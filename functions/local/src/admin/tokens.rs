//! `admin token`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use secrecy::ExposeSecret;
use serde_json::json;
use sourcegate_core::OrgId;

use super::RoleName;
use super::said::Said;
use super::target::Target;

/// What token is asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) role: RoleName,
    pub(crate) org: OrgId,
    pub(crate) name: Option<&'a str>,
    pub(crate) ttl: Option<Duration>,
}

/// Makes a service account with a token. The token's text alone is printed, for `$(…)` in scripts.
pub(crate) async fn create(target: &Target, wanted: &Wanted<'_>) -> anyhow::Result<Said> {
    target.expect_org(wanted.org).await?;
    if let Some(name) = wanted.name {
        let fits = (1..=190).contains(&name.len()) && !name.contains(char::is_control);
        anyhow::ensure!(fits, "--name must have 1 to 190 bytes and no control character");
    }
    let expires = wanted.ttl.map(expiry).transpose()?;
    let (role, admin) = (wanted.role.into(), target.admin());
    let made = admin.create_named_token(wanted.org, role, wanted.name, expires).await?;
    let token = made.text.expose_secret();
    let json = json!({
        "token": token,
        "name": made.name,
        "org": wanted.org.get(),
        "role": role.as_str(),
        "expires": expires,
    });
    Ok(Said::new(format!("{token}\n"), json))
}

/// Seconds since 1970.
fn expiry(ttl: Duration) -> anyhow::Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    i64::try_from((now + ttl).as_secs()).context("--ttl is too long")
}
