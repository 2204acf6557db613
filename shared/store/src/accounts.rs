//! Service accounts: each change is one transaction conditional on `rev`, and each name is one item.

mod create;
mod delete;
mod tokens;
mod update;

use auth::{OwnerId, Permit, Role, account_login, slug};
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{OrgId, Rev};

use crate::datasources::logged;
use crate::item::{Item, Record, item, number, text};
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::{Error, Store};

pub use tokens::{MadeToken, TokenDraft};

/// How often a change is made again on what somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

/// How many tokens a service account can have.
const MOST_TOKENS: u32 = 1_000;

/// A service account as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// The number, shared with users and never given again.
    pub id: OwnerId,
    /// Whose it is.
    pub org: OrgId,
    /// What operators call it; its login, which is made of it, is unique within the organisation.
    pub name: String,
    /// What it may do there.
    pub role: Role,
    /// Whether its tokens are refused.
    pub disabled: bool,
    /// How many tokens it has, expired ones included.
    pub tokens: u32,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it was changed last, in seconds since 1970.
    pub updated: i64,
    /// The number of its next token.
    next_token: u32,
    /// Whether it is being deleted: nobody sees it any more, and its tokens go.
    deleting: bool,
    rev: Rev,
}

/// What a new service account is made of.
#[derive(Clone, Debug)]
pub struct AccountDraft {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether its tokens are refused.
    pub disabled: bool,
}

/// What of a service account is replaced; the rest stays.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// Its name, and its login with it.
    pub name: Option<String>,
    /// What it may do.
    pub role: Option<Role>,
    /// Whether its tokens are refused.
    pub disabled: Option<bool>,
}

impl ServiceAccount {
    /// Gives its login.
    #[must_use]
    pub fn login(&self) -> String {
        account_login(self.org, &self.name)
    }

    fn key(&self) -> Key {
        Key::service_account(self.org, self.id)
    }

    fn name_key(&self) -> Key {
        Key::account_name(self.org, &slug(&self.name))
    }

    fn item(&self) -> Item {
        item(
            &self.key(),
            [
                ("name", text(&self.name)),
                ("role", text(self.role)),
                ("disabled", AttributeValue::Bool(self.disabled)),
                ("tokens", number(self.tokens)),
                ("created", number(self.created)),
                ("updated", number(self.updated)),
                ("nextToken", number(self.next_token)),
                ("deleting", AttributeValue::Bool(self.deleting)),
                ("rev", text(self.rev)),
            ],
        )
    }

    fn of(org: OrgId, item: &Item) -> Result<Self, Error> {
        let record = Record(item);
        let id = record.text("sk")?.parse().ok().and_then(OwnerId::new);
        Ok(Self {
            id: id.ok_or_else(|| record.bad("sk"))?,
            org,
            name: record.text("name")?.to_owned(),
            role: Role::parse(record.text("role")?).ok_or_else(|| record.bad("role"))?,
            disabled: record.flag("disabled")?,
            tokens: record.number("tokens")?,
            created: record.number("created")?,
            updated: record.number("updated")?,
            next_token: record.number("nextToken")?,
            deleting: record.flag("deleting")?,
            rev: Rev::parse(record.text("rev")?).ok_or_else(|| record.bad("rev"))?,
        })
    }

    /// Tells whether an item is the one that was to be written: a write whose answer was lost.
    fn is_written(&self, found: Option<&Item>) -> bool {
        let rev = found.map(|item| Record(item).text("rev").map(str::to_owned));
        matches!(rev, Some(Ok(rev)) if rev == self.rev.to_string())
    }

    /// The attribute that a condition on a revision compares.
    fn rev_value(&self) -> AttributeValue {
        text(self.rev)
    }
}

impl Store {
    /// Finds a service account of an organisation.
    ///
    /// # Errors
    /// [`Error::NoAccount`]; what the table says.
    pub async fn account(&self, org: OrgId, id: OwnerId) -> Result<ServiceAccount, Error> {
        let found = self.stored_account(org, id).await?;
        found.filter(|account| !account.deleting).ok_or(Error::NoAccount(id))
    }

    /// Lists an organisation's service accounts in the order of their logins. A damaged one is left out and logged.
    ///
    /// # Errors
    /// What the table says.
    pub async fn accounts(&self, permit: &Permit) -> Result<Vec<ServiceAccount>, Error> {
        let org = permit.caller().org();
        let pk = table::accounts_of(org);
        let partition = Partition { table: Table::Access, pk: &pk, backwards: false };
        let found = self.query(&partition, usize::MAX).await?;
        let all = found.iter().filter_map(|item| logged(ServiceAccount::of(org, item)));
        let mut all: Vec<_> = all.filter(|account| !account.deleting).collect();
        all.sort_by_cached_key(|account| (slug(&account.name), account.id));
        Ok(all)
    }

    /// Finds a service account, one that is being deleted too.
    async fn stored_account(
        &self,
        org: OrgId,
        id: OwnerId,
    ) -> Result<Option<ServiceAccount>, Error> {
        let item = self.get(&Key::service_account(org, id)).await?;
        item.map(|item| ServiceAccount::of(org, &item)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_read_as_it_was_written() {
        let account = ServiceAccount {
            id: OwnerId::new(7).unwrap(),
            org: OrgId::MAIN,
            name: "My CI".to_owned(),
            role: Role::None,
            disabled: true,
            tokens: 3,
            created: 1,
            updated: 2,
            next_token: 9,
            deleting: false,
            rev: Rev::new(),
        };
        assert_eq!(ServiceAccount::of(OrgId::MAIN, &account.item()).unwrap(), account);
        assert_eq!(account.login(), "sa-1-my-ci");
        assert!(account.is_written(Some(&account.item())) && !account.is_written(None));
        let other = ServiceAccount { rev: Rev::new(), ..account.clone() };
        assert!(!account.is_written(Some(&other.item())));
    }
}
