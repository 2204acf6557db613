//! The right to one more connection, where those of all processes are counted.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use crate::session::HOUSEKEEPING;

/// What gives a slot back.
type Release = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The right to one more connection. It is given back when the connection has ended.
pub struct Slot {
    /// From when on the connection is not used for another statement: long enough before the slot's end for one.
    last_use: Instant,
    /// Whether the connection may be kept for the next statement: where slots are scarce, others wait for this one.
    may_be_kept: bool,
    release: Option<Release>,
}

impl Slot {
    /// Makes one that is given back by a future.
    pub fn new(
        last_use: Instant,
        may_be_kept: bool,
        release: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self { last_use, may_be_kept, release: Some(Box::pin(release)) }
    }

    pub(crate) fn may_be_kept(&self) -> bool {
        self.may_be_kept && Instant::now() < self.last_use
    }

    /// Gives it back, before an answer ends: a process on Lambda stands still from then on.
    pub(crate) async fn give_back(mut self) {
        if let Some(release) = self.release.take() {
            timeout(HOUSEKEEPING, release).await.ok();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(release) = self.release.take() else { return };
        // Without a runtime it ends by itself.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(release);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("may_be_kept", &self.may_be_kept).finish_non_exhaustive()
    }
}
