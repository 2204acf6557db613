//! Changing a service account, and its name with it.

use auth::{OwnerId, Permit};
use sourcegate_core::Rev;

use super::create::owner_of;
use super::{AccountChange, MOST_TRIES, ServiceAccount};
use crate::entry::seconds_now;
use crate::item::{item, number};
use crate::table::Table;
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

impl Store {
    /// Changes a service account of the caller's organisation.
    ///
    /// # Errors
    /// [`Error::NoAccount`]; [`Error::AccountTaken`].
    pub async fn update_account(
        &self,
        permit: &Permit,
        id: OwnerId,
        change: &AccountChange,
    ) -> Result<ServiceAccount, Error> {
        let org = permit.caller().org();
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let stored = self.account(org, id).await?;
            let account = changed(&stored, change);
            let found = match self.transact(&writes(&stored, &account)).await? {
                Outcome::Written => return Ok(account),
                Outcome::Refused(found) => found,
            };
            let there = |at: usize| found.get(at).and_then(Option::as_ref);
            if account.is_written(there(0)) {
                return Ok(account);
            }
            if let Some(name) = there(1)
                && !self.finish_deletion(org, owner_of(name)?).await?
            {
                return Err(Error::AccountTaken(account.name));
            }
        }
        Err(Error::Busy)
    }
}

fn changed(stored: &ServiceAccount, change: &AccountChange) -> ServiceAccount {
    ServiceAccount {
        name: change.name.clone().unwrap_or_else(|| stored.name.clone()),
        role: change.role.unwrap_or(stored.role),
        disabled: change.disabled.unwrap_or(stored.disabled),
        updated: seconds_now(),
        rev: Rev::new(),
        ..stored.clone()
    }
}

/// The account, and where its name makes another login, the new name and the end of the old one.
fn writes(stored: &ServiceAccount, account: &ServiceAccount) -> Vec<Write> {
    let unchanged = Condition::Equals("rev", stored.rev_value());
    let mut writes = vec![Write::put(Table::Access, account.item()).only_if(unchanged)];
    if stored.name_key() != account.name_key() {
        let named = item(&account.name_key(), [("owner", number(account.id))]);
        writes.push(Write::put(Table::Access, named).only_if(Condition::Absent));
        writes.push(Write::delete(stored.name_key()));
    }
    writes
}
