//! Numbers that are given once: of organisations, users and service accounts. A counter that was lost is mended, and what
//! was given before is known all the same (`faults.md` D07).

use sourcegate_core::OrgId;

use crate::item::{Record, item};
use crate::read::{BATCH, Partition};
use crate::table::{self, Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How often another number is drawn before giving up.
const MOST_DRAWS: u32 = 4;

/// How many numbers are looked at for one that was never given, a hundred at a time.
const MOST_LOOKS: u32 = 50;

impl Store {
    /// Takes a number that no user and no service account has or had. One that is not used in the end is lost.
    pub(crate) async fn draw_account(&self) -> Result<u32, Error> {
        let counter = Key::access_counter("account");
        for _ in 0..MOST_DRAWS {
            // A counter below one, or past what a token can carry, is as good as lost.
            let drawn = u32::try_from(self.next(&counter).await?).unwrap_or_default();
            let claim = item(&Key::account_number(drawn), []);
            let claim = Write::put(Table::Access, claim).only_if(Condition::Absent);
            if drawn > 0 && matches!(self.transact(&[claim]).await?, Outcome::Written) {
                return Ok(drawn);
            }
            let largest = [self.largest(table::ACCOUNTS).await?, self.largest(table::USERS).await?];
            self.raise(&counter, i64::from(largest.into_iter().max().unwrap_or_default())).await?;
        }
        Err(Error::Busy)
    }

    /// Takes the next number of an organisation. The caller finds out whether it was given before.
    pub(crate) async fn draw_org(&self) -> Result<OrgId, Error> {
        let drawn = self.next(&Key::access_counter("org")).await?;
        Ok(OrgId::new(drawn).unwrap_or(OrgId::MAIN))
    }

    /// Moves the counter of organisations past numbers that were given, those of deleted ones included: their `META` stays.
    pub(crate) async fn mend_orgs(&self, taken: OrgId) -> Result<(), Error> {
        let mut first = self.largest(table::ORGS).await?.max(taken.get());
        for _ in 0..MOST_LOOKS {
            let after = (i64::from(first) + 1..).take(BATCH);
            let after: Vec<_> = after.filter_map(|number| OrgId::new(number).ok()).collect();
            let keys: Vec<_> = after.iter().map(|org| Key::org(*org)).collect();
            if keys.is_empty() {
                break;
            }
            let mut batch = self.batch(&keys).await?;
            let free = after.iter().zip(&keys).find(|(_, key)| batch.take(key).is_none());
            if let Some((free, _)) = free {
                return self.raise(&Key::access_counter("org"), i64::from(free.get()) - 1).await;
            }
            first = after.last().map_or(first, |last| last.get());
        }
        Err(Error::Busy)
    }

    /// Reads the largest number of a partition that is ordered by numbers; zero if it is empty.
    async fn largest(&self, pk: &str) -> Result<u32, Error> {
        let partition = Partition { table: Table::Access, pk, backwards: true };
        let last = self.query(&partition, 1).await?;
        let Some(last) = last.first() else { return Ok(0) };
        let record = Record(last);
        record.text("sk")?.parse().map_err(|_| record.bad("sk"))
    }
}
