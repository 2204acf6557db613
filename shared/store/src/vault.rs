//! The only opener of secrets. Given to the gateway alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;
use secrecy::SecretString;
use sourcegate_core::{Datasource, Destination, OrgId, Secrets};

use crate::flight::Flights;
use crate::seal::{self, Binding, KeyContext, PrivateKey};
use crate::upstream_tokens::FIELD;
use crate::{Error, KeptToken, Keyring, LocatedSecret, Sealed, Stamp, WrappedKey, keyring};

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
    keys: Cache<Place, Arc<Unwrapped>>,
    /// Which keys are being unwrapped: a cold process asks KMS once and not once per request.
    flights: Flights<Place, Unwrapping>,
    /// That the way to the keyring has been opened, or is being.
    warmed: AtomicBool,
}

/// An organisation's key of a number.
type Place = (OrgId, u32);

/// One unwrapping. Everybody who waits for it shares its outcome, so that a key service that is down costs its
/// time-outs once and not one after the other.
type Unwrapping = Result<Arc<Unwrapped>, Arc<Error>>;

struct Unwrapped {
    key: PrivateKey,
    stamp: Stamp,
}

impl Vault {
    /// Makes a vault of a keyring, for one deployment.
    #[must_use]
    pub fn new(keyring: Keyring, deployment: String) -> Self {
        let (keys, flights) = (Cache::new(MOST_KEYS), Flights::new());
        let warmed = AtomicBool::new(false);
        Self(Arc::new(Inner { keyring, deployment, keys, flights, warmed }))
    }

    /// Begins to open the way to the keyring, unless that was done before: beside what the first request of a process
    /// waits for, so that the key service's handshake costs no time of its own.
    pub fn warm(&self) {
        if self.0.warmed.load(Ordering::Relaxed) || self.0.warmed.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Keyring::Kms { .. } = &self.0.keyring {
            let vault = self.clone();
            tokio::spawn(async move { vault.0.keyring.warm().await });
        }
    }

    /// Opens the named secrets of a data source, and no others. One that is not stored does not open.
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
        self.open_bound(&binding, (source.org, sealed), key, names).await
    }

    /// Opens the named values of a secret of the Perses dialect, likewise.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub async fn open_secret<'n>(
        &self,
        secret: &LocatedSecret,
        sealed: &Sealed,
        key: &WrappedKey,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Secrets, Error> {
        let binding = Binding::of_secret(&self.0.deployment, &secret.document, &secret.spec);
        self.open_bound(&binding, (secret.document.org, sealed), key, names).await
    }

    /// Opens the named values that are bound to this.
    pub(crate) async fn open_bound<'n>(
        &self,
        binding: &Binding<'_>,
        (org, sealed): (OrgId, &Sealed),
        key: &WrappedKey,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Secrets, Error> {
        let mut opened = Vec::new();
        for name in names {
            let damaged = || Error::DoesNotOpen(name.to_owned());
            let value = sealed.value(name).ok_or_else(damaged)?;
            opened.push((name.to_owned(), self.opened(binding, org, key, (name, value)).await?));
        }
        Ok(opened.into_iter().collect())
    }

    /// Opens an upstream token that was got with this revision of a secret.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub async fn open_token(
        &self,
        secret: &LocatedSecret,
        kept: &KeptToken,
        key: &WrappedKey,
    ) -> Result<SecretString, Error> {
        let binding = Binding::of_token(&self.0.deployment, &secret.document);
        self.opened(&binding, secret.document.org, key, (FIELD, &kept.sealed)).await
    }

    async fn opened(
        &self,
        binding: &Binding<'_>,
        org: OrgId,
        key: &WrappedKey,
        (name, value): (&str, &[u8]),
    ) -> Result<SecretString, Error> {
        let damaged = || Error::DoesNotOpen(name.to_owned());
        if seal::key_number(value) != Some(key.number) {
            return Err(damaged());
        }
        let unwrapped = self.unwrapped(org, key).await?;
        seal::open(&unwrapped.key, binding, name, value).ok_or_else(damaged)
    }

    async fn unwrapped(&self, org: OrgId, key: &WrappedKey) -> Result<Arc<Unwrapped>, Error> {
        let place = (org, key.number);
        if let Some(unwrapped) = self.kept(place) {
            return Ok(unwrapped);
        }
        let flight = self.0.flights.join(place);
        let unwrapping = || async {
            // Another flight may have ended since.
            match self.kept(place) {
                Some(unwrapped) => Ok(unwrapped),
                None => self.unwrap(org, key).await.map_err(Arc::new),
            }
        };
        flight.get_or_init(unwrapping).await.clone().map_err(Error::PrivateKey)
    }

    fn kept(&self, place: Place) -> Option<Arc<Unwrapped>> {
        self.0.keys.get(&place).filter(|unwrapped| unwrapped.stamp.is_fresh(KEPT))
    }

    async fn unwrap(&self, org: OrgId, key: &WrappedKey) -> Result<Arc<Unwrapped>, Error> {
        let inner = &self.0;
        let stamp = Stamp::now();
        let context = KeyContext { deployment: inner.deployment.clone(), org, number: key.number };
        let der = inner.keyring.unwrap(&context, &key.wrapped).await?;
        let what = "the private key does not fit the public one";
        let private = keyring::fitting(&der, &key.public).ok_or(Error::Key { org, what })?;
        let unwrapped = Arc::new(Unwrapped { key: private, stamp });
        inner.keys.insert((org, key.number), Arc::clone(&unwrapped));
        Ok(unwrapped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn k21_of_ten_thousand_tenants_a_thousand_keys_are_kept() {
        let keyring = Keyring::local(&"ab".repeat(32)).unwrap();
        let context = KeyContext { deployment: "test".to_owned(), org: OrgId::MAIN, number: 1 };
        let pair = keyring.make_pair(&context).await.unwrap();
        let key = WrappedKey { number: 1, public: pair.public, wrapped: pair.wrapped };
        let vault = Vault::new(keyring, "test".to_owned());
        let unwrapped = vault.unwrapped(OrgId::MAIN, &key).await.unwrap();
        assert!(vault.kept((OrgId::MAIN, 1)).is_some());
        // Unwrapping that many takes longer than it tells.
        for n in 2..=10_000 {
            vault.0.keys.insert((OrgId::new(n).unwrap(), 1), Arc::clone(&unwrapped));
            assert!(vault.0.keys.len() <= MOST_KEYS, "after {n}");
        }
        assert!(vault.0.keys.len() > MOST_KEYS / 2, "it keeps some");
        // What was put out is no longer held by the vault.
        let held = Arc::strong_count(&unwrapped) - 1;
        assert_eq!(held, vault.0.keys.len());
    }
}
