//! The client of a data source of the Perses dialect: what its `spec` says, and the secret that it names.

use std::collections::BTreeSet;
use std::sync::Arc;

use auth::Granted;
use sourcegate_core::{
    BadConnection, DocumentId, DocumentKind, DocumentName, HttpProxy, Incarnation, OrgId, Proxy,
    Scope, ScopedSource, ScopedSpec, Secrets, SqlProxy, quoted,
};
use store::{Course, Error as StoreError, LocatedSecret};

use crate::{Database, Error, Gateway, GrantedEither, Reach, Reached, SecretFault};

/// A secret, and where it is to go.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SecretPlace {
    org: OrgId,
    id: DocumentId,
    destination: String,
    holder: Incarnation,
}

impl Gateway {
    /// Finds or makes the client of a data source, of the revisions of it and of its secret; of a database only what it is.
    pub(crate) async fn reach_granted(
        &self,
        granted: Granted<ScopedSource>,
    ) -> Result<Reached, Error> {
        let source = granted.source();
        // Under its own revision alone stands one without a secret.
        if let Some(client) = self.0.upstream.pooled(source.rev) {
            let granted = GrantedEither::Perses(granted);
            return Ok(Reached::Http(Reach { client, granted, secret: None }));
        }
        let spec = ScopedSpec::read(&source.spec)?;
        match spec.proxy()? {
            Proxy::Http(proxy) => {
                let proxy = HttpProxy::read(proxy).map_err(BadConnection::HttpProxy)?;
                let (client, secret) = self.client_of(&granted, &proxy, spec.plugin_kind()).await?;
                let granted = GrantedEither::Perses(granted);
                Ok(Reached::Http(Reach { client, granted, secret: secret.map(Box::new) }))
            }
            Proxy::Sql(proxy) => {
                let proxy = SqlProxy::read(proxy).map_err(BadConnection::SqlProxy)?;
                let destination = proxy.destination().map_err(BadConnection::SqlProxy)?;
                let secret = self.secret_of(source, proxy.secret.as_deref(), destination).await?;
                let database = Database::of_perses(granted, &proxy, secret)?;
                Ok(Reached::Sql(Box::new(database)))
            }
        }
    }

    async fn client_of(
        &self,
        granted: &Granted<ScopedSource>,
        proxy: &HttpProxy,
        plugin_kind: &str,
    ) -> Result<(Arc<upstream::Client>, Option<LocatedSecret>), Error> {
        let source = granted.source();
        let destination = proxy.destination().map_err(BadConnection::Url)?;
        let secret = self.secret_of(source, proxy.secret.as_deref(), destination).await?;
        let rev = match &secret {
            Some(secret) => source.rev.and(secret.document.rev),
            None => source.rev,
        };
        if let Some(client) = self.0.upstream.pooled(rev) {
            return Ok((client, secret));
        }
        let said = secret.as_ref().map(|secret| (&secret.spec, &secret.document.secret_names));
        let target = proxy.target(plugin_kind, said)?;
        let secrets = match &secret {
            Some(secret) => self.opened_secret(secret, target.secrets().collect()).await?,
            None => Secrets::default(),
        };
        Ok((self.0.upstream.open(granted, rev, target, secrets)?, secret))
    }

    /// Finds the secret that a data source names, if it may go where that is.
    async fn secret_of(
        &self,
        source: &ScopedSource,
        named: Option<&str>,
        destination: String,
    ) -> Result<Option<LocatedSecret>, Error> {
        let Some(name) = named.filter(|name| !name.is_empty()) else { return Ok(None) };
        let absent =
            || SecretFault::Absent { source: source.id.name.clone(), secret: name.to_owned() };
        let id = secret_id(&source.id.scope, name).ok_or_else(absent)?;
        let holder = source.incarnation;
        let place = SecretPlace { org: source.org, id, destination, holder };
        let store = &self.0.store;
        let read = async |_: Option<&Option<LocatedSecret>>| {
            let course = Course { destination: &place.destination, holder: place.holder };
            store.located_secret(place.org, &place.id, Some(course)).await
        };
        let held = self.0.secrets.get(store, &place, read).await?;
        let secret = held.value.clone().ok_or_else(absent)?;
        if !secret.is_bound {
            let destination = place.destination;
            return Err(SecretFault::Unbound { secret: name.to_owned(), destination }.into());
        }
        Ok(Some(secret))
    }

    pub(crate) async fn opened_secret(
        &self,
        secret: &LocatedSecret,
        needed: BTreeSet<&str>,
    ) -> Result<Secrets, Error> {
        let damaged = |name: &str| StoreError::DoesNotOpen(name.to_owned());
        let mut all = Vec::with_capacity(needed.len());
        for name in needed {
            let sealed = secret.sealed.as_deref().ok_or_else(|| damaged(name))?;
            let number = sealed.key_number(name).ok_or_else(|| damaged(name))?;
            let key = self.key_of(secret, number).await?;
            let one = std::iter::once(name);
            let opened = self.0.vault.open_secret(secret, sealed, &key, one).await?;
            all.extend(opened.iter().map(|(name, text)| (name.to_owned(), text.clone())));
        }
        Ok(all.into_iter().collect())
    }
}

/// A global data source's secret is a global one; a project's and a dashboard's is one of their project.
fn secret_id(scope: &Scope, name: &str) -> Option<DocumentId> {
    let project = scope.project().cloned();
    let kind = if project.is_some() { DocumentKind::Secret } else { DocumentKind::GlobalSecret };
    Some(DocumentId { kind, project, name: DocumentName::parse(name).ok()? })
}

impl std::fmt::Display for SecretFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent { source, secret } => write!(
                f,
                "unable to forward the request to the datasource {}, secret {} attached doesn't exist",
                quoted(source),
                quoted(secret)
            ),
            Self::Unbound { secret, destination } => write!(
                f,
                "secret {} may not go to {destination}; somebody who may update the secret must save the datasource",
                quoted(secret)
            ),
        }
    }
}
