//! Whether the tables hold together: every rule that their items keep among each other.
//!
//! What decides is pure, over a snapshot. A scan is no snapshot while somebody writes, so what one finds counts only if
//! the next one finds it too.

mod access;
mod accounts;
mod documents;
mod facts;
mod families;
mod finding;
mod orgs;
mod registry;

#[cfg(test)]
mod tests;

use crate::item::Item;
use crate::read::is_throttled;
use crate::table::{Key, Table};
use crate::write::{Outcome, Write};
use crate::{Admin, Error};

pub use finding::Finding;

use facts::Facts;
use finding::Repair;

/// How often the tables are scanned before what was found each time is believed.
const SCANS: usize = 3;

/// Everything that the tables hold, as far as one scan can tell.
#[derive(Default)]
pub(crate) struct Snapshot {
    items: Vec<(Table, Item)>,
}

/// What a check came to.
pub struct Checked {
    /// How many items there are.
    pub items: usize,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl Admin {
    /// Checks the tables. `progress` is told how many items were read so far.
    ///
    /// # Errors
    /// What the tables say; an account that may not scan them.
    pub async fn check(&self, progress: &dyn Fn(usize)) -> Result<Checked, Error> {
        let mut snapshot = self.snapshot(progress).await?;
        let mut findings = check(&snapshot);
        for _ in 1..SCANS {
            if findings.is_empty() {
                break;
            }
            crate::read::pause(4).await;
            snapshot = self.snapshot(progress).await?;
            let again = check(&snapshot);
            findings.retain(|one| again.iter().any(|other| one.is_same(other)));
        }
        Ok(Checked { items: snapshot.items.len(), findings })
    }

    /// Puts right what can be put right, each by itself and only if nothing has changed since it was found. Tells how
    /// many were.
    ///
    /// # Errors
    /// What the tables say.
    pub async fn repair(&self, findings: &[Finding]) -> Result<usize, Error> {
        let mut repaired = 0;
        for writes in findings.iter().filter_map(Finding::writes) {
            let outcome = self.store().transact(writes).await?;
            repaired += usize::from(matches!(outcome, Outcome::Written));
        }
        Ok(repaired)
    }

    async fn snapshot(&self, progress: &dyn Fn(usize)) -> Result<Snapshot, Error> {
        let mut snapshot = Snapshot::default();
        for table in [Table::Access, Table::Registry, Table::Scratch] {
            let mut start = None;
            loop {
                let store = self.store();
                let asked = store.client().await.scan();
                let asked = asked.table_name(store.0.config.tables.name(table));
                let asked = asked.consistent_read(true).set_exclusive_start_key(start);
                let output = match asked.send().await {
                    Ok(output) => output,
                    Err(error) if is_throttled(&error) => return Err(Error::Busy),
                    Err(error) => return Err(Error::table(error)),
                };
                let items = output.items.unwrap_or_default();
                snapshot.items.extend(items.into_iter().map(|item| (table, item)));
                progress(snapshot.items.len());
                start = output.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(snapshot)
    }
}

/// Applies every rule to a snapshot.
pub(crate) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let (mut facts, mut found) = (Facts::default(), Vec::new());
    for (table, item) in &snapshot.items {
        let Some(key) = Key::of(*table, item) else { continue };
        let Some(family) = families::of(&key) else {
            found.push(Finding::new(key, "is of a kind that this version does not know", None));
            continue;
        };
        if let Err(error) = family.take(&mut facts, key.clone(), item) {
            facts.damaged.insert(key.clone());
            let what = match error {
                Error::BadRecord { what, .. } => what,
                _ => "it cannot be read",
            };
            // What follows from others is made again in the next round.
            let repair =
                family.follows.then(|| Repair::new("removes it", vec![Write::delete(key.clone())]));
            found.push(Finding::new(key, format!("is damaged: {what}"), repair));
        }
    }
    let rules = registry::RULES.iter().chain(access::RULES);
    let rules = rules.chain(accounts::RULES).chain(orgs::RULES).chain(documents::RULES);
    rules.for_each(|rule| rule(&facts, &mut found));
    found
}
