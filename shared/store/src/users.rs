//! Users and what they are in which organisation.

mod change;
mod changes;
mod create;
mod delete;
mod edit;
mod find;
mod verify;

use std::collections::{BTreeMap, HashMap};

use auth::Role;
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{Assignee, OrgId, Rev};

use crate::Error;
use crate::item::{Item, Record, item, number, text};
use crate::table::Key;

pub use create::NewUser;
pub use edit::Profile;
pub use find::Listed;

pub(crate) use changes::{Part, changes};
pub(crate) use edit::{Edit, open};
pub(crate) use verify::{Place, Places, Verified, keys};

/// The longest login or email that anybody has, in characters; nothing longer is looked up.
const LONGEST_LOGIN: usize = 190;

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
    /// How often he has left which organisation. What it gave him before counts no more.
    pub(crate) left: BTreeMap<OrgId, u32>,
    /// When he was made, in seconds since 1970.
    pub created: i64,
    /// When he was changed last, in seconds since 1970.
    pub updated: i64,
    pub(crate) rev: Rev,
}

impl User {
    /// Tells how often he has left an organisation: the number of his stay in it.
    pub(crate) fn stay(&self, org: OrgId) -> u32 {
        self.left.get(&org).copied().unwrap_or_default()
    }

    /// Gives what data sources of an organisation name him by, if he is a member.
    #[must_use]
    pub fn assignee(&self, org: OrgId) -> Option<Assignee> {
        let stay = self.stay(org);
        self.orgs.contains_key(&org).then_some(Assignee::Account { id: self.id, stay })
    }

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
            left: left_of(&record)?,
            created: record.number("created")?,
            updated: record.number("updated")?,
            rev: Rev::parse(record.text("rev")?).ok_or_else(|| record.bad("rev"))?,
        })
    }

    /// Writes the user's item under his login, with the hash of his password.
    pub(crate) fn item(&self, hash: &str) -> Item {
        let roles = self.orgs.iter().map(|(org, role)| (org.to_string(), text(role)));
        let mut item = item(
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
        );
        if !self.left.is_empty() {
            let left = self.left.iter().map(|(org, times)| (org.to_string(), number(times)));
            item.insert("left".to_owned(), AttributeValue::M(left.collect()));
        }
        item
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
    let role = |value: &AttributeValue| value.as_s().ok().and_then(|text| Role::parse(text));
    by_org(record, "orgs", role)?.ok_or_else(|| record.bad("orgs"))
}

fn left_of(record: &Record<'_>) -> Result<BTreeMap<OrgId, u32>, Error> {
    let times = |value: &AttributeValue| value.as_n().ok().and_then(|digits| digits.parse().ok());
    by_org(record, "left", times).map(Option::unwrap_or_default)
}

/// Reads what an attribute says of each organisation; none if it is not there.
fn by_org<T>(
    record: &Record<'_>,
    name: &'static str,
    read: impl Fn(&AttributeValue) -> Option<T>,
) -> Result<Option<BTreeMap<OrgId, T>>, Error> {
    let one = |(org, value): (&String, &AttributeValue)| {
        let org = org.parse().ok().and_then(|id| OrgId::new(id).ok())?;
        Some((org, read(value)?))
    };
    let Some(value) = record.0.get(name) else { return Ok(None) };
    let all = value.as_m().ok().and_then(|all| all.iter().map(one).collect());
    all.map(Some).ok_or_else(|| record.bad(name))
}

/// Tells whether nobody can have a text as his login or email; it might make no key.
pub(crate) fn is_no_login(text: &str) -> bool {
    text.is_empty() || text.chars().count() > LONGEST_LOGIN
}

#[cfg(test)]
mod tests;
