//! Making a service account: a number of the counter, then the account and its name in one transaction.

use auth::{OwnerId, Permit};
use sourcegate_core::{OrgId, Rev};

use super::{AccountDraft, ServiceAccount};
use crate::entry::seconds_now;
use crate::item::{Item, Record, item, number};
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// What the numbers of users and service accounts are counted by.
const COUNTED: &str = "account";

/// How often another number is drawn, or a name that is on its way out waited for, before giving up.
const MOST_DRAWS: u32 = 5;

impl Store {
    /// Makes a service account without tokens.
    ///
    /// # Errors
    /// [`Error::AccountTaken`]; what the table says.
    pub async fn create_account(
        &self,
        permit: &Permit,
        draft: AccountDraft,
    ) -> Result<ServiceAccount, Error> {
        self.make_account(permit.caller().org(), |_| draft.clone()).await
    }

    /// The same of a draft that may depend on the number.
    pub(crate) async fn make_account(
        &self,
        org: OrgId,
        draft: impl Fn(OwnerId) -> AccountDraft,
    ) -> Result<ServiceAccount, Error> {
        for _ in 0..MOST_DRAWS {
            let id = self.next_account().await?;
            let account = new(org, id, draft(id));
            let found = match self.transact(&creation(&account)).await? {
                Outcome::Written => return Ok(account),
                Outcome::Refused(found) => found,
            };
            let there = |at: usize| found.get(at).and_then(Option::as_ref);
            if account.is_written(there(0)) {
                return Ok(account);
            }
            match there(1) {
                // Its deletion was interrupted; whoever wants the name finishes it.
                Some(name) if self.finish_deletion(org, owner_of(name)?).await? => {}
                Some(_) => return Err(Error::AccountTaken(account.name)),
                None => self.repair_numbers(org).await?,
            }
        }
        Err(Error::Busy)
    }

    async fn next_account(&self) -> Result<OwnerId, Error> {
        let next = self.next(&Key::access_counter(COUNTED)).await?;
        u32::try_from(next).ok().and_then(OwnerId::new).ok_or(Error::Busy)
    }

    /// Moves the counter past the numbers of all users and of the organisation's service accounts.
    async fn repair_numbers(&self, org: OrgId) -> Result<(), Error> {
        let accounts = table::accounts_of(org);
        let mut largest = 0;
        for pk in [table::USERS, &accounts] {
            let partition = Partition { table: Table::Access, pk, backwards: true };
            if let Some(last) = self.query(&partition, 1).await?.first() {
                let record = Record(last);
                let id = record.text("sk")?.parse().map_err(|_| record.bad("sk"))?;
                largest = largest.max(id);
            }
        }
        self.raise(&Key::access_counter(COUNTED), largest).await
    }
}

fn new(org: OrgId, id: OwnerId, draft: AccountDraft) -> ServiceAccount {
    let now = seconds_now();
    ServiceAccount {
        id,
        org,
        name: draft.name,
        role: draft.role,
        disabled: draft.disabled,
        tokens: 0,
        created: now,
        updated: now,
        next_token: 1,
        deleting: false,
        rev: Rev::new(),
    }
}

/// The account, its name, and that no user has its number.
fn creation(account: &ServiceAccount) -> [Write; 3] {
    let named = item(&account.name_key(), [("owner", number(account.id))]);
    let [account_item, named] = [account.item(), named]
        .map(|item| Write::put(Table::Access, item).only_if(Condition::Absent));
    let no_user = Write::check(Key::listed_user(account.id.get()), Condition::Absent);
    [account_item, named, no_user]
}

/// Reads whose a name is.
pub(super) fn owner_of(name: &Item) -> Result<OwnerId, Error> {
    let record = Record(name);
    OwnerId::new(record.number("owner")?).ok_or_else(|| record.bad("owner"))
}
