//! Deleting: the source, its sealed values, its correlations and every pointer to it, in one transaction.

use auth::Granted;
use sourcegate_core::Reference;

use super::{Stored, rev_value};
use crate::item::number;
use crate::table::Key;
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How often a deletion is made again on what somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

impl Store {
    /// Deletes a data source with its sealed values and the correlations that start from it. `wanted` is what it was granted
    /// as.
    ///
    /// # Errors
    /// [`Error::ReadOnly`]; [`Error::Gone`] if somebody else was faster.
    pub async fn delete(&self, granted: &Granted, wanted: &Reference) -> Result<(), Error> {
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            // A deletion whose answer was lost is tried again by the SDK under its token, not here.
            let found = self.find_again(granted, wanted).await?;
            let source = &found.source;
            if source.read_only {
                return Err(Error::ReadOnly(source.uid.clone()));
            }
            let writes = removal(&found);
            if matches!(self.transact(&writes).await?, Outcome::Written) {
                return Ok(());
            }
        }
        Err(Error::Busy)
    }
}

/// The parts of a removal, conditional on the revision, since the name to be freed is the one of that revision.
pub(crate) fn removal(found: &Stored) -> Vec<Write> {
    let source = &found.source;
    let unchanged = Condition::Equals("rev", rev_value(source));
    let mut writes = vec![
        Write::delete(Key::datasource(source.org, &source.uid)).only_if(unchanged),
        Write::delete(Key::sealed(source.org, &source.uid)),
        Write::delete(Key::name(source.org, &source.settings.name)),
        Write::delete(Key::id(source.org, source.id)),
        Write::delete(Key::correlations(source.org, source.incarnation)),
    ];
    if found.is_default {
        let ours = Condition::AbsentOrEquals("id", number(source.id));
        writes.push(Write::delete(Key::default_source(source.org)).only_if(ours));
    }
    writes
}
