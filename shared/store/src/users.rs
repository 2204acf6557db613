//! Users and their memberships: from a login and a password to a caller.

use auth::{Caller, Identity, Role, Unauthenticated, password};
use aws_sdk_dynamodb::types::AttributeValue;
use secrecy::SecretString;
use sourcegate_core::OrgId;

use crate::item::{Item, Record, item, number, text};
use crate::read::Batch;
use crate::table::Key;
use crate::{Error, Store, tokens};

/// The longest login that is looked up, in bytes; a key of the table would take a few more.
const LONGEST_LOGIN: usize = 255;

/// The keys that tell who a login is and what he is in an organisation. Nobody has a login that makes no key.
pub(crate) fn keys(login: &str, org: OrgId) -> Vec<Key> {
    if login.is_empty() || login.len() > LONGEST_LOGIN {
        return vec![Key::org(org)];
    }
    vec![Key::user(login), Key::member(org, login), Key::org(org)]
}

impl Store {
    /// Decides what the items of [`keys`] say. An unknown login takes as long as a wrong password.
    pub(crate) async fn verify_user(
        &self,
        (login, password): (&str, &SecretString),
        org: OrgId,
        batch: &mut Batch,
    ) -> Result<Caller, Error> {
        let [user, member, meta] =
            [Key::user(login), Key::member(org, login), Key::org(org)].map(|key| batch.take(&key));
        let record = user.as_ref().map(Record);
        let hash = record.as_ref().map_or(Ok(password::OF_NOBODY), |user| user.text("password"))?;
        let right = self.0.passwords.check(login, password, hash).await?;
        let wrong = Unauthenticated::WrongPassword;
        let user = record.filter(|_| right).ok_or(wrong)?;
        if user.flag("disabled")? {
            return Err(wrong.into());
        }
        let member = member.ok_or(Unauthenticated::NotAMember)?;
        if !tokens::is_open(meta.as_ref())? {
            return Err(Unauthenticated::NotAMember.into());
        }
        let member = Record(&member);
        let role = Role::parse(member.text("role")?).ok_or_else(|| member.bad("role"))?;
        let identity =
            Identity::User { id: user.number("id")?, login: user.text("login")?.to_owned() };
        Ok(Caller::new(identity, org, role))
    }

    /// Reads an organisation's name; none if it does not exist.
    ///
    /// # Errors
    /// What the table says.
    pub async fn org_name(&self, org: OrgId) -> Result<Option<String>, Error> {
        let item = self.get(&Key::org(org)).await?;
        item.map(|item| Record(&item).text("name").map(str::to_owned)).transpose()
    }
}

/// The items of a new user with one membership.
pub(crate) fn items(id: u32, login: &str, hash: &str, org: OrgId, role: Role) -> [Item; 2] {
    let user = item(
        &Key::user(login),
        [
            ("id", number(id)),
            ("login", text(login)),
            ("password", text(hash)),
            ("disabled", AttributeValue::Bool(false)),
        ],
    );
    [user, item(&Key::member(org, login), [("role", text(role))])]
}
