//! JWTs of an OpenID Connect issuer: from a token's text and the issuer's keys to who its bearer is, and where.
//!
//! The order is fixed: form, key, signature, claims, rules. What a token says of itself (`alg`, `jku`, `jwk`, `x5u`, `x5c`)
//! chooses no key and no algorithm; its `kid` is looked up as opaque text among the keys that the issuer publishes.

mod assertion;
mod claims;
mod keys;
mod rules;
mod unverified;

use std::time::Duration;

pub use assertion::Assertion;
pub use keys::{BadKeys, Keys};
pub use rules::{BadRules, Rules};
pub use unverified::Unverified;

use crate::Unauthenticated;
use claims::Claims;

/// Which JWTs make a caller, and which.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What `iss` must be, to the letter.
    pub issuer: String,
    /// What `aud` must name one of.
    pub audience: Vec<String>,
    /// How far the issuer's clock and ours may be apart.
    pub leeway: Duration,
    /// The claim that the caller is called by: a name, or names with dots between.
    pub login_claim: String,
    /// What the claims make him.
    pub rules: Rules,
}

/// Says what is wrong with a JWT. Whoever reads it has the token, so that it may say all but values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJwt {
    /// Nobody's token is as large.
    #[error("it has more than {} bytes", unverified::LONGEST)]
    TooLong,
    /// It is not three texts of base64url, two of them JSON objects.
    #[error("it is malformed")]
    Malformed,
    /// Its header demands what nobody here understands.
    #[error("its header has crit, and no extension is understood here")]
    Critical,
    /// It is some other kind of token, such as one that tells of a logout.
    #[error("its typ is neither JWT nor at+jwt")]
    Type,
    /// It is not signed, or in a way that whoever verifies could sign too.
    #[error("its alg is none of RS256 to RS512, PS256 to PS512, ES256, ES384 and EdDSA")]
    Algorithm,
    /// The issuer does not publish its key, or no longer.
    #[error("its key is none of the issuer's")]
    UnknownKey,
    /// The issuer has several keys, and it does not say which.
    #[error("its header has no kid, and the issuer has several keys")]
    WhichKey,
    /// The key is for another algorithm, or did not sign this.
    #[error("its signature is not by its key")]
    Signature,
    /// A claim is not there.
    #[error("its claim {0} is missing")]
    Missing(&'static str),
    /// A claim is of the wrong type.
    #[error("its claim {0} must be {1}")]
    Claim(&'static str, &'static str),
    /// It is from another issuer.
    #[error("its iss is another issuer than the one accepted here")]
    Issuer,
    /// It is for somebody else.
    #[error("its aud names nobody here")]
    Audience,
    /// It has ended.
    #[error("it has expired")]
    Expired,
    /// It has not begun, or will only be made.
    #[error("it is not valid yet")]
    Early,
    /// No rule is for its claims.
    #[error("no rule gives its claims a role here")]
    NoRole,
}

impl From<BadJwt> for Unauthenticated {
    fn from(what: BadJwt) -> Self {
        Self::Jwt(what)
    }
}

/// Verifies a token at a time, in seconds since 1970.
///
/// # Errors
/// [`Unauthenticated::Jwt`] with the first thing that is wrong.
pub fn verify(
    token: &Unverified,
    keys: &Keys,
    settings: &Settings,
    now: i64,
) -> Result<Assertion, Unauthenticated> {
    let claims = Claims::of(keys.verified(token)?);
    let ends = claims.check(settings, now)?;
    let subject = claims.subject()?.to_owned();
    let login = claims.login(&settings.login_claim)?.to_owned();
    let roles = settings.rules.roles(&claims);
    if roles.is_empty() {
        return Err(BadJwt::NoRole.into());
    }
    Ok(Assertion { subject, login, roles, ends, fingerprint: *token.fingerprint() })
}

#[cfg(test)]
mod tests;
