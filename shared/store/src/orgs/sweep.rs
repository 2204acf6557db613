//! Sweeping what an organisation leaves behind: twice, since who was let in before it was closed may still write for a
//! while. Every step may be made again, so that whoever comes next goes on where another was stopped.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use sourcegate_core::OrgId;
use tokio::task::JoinSet;

use crate::datasources::logged;
use crate::entry::seconds_now;
use crate::item::{Item, Record, item, number};
use crate::read::Partition;
use crate::table::{self, Key, Span, Table};
use crate::users::Edit;
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Refused, Store};

/// The first sweep, at once.
pub(crate) const FIRST: u32 = 1;

/// When the second one follows, in seconds: nobody who was let in before works for so long.
const PAUSE: i64 = 60;

/// How many items are swept at once.
const AT_ONCE: i32 = 50;

/// How long one call of [`Store::sweep_due`] works.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a process that found nothing to sweep does not look again, in seconds: others may delete organisations.
const QUIET: i64 = 300;

/// When this process looks for what is to be swept next, in seconds since 1970.
#[derive(Default)]
pub(crate) struct Sweeps(AtomicI64);

impl Sweeps {
    /// Sees to it that it looks at a time, or before.
    pub(crate) fn expect(&self, due: i64) {
        self.0.fetch_min(due, Ordering::AcqRel);
    }

