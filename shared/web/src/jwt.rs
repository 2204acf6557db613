//! JWTs at the door: verified against their issuer's keys, which are fetched and kept here.

mod config;
mod issuer;
mod keys;

use std::fmt;
use std::sync::Arc;

use auth::jwt::{Assertion, Settings, Unverified};
use quick_cache::sync::Cache;

use crate::Error;
use issuer::Issuer;
use keys::IssuerKeys;

pub use config::{BadJwtConfig, JwtConfig};
pub use keys::{KeyTimes, NoKeys};

/// How many verified tokens are remembered: a signature costs more than the rest of a warm request's decisions.
const MOST_VERIFIED: usize = 10_000;

/// What verifies JWTs. A clone is the same.
#[derive(Clone)]
pub struct Jwt(Arc<Inner>);

struct Inner {
    settings: Settings,
    keys: IssuerKeys,
    verified: Cache<[u8; 32], Verified>,
}

/// A token that was verified, and under which of the key sets: another set may no longer have its key.
#[derive(Clone)]
struct Verified {
    assertion: Arc<Assertion>,
    set: u64,
}

impl Jwt {
    /// Reads the settings, and makes what they say; none if they are not there. The issuer is not asked yet.
    ///
    /// # Errors
    /// [`BadJwtConfig`].
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, BadJwtConfig> {
        Ok(JwtConfig::read(get)?.map(Self::new))
    }

    /// Makes what verifies. The issuer is not asked yet, and the client that will ask it not made.
    #[must_use]
    pub fn new(config: JwtConfig) -> Self {
        let JwtConfig { settings, keys_url, times } = config;
        let issuer = Issuer::new(settings.issuer.clone(), keys_url);
        let keys = IssuerKeys::new(issuer, times);
        Self(Arc::new(Inner { settings, keys, verified: Cache::new(MOST_VERIFIED) }))
    }

    /// Verifies a token now.
    ///
    /// # Errors
    /// [`auth::Unauthenticated::Jwt`]; [`NoKeys`] if the issuer has not answered for too long.
    pub(crate) async fn verify(&self, token: &Unverified) -> Result<Arc<Assertion>, Error> {
        let mut set = self.0.keys.believed().await?;
        if !set.keys.know(token) {
            set = self.0.keys.newer_than(set).await;
        }
        let now = store::seconds_now();
        let known =
            self.0.verified.get(token.fingerprint()).filter(|known| known.set == set.number);
        if let Some(Verified { assertion, .. }) = known {
            assertion.check(now)?;
            return Ok(assertion);
        }
        let assertion = auth::jwt::verify(token, &set.keys, &self.0.settings, now)?;
        let assertion = Arc::new(assertion);
        let verified = Verified { assertion: Arc::clone(&assertion), set: set.number };
        self.0.verified.insert(*token.fingerprint(), verified);
        Ok(assertion)
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
