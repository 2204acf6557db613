//! Tokens that processes share: what another one has got is used, and while another one asks, this one waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sourcegate_core::Rev;
use store::{
    Error as StoreError, FetchedToken, KeptToken, LocatedSecret, Stamp, WrappedKey, seconds_now,
};
use tokio::time::sleep;
use upstream::{Issued, TokenEndpoint, TokenError, Way};

use super::Slot;
use super::held::Held;
use crate::Gateway;

/// How long it is waited for another process: as long as its lease can last.
pub(super) const PATIENCE: Duration = Duration::from_secs(13);

/// How often it is looked for what another process has got.
const PAUSE: Duration = Duration::from_millis(100);

/// Tokens that are used for less than this are not worth a write, in seconds.
const SHORTEST: i64 = 2;

/// What the others know.
enum Found {
    /// A token.
    Token(Held),
    /// None; this process is the one that asks.
    Lease,
    /// Nothing could be found out, and the endpoint is asked all the same.
    Nothing,
}

impl Gateway {
    /// Gets a token that is not the refused one: of another process, or of the endpoint.
    pub(super) async fn obtained(
        &self,
        slot: &Slot,
        secret: &LocatedSecret,
        endpoint: &TokenEndpoint,
    ) -> Result<Held, TokenError> {
        let refused = slot.state().refused();
        let has_lease = match self.found(secret, refused).await {
            Found::Token(held) => return Ok(held),
            Found::Lease => true,
            Found::Nothing => false,
        };
        let (stamp, now, way) = (Stamp::now(), seconds_now(), slot.state().way());
        let answer = endpoint.ask(way).await;
        let held =
            answer.and_then(|(issued, way)| Ok((Held::issued(&issued, way, stamp)?, issued)));
        let kept = match &held {
            Ok((held, issued)) if held.fresh_seconds() >= SHORTEST => {
                self.0.store.keep_token(secret, &fetched(held, issued, now)).await
            }
            _ if has_lease => self.0.store.release_token(secret, self.0.tokens.owner).await,
            _ => Ok(()),
        };
        // Other processes then wait for the lease to end, or ask for one of their own.
        warn_of(kept, secret, "an upstream token is not shared");
        held.map(|(held, _)| held)
    }

    async fn found(&self, secret: &LocatedSecret, refused: Option<Rev>) -> Found {
        let (store, owner) = (&self.0.store, self.0.tokens.owner);
        let until = Instant::now() + PATIENCE;
        loop {
            let kept = store.kept_token(secret).await;
            let Some(kept) = warn_of(kept, secret, "no upstream token is looked for") else {
                return Found::Nothing;
            };
            let (seen, now) = (kept.as_ref().map(|kept| kept.id), seconds_now());
            let usable = kept.filter(|kept| refused != Some(kept.id) && now < kept.used_until);
            if let Some(kept) = usable {
                let opened = self.opened_token(secret, &kept, now).await;
                let opened = warn_of(opened, secret, "an upstream token does not open");
                if let Some(held) = opened.flatten() {
                    return Found::Token(held);
                }
            }
            let leased = store.lease_token(secret, seen, owner, now).await;
            match warn_of(leased, secret, "no lease for an upstream token") {
                Some(true) => return Found::Lease,
                Some(false) if Instant::now() < until => sleep(PAUSE).await,
                _ => return Found::Nothing,
            }
        }
    }

    async fn opened_token(
        &self,
        secret: &LocatedSecret,
        kept: &KeptToken,
        now: i64,
    ) -> Result<Option<Held>, StoreError> {
        let Some(number) = kept.key_number() else { return Ok(None) };
        let key = self.key_of(secret, number).await?;
        let text = self.0.vault.open_token(secret, kept, &key).await?;
        Ok(Held::kept(kept, &text, now))
    }

    /// The current key came with the secret; an older one is read.
    pub(crate) async fn key_of(
        &self,
        secret: &LocatedSecret,
        number: u32,
    ) -> Result<Arc<WrappedKey>, StoreError> {
        match &secret.key {
            Some(key) if key.number() == number => Ok(Arc::clone(key)),
            _ => self.0.store.key(secret.document.org, number).await.map(Arc::new),
        }
    }
}

fn fetched(held: &Held, issued: &Issued, now: i64) -> FetchedToken {
    let lifetime = i64::try_from(issued.lifetime.as_secs()).unwrap_or_default();
    FetchedToken {
        id: held.id,
        text: issued.token.clone(),
        used_until: now + held.fresh_seconds(),
        ends: now + lifetime,
        by_form: held.way == Way::Form,
    }
}

/// Sharing saves calls of the endpoint: without it each process asks for itself.
fn warn_of<T>(outcome: Result<T, StoreError>, secret: &LocatedSecret, what: &str) -> Option<T> {
    let (org, name) = (secret.document.org, &secret.document.id.name);
    outcome.inspect_err(|error| tracing::warn!(%error, %org, secret = %name, "{what}")).ok()
}
