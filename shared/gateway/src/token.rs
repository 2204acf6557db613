//! Upstream tokens: asked for once by all who need one, remembered until shortly before their end, exchanged once if the data
//! source refuses them.

mod held;
mod shared;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::Response;
use quick_cache::sync::Cache;
use sourcegate_core::{BadConnection, OrgId, Rev};
use store::LocatedSecret;
use upstream::{AnswerBody, Client, NeedsToken, Plan, TokenEndpoint};

use crate::{Error, Gateway};
use held::{Held, State};

/// Of how many secrets tokens are remembered.
const MOST: usize = 1_000;

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
        let (asked, endpoint, slot) =
            (Instant::now(), needs.endpoint(), self.0.tokens.slot(secret));
        let held = self.token(&slot, secret, endpoint, asked).await?;
        let (planned, spare) = needs.with(&held.bearer);
        let refused = match self.0.upstream.send(client, planned).await {
            Err(refused @ upstream::Error::Unauthenticated) => refused,
            answer => return Ok(answer?),
        };
        // RFC 9110, 15.5.2: a request that is answered 401 has not been carried out, whatever its method.
        if !slot.state().refuse(&held, asked) || !spare.is_whole() {
            return Err(refused.into());
        }
        let held = self.token(&slot, secret, endpoint, Instant::now()).await?;
        let again = spare.with(&held.bearer).ok_or(refused)?;
        Ok(self.0.upstream.send(client, again).await?)
    }

    /// Gives a token for a request that came at a time: the one that is remembered, or one that is asked for now.
    async fn token(
        &self,
        slot: &Slot,
        secret: &LocatedSecret,
        endpoint: &TokenEndpoint,
        asked: Instant,
    ) -> Result<Arc<Held>, Error> {
        let known = slot.state().known(asked);
        if let Some(known) = known {
            return known.map_err(Error::Token);
        }
        let _turn = slot.turn.lock().await;
        // Somebody else's turn may have ended since.
        let known = slot.state().known(asked);
        if let Some(known) = known {
            return known.map_err(Error::Token);
        }
        let outcome = self.obtained(slot, secret, endpoint).await;
        slot.state().note(outcome).map_err(Error::Token)
    }
}
