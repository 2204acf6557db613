//! One proxied request: enter, open if the pool is cold, send.

use auth::{Action, Granted};
use http::{Request, Response};
use sourcegate_core::{Reference, ScopedName, ScopedSource};
use upstream::{AnswerBody, Body, Hop};

use crate::enter::Led;
use crate::{Entry, Error, Gateway};

/// A data source's answer, and whom and what it was for.
pub struct Proxied<G = Granted> {
    /// The answer, streaming.
    pub response: Response<AnswerBody>,
    /// The proof under which it was fetched: for the log.
    pub granted: G,
}

/// The proof for what a name of the Perses dialect leads to.
#[derive(Clone, Debug)]
pub enum GrantedEither {
    /// A data source of that dialect.
    Perses(Granted<ScopedSource>),
    /// One of Grafana's.
    Grafana(Granted),
}

impl Gateway {
    /// Sends a request to a data source. Only `hop`'s path and the request's query count.
    ///
    /// # Errors
    /// What stands in the way, before anything is sent or after; nothing is sent half-authenticated.
    pub async fn proxy(
        &self,
        entry: Entry<Reference>,
        hop: Hop<'_>,
        request: Request<Body>,
    ) -> Result<Proxied, Error> {
        self.0.vault.warm();
        let (granted, located) = self.enter(&entry, Action::Query).await?;
        let client = match self.0.upstream.pooled(located.source.rev) {
            Some(client) => client,
            // Boxed, since each request would otherwise carry the room for it.
            None => Box::pin(self.open(&granted, &located)).await?,
        };
        let plan = self.0.upstream.plan(&client, &granted, hop, request)?;
        let response = self.send(&client, plan, None).await?;
        Ok(Proxied { response, granted })
    }

    /// The same for a data source that is named in the Perses dialect.
    ///
    /// # Errors
    /// As [`Gateway::proxy`].
    pub async fn proxy_scoped(
        &self,
        entry: Entry<ScopedName>,
        hop: Hop<'_>,
        request: Request<Body>,
    ) -> Result<Proxied<GrantedEither>, Error> {
        self.0.vault.warm();
        let granted = match self.enter_scoped(&entry).await? {
            Led::Perses(granted) => granted,
            Led::Grafana(wanted, refusal) => {
                let Entry { credential, org, peer, .. } = entry;
                let entry = Entry { credential, org, wanted, peer };
                let Proxied { response, granted } = match self.proxy(entry, hop, request).await {
                    // By this name it is as if there were none, whatever it is called otherwise.
                    Err(Error::Denied(_)) => return Err(refusal.into()),
                    proxied => proxied?,
                };
                return Ok(Proxied { response, granted: GrantedEither::Grafana(granted) });
            }
        };
        let (client, secret) = Box::pin(self.client_of(&granted)).await?;
        let plan = self.0.upstream.plan(&client, &granted, hop, request)?;
        let response = self.send(&client, plan, secret.as_ref()).await?;
        Ok(Proxied { response, granted: GrantedEither::Perses(granted) })
    }
}
