//! One proxied request: enter, open if the pool is cold, send.

use auth::{Action, Granted};
use http::{Request, Response};
use sourcegate_core::Reference;
use upstream::{AnswerBody, Body, Hop};

use crate::{Entry, Error, Gateway};

/// A data source's answer, and whom and what it was for.
pub struct Proxied<G = Granted> {
    /// The answer, streaming.
    pub response: Response<AnswerBody>,
    /// The proof under which it was fetched: for the log.
    pub granted: G,
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
        let response = self.send_planned(&client, plan, None).await?;
        Ok(Proxied { response, granted })
    }
}
