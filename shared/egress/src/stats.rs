//! What the door has done so far, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the door was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Hosts that name servers or the hosts file were asked for.
    pub lookups: u64,
    /// Connections tried, one per address.
    pub connects: u64,
    /// Dials that were refused.
    pub denials: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) lookups: AtomicU64,
    pub(crate) connects: AtomicU64,
    pub(crate) denials: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Stats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            lookups: of(&self.lookups),
            connects: of(&self.connects),
            denials: of(&self.denials),
        }
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
