//! Users and what they are in which organisation: from a login and a password to a caller.

mod change;
mod changes;
mod create;
mod delete;
mod edit;
mod find;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use auth::{Caller, Identity, Role, Unauthenticated};
use aws_sdk_dynamodb::types::AttributeValue;
use quick_cache::sync::Cache;
use secrecy::SecretString;
use sourcegate_core::{OrgId, Rev};

use crate::floods::Attempt;
use crate::item::{Item, Record, item, number, text};
use crate::read::Batch;
use crate::table::{self, Key};
use crate::{Error, Store, tokens};

pub use create::NewUser;
pub use edit::Profile;
pub use find::Listed;

pub(crate) use changes::{Part, changes};
pub(crate) use edit::{Edit, open};

/// The longest login or email that anybody has, in characters; nothing longer is looked up.
const LONGEST_LOGIN: usize = 190;

/// Of how many logins this process remembers which organisation they were in last.
const MOST_PLACES: usize = 1_000;

/// A user as the table holds him. The organisations stand in the same item as the password, so that one read tells both,
/// whichever organisation a request is about; `MEMBER#…` repeats them for the lists of organisations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The number, shared with service accounts and never given again.
    pub id: u32,
    /// What he logs in as; unique without regard to case.
    pub login: String,
    /// What he is called.
    pub name: String,
    /// Where mail reaches him; may be empty.
    pub email: String,
    /// Whether he is shut out everywhere.
    pub disabled: bool,
    /// Whether he administers the whole server.
    pub is_server_admin: bool,
    /// His role in each organisation that he belongs to.
    pub orgs: BTreeMap<OrgId, Role>,
    /// The organisation that his requests are about unless they name one.
    pub org: OrgId,
    /// When he was made, in seconds since 1970.
    pub created: i64,
    /// When he was changed last, in seconds since 1970.
    pub updated: i64,
    pub(crate) rev: Rev,
}

impl User {
    /// Tells whether he administers the server and is not shut out.
    pub(crate) fn runs_server(&self) -> bool {
        self.is_server_admin && !self.disabled
    }

    pub(crate) fn of(item: &Item) -> Result<Self, Error> {
        let record = Record(item);
        let owned = |name| record.text(name).map(str::to_owned);
        let org = |id: i64| OrgId::new(id).map_err(|_| record.bad("org"));
        Ok(Self {
            id: record.number("id")?,
            login: owned("login")?,
            name: owned("name")?,
            email: owned("email")?,
            disabled: record.flag("disabled")?,
            is_server_admin: record.flag("serverAdmin")?,
            orgs: orgs_of(&record)?,
            org: org(record.number("org")?)?,
            created: record.number("created")?,
            updated: record.number("updated")?,
            rev: Rev::parse(record.text("rev")?).ok_or_else(|| record.bad("rev"))?,
        })
    }

    /// Writes the user's item under his login, with the hash of his password.
    pub(crate) fn item(&self, hash: &str) -> Item {
        let roles = self.orgs.iter().map(|(org, role)| (org.to_string(), text(role)));
        item(
            &Key::user(&self.login),
            [
                ("id", number(self.id)),
                ("login", text(&self.login)),
                ("name", text(&self.name)),
                ("email", text(&self.email)),
                ("password", text(hash)),
                ("disabled", AttributeValue::Bool(self.disabled)),
                ("serverAdmin", AttributeValue::Bool(self.is_server_admin)),
                ("orgs", AttributeValue::M(roles.collect::<HashMap<_, _>>())),
                ("org", number(self.org)),
                ("created", number(self.created)),
                ("updated", number(self.updated)),
                ("rev", text(self.rev)),
            ],
        )
    }

    /// Writes what the list of an organisation's members shows of him.
    pub(crate) fn member_item(&self, org: OrgId, role: Role) -> Item {
        item(&Key::member(org, &self.login), [("id", number(self.id)), ("role", text(role))])
    }

    /// Writes what the list of users shows of him.
    pub(crate) fn listed_item(&self) -> Item {
        item(
            &Key::listed_user(self.id),
            [
                ("login", text(&self.login)),
                ("name", text(&self.name)),
                ("email", text(&self.email)),
                ("disabled", AttributeValue::Bool(self.disabled)),
                ("serverAdmin", AttributeValue::Bool(self.is_server_admin)),
            ],
        )
    }
}

/// A user with the hash of his password, as one item holds both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) user: User,
    pub(crate) hash: String,
}

impl Kept {
    pub(crate) fn of(item: &Item) -> Result<Self, Error> {
        Ok(Self { user: User::of(item)?, hash: Record(item).text("password")?.to_owned() })
    }
}

fn orgs_of(record: &Record<'_>) -> Result<BTreeMap<OrgId, Role>, Error> {
    let bad = || record.bad("orgs");
    let one = |(org, role): (&String, &AttributeValue)| {
        let org = org.parse().ok().and_then(|id| OrgId::new(id).ok()).ok_or_else(bad)?;
        let role = role.as_s().ok().and_then(|text| Role::parse(text)).ok_or_else(bad)?;
        Ok((org, role))
    };
    let all = record.0.get("orgs").and_then(|value| value.as_m().ok()).ok_or_else(bad)?;
    all.iter().map(one).collect()
}

/// Tells whether nobody can have a text as his login or email; it might make no key.
fn is_no_login(text: &str) -> bool {
    text.is_empty() || text.chars().count() > LONGEST_LOGIN
}

/// In which organisation a login was last, so that one batch reads the right one's items.
pub(crate) struct Places(Cache<String, OrgId>);

impl Places {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST_PLACES))
    }

    pub(crate) fn of(&self, login: &str) -> OrgId {
        self.0.get(login).unwrap_or(OrgId::MAIN)
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
        if !tokens::is_open(meta.as_ref())? {
            place.closed.insert(read);
        }
        let (org, role) = place.of(&user).ok_or(Unauthenticated::NotAMember)?;
        if org != read {
            place.read = org;
            return Ok(Verified::Elsewhere);
        }
        self.0.places.0.insert(login.to_owned(), org);
        let identity = Identity::User { id: user.id, login: user.login };
        let caller = Caller::new(identity, org, role);
        Ok(Verified::Here(if user.is_server_admin { caller.as_server_admin() } else { caller }))
    }
}

/// Reads the login that an email's pointer names.
fn login_of(pointer: &Item) -> Result<&str, Error> {
    let login = pointer.get("login").and_then(|value| value.as_s().ok());
    login.map(String::as_str).ok_or_else(|| Record(pointer).bad("login"))
}

/// Tells whether a user, found by a pointer, still has that email.
fn is_email_of(email: &str, user: &Item) -> bool {
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
    fn of(&self, user: &User) -> Option<(OrgId, Role)> {
        let is_there = |org: &OrgId| user.orgs.contains_key(org) && !self.closed.contains(org);
        let org = match self.wanted {
            Some(wanted) => Some(wanted).filter(is_there),
            None => std::iter::once(user.org).chain(user.orgs.keys().copied()).find(is_there),
        };
        org.and_then(|org| Some((org, *user.orgs.get(&org)?)))
    }
}

#[cfg(test)]
mod tests;
