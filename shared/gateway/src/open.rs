//! The secrets that a connection names, and no others.

use std::sync::Arc;

use auth::Granted;
use sourcegate_core::{Datasource, HttpTarget, Secrets};
use store::{Error as StoreError, Located, Sealed, WrappedKey};

use crate::{Error, Gateway};

impl Gateway {
    /// Opens what a target needs and pools the client that holds it.
    pub(crate) async fn open(
        &self,
        granted: &Granted,
        located: &Located,
    ) -> Result<Arc<upstream::Client>, Error> {
        let target = HttpTarget::of(&located.source.settings)?;
        let secrets = self.opened(located, target.secrets()).await?;
        Ok(self.0.upstream.open(granted, located.source.rev, target, secrets)?)
    }

    /// Opens what is needed of it and is set.
    pub(crate) async fn opened(
        &self,
        located: &Located,
        needed: impl Iterator<Item = &str>,
    ) -> Result<Secrets, Error> {
        let source: &Datasource = &located.source;
        let needed: Vec<&str> = needed.filter(|name| source.secret_names.contains(*name)).collect();
        let Some(first) = needed.first() else { return Ok(Secrets::default()) };
        let damaged = |name: &str| StoreError::DoesNotOpen(name.to_owned());
        let sealed: &Sealed = located.sealed.as_deref().ok_or_else(|| damaged(first))?;
        // What was not sealed anew since a rotation names an older key: mostly there is one number. What names none was
        // removed or damaged, and a request without it would be half-authenticated.
        let number = |name: &&str| sealed.key_number(name).ok_or_else(|| damaged(name));
        let mut numbers: Vec<u32> = needed.iter().map(number).collect::<Result<_, _>>()?;
        numbers.sort_unstable();
        numbers.dedup();
        let mut all = Vec::with_capacity(needed.len());
        for number in numbers {
            let key = self.key(located, number).await?;
            let of_number =
                needed.iter().copied().filter(|name| sealed.key_number(name) == Some(number));
            let opened = self.0.vault.open(source, sealed, &key, of_number).await?;
            all.extend(opened.iter().map(|(name, text)| (name.to_owned(), text.clone())));
        }
        Ok(all.into_iter().collect())
    }

    /// The current key came with the batch; an older one is read.
    async fn key(&self, located: &Located, number: u32) -> Result<Arc<WrappedKey>, StoreError> {
        match &located.key {
            Some(key) if key.number() == number => Ok(Arc::clone(key)),
            _ => self.0.store.key(located.source.org, number).await.map(Arc::new),
        }
    }
}
