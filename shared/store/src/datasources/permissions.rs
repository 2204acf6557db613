//! Saying who may do what with one data source: a write of the source itself, conditional on its revision.

use auth::Granted;
use sourcegate_core::{Assignee, Datasource, Level, Reference, Rev};

use super::rev_value;
use crate::item::{Record, check_size, datasource_item};
use crate::table::Table;
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How often a change is made again on what somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

/// How many assignees one data source may have.
const MOST_ASSIGNEES: usize = 500;

/// One change of a data source's permissions: a level for somebody, or none.
pub type Assignment = (Assignee, Option<Level>);

impl Store {
    /// Makes changes to the permissions of a data source, all at once. Settings, secrets and the version that clients see
    /// stay as they are. What changes nothing is not written.
    ///
    /// # Errors
    /// [`Error::TooMany`]; [`Error::Gone`] if the data source was deleted meanwhile.
    pub async fn assign(&self, granted: &Granted, changes: &[Assignment]) -> Result<(), Error> {
        let wanted = Reference::Uid(granted.source().uid.clone());
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            // The grant is for this incarnation: one that was made again under the same uid is another source.
            let before =
                self.find(granted.source().org, &wanted).await?.map(|stored| stored.source);
            let before = before.filter(|source| source.incarnation == granted.source().incarnation);
            let before = before.ok_or_else(|| Error::Gone(wanted.clone()))?;
            let Some(after) = assigned(&before, changes)? else { return Ok(()) };
            let item = datasource_item(&after);
            check_size(&item)?;
            let unchanged = Condition::Equals("rev", rev_value(&before));
            let write = Write::put(Table::Registry, item).only_if(unchanged);
            match self.transact(&[write]).await? {
                Outcome::Written => return Ok(()),
                Outcome::Refused(found) => {
                    let there = found.first().and_then(Option::as_ref);
                    let ours = there.is_some_and(|item| {
                        Record(item).text("rev").is_ok_and(|rev| rev == after.rev.to_string())
                    });
                    if ours {
                        // The answer of an earlier try was lost.
                        return Ok(());
                    }
                }
            }
        }
        Err(Error::Busy)
    }
}

/// Makes the changes; none if there is nothing to change. What says nothing yet starts from what roles may do.
fn assigned(before: &Datasource, changes: &[Assignment]) -> Result<Option<Datasource>, Error> {
    let current = before.permissions.clone().unwrap_or_default();
    let mut permissions = current.clone();
    for (assignee, level) in changes {
        permissions.set(*assignee, *level);
    }
    if permissions == current {
        return Ok(None);
    }
    // Those who have too many already, by a larger limit of old, can still take some away.
    let count = permissions.iter().count();
    if count > MOST_ASSIGNEES && count > current.iter().count() {
        return Err(Error::TooMany { what: "permissions", limit: MOST_ASSIGNEES });
    }
    Ok(Some(Datasource { rev: Rev::new(), permissions: Some(permissions), ..before.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::tests::source;

    #[test]
    fn a_first_change_starts_from_what_roles_may_do() {
        let before = Datasource { permissions: None, ..source() };
        let bob = Assignee::account(7);
        let after = assigned(&before, &[(bob, Some(Level::Edit))]).unwrap().unwrap();
        let all: Vec<_> = after.permissions.iter().flat_map(|all| all.iter()).collect();
        let query = Level::Query;
        let expected = [(Assignee::Viewers, query), (Assignee::Editors, query), (bob, Level::Edit)];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_change_is_a_new_rev_of_the_same_source_and_its_secrets() {
        let before = source();
        let after = assigned(&before, &[(Assignee::account(9), Some(Level::Query))]).unwrap();
        let after = after.unwrap();
        assert_ne!(after.rev, before.rev);
        let same = Datasource { rev: before.rev, permissions: before.permissions.clone(), ..after };
        assert_eq!(same, before);
    }

    #[test]
    fn what_changes_nothing_is_not_written() {
        let before = Datasource { permissions: None, ..source() };
        let nothing = [(Assignee::Viewers, Some(Level::Query)), (Assignee::account(7), None)];
        assert_eq!(assigned(&before, &nothing).unwrap(), None);
        assert_eq!(assigned(&before, &[]).unwrap(), None);
    }

    #[test]
    fn there_are_500_at_most() {
        let account = |id| (Assignee::account(id), Some(Level::Query));
        let before = Datasource { permissions: Some([].into_iter().collect()), ..source() };
        let all: Vec<_> = (1..=500).map(account).collect();
        let full = assigned(&before, &all).unwrap().unwrap();
        let refused = assigned(&full, &[account(501)]).unwrap_err();
        let text = "permissions: one data source has 500 at most; remove some first";
        assert_eq!(refused.to_string(), text);
        // In exchange for another one it fits.
        assert!(assigned(&full, &[account(501), (Assignee::account(1), None)]).is_ok());
    }
}