    /// Tells whether it is time to look; not again then for a while, whoever asks.
    fn is_time(&self, now: i64) -> bool {
        let next = self.0.load(Ordering::Acquire);
        let later = now.saturating_add(QUIET);
        now >= next
            && self.0.compare_exchange(next, later, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// How far the end of an organisation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sweep {
    pub(crate) org: OrgId,
    pub(crate) round: u32,
    /// When it is swept, in seconds since 1970.
    pub(crate) due: i64,
}

impl Sweep {
    pub(crate) fn of(item: &Item) -> Result<Self, Error> {
        let record = Record(item);
        let org = record.text("sk")?.parse().ok().and_then(|id| OrgId::new(id).ok());
        let org = org.ok_or_else(|| record.bad("sk"))?;
        Ok(Self { org, round: record.number("round")?, due: record.number("due")? })
    }

    pub(crate) fn item(&self) -> Item {
        let attributes = [("round", number(self.round)), ("due", number(self.due))];
        item(&Key::sweep(self.org), attributes)
    }
}

impl Store {
    /// Sweeps what is due at a time in seconds since 1970; what takes too long is left to the next call.
    ///
    /// # Errors
    /// What the tables said first; it is due again, and stands in the way of no other.
    pub async fn sweep_due(&self, now: i64) -> Result<(), Error> {
        let partition = Partition { table: Table::Access, pk: table::SWEEPS, backwards: false };
        let all = self.query(&partition, usize::MAX).await?;
        let until = Instant::now() + PATIENCE;
        let mut failed = Ok(());
        for sweep in all.iter().filter_map(|item| logged(Sweep::of(item))) {
            let next = match sweep.due <= now {
                true => self.sweep(sweep, until).await,
                false => Ok(Some(sweep.due)),
            };
            match next {
                Ok(next) => self.0.sweeps.expect(next.unwrap_or(i64::MAX)),
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        failed
    }

    /// Sweeps what is due, if this process believes that something may be. What goes wrong is logged and tried again.
    pub async fn sweep_if_due(&self) {
        let now = seconds_now();
        if !self.0.sweeps.is_time(now) {
            return;
        }
        if let Err(error) = self.sweep_due(now).await {
            tracing::warn!(%error, "an organisation that was deleted is swept later");
            self.0.sweeps.expect(now.saturating_add(PAUSE));
        }
    }

    /// Sweeps one organisation; tells when it is to be looked at again, if ever.
    pub(crate) async fn sweep(&self, sweep: Sweep, until: Instant) -> Result<Option<i64>, Error> {
        let org = sweep.org;
        for span in table::spans_of(org) {
            loop {
                let some = self.some_of(&span, AT_ONCE).await?;
                if some.is_empty() {
                    break;
                }
                if Instant::now() >= until {
                    return Ok(Some(seconds_now()));
                }
                self.sweep_some(org, &span, some).await?;
            }
        }
        self.remove(&Key::default_source(org)).await?;
        self.swept(sweep).await
    }

    async fn sweep_some(&self, org: OrgId, span: &Span, some: Vec<Item>) -> Result<(), Error> {
        let mut sweeping = JoinSet::new();
        for item in some {
            let (store, table) = (self.clone(), span.table);
            sweeping.spawn(async move { store.sweep_one(org, table, &item).await });
        }
        while let Some(swept) = sweeping.join_next().await {
            // A task ends early only with the whole process.
            swept.map_err(|_| Error::Busy)??;
        }
        Ok(())
    }

    /// Deletes an item, and before it what it alone leads to: a token, a user's part in the organisation.
    async fn sweep_one(&self, org: OrgId, table: Table, item: &Item) -> Result<(), Error> {
        let record = Record(item);
        let key =
            Key { table, pk: record.text("pk")?.to_owned(), sk: record.text("sk")?.to_owned() };
        if let Some(token) = record.optional_text("token")? {
            self.remove(&Key { table, pk: token.to_owned(), sk: "-".to_owned() }).await?;
        }
        if key.pk == table::members_of(org) {
            self.expel(org, &record).await?;
        }
        self.remove(&key).await
    }

    /// Puts a member out. Who is damaged keeps what he was in an organisation that is closed for ever.
    async fn expel(&self, org: OrgId, member: &Record<'_>) -> Result<(), Error> {
        let expelled = match member.number("id") {
            Ok(id) => self.edit(id, &Edit::Expel(org)).await.map(drop),
            Err(error) => Err(error),
        };
        match expelled {
            Err(Error::Refused(Refused::NoUser | Refused::NotAMember(_))) => Ok(()),
            Err(error @ Error::BadRecord { .. }) => {
                tracing::error!(%error, "left as it is");
                Ok(())
            }
            expelled => expelled,
        }
    }

    /// Notes that a sweep came to its end, unless another process noted the same of it before.
    async fn swept(&self, sweep: Sweep) -> Result<Option<i64>, Error> {
        let key = Key::sweep(sweep.org);
        let due = seconds_now().saturating_add(PAUSE);
        let next = (sweep.round == FIRST).then_some(Sweep { round: FIRST + 1, due, ..sweep });
        let noted = match next {
            Some(next) => Write::put(Table::Access, next.item()),
            None => Write::delete(key.clone()),
        };
        let unchanged = Condition::Equals("round", number(sweep.round));
        match self.transact(&[noted.only_if(unchanged)]).await? {
            Outcome::Written => Ok(next.map(|next| next.due)),
            Outcome::Refused(_) => {
                let found = self.get(&key).await?;
                Ok(found.map(|item| Sweep::of(&item)).transpose()?.map(|found| found.due))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_looks_once_when_it_is_time() {
        let sweeps = Sweeps::default();
        assert!(sweeps.is_time(1_000), "at first it does not know");
        assert!(!sweeps.is_time(1_000) && !sweeps.is_time(1_299));
        sweeps.expect(1_060);
        assert!(!sweeps.is_time(1_059) && sweeps.is_time(1_060));
        sweeps.expect(i64::MAX);
        assert!(!sweeps.is_time(1_359) && sweeps.is_time(1_360));
    }

    #[test]
    fn a_sweep_is_read_as_it_was_written() {
        let sweep = Sweep { org: OrgId::new(7).unwrap(), round: FIRST, due: 9 };
        assert_eq!(Sweep::of(&sweep.item()).unwrap(), sweep);
    }
}
