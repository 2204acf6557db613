//! Deleting: the source, its sealed values, its correlations and every pointer to it, in one transaction.

use auth::Granted;
use sourcegate_core::Reference;

use super::rev_value;
use crate::item::number;
use crate::table::Key;
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How often a deletion is made again on what somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

impl Store {
    /// Deletes a data source with its sealed values and the correlations that start from it.
    ///
    /// # Errors
    /// [`Error::ReadOnly`]; [`Error::Gone`] if somebody else was faster.
    pub async fn delete(&self, granted: &Granted) -> Result<(), Error> {
        let wanted = Reference::Uid(granted.source().uid.clone());
        let gone = || Error::Gone(wanted.clone());
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let found = self.find(granted.source().org, &wanted).await?;
            let found =
                found.filter(|stored| stored.source.incarnation == granted.source().incarnation);
            // A deletion whose answer was lost is tried again by the SDK under its token, not here.
            let found = found.ok_or_else(gone)?;
            let source = &found.source;
            if source.read_only {
                return Err(Error::ReadOnly(source.uid.clone()));
            }
            // Conditional on the revision, since the name to be freed is the one of that revision.
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
            if matches!(self.transact(&writes).await?, Outcome::Written) {
                return Ok(());
            }
        }
        Err(Error::Busy)
    }
}
