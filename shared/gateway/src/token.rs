//! Upstream tokens: asked for once by all who need one, remembered until shortly before their end, exchanged once if the data
//! source refuses them.

mod held;
mod shared;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Response;
use quick_cache::sync::Cache;
use sourcegate_core::{BadConnection, OrgId, Rev};
use store::LocatedSecret;
use tokio::sync::MutexGuard as Turn;
use tokio::time::timeout;
use upstream::{AnswerBody, Client, NeedsToken, Plan, TokenEndpoint, TokenError};

use crate::{Error, Gateway};
use held::{Held, State};

/// Of how many secrets tokens are remembered.
const MOST: usize = 1_000;

/// How long anybody may take to come to a token: he waits for another process, and then asks.
const LONGEST: Duration = shared::PATIENCE.saturating_add(TokenEndpoint::PATIENCE);

/// Tokens by the revision of the secret that they were got for: a secret that is changed has none.
pub(crate) struct Tokens {
    slots: Cache<Place, Arc<Slot>>,
    /// What this process is called where it leases.
    owner: Rev,
}

type Place = (OrgId, Rev);

/// What is known of one secret's token.
#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    /// Held by the one who asks for a token. If he leaves, the next one asks.
    turn: tokio::sync::Mutex<()>,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while somebody else asks, for no longer than the data source may take.
    ///
    /// Those before may leave one after the other, each with the next one beginning anew.
    async fn turn(&self, allowed: Duration) -> Result<Turn<'_, ()>, Error> {
        let waiting = timeout(allowed.min(LONGEST), self.turn.lock()).await;
        waiting.map_err(|_| match allowed <= LONGEST {
            true => upstream::Error::Timeout(allowed).into(),
            false => Error::Token(TokenError::Timeout(LONGEST).into()),
        })
    }
}

/// Where a request's token comes from.
#[derive(Clone, Copy)]
struct Asking<'a> {
    slot: &'a Slot,
    secret: &'a LocatedSecret,
    endpoint: &'a TokenEndpoint,
    /// How long the data source may take.
    allowed: Duration,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self { slots: Cache::new(MOST), owner: Rev::new() }
    }

    fn slot(&self, secret: &LocatedSecret) -> Arc<Slot> {
        let place = (secret.document.org, secret.document.rev);
        match self
            .slots
            .get_or_insert_with(&place, || Ok::<_, std::convert::Infallible>(Arc::default()))
        {
            Ok(slot) => slot,
            Err(never) => match never {},
        }
    }
}

impl Gateway {
    /// Sends what was planned. A token that it needs is that of the secret.
    pub(crate) async fn send_planned(
        &self,
        client: &Client,
        plan: Plan<'_>,
        secret: Option<&LocatedSecret>,
    ) -> Result<Response<AnswerBody>, Error> {
        match (plan, secret) {
            (Plan::Ready(planned), _) => Ok(self.0.upstream.send(client, planned).await?),
            // Boxed, since each request would otherwise carry the room for it.
            (Plan::NeedsToken(needs), Some(secret)) => {
                Box::pin(self.send_with_token(client, needs, secret)).await
            }
            (Plan::NeedsToken(_), None) => Err(BadConnection::Unsupported("oauth").into()),
        }
    }

    async fn send_with_token(
        &self,
        client: &Client,
        needs: NeedsToken<'_>,
        secret: &LocatedSecret,
    ) -> Result<Response<AnswerBody>, Error> {
        let (asked, slot) = (Instant::now(), self.0.tokens.slot(secret));
        let (endpoint, allowed) = (needs.endpoint(), client.timeout());
        let asking = Asking { slot: &slot, secret, endpoint, allowed };
        let held = self.token(asking, asked).await?;
        let (planned, spare) = needs.with(&held.bearer);
        let refused = match self.0.upstream.send(client, planned).await {
            Err(refused @ upstream::Error::Unauthenticated) => refused,
            answer => return Ok(answer?),
        };
        // RFC 9110, 15.5.2: a request that is answered 401 has not been carried out, whatever its method.
        if !slot.state().refuse(&held, asked) || !spare.is_whole() {
            return Err(refused.into());
        }
        let held = self.token(asking, Instant::now()).await?;
        let again = spare.with(&held.bearer).ok_or(refused)?;
        Ok(self.0.upstream.send(client, again).await?)
    }

    /// Gives a token for a request that came at a time: the one that is remembered, or one that is asked for now.
    async fn token(
        &self,
        Asking { slot, secret, endpoint, allowed }: Asking<'_>,
        asked: Instant,
    ) -> Result<Arc<Held>, Error> {
        let known = slot.state().known(asked);
        if let Some(known) = known {
            return known.map_err(Error::Token);
        }
        let _turn = slot.turn(allowed).await?;
        // Somebody else's turn may have ended since.
        let known = slot.state().known(asked);
        if let Some(known) = known {
            return known.map_err(Error::Token);
        }
        let outcome = self.obtained(slot, secret, endpoint).await;
        slot.state().note(outcome).map_err(Error::Token)
    }
}

#[cfg(test)]
mod tests {
    use sourcegate_core::Classify as _;

    use super::*;

    /// Waits while another one asks; gives for how many seconds, and why no turn came.
    async fn waited(allowed: u64, asks_for: u64) -> Option<(u64, &'static str)> {
        let slot = Arc::new(Slot::default());
        let other = Arc::clone(&slot);
        tokio::spawn(async move {
            let _turn = other.turn.lock().await;
            tokio::time::sleep(Duration::from_secs(asks_for)).await;
        });
        tokio::task::yield_now().await;
        let begun = tokio::time::Instant::now();
        let error = slot.turn(Duration::from_secs(allowed)).await.err()?;
        Some((begun.elapsed().as_secs(), error.cause().unwrap_or_default()))
    }

    #[tokio::test(start_paused = true)]
    async fn t06_nobody_waits_longer_for_anothers_token_than_for_his_data_source() {
        assert_eq!(waited(5, 4).await, None);
        assert_eq!(waited(5, 60).await, Some((5, "timeout")));
        assert_eq!(waited(30, 22).await, None);
        assert_eq!(waited(30, 60).await, Some((23, "token_timeout")));
        assert_eq!(waited(86_400, 86_400).await, Some((23, "token_timeout")));
    }
}
