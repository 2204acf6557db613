//! A place where a canonical line waits until its answer is on its way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::line::Line;

/// The line of the answer that a connection has ended last. Formatting and writing it is a good part
/// of a small request, and whoever waits for the answer need not wait for it.
#[derive(Clone, Default)]
pub(crate) struct Ended(Arc<Mutex<Option<Line>>>);

impl Ended {
    /// Takes a line over; one that still waits is written. The last holder's end writes it too.
    pub(super) fn put(&self, line: Line) {
        let before = self.lock().replace(line);
        drop(before);
    }

    /// Writes the line that waits, if there is one.
    pub(crate) fn write(&self) {
        let line = self.lock().take();
        drop(line);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Line>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
