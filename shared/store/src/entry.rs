//! Everything that a proxied request needs of the tables, in one batch: token, owner, data source, sealed values, key.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use auth::jwt::Assertion;
use auth::{Caller, Credential, Unauthenticated};
use sourcegate_core::{Datasource, OrgId, Reference};

use crate::item::datasource_of;
use crate::keys::WrappedKey;
use crate::read::Batch;
use crate::secrets::Sealed;
use crate::table::Key;
use crate::{Error, Store, tokens, users};

/// How often a source and sealed values of different revisions are read again.
const MOST_READS: u32 = 4;

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
    /// `wanted_org` is the organisation that the request names beside it; otherwise a user's is the first one, and a
    /// JWT's that of its first rule.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn caller(
        &self,
        credential: &Credential,
        wanted_org: Option<i64>,
    ) -> Result<Caller, Error> {
        let org = org_of(credential, wanted_org)?;
        let mut batch = self.batch(&identity_keys(credential, org)).await?;
        self.verify(credential, wanted_org, org, &mut batch).await
    }

    /// Verifies a credential and finds a data source: one round trip by uid, two by number.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::Torn`] if the source is being changed again and again; [`Error::BadRecord`].
    pub async fn enter(
        &self,
        credential: &Credential,
        wanted_org: Option<i64>,
        wanted: &Reference,
    ) -> Result<Entered, Error> {
        let org = org_of(credential, wanted_org)?;
        let Some(uid) = self.uid_of(org, wanted).await? else {
            let caller = self.caller(credential, wanted_org).await?;
            return Ok(Entered { caller, located: None });
        };
        let own = [Key::datasource(org, &uid), Key::sealed(org, &uid), Key::current_key(org)];
        for round in 0..MOST_READS {
            if round > 0 {
                crate::read::pause(round).await;
            }
            let mut keys = identity_keys(credential, org);
            keys.extend(own.iter().cloned());
            let mut batch = self.batch(&keys).await?;
            let caller = self.verify(credential, wanted_org, org, &mut batch).await?;
            match located(org, &own, &mut batch) {
                Err(Error::Torn(_)) if round + 1 < MOST_READS => {}
                located => return Ok(Entered { caller, located: located? }),
            }
        }
        Err(Error::Busy)
    }

    async fn verify(
        &self,
        credential: &Credential,
        wanted_org: Option<i64>,
        org: OrgId,
        batch: &mut Batch,
    ) -> Result<Caller, Error> {
        match credential {
            Credential::Token(token) => tokens::verify(token, wanted_org, batch, seconds_now()),
            Credential::Password { login, password } => {
                self.verify_user((login, password), org, batch).await
            }
            Credential::Assertion(assertion) => asserted(assertion, org, batch),
            Credential::Jwt(_) => Err(Unauthenticated::NoJwt.into()),
        }
    }
}

/// Which organisation a request is about: a token's own; for others the one asked for, or their first.
fn org_of(credential: &Credential, wanted: Option<i64>) -> Result<OrgId, Error> {
    match (credential, wanted) {
        (Credential::Token(token), _) => Ok(token.org()),
        (Credential::Password { .. }, None) => Ok(OrgId::MAIN),
        (Credential::Password { .. }, Some(wanted)) => {
            OrgId::new(wanted).map_err(|_| Unauthenticated::NotAMember.into())
        }
        (Credential::Assertion(assertion), wanted) => Ok(assertion.org(wanted)?),
        // What nobody verified may name no organisation.
        (Credential::Jwt(_), _) => Err(Unauthenticated::NoJwt.into()),
    }
}

fn identity_keys(credential: &Credential, org: OrgId) -> Vec<Key> {
    match credential {
        Credential::Token(token) => tokens::keys(token),
        Credential::Password { login, .. } => users::keys(login, org),
        Credential::Assertion(_) | Credential::Jwt(_) => vec![Key::org(org)],
    }
}

/// Makes the caller that a verified JWT stands for: its issuer vouches for him, so that only the organisation is looked up.
fn asserted(assertion: &Assertion, org: OrgId, batch: &mut Batch) -> Result<Caller, Error> {
    assertion.check(seconds_now())?;
    if !tokens::is_open(batch.take(&Key::org(org)).as_ref())? {
        return Err(Unauthenticated::NotAMember.into());
    }
    Ok(assertion.caller(org)?)
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

/// Tells the time in seconds since 1970, as whatever expires is measured.
#[must_use]
pub fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
