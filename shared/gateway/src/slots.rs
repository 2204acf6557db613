//! Connections to a database that says how many it has: one slot each, counted among all processes.

use std::time::Duration;

use sql::{Slot, Sql};
use tokio::time::Instant;

use crate::{Database, Error, Gateway};

impl Gateway {
    /// Takes one of so many slots for one more connection; none if all are taken.
    ///
    /// It lasts twice as long as the connection can stand idle and a statement can run, so that the server has ended whatever
    /// a process left behind before another one has the slot. One half of the slots are for connections that are kept; the
    /// others go from statement to statement, so that nobody waits for a connection that only stands there.
    ///
    /// # Errors
    /// The table fails.
    pub(crate) async fn slot_of(
        &self,
        database: &Database,
        most: u32,
    ) -> Result<Option<Slot>, Error> {
        let target = &database.target;
        let (org, source) = database.owner();
        let idle = self.0.sql.as_ref().map_or(Duration::ZERO, Sql::longest_idle);
        let half = idle + target.statement_timeout + target.connect_timeout;
        let seconds = i64::try_from(2 * half.as_secs()).unwrap_or(i64::MAX);
        let asked = Instant::now();
        let taken = self.0.store.take_slot(org, source, most, seconds).await?;
        Ok(taken.map(|slot| {
            let may_be_kept = slot.number < most.div_ceil(2);
            let store = self.0.store.clone();
            let release = async move {
                if let Err(error) = store.release_slot(&slot).await {
                    tracing::warn!(%error, "a slot for a connection stays taken until its end");
                }
            };
            Slot::new(asked + half, may_be_kept, release)
        }))
    }
}
