//! From a credential and a reference to a grant: one batch, remembered for five seconds.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use auth::{Action, Granted};
use quick_cache::sync::Cache;
use sourcegate_core::Reference;
use store::{Entered, Located, Stamp};

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

/// One place: what was read last, and who reads again. Everybody else waits for that one read.
#[derive(Default)]
struct Slot {
    held: RwLock<Option<Arc<Held>>>,
    reading: tokio::sync::Mutex<()>,
}

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
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|held| held.writes == writes && held.stamp.is_fresh(HELD)).cloned()
    }
}

impl Gateway {
    /// Verifies, finds and authorizes.
    pub(crate) async fn enter(
        &self,
        entry: Entry,
        action: Action,
    ) -> Result<(Granted, Located), Error> {
        let Entry { credential, org, wanted } = entry;
        let fingerprint = credential.fingerprint(&self.0.key);
        let place = Place { fingerprint, org, wanted };
        let slot = self.0.entries.0.get(&place);
        let held = match slot.as_ref().and_then(|slot| slot.fresh(self.0.store.writes())) {
            Some(held) => held,
            None => self.read_again(&credential, &place, slot).await?,
        };
        let Entered { caller, located } = &held.entered;
        let found = located.as_ref().map(|located| Arc::clone(&located.source));
        let granted = caller.authorize(action, &place.wanted, found)?;
        match located {
            Some(located) => Ok((granted, located.clone())),
            None => Err(auth::Denied::Absent(place.wanted).into()),
        }
    }

    async fn read_again(
        &self,
        credential: &auth::Credential,
        place: &Place,
        slot: Option<Arc<Slot>>,
    ) -> Result<Arc<Held>, Error> {
        let entries = &self.0.entries.0;
        let slot = match slot {
            Some(slot) => slot,
            // Whoever comes second in the same instant gets the first one's slot.
            None => entries.get_or_insert_with(place, || Ok::<_, Error>(Arc::default()))?,
        };
        let _one_at_a_time = slot.reading.lock().await;
        if let Some(held) = slot.fresh(self.0.store.writes()) {
            return Ok(held);
        }
        // Both are taken before the read is sent: what changes while it runs is read again.
        let (stamp, writes) = (Stamp::now(), self.0.store.writes());
        match self.0.store.enter(credential, place.org, &place.wanted).await {
            Ok(entered) => {
                let held = Arc::new(Held { entered, stamp, writes });
                *slot.held.write().unwrap_or_else(PoisonError::into_inner) =
                    Some(Arc::clone(&held));
                Ok(held)
            }
            Err(error) => {
                // Refusals are not remembered, so that a stranger's guesses take no room.
                entries.remove(place);
                Err(error.into())
            }
        }
    }
}
