//! Deleting a service account: at once for its tokens and for all who look, then piece by piece.

use auth::{OwnerId, Permit};
use sourcegate_core::{OrgId, Rev};

use super::{MOST_TOKENS, MOST_TRIES, ServiceAccount};
use crate::item::text;
use crate::read::Partition;
use crate::table::{self, Table};
use crate::tokens::Stored;
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How many tokens go in one transaction, which takes a hundred parts and three for each.
const AT_ONCE: usize = 33;

/// How many such transactions one deletion makes: twice as many as the tokens need that an account can have.
const MOST_ROUNDS: usize = 2 * MOST_TOKENS as usize / AT_ONCE;

impl Store {
    /// Deletes a service account of the caller's organisation with its tokens, which are refused from the first step on.
    /// An interrupted deletion is finished by the next one, or by whoever wants the name.
    ///
    /// # Errors
    /// [`Error::NoAccount`].
    pub async fn delete_account(&self, permit: &Permit, id: OwnerId) -> Result<(), Error> {
        let org = permit.caller().org();
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let stored = self.stored_account(org, id).await?.ok_or(Error::NoAccount(id))?;
            if stored.deleting {
                return self.delete_rest(&stored).await;
            }
            let marked = ServiceAccount {
                deleting: true,
                disabled: true,
                rev: Rev::new(),
                ..stored.clone()
            };
            let unchanged = Condition::Equals("rev", stored.rev_value());
            let mark = Write::put(Table::Access, marked.item()).only_if(unchanged);
            let done = match self.transact(&[mark]).await? {
                Outcome::Written => true,
                Outcome::Refused(found) => {
                    marked.is_written(found.first().and_then(Option::as_ref))
                }
            };
            if done {
                return self.delete_rest(&marked).await;
            }
        }
        Err(Error::Busy)
    }

    /// Finishes a deletion that was interrupted. Tells whether there is no such account afterwards.
    pub(super) async fn finish_deletion(&self, org: OrgId, id: OwnerId) -> Result<bool, Error> {
        match self.stored_account(org, id).await? {
            None => Ok(true),
            Some(stored) if stored.deleting => self.delete_rest(&stored).await.map(|()| true),
            Some(_) => Ok(false),
        }
    }

    /// Deletes the tokens of a marked account, which gets no new ones, and then the account and its name.
    async fn delete_rest(&self, marked: &ServiceAccount) -> Result<(), Error> {
        let pk = table::account_tokens_of(marked.org);
        let partition = Partition { table: Table::Access, pk: &pk, backwards: false };
        let beginning = table::account_tokens_from(marked.id);
        for round in 0.. {
            let entries = self.query_from(&partition, &beginning, AT_ONCE).await?;
            if entries.is_empty() {
                break;
            }
            if round > MOST_ROUNDS {
                return Err(Error::Busy);
            }
            let mut writes = Vec::with_capacity(3 * entries.len());
            for entry in &entries {
                writes.extend(ended(Stored::of(marked.org, marked.id, entry)?));
            }
            // Refused only where somebody else deletes too; what is left is seen in the next round.
            self.transact(&writes).await?;
        }
        let unchanged = Condition::Equals("rev", marked.rev_value());
        let writes =
            [Write::delete(marked.key()).only_if(unchanged), Write::delete(marked.name_key())];
        // Refused only if somebody else has finished it.
        self.transact(&writes).await.map(drop)
    }
}

/// What ends a token. Entry and name go only if they are still this token's, since a name may have another one by now.
pub(super) fn ended(stored: Stored) -> [Write; 3] {
    let Stored { pk, keys: [token, entry, name] } = stored;
    let [entry, name] = [entry, name]
        .map(|key| Write::delete(key).only_if(Condition::AbsentOrEquals("token", text(&pk))));
    [Write::delete(token), entry, name]
}
