//! What a name of the Perses dialect leads to, and how it is asked.

use std::sync::Arc;

use auth::{Action, Caller, Granted};
use http::Request;
use sourcegate_core::{Reference, ScopedName, ScopedSource};
use store::LocatedSecret;
use upstream::{Body, Client, Hop};

use crate::database::Database;
use crate::enter::Led;
use crate::proxy::Proxied;
use crate::{Entry, Error, Gateway};

/// The proof for what a name of the Perses dialect leads to.
#[derive(Clone, Debug)]
pub enum GrantedEither {
    /// A data source of that dialect.
    Perses(Granted<ScopedSource>),
    /// One of Grafana's.
    Grafana(Granted),
}

impl GrantedEither {
    /// Gives the caller.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        match self {
            Self::Perses(granted) => granted.caller(),
            Self::Grafana(granted) => granted.caller(),
        }
    }
}

/// What a name leads to, ready to be asked.
pub enum Reached {
    /// A data source that is asked over HTTP.
    Http(Reach),
    /// A database.
    Sql(Box<Database>),
}

/// A data source that is asked over HTTP, and the proof that the caller may.
pub struct Reach {
    pub(crate) client: Arc<Client>,
    pub(crate) granted: GrantedEither,
    /// Whose token its requests carry, if they carry one.
    pub(crate) secret: Option<Box<LocatedSecret>>,
}

impl Reached {
    /// Gives the proof.
    #[must_use]
    pub fn granted(&self) -> &GrantedEither {
        match self {
            Self::Http(reach) => &reach.granted,
            Self::Sql(database) => database.granted(),
        }
    }
}

impl Gateway {
    /// Verifies, finds and authorizes, and opens what requests over HTTP need.
    ///
    /// # Errors
    /// What stands in the way; nothing is sent yet.
    pub async fn reach(&self, entry: Entry<ScopedName>) -> Result<Reached, Error> {
        self.0.vault.warm();
        let (wanted, refusal) = match self.enter_scoped(&entry).await? {
            // Boxed, since each request would otherwise carry the room for it.
            Led::Perses(granted) => return Box::pin(self.reach_granted(granted)).await,
            Led::Grafana(wanted, refusal) => (wanted, refusal),
        };
        let Entry { credential, org, peer, .. } = entry;
        let entry = Entry::<Reference> { credential, org, wanted, peer };
        match Box::pin(self.reach_grafana(&entry)).await {
            // By this name it is as if there were none, whatever it is called otherwise.
            Err(Error::Denied(_)) => Err(refusal.into()),
            reached => reached,
        }
    }

    async fn reach_grafana(&self, entry: &Entry) -> Result<Reached, Error> {
        let (granted, located) = self.enter(entry, Action::Query).await?;
        if let Some(database) = Database::of_grafana(&granted, &located)? {
            return Ok(Reached::Sql(Box::new(database)));
        }
        let client = match self.0.upstream.pooled(located.source.rev) {
            Some(client) => client,
            None => self.open(&granted, &located).await?,
        };
        let granted = GrantedEither::Grafana(granted);
        Ok(Reached::Http(Reach { client, granted, secret: None }))
    }

    /// Sends a request to it. Only `hop`'s path and the request's query count.
    ///
    /// # Errors
    /// As [`Gateway::proxy`].
    pub async fn send(
        &self,
        reach: Reach,
        hop: Hop<'_>,
        request: Request<Body>,
    ) -> Result<Proxied<GrantedEither>, Error> {
        let Reach { client, granted, secret } = reach;
        let upstream = &self.0.upstream;
        let plan = match &granted {
            GrantedEither::Perses(granted) => upstream.plan(&client, granted, hop, request)?,
            GrantedEither::Grafana(granted) => upstream.plan(&client, granted, hop, request)?,
        };
        let response = self.send_planned(&client, plan, secret.as_deref()).await?;
        Ok(Proxied { response, granted })
    }
}
