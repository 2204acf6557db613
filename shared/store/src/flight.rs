//! Work that many may want at once and one does.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;

/// What is being done, by what it is done for. An entry lasts as long as somebody holds it.
pub(crate) struct Flights<K, V>(Mutex<HashMap<K, Weak<OnceCell<V>>>>);

impl<K: Eq + Hash, V> Flights<K, V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Joins the work that is under way for a key, or begins it.
    pub(crate) fn join(&self, key: K) -> Arc<OnceCell<V>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, flight| flight.strong_count() > 0);
        if let Some(flight) = flights.get(&key).and_then(Weak::upgrade) {
            return flight;
        }
        let flight = Arc::new(OnceCell::new());
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_come_meanwhile_join_and_those_who_come_later_begin_anew() {
        let flights = Flights::new();
        let first = flights.join("a");
        first.set(1).unwrap();
        assert_eq!(flights.join("a").get(), Some(&1));
        assert_eq!(flights.join("b").get(), None);
        drop(first);
        assert_eq!(flights.join("a").get(), None);
    }
}
