//! Making a service account: a number that nobody has or had, then the account and its name in one transaction.

use auth::{OwnerId, Permit};
use sourcegate_core::{OrgId, Rev};

use super::{AccountDraft, ServiceAccount};
use crate::entry::seconds_now;
use crate::item::{Item, Record, item, number};
use crate::table::Table;
use crate::users::open;
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Refused, Store};

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
            let id = OwnerId::new(self.draw_account().await?).ok_or(Error::Busy)?;
            let account = new(org, id, draft(id));
            let found = match self.transact(&creation(&account)).await? {
                Outcome::Written => return Ok(account),
                Outcome::Refused(found) => found,
            };
            let there = |at: usize| found.get(at).and_then(Option::as_ref);
            if account.is_written(there(0)) {
                return Ok(account);
            }
            if there(2).is_some() {
                return Err(Refused::NoOrg(org).into());
            }
            if let Some(name) = there(1) {
                // Its deletion was interrupted; whoever wants the name finishes it.
                if !self.finish_deletion(org, owner_of(name)?).await? {
                    return Err(Error::AccountTaken(account.name));
                }
            }
        }
        Err(Error::Busy)
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

/// The account, its name, and that its organisation is not being deleted.
fn creation(account: &ServiceAccount) -> [Write; 3] {
    let named = item(&account.name_key(), [("owner", number(account.id))]);
    let [account_item, named] = [account.item(), named]
        .map(|item| Write::put(Table::Access, item).only_if(Condition::Absent));
    let (_, open) = open(account.org);
    [account_item, named, open]
}

/// Reads whose a name is.
pub(super) fn owner_of(name: &Item) -> Result<OwnerId, Error> {
    let record = Record(name);
    OwnerId::new(record.number("owner")?).ok_or_else(|| record.bad("owner"))
}
