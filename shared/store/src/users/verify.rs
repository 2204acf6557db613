//! From a login and a password to a caller: who it is, and which organisation his request is about.

use std::collections::BTreeSet;
use std::net::IpAddr;

use auth::{Caller, Identity, Role, Unauthenticated};
use quick_cache::sync::Cache;
use secrecy::SecretString;
use sourcegate_core::OrgId;

use super::{User, is_no_login};
use crate::floods::Attempt;
use crate::item::{Item, Record};
use crate::read::Batch;
use crate::table::{self, Key};
use crate::{Error, Store, tokens};

/// Of how many logins this process remembers which organisation they were in last.
const MOST_PLACES: usize = 1_000;

/// In which organisation a login was last, so that one batch reads the right one's items.
pub(crate) struct Places(Cache<String, OrgId>);

impl Places {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST_PLACES))
    }

    pub(crate) fn of(&self, login: &str) -> OrgId {
        self.0.get(login).unwrap_or(OrgId::MAIN)
    }

    /// Remembers in which organisation a login is.
    pub(super) fn note(&self, login: &str, org: OrgId) {
        self.0.insert(login.to_owned(), org);
    }
}

/// Who a login and a password turned out to be.
pub(crate) enum Verified {
    /// A caller in the organisation whose items were read.
    Here(Caller),
    /// Other items are to be read: the place says which.
    Elsewhere,
}

/// The keys that tell who a login is, and whether an organisation is there. Nobody has a login that makes no key.
pub(crate) fn keys(login: &str, place: &Place) -> Vec<Key> {
    let org = Key::org(place.read);
    if is_no_login(login) {
        return vec![org];
    }
    match &place.called {
        Some(called) => vec![Key::user(called), org],
        None if login.contains('@') => vec![Key::user(login), Key::email(login), org],
        None => vec![Key::user(login), org],
    }
}

impl Store {
    /// Decides what the items of [`keys`] say. An unknown login takes as long as a wrong password.
    ///
    /// Without a wanted organisation it is the user's own; one that is gone is noted in the place and passed over.
    pub(crate) async fn verify_user(
        &self,
        (login, password): (&str, &SecretString),
        peer: Option<IpAddr>,
        place: &mut Place,
        batch: &mut Batch,
    ) -> Result<Verified, Error> {
        let read = place.read;
        let called = place.called.as_deref().unwrap_or(login);
        let [user, meta] = [Key::user(called), Key::org(read)].map(|key| batch.take(&key));
        if user.is_none() && place.called.is_none() && login.contains('@') {
            // Whether it is anybody's email or not takes one read more, so that time tells nothing.
            let pointer = batch.take(&Key::email(login));
            place.called = Some(pointer.as_ref().map_or(Ok(login), login_of)?.to_owned());
            return Ok(Verified::Elsewhere);
        }
        let user = user.filter(|user| place.called.is_none() || is_email_of(login, user));
        let record = user.as_ref().map(Record);
        let hash =
            record.as_ref().map_or(Ok(auth::password::OF_NOBODY), |user| user.text("password"))?;
        let attempt = Attempt::new(self, login, peer);
        let right = self.0.passwords.check((login, password), hash, Some(&attempt)).await?;
        let wrong = Unauthenticated::WrongPassword;
        let user = User::of(&user.filter(|_| right).ok_or(wrong)?)?;
        if user.disabled {
            return Err(wrong.into());
        }
        self.settle(login, user, place, meta.as_ref())
    }

    /// Decides which organisation the request of a user is about who proved to be himself, under the login that he gave.
    pub(crate) fn settle(
        &self,
        login: &str,
        user: User,
        place: &mut Place,
        meta: Option<&Item>,
    ) -> Result<Verified, Error> {
        let read = place.read;
        if !tokens::is_open(meta)? {
            place.closed.insert(read);
        }
        let (org, role) = place.of(&user).ok_or(Unauthenticated::NotAMember)?;
        if org != read {
            place.read = org;
            return Ok(Verified::Elsewhere);
        }
        self.0.places.note(login, org);
        let stay = user.stay(org);
        let identity = Identity::User { id: user.id, stay, login: user.login };
        let caller = Caller::new(identity, org, role);
        Ok(Verified::Here(if user.is_server_admin { caller.as_server_admin() } else { caller }))
    }
}

