//! Everything that a proxied request needs of the tables, in one batch: token, owner, data source, sealed values, key.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use auth::{Caller, Credential};
use sourcegate_core::{Datasource, OrgId, Reference};

use crate::datasources::may_mislead;
use crate::item::datasource_of;
use crate::keys::WrappedKey;
use crate::read::Batch;
use crate::secrets::Sealed;
use crate::table::Key;
use crate::users::{Place, Verified};
use crate::{Error, Store, tokens, users};

/// How often it is read again: where a source and its sealed values are of different revisions, and where a user turns
/// out to be in another organisation.
const MOST_READS: u32 = 6;

/// A verified caller, and the data source that he names as far as it exists. Nothing is authorized yet.
#[derive(Clone)]
pub struct Entered {
    /// Who asks.
    pub caller: Caller,
    /// What he asks for, if it exists in his organisation.
    pub located: Option<Located>,
}

/// A data source with what its secrets are opened from.
#[derive(Clone)]
pub struct Located {
    /// The data source.
    pub source: Arc<Datasource>,
    /// Its sealed values, of the revision that it names; none if it has none.
    pub sealed: Option<Arc<Sealed>>,
    /// The organisation's current key pair.
    pub key: Option<Arc<WrappedKey>>,
}

impl Store {
    /// Verifies a credential.
    ///
    /// `wanted_org` is the organisation that the request names beside it; without one it is the token's, or the user's own.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn caller(
        &self,
        credential: &Credential,
        wanted_org: Option<i64>,
    ) -> Result<Caller, Error> {
        let mut place = self.place(credential, wanted_org)?;
        for _ in 0..MOST_READS {
            let mut batch = self.batch(&identity_keys(credential, place.read)).await?;
            match self.verify(credential, wanted_org, &mut place, &mut batch).await? {
                Verified::Here(caller) => return Ok(caller),
                Verified::Elsewhere(org) => place.read = org,
            }
        }
        Err(Error::Busy)
    }

    /// Verifies a credential and finds a data source: one round trip by uid, two by number or name, and one more for a
    /// user who is in another organisation than this process believed.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::Torn`] if the source is being changed again and again; [`Error::BadRecord`].
    pub async fn enter(
        &self,
        credential: &Credential,
        wanted_org: Option<i64>,
        wanted: &Reference,
    ) -> Result<Entered, Error> {
        let mut place = self.place(credential, wanted_org)?;
        let mut misled = None;
        for round in 0..MOST_READS {
            if round > 0 {
                crate::read::pause(round).await;
            }
            let org = place.read;
            let uid = self.uid_of(org, wanted).await?;
            let mut keys = identity_keys(credential, org);
            let own = uid.as_ref().map(|uid| {
                [Key::datasource(org, uid), Key::sealed(org, uid), Key::current_key(org)]
            });
            keys.extend(own.iter().flatten().cloned());
            let mut batch = self.batch(&keys).await?;
            let caller = match self.verify(credential, wanted_org, &mut place, &mut batch).await? {
                Verified::Here(caller) => caller,
                Verified::Elsewhere(org) => {
                    place.read = org;
                    continue;
                }
            };
            let Some((uid, own)) = uid.zip(own) else {
                return Ok(Entered { caller, located: None });
            };
            let located = match located(org, &own, &mut batch) {
                Err(Error::Torn(_)) if round + 1 < MOST_READS => continue,
                located => located?.filter(|located| wanted.names(&located.source)),
            };
            if located.is_some() || !may_mislead(wanted, &mut misled, uid) {
                return Ok(Entered { caller, located });
            }
        }
        Err(Error::Busy)
    }

    async fn verify(
        &self,
        credential: &Credential,
        wanted_org: Option<i64>,
        place: &mut Place,
        batch: &mut Batch,
    ) -> Result<Verified, Error> {
        match credential {
            Credential::Token(token) => {
                tokens::verify(token, wanted_org, batch, seconds_now()).map(Verified::Here)
            }
            Credential::Password { login, password } => {
                self.verify_user((login, password), place, batch).await
            }
        }
    }

    /// Tells which organisation a request is about: a token's own; for a user the one asked for, or the one that he was
    /// in when this process saw him last.
    fn place(&self, credential: &Credential, wanted: Option<i64>) -> Result<Place, Error> {
        match credential {
            Credential::Token(token) => Ok(Place::new(Some(token.org()), token.org())),
            Credential::Password { login, .. } => {
                let wanted = wanted.map(OrgId::new).transpose();
                let wanted = wanted.map_err(|_| auth::Unauthenticated::NotAMember)?;
                Ok(Place::new(wanted, self.0.places.of(login)))
            }
        }
    }
}

fn identity_keys(credential: &Credential, org: OrgId) -> Vec<Key> {
    match credential {
        Credential::Token(token) => tokens::keys(token),
        Credential::Password { login, .. } => users::keys(login, org),
    }
}

/// Reads a source with its sealed values; a batch is no snapshot, so their revisions are compared.
fn located(
    org: OrgId,
    [source, sealed, key]: &[Key; 3],
    batch: &mut Batch,
) -> Result<Option<Located>, Error> {
    let Some(item) = batch.take(source) else { return Ok(None) };
    let source = datasource_of(org, &item)?;
    let sealed = match source.sec_rev {
        None => None,
        Some(rev) => {
            let sealed = batch.take(sealed).map(|item| Sealed::of(&item)).transpose()?;
            let whole = sealed.filter(|sealed| sealed.rev == rev);
            Some(Arc::new(whole.ok_or_else(|| Error::Torn(source.uid.clone()))?))
        }
    };
    let key = batch.take(key).map(|item| WrappedKey::of(&item)).transpose()?.map(Arc::new);
    Ok(Some(Located { source: Arc::new(source), sealed, key }))
}

pub(crate) fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
