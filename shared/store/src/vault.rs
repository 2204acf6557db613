//! The only opener of secrets. Given to the gateway alone.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use sourcegate_core::{Datasource, Destination, OrgId, Secrets};

use crate::seal::{self, Binding, KeyContext, PrivateKey};
use crate::{Error, Keyring, Sealed, Stamp, WrappedKey, keyring};

/// How long an unwrapped key is kept: the time for which a deleted or disabled KMS key still opens here.
const KEPT: Duration = Duration::from_secs(300);

/// How many organisations' keys are kept at once.
const MOST_KEYS: usize = 1_000;

/// Opens sealed values. Unwraps an organisation's private key once and keeps it for five minutes; zeroised when dropped.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    keyring: Keyring,
    deployment: String,
    keys: Cache<(OrgId, u32), Arc<Unwrapped>>,
    /// One unwrapping at a time, so that a cold process asks KMS once and not once per request.
    unwrapping: tokio::sync::Mutex<()>,
}

struct Unwrapped {
    key: PrivateKey,
    stamp: Stamp,
}

impl Vault {
    /// Makes a vault of a keyring, for one deployment.
    #[must_use]
    pub fn new(keyring: Keyring, deployment: String) -> Self {
        let keys = Cache::new(MOST_KEYS);
        Self(Arc::new(Inner { keyring, deployment, keys, unwrapping: tokio::sync::Mutex::new(()) }))
    }

    /// Opens the named secrets of a data source, and no others. One that is not stored is left out.
    ///
    /// The destination is computed from the settings given here: what was sealed to another does not open.
    ///
    /// # Errors
    /// [`Error::DoesNotOpen`]; [`Error::Kms`] and [`Error::Key`] if the organisation's key cannot be had.
    pub async fn open<'n>(
        &self,
        source: &Datasource,
        sealed: &Sealed,
        key: &WrappedKey,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Secrets, Error> {
        let destination = Destination::of(&source.settings);
        let binding = Binding::new(&self.0.deployment, source, &destination);
        let mut opened = Vec::new();
        for name in names {
            let Some(value) = sealed.value(name) else { continue };
            let damaged = || Error::DoesNotOpen(name.to_owned());
            if seal::key_number(value) != Some(key.number) {
                return Err(damaged());
            }
            let unwrapped = self.unwrapped(source.org, key).await?;
            let text = seal::open(&unwrapped.key, &binding, name, value).ok_or_else(damaged)?;
            opened.push((name.to_owned(), text));
        }
        Ok(opened.into_iter().collect())
    }

    async fn unwrapped(&self, org: OrgId, key: &WrappedKey) -> Result<Arc<Unwrapped>, Error> {
        let inner = &self.0;
        let place = (org, key.number);
        let kept = || inner.keys.get(&place).filter(|unwrapped| unwrapped.stamp.is_fresh(KEPT));
        if let Some(unwrapped) = kept() {
            return Ok(unwrapped);
        }
        let _one_at_a_time = inner.unwrapping.lock().await;
        if let Some(unwrapped) = kept() {
            return Ok(unwrapped);
        }
        let stamp = Stamp::now();
        let context = KeyContext { deployment: inner.deployment.clone(), org, number: key.number };
        let der = inner.keyring.unwrap(&context, &key.wrapped).await?;
        let what = "the private key does not fit the public one";
        let private = keyring::fitting(&der, &key.public).ok_or(Error::Key { org, what })?;
        let unwrapped = Arc::new(Unwrapped { key: private, stamp });
        inner.keys.insert(place, Arc::clone(&unwrapped));
        Ok(unwrapped)
    }
}