/// Reads the login that an email's pointer names.
pub(super) fn login_of(pointer: &Item) -> Result<&str, Error> {
    let login = pointer.get("login").and_then(|value| value.as_s().ok());
    login.map(String::as_str).ok_or_else(|| Record(pointer).bad("login"))
}

/// Tells whether a user, found by a pointer, still has that email.
pub(super) fn is_email_of(email: &str, user: &Item) -> bool {
    Record(user).text("email").is_ok_and(|own| table::folded(own) == table::folded(email))
}

/// Which organisation a request is about, as far as that is known before its user is.
pub(crate) struct Place {
    /// The one that the request names.
    wanted: Option<OrgId>,
    /// The one whose items are read.
    read: OrgId,
    /// The login that an email belongs to; the email itself if it belongs to none.
    called: Option<String>,
    /// Those that turned out to be gone.
    closed: BTreeSet<OrgId>,
}

impl Place {
    /// Makes one of what a request names, or of where one guesses that its user is.
    pub(crate) fn new(wanted: Option<OrgId>, guess: OrgId) -> Self {
        Self { wanted, read: wanted.unwrap_or(guess), called: None, closed: BTreeSet::new() }
    }

    /// Gives the organisation whose items are read.
    pub(crate) fn org(&self) -> OrgId {
        self.read
    }

    /// Finds the organisation: the wanted one, else the user's own, else his first that is not gone.
    ///
    /// The server's administrator who is in none is nowhere: the server stays his, whoever puts him out, and nothing that
    /// an organisation keeps.
    fn of(&self, user: &User) -> Option<(OrgId, Role)> {
        let is_there = |org: &OrgId| user.orgs.contains_key(org) && !self.closed.contains(org);
        let org = match self.wanted {
            Some(wanted) => Some(wanted).filter(is_there),
            None => std::iter::once(user.org).chain(user.orgs.keys().copied()).find(is_there),
        };
        match org {
            Some(org) => Some((org, *user.orgs.get(&org)?)),
            None if user.is_server_admin && self.wanted.is_none() => {
                Some((OrgId::NOWHERE, Role::None))
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::tests::{org, user};

    #[test]
    fn the_server_s_administrator_is_nowhere_where_he_is_no_member() {
        let nowhere = Some((OrgId::NOWHERE, Role::None));
        let place = |wanted: Option<i64>| Place::new(wanted.map(org), org(3));
        let root = User { is_server_admin: true, ..user(1, &[]) };
        assert_eq!(place(None).of(&root), nowhere);
        assert_eq!(place(Some(3)).of(&root), None);
        let gone = Place { closed: [org(3)].into(), ..place(None) };
        assert_eq!(gone.of(&User { orgs: [(org(3), Role::Admin)].into(), ..root }), nowhere);
    }

    #[track_caller]
    fn check(user: &User, wanted: Option<i64>, closed: &[i64], expected: Option<i64>) {
        let mut place = Place::new(wanted.map(org), OrgId::MAIN);
        place.closed.extend(closed.iter().map(|id| org(*id)));
        let found = place.of(user).map(|(org, _)| org);
        assert_eq!(found, expected.map(org));
    }

    #[test]
    fn a_request_is_about_the_wanted_organisation_or_the_user_s_own() {
        let bob = user(2, &[1, 2, 3]);
        check(&bob, None, &[], Some(2));
        check(&bob, Some(3), &[], Some(3));
        check(&bob, Some(4), &[], None);
        check(&user(9, &[4, 5]), None, &[], Some(4));
        check(&user(1, &[]), None, &[], None);
    }

    #[test]
    fn an_organisation_that_is_gone_is_passed_over() {
        let bob = user(2, &[1, 2, 3]);
        check(&bob, None, &[2], Some(1));
        check(&bob, None, &[2, 1], Some(3));
        check(&bob, None, &[1, 2, 3], None);
        check(&bob, Some(3), &[3], None);
    }
}
