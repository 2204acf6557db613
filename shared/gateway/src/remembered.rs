//! What was read of the tables: held for five seconds, and read once by all who ask at the same moment.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use quick_cache::sync::Cache;
use store::{Stamp, Store};
use tokio::sync::OnceCell;

use crate::Error;

/// How long what was read holds: the stated bound for revocation and change (contract T89).
const HELD: Duration = Duration::from_secs(5);

/// How much is remembered of a kind.
const MOST: usize = 10_000;

/// What was read, by what was asked.
pub(crate) struct Remembered<K, V>(Cache<K, Arc<Slot<V>>>);

/// One place: what was read last, and the read that is under way.
struct Slot<V> {
    held: RwLock<Option<Arc<Held<V>>>>,
    /// With the store's count of writes before it began: who comes after another write does not join.
    reading: Mutex<(u64, Weak<Reading<V>>)>,
}

/// One read. Everybody who waits for it shares its outcome, so that tables that are down cost their time-outs once and
/// not one after the other.
type Reading<V> = OnceCell<Result<Arc<Held<V>>, Arc<store::Error>>>;

/// What was read once.
pub(crate) struct Held<V> {
    /// What it was.
    pub(crate) value: V,
    stamp: Stamp,
    /// The store's count of writes: this process sees its own changes at once.
    writes: u64,
}

impl<V> Default for Slot<V> {
    fn default() -> Self {
        Self { held: RwLock::default(), reading: Mutex::new((0, Weak::new())) }
    }
}

impl<V> Slot<V> {
    fn fresh(&self, writes: u64) -> Option<Arc<Held<V>>> {
        self.last().filter(|held| held.writes == writes && held.stamp.is_fresh(HELD))
    }

    /// What was read last, however long ago.
    fn last(&self) -> Option<Arc<Held<V>>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Joins the read that is under way, or begins one.
    fn reading(&self, writes: u64) -> Arc<Reading<V>> {
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

impl<K: Clone + Eq + Hash, V> Remembered<K, V> {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// Gives what is held of a key, or reads it. `read` is given what was read last, if nothing was written since by this
    /// process.
    ///
    /// # Errors
    /// What the store says. Refusals are not remembered, so that a stranger's guesses take no room.
    pub(crate) async fn get(
        &self,
        store: &Store,
        key: &K,
        read: impl AsyncFnOnce(Option<&V>) -> Result<V, store::Error>,
    ) -> Result<Arc<Held<V>>, Error> {
        let slot = self.0.get(key);
        match slot.as_ref().and_then(|slot| slot.fresh(store.writes())) {
            Some(held) => Ok(held),
            // Boxed, since each request would otherwise carry the room for it: tens of kilobytes.
            None => Box::pin(self.read_again(store, key, slot, read)).await,
        }
    }

    async fn read_again(
        &self,
        store: &Store,
        key: &K,
        slot: Option<Arc<Slot<V>>>,
        read: impl AsyncFnOnce(Option<&V>) -> Result<V, store::Error>,
    ) -> Result<Arc<Held<V>>, Error> {
        let slot = match slot {
            Some(slot) => slot,
            // Whoever comes second in the same instant gets the first one's slot.
            None => self.0.get_or_insert_with(key, || Ok::<_, Error>(Arc::default()))?,
        };
        let writes = store.writes();
        let reading = slot.reading(writes);
        let outcome = reading.get_or_init(|| self.read(key, &slot, writes, read)).await;
        outcome.clone().map_err(Error::Store)
    }

    async fn read(
        &self,
        key: &K,
        slot: &Slot<V>,
        writes: u64,
        read: impl AsyncFnOnce(Option<&V>) -> Result<V, store::Error>,
    ) -> Result<Arc<Held<V>>, Arc<store::Error>> {
        // Taken before the read is sent, as the count of writes is: what changes while it runs is read again.
        let stamp = Stamp::now();
        // Another read may have ended since.
        if let Some(held) = slot.fresh(writes) {
            return Ok(held);
        }
        // After a change by this process it has most probably changed.
        let before = slot.last().filter(|held| held.writes == writes);
        match read(before.as_ref().map(|held| &held.value)).await {
            Ok(value) => {
                let held = Arc::new(Held { value, stamp, writes });
                *slot.held.write().unwrap_or_else(PoisonError::into_inner) =
                    Some(Arc::clone(&held));
                Ok(held)
            }
            Err(error) => {
                self.0.remove(key);
                Err(Arc::new(error))
            }
        }
    }
}
