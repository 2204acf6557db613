//! Users and service accounts by the numbers that permissions name them by.

use std::collections::{BTreeMap, BTreeSet};

use auth::OwnerId;
use sourcegate_core::{Assignee, OrgId};

use crate::item::{Item, Record};
use crate::read::BATCH;
use crate::table::Key;
use crate::{Error, Store, User};

/// A user or a service account of an organisation, as lists of permissions show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What it logs in as, or is called.
    pub login: String,
    /// Whether it is a service account.
    pub is_service_account: bool,
    /// What permissions name it by now.
    pub assignee: Assignee,
}

impl Store {
    /// Finds the users and service accounts of an organisation that have these numbers. Others' are not found; in the
    /// place of one whose item is damaged stands what is wrong with it, since he is not gone.
    ///
    /// # Errors
    /// What the table says.
    pub async fn assignees(
        &self,
        org: OrgId,
        ids: &BTreeSet<u32>,
    ) -> Result<BTreeMap<u32, Result<Account, Error>>, Error> {
        let mut found = BTreeMap::new();
        let mut logins = BTreeMap::new();
        let ids: Vec<_> = ids.iter().copied().collect();
        // Two keys for each, since the number does not tell which of both it is.
        for ids in ids.chunks(BATCH / 2) {
            let keys = |id: &u32| (*id, Key::listed_user(*id), account_key(org, *id));
            let keys: Vec<_> = ids.iter().map(keys).collect();
            let all = keys.iter().flat_map(|(_, user, account)| {
                std::iter::once(user.clone()).chain(account.clone())
            });
            let mut batch = self.batch(&all.collect::<Vec<_>>()).await?;
            for (id, user, account) in keys {
                if let Some(item) = batch.take(&user) {
                    match Record(&item).text("login") {
                        Ok(login) => drop(logins.insert(id, login.to_owned())),
                        Err(damage) => drop(found.insert(id, Err(damage))),
                    }
                } else if let Some(item) = account.and_then(|key| batch.take(&key)) {
                    found.insert(id, service_account(id, &item));
                }
            }
        }
        found.extend(self.users_in(org, logins).await?);
        Ok(found)
    }

    /// Keeps those users that belong to the organisation.
    async fn users_in(
        &self,
        org: OrgId,
        logins: BTreeMap<u32, String>,
    ) -> Result<Vec<(u32, Result<Account, Error>)>, Error> {
        let mut members = Vec::new();
        let logins: Vec<_> = logins.into_iter().collect();
        for logins in logins.chunks(BATCH) {
            let keys: Vec<_> = logins.iter().map(|(_, login)| Key::user(login)).collect();
            let mut batch = self.batch(&keys).await?;
            for ((id, _), key) in logins.iter().zip(&keys) {
                let Some(item) = batch.take(key) else { continue };
                members.extend(member(org, *id, &item).transpose().map(|account| (*id, account)));
            }
        }
        Ok(members)
    }
}

/// The key of a service account; no number beyond 31 bits is one's.
fn account_key(org: OrgId, id: u32) -> Option<Key> {
    OwnerId::new(id).map(|owner| Key::service_account(org, owner))
}

/// Reads a user's item; none if he is no member. A login may have gone to another user since its number was looked up.
fn member(org: OrgId, id: u32, item: &Item) -> Result<Option<Account>, Error> {
    let user = User::of(item)?;
    let assignee = user.assignee(org).filter(|_| user.id == id);
    Ok(assignee.map(|assignee| Account { login: user.login, is_service_account: false, assignee }))
}

fn service_account(id: u32, item: &Item) -> Result<Account, Error> {
    let record = Record(item);
    let login = match record.optional_text("login")? {
        Some(login) => login,
        None => record.text("name")?,
    };
    let assignee = Assignee::account(id);
    Ok(Account { login: login.to_owned(), is_service_account: true, assignee })
}
