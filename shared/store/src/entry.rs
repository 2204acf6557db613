//! Everything that a proxied request needs of the tables, in one batch: token, owner, data source, sealed values, key.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use auth::jwt::Assertion;
use auth::{Caller, Credential, Unauthenticated};
use sourcegate_core::{Datasource, OrgId, Reference};

use crate::datasources::may_mislead;
use crate::floods::Attempt;
use crate::item::datasource_of;
use crate::keys::WrappedKey;
use crate::read::Batch;
use crate::secrets::Sealed;
use crate::table::Key;
use crate::users::{Place, Verified};
use crate::{Error, Store, sessions, tokens, users};

/// How often it is read again: where a source and its sealed values are of different revisions, and where a user turns
/// out to be in another organisation or to be named by his email.
const MOST_READS: u32 = 6;

/// Who a request says that it is from.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// What shall prove it, not yet verified.
    pub credential: &'a Credential,
    /// The organisation that the request names beside it. Without one it is the token's, the user's
    /// own, or that of the first rule which a JWT matches.
    pub org: Option<i64>,
    /// Where the request came from, as the platform says; failures are counted by it.
    pub peer: Option<IpAddr>,
}

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
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn caller(&self, claim: Claim<'_>) -> Result<Caller, Error> {
        let mut place = self.place(claim)?;
        for _ in 0..MOST_READS {
            let mut batch = self.batch(&identity_keys(claim.credential, &place)).await?;
            match self.verify(claim, &mut place, &mut batch).await? {
                Verified::Here(caller) => return Ok(caller),
                Verified::Elsewhere => {}
            }
        }
        Err(Error::Busy)
    }

    /// Verifies a credential and finds a data source: one round trip by uid, two by number or name, and one more for a
    /// user who is in another organisation than this process believed, or where an address sends many unknown tokens.
    ///
    /// What is `known` of it need not be read again but to see whether it has changed: then it takes one more.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::Torn`] if the source is being changed again and again; [`Error::BadRecord`].
    pub async fn enter(
        &self,
        claim: Claim<'_>,
        wanted: &Reference,
        mut known: Option<&Located>,
    ) -> Result<Entered, Error> {
        let is_token = matches!(claim.credential, Credential::Token(_) | Credential::Session(_));
        if is_token && self.is_flooded_by(claim.peer) {
            self.caller(claim).await?;
        }
        let mut place = self.place(claim)?;
        let mut misled = None;
        for round in 0..MOST_READS {
            if round > 0 {
                crate::read::pause(round).await;
            }
            let org = place.org();
            let uid = self.uid_of(org, wanted).await?;
            let mut keys = identity_keys(claim.credential, &place);
            let own = uid.as_ref().map(|uid| {
                [Key::datasource(org, uid), Key::sealed(org, uid), Key::current_key(org)]
            });
            let named = |known: &&Located| {
                known.source.org == org && uid.as_ref() == Some(&known.source.uid)
            };
            let known = known.take().filter(named);
            let unread = if known.is_some() { 1 } else { 3 };
            keys.extend(own.iter().flatten().take(unread).cloned());
            let mut batch = self.batch(&keys).await?;
            let caller = match self.verify(claim, &mut place, &mut batch).await? {
                Verified::Here(caller) => caller,
                Verified::Elsewhere => continue,
            };
            let Some((uid, own)) = uid.zip(own) else {
                return Ok(Entered { caller, located: None });
            };
            let located = match located(org, &own, known, &mut batch) {
                Err(Error::Torn(_)) if round + 1 < MOST_READS => continue,
                located => located?.filter(|located| wanted.names(&located.source)),
            };
            if located.is_some() || !may_mislead(wanted, &mut misled, uid) {
                return Ok(Entered { caller, located });
            }
        }
        Err(Error::Busy)
    }

    pub(crate) async fn verify(
        &self,
        claim: Claim<'_>,
        place: &mut Place,
        batch: &mut Batch,
    ) -> Result<Verified, Error> {
        match claim.credential {
            Credential::Token(token) => {
                let now = seconds_now();
                let verified = tokens::verify(token, claim.org, batch, now);
                if matches!(verified, Err(Error::Unauthenticated(Unauthenticated::InvalidToken))) {
                    self.note_unknown_token(claim.peer);
                }
                let valid = verified?;
                self.note_use(token, valid.number, now);
                Ok(Verified::Here(valid.caller))
            }
            Credential::Password { login, password } => {
                self.verify_user((login, password), claim.peer, place, batch).await
            }
            Credential::Session(token) => {
                let verified = self.verify_session(token, place, batch);
                if matches!(verified, Err(Error::Unauthenticated(Unauthenticated::InvalidToken))) {
                    self.note_unknown_token(claim.peer);
                }
                verified
            }
            Credential::Assertion(assertion) => {
                asserted(assertion, place.org(), batch).map(Verified::Here)
            }
            Credential::Jwt(_) => Err(Unauthenticated::NoJwt.into()),
        }
    }

    /// Tells which organisation a request is about: a token's own; for a user the one asked for, or the one that he was
    /// in when this process saw him last; for a JWT the one asked for, or the first that its claims give a role in.
    pub(crate) fn place(&self, claim: Claim<'_>) -> Result<Place, Error> {
        match claim.credential {
            Credential::Token(token) => Ok(Place::new(Some(token.org()), token.org())),
            Credential::Session(token) => {
                // What it says of its own end is not known to be true, and never makes it last longer.
                token.check(seconds_now())?;
                let wanted = claim.org.map(OrgId::new).transpose();
                let wanted = wanted.map_err(|_| Unauthenticated::NotAMember)?;
                Ok(Place::new(wanted, self.0.places.of(&token.owner().login)))
            }
            Credential::Password { login, password } => {
                let is_shut = Attempt::new(self, login, claim.peer).is_shut();
                if is_shut && !self.0.passwords.was_right(login, password) {
                    return Err(Unauthenticated::TooManyFailures.into());
                }
                let wanted = claim.org.map(OrgId::new).transpose();
                let wanted = wanted.map_err(|_| Unauthenticated::NotAMember)?;
                Ok(Place::new(wanted, self.0.places.of(login)))
            }
            Credential::Assertion(assertion) => {
                let org = assertion.org(claim.org)?;
                Ok(Place::new(Some(org), org))
            }
            // What nobody verified names no organisation.
            Credential::Jwt(_) => Err(Unauthenticated::NoJwt.into()),
        }
    }
}

pub(crate) fn identity_keys(credential: &Credential, place: &Place) -> Vec<Key> {
    match credential {
        Credential::Token(token) => tokens::keys(token),
        Credential::Password { login, .. } => users::keys(login, place),
        Credential::Session(token) => sessions::keys(token, place.org()),
        Credential::Assertion(_) | Credential::Jwt(_) => vec![Key::org(place.org())],
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

/// Reads a source with its sealed values; a batch is no snapshot, so their revisions are compared. They are the known ones
/// if those are of the revision that the source names; the pair that they are sealed to is theirs for ever.
fn located(
    org: OrgId,
    [source, sealed, key]: &[Key; 3],
    known: Option<&Located>,
    batch: &mut Batch,
) -> Result<Option<Located>, Error> {
    let Some(item) = batch.take(source) else { return Ok(None) };
    let source = datasource_of(org, &item)?;
    if let Some(known) = known {
        if known.source.sec_rev != source.sec_rev {
            return Err(Error::Torn(source.uid));
        }
        return Ok(Some(Located { source: Arc::new(source), ..known.clone() }));
    }
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
