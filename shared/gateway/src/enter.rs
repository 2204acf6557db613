//! From a credential and a reference to a grant: one batch, remembered for five seconds.

use auth::{Action, Caller, Granted, NotAllowed, Role, Unauthenticated};
use sourcegate_core::{Reference, ScopedName, ScopedSource};
use store::{Claim, Entered, EnteredScoped, FoundScoped, Located, seconds_now};

use crate::{Entry, Error, Gateway};

/// Who asked for what, as far as what is remembered depends on it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place<W> {
    fingerprint: [u8; 32],
    org: Option<i64>,
    wanted: W,
}

/// What a name of the Perses dialect leads to.
pub(crate) enum Led {
    /// A data source of that dialect, and the proof that it may be used.
    Perses(Granted<ScopedSource>),
    /// One of Grafana's, to be entered by itself; and what is said to who may not.
    Grafana(Reference, NotAllowed),
}

impl Gateway {
    /// Verifies, finds and authorizes: everything before the first byte is sent.
    ///
    /// # Errors
    /// [`Error::Store`] if the caller is unknown; [`Error::Denied`] if he may not, or there is no such data source.
    pub async fn enter(&self, entry: &Entry, action: Action) -> Result<(Granted, Located), Error> {
        let claim = entry.claim();
        let place = self.place(&claim)?.of(entry.wanted.clone());
        let store = &self.0.store;
        let read = async |known: Option<&Entered>| {
            let known = known.and_then(|known| known.located.as_ref());
            store.enter(claim, &entry.wanted, known).await
        };
        let held = self.0.entries.get(store, &place, read).await?;
        let Entered { caller, located } = &held.value;
        admit(caller, &claim)?;
        let found = located.as_ref().map(|located| located.source.clone());
        let granted = caller.authorize(action, &place.wanted, found)?;
        match located {
            Some(located) => Ok((granted, located.clone())),
            None => Err(auth::Denied::Absent(place.wanted).into()),
        }
    }

    /// The same by a name of the Perses dialect, for sending requests.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::NotAllowed`] if he may not, or there is no such data source or project.
    pub(crate) async fn enter_scoped(&self, entry: &Entry<ScopedName>) -> Result<Led, Error> {
        let claim = entry.claim();
        let place = self.place(&claim)?.of(entry.wanted.clone());
        let store = &self.0.store;
        let read = async |_: Option<&EnteredScoped>| store.enter_scoped(claim, &entry.wanted).await;
        let held = self.0.scoped.get(store, &place, read).await?;
        let EnteredScoped { caller, found } = &held.value;
        admit(caller, &claim)?;
        let source = match found {
            FoundScoped::Perses(source) => Some(source.clone()),
            _ => None,
        };
        let refusal = match caller.authorize_scoped(&place.wanted, source) {
            Ok(granted) => return Ok(Led::Perses(granted)),
            Err(refusal) => refusal,
        };
        // What else there is shows only to who may use whatever says nothing else.
        let may_know = matches!(refusal, NotAllowed::Absent(_));
        match (found, place.wanted.scope.project()) {
            (FoundScoped::Grafana(wanted), _) => Ok(Led::Grafana(wanted.clone(), refusal)),
            (FoundScoped::Several(names), _) if may_know => {
                let sees_all = caller.role() == Role::Admin;
                Err(Error::Several(if sees_all { names.clone() } else { Vec::new() }))
            }
            (FoundScoped::NoProject, Some(project)) if may_know => {
                Err(store::Error::NoProject(project.clone()).into())
            }
            _ => Err(refusal.into()),
        }
    }

    fn place(&self, claim: &Claim<'_>) -> Result<Place<()>, Error> {
        // What is remembered says nothing of when the credential itself ends.
        claim.credential.check(seconds_now()).map_err(store::Error::from)?;
        let fingerprint = claim.credential.fingerprint(&self.0.key);
        Ok(Place { fingerprint, org: claim.org, wanted: () })
    }
}

impl Place<()> {
    fn of<W>(self, wanted: W) -> Place<W> {
        Place { fingerprint: self.fingerprint, org: self.org, wanted }
    }
}

/// Checks what may have changed since it was remembered, and what is not remembered.
fn admit(caller: &Caller, claim: &Claim<'_>) -> Result<(), Error> {
    if caller.limits().have_ended(seconds_now()) {
        return Err(store::Error::from(Unauthenticated::ExpiredToken).into());
    }
    Ok(caller.admit(claim.peer)?)
}
