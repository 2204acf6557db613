//! The values of a secret of the Perses dialect: sealed beside it, kept where they come back masked.

use std::collections::BTreeMap;

use secrecy::SecretString;
use sourcegate_core::{Document, SecretSpec};

use crate::seal::{self, Binding};
use crate::secrets::Sealed;
use crate::table::Key;
use crate::{Error, Store};

/// The values of a secret as they are sent: none keeps what is sealed, what is not named goes.
pub type Values = Vec<(String, Option<SecretString>)>;

impl Store {
    /// Seals what is new of a secret and keeps what is to be kept; none if it has no values.
    ///
    /// # Errors
    /// [`Error::MaskedOnly`] if a value is to be kept that is not there; [`Error::MustResend`] if it was saved for another
    /// destination; [`Error::Busy`] if the values are being changed.
    pub(super) async fn sealed_values(
        &self,
        before: Option<&Document>,
        after: &Document,
        values: &Values,
    ) -> Result<Option<Sealed>, Error> {
        if values.is_empty() {
            return Ok(None);
        }
        let spec = |document: &Document| SecretSpec::read(&document.spec).unwrap_or_default();
        let spec_after = spec(after);
        let mut sealed = BTreeMap::new();
        let kept: Vec<_> = values.iter().filter(|(_, value)| value.is_none()).collect();
        if !kept.is_empty() {
            let stored = self.stored_values(before).await?;
            let spec_before = before.map(spec).unwrap_or_default();
            for (name, _) in kept {
                let value = stored.as_ref().and_then(|stored| stored.value(name));
                let value = value.ok_or_else(|| Error::MaskedOnly(name.clone()))?;
                if spec_before.destination_of(name) != spec_after.destination_of(name) {
                    return Err(Error::MustResend(vec![name.clone()]));
                }
                sealed.insert(name.clone(), value.to_vec());
            }
        }
        if values.iter().any(|(_, value)| value.is_some()) {
            let key = self.public_key(after.org).await?;
            let binding = Binding::of_secret(self.deployment(), after, &spec_after);
            for (name, value) in values {
                let Some(value) = value else { continue };
                let value = seal::seal(&key, &binding, name, value);
                let value = value.ok_or_else(|| Error::CannotSeal(name.clone()))?;
                sealed.insert(name.clone(), value);
            }
        }
        Ok(Some(Sealed::new(sealed)))
    }

    /// Reads the sealed values of a secret, if it has any. A secret and its values are written together but read apart.
    async fn stored_values(&self, secret: Option<&Document>) -> Result<Option<Sealed>, Error> {
        let Some((secret, rev)) = secret.and_then(|secret| Some((secret, secret.sec_rev?))) else {
            return Ok(None);
        };
        let key = Key::sealed_document(secret.org, &secret.id);
        let item = self.get(&key).await?.ok_or(Error::Busy)?;
        let sealed = Sealed::of(&item)?;
        if sealed.rev == rev { Ok(Some(sealed)) } else { Err(Error::Busy) }
    }
}
