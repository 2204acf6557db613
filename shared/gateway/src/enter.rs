//! From a credential and a reference to a grant: one batch, remembered for five seconds.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use auth::{Action, Granted, Unauthenticated};
use quick_cache::sync::Cache;
use sourcegate_core::Reference;
use store::{Claim, Entered, Located, Stamp};
use tokio::sync::OnceCell;

use crate::{Entry, Error, Gateway};

/// How long an entry holds: the stated bound for revocation and change (contract T89).
const HELD: Duration = Duration::from_secs(5);

/// How many entries are remembered.
const MOST_ENTRIES: usize = 10_000;

/// What was read for callers and data sources, by what the request said.
pub(crate) struct Entries(Cache<Place, Arc<Slot>>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    fingerprint: [u8; 32],
    org: Option<i64>,
    wanted: Reference,
}

/// One place: what was read last, and the read that is under way.
#[derive(Default)]
struct Slot {
    held: RwLock<Option<Arc<Held>>>,
    /// With the store's count of writes before it began: who comes after another write does not join.
    reading: Mutex<(u64, Weak<Reading>)>,
}

/// One read. Everybody who waits for it shares its outcome, so that tables that are down cost their time-outs once and
/// not one after the other.
type Reading = OnceCell<Result<Arc<Held>, Arc<store::Error>>>;

struct Held {
    entered: Entered,
    stamp: Stamp,
    /// The store's count of writes: this process sees its own changes at once.
    writes: u64,
}

impl Entries {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST_ENTRIES))
    }
}

impl Slot {
    fn fresh(&self, writes: u64) -> Option<Arc<Held>> {
        self.last().filter(|held| held.writes == writes && held.stamp.is_fresh(HELD))
    }

    /// What was read last, however long ago.
    fn last(&self) -> Option<Arc<Held>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Joins the read that is under way, or begins one.
    fn reading(&self, writes: u64) -> Arc<Reading> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let (before, under_way) = &*reading
            && *before == writes
            && let Some(joined) = under_way.upgrade()
        {
            return joined;
        }
        let begun = Arc::default();
        *reading = (writes, Arc::downgrade(&begun));
        begun
    }
}

impl Gateway {
    /// Verifies, finds and authorizes: everything before the first byte is sent.
    ///
    /// # Errors
    /// [`Error::Store`] if the caller is unknown; [`Error::Denied`] if he may not, or there is no such data source.
    pub async fn enter(&self, entry: Entry, action: Action) -> Result<(Granted, Located), Error> {
        let Entry { credential, org, wanted, peer } = entry;
        // What is remembered below says nothing of when the credential itself ends.
        credential.check(store::seconds_now()).map_err(store::Error::from)?;
        let fingerprint = credential.fingerprint(&self.0.key);
        let place = Place { fingerprint, org, wanted };
        let slot = self.0.entries.0.get(&place);
        let held = match slot.as_ref().and_then(|slot| slot.fresh(self.0.store.writes())) {
            Some(held) => held,
            // Boxed, since each request would otherwise carry the room for it: tens of kilobytes.
            None => {
                let claim = Claim { credential: &credential, org, peer };
                Box::pin(self.read_again(claim, &place, slot)).await?
            }
        };
        let Entered { caller, located } = &held.entered;
        // What is remembered may have ended since.
        if caller.limits().have_ended(store::seconds_now()) {
            return Err(store::Error::from(Unauthenticated::ExpiredToken).into());
        }
        caller.admit(peer)?;
        let found = located.as_ref().map(|located| Arc::clone(&located.source));
        let granted = caller.authorize(action, &place.wanted, found)?;
        match located {
            Some(located) => Ok((granted, located.clone())),
            None => Err(auth::Denied::Absent(place.wanted).into()),
        }
    }

    async fn read_again(
        &self,
        claim: Claim<'_>,
        place: &Place,
        slot: Option<Arc<Slot>>,
    ) -> Result<Arc<Held>, Error> {
        let entries = &self.0.entries.0;
        let slot = match slot {
            Some(slot) => slot,
            // Whoever comes second in the same instant gets the first one's slot.
            None => entries.get_or_insert_with(place, || Ok::<_, Error>(Arc::default()))?,
        };
        let writes = self.0.store.writes();
        let reading = slot.reading(writes);
        let outcome = reading.get_or_init(|| self.read(claim, place, &slot, writes)).await;
        outcome.clone().map_err(Error::Store)
    }

    async fn read(
        &self,
        claim: Claim<'_>,
        place: &Place,
        slot: &Slot,
        writes: u64,
    ) -> Result<Arc<Held>, Arc<store::Error>> {
        // Taken before the read is sent, as the count of writes is: what changes while it runs is read again.
        let stamp = Stamp::now();
        // Another read may have ended since.
        if let Some(held) = slot.fresh(writes) {
            return Ok(held);
        }
        // After a change by this process it has most probably changed.
        let before = slot.last().filter(|held| held.writes == writes);
        let known = before.as_ref().and_then(|held| held.entered.located.as_ref());
        match self.0.store.enter(claim, &place.wanted, known).await {
            Ok(entered) => {
                let held = Arc::new(Held { entered, stamp, writes });
                *slot.held.write().unwrap_or_else(PoisonError::into_inner) =
                    Some(Arc::clone(&held));
                Ok(held)
            }
            Err(error) => {
                // Refusals are not remembered, so that a stranger's guesses take no room.
                self.0.entries.0.remove(place);
                Err(Arc::new(error))
            }
        }
    }
}
