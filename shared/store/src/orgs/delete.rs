//! Deleting an organisation: closed in one transaction, then swept.

use std::time::{Duration, Instant};

use auth::Permit;
use sourcegate_core::OrgId;

use super::Org;
use super::sweep::{FIRST, Sweep};
use crate::entry::seconds_now;
use crate::item::{number, text};
use crate::table::{Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Refused, Store};

/// How long whoever deletes an organisation waits for its first sweep. The rest is swept later.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is closed again after somebody else changed it.
const MOST_TRIES: u32 = 32;

impl Store {
    /// Deletes an organisation with everything in it. From its first step on nothing of it is served and its name is free;
    /// a deletion that is interrupted goes on when it is asked for again, or by [`Store::sweep_due`].
    ///
    /// # Errors
    /// [`Refused::NoOrg`], [`Refused::MainOrg`].
    pub async fn delete_org(&self, _permit: &Permit, id: OrgId) -> Result<(), Error> {
        if id == OrgId::MAIN {
            return Err(Refused::MainOrg.into());
        }
        self.close(id).await?;
        self.0.sweeps.expect(seconds_now());
        let first = Sweep { org: id, round: FIRST, due: seconds_now() };
        let next = self.sweep(first, Instant::now() + PATIENCE).await?;
        self.0.sweeps.expect(next.unwrap_or(i64::MAX));
        Ok(())
    }

    /// Lets nothing of an organisation be served any more: `META` says so, and stays for ever.
    async fn close(&self, id: OrgId) -> Result<(), Error> {
        let gone = Refused::NoOrg(id);
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let item = self.get(&Key::org(id)).await?.ok_or_else(|| gone.clone())?;
            let Some(org) = Org::of(id, &item)? else {
                // Who began it may not have come to the end of the first sweep, and asks again.
                let begun = self.get(&Key::sweep(id)).await?;
                let begun = begun.map(|item| Sweep::of(&item)).transpose()?;
                return match begun {
                    Some(Sweep { round: FIRST, .. }) => Ok(()),
                    _ => Err(gone.into()),
                };
            };
            let unchanged = Condition::Equals("rev", text(org.rev));
            let ours = Condition::AbsentOrEquals("id", number(id));
            let sweep = Sweep { org: id, round: FIRST, due: seconds_now() };
            let writes = [
                Write::put(Table::Access, org.tombstone()).only_if(unchanged),
                Write::delete(Key::org_name(&org.name)).only_if(ours),
                Write::delete(Key::listed_org(id)),
                Write::put(Table::Access, sweep.item()),
            ];
            if matches!(self.transact(&writes).await?, Outcome::Written) {
                return Ok(());
            }
        }
        Err(Error::Busy)
    }
}
