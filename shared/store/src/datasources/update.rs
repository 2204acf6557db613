//! Updating: a full replace but for secrets, conditional on the revision that it was made from.

use std::sync::Arc;

use auth::Granted;
use sourcegate_core::{Datasource, Reference, Rev};

use super::{Change, Stored, rev_value};
use crate::item::{Record, check_size, datasource_item, item, number, text};
use crate::secrets::Sealed;
use crate::table::{Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How often a change without a version is made again on what somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

impl Store {
    /// Replaces the settings of a data source and merges its secrets.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::NameTaken`], [`Error::ReadOnly`], [`Error::MustResend`], [`Error::TooLarge`];
    /// [`Error::Gone`] if it was deleted meanwhile.
    pub async fn update(&self, granted: &Granted, change: Change) -> Result<Stored, Error> {
        let wanted = Reference::Uid(granted.source().uid.clone());
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            // The grant is for this incarnation: one that was made again under the same uid is another source.
            let before = self.find(granted.source().org, &wanted).await?;
            let before =
                before.filter(|stored| stored.source.incarnation == granted.source().incarnation);
            let before = before.ok_or_else(|| Error::Gone(wanted.clone()))?;
            match self.try_update(&before, &change).await? {
                Some(stored) => return Ok(stored),
                None => continue,
            }
        }
        Err(Error::Busy)
    }

    /// Tries once; none if somebody else was faster.
    async fn try_update(&self, before: &Stored, change: &Change) -> Result<Option<Stored>, Error> {
        let source = &before.source;
        let mut after = replaced(source, change)?;
        let sealed = match self.sealed_again(source, &mut after, change).await {
            Err(Error::Torn(_)) => return Ok(None),
            merged => merged?,
        };
        let item = datasource_item(&after);
        check_size(&item)?;
        let unchanged = Condition::Equals("rev", rev_value(source));
        let mut writes = vec![Write::put(Table::Registry, item).only_if(unchanged)];
        let renamed = after.settings.name != source.settings.name;
        if renamed {
            let pointer = crate::item::item(
                &Key::name(after.org, &after.settings.name),
                [("uid", text(&after.uid))],
            );
            writes.push(Write::put(Table::Registry, pointer).only_if(Condition::Absent));
            writes.push(Write::delete(Key::name(source.org, &source.settings.name)));
        }
        if let Some(sealed) = &sealed {
            let item = sealed.item(&after);
            check_size(&item)?;
            writes.push(Write::put(Table::Registry, item));
        }
        writes.extend(default_write(before, change.make_default));
        let stored = Stored { source: Arc::new(after), is_default: change.make_default };
        match self.transact(&writes).await? {
            Outcome::Written => Ok(Some(stored)),
            Outcome::Refused(found) => {
                let there = found.first().and_then(Option::as_ref);
                let ours = there.is_some_and(|item| {
                    Record(item).text("rev").is_ok_and(|rev| rev == stored.source.rev.to_string())
                });
                if ours {
                    // The answer of an earlier try was lost.
                    return Ok(Some(stored));
                }
                if there.is_none() && renamed && found.get(1).is_some_and(Option::is_some) {
                    return Err(Error::NameTaken(stored.source.settings.name.clone()));
                }
                Ok(None)
            }
        }
    }

    /// Merges the secrets if there is anything to merge, and notes their names in `after`. None leaves them untouched.
    async fn sealed_again(
        &self,
        before: &Datasource,
        after: &mut Datasource,
        change: &Change,
    ) -> Result<Option<Sealed>, Error> {
        let stays = |name: &String| {
            let text = |source: &Datasource| {
                sourcegate_core::Destination::of(&source.settings).text_for(name)
            };
            text(before) == text(after)
        };
        if change.secrets.is_empty() && before.secret_names.iter().all(stays) {
            return Ok(None);
        }
        let stored = match before.sec_rev {
            Some(rev) => Some(self.sealed_of(before, rev).await?),
            None => None,
        };
        let sealed = self.merged(Some((before, stored)), after, &change.secrets).await?;
        after.secret_names = sealed.names().cloned().collect();
        after.sec_rev = Some(sealed.rev);
        Ok(Some(sealed))
    }

    /// Reads the sealed values of a revision. A source and its values are written together but read apart.
    async fn sealed_of(&self, source: &Datasource, rev: Rev) -> Result<Sealed, Error> {
        let torn = || Error::Torn(source.uid.clone());
        let item = self.get(&Key::sealed(source.org, &source.uid)).await?.ok_or_else(torn)?;
        let sealed = Sealed::of(&item)?;
        if sealed.rev == rev { Ok(sealed) } else { Err(torn()) }
    }
}

/// Applies a change: contract 1.9's rule of versions.
fn replaced(before: &Arc<Datasource>, change: &Change) -> Result<Datasource, Error> {
    if before.read_only {
        return Err(Error::ReadOnly(before.uid.clone()));
    }
    let version = match change.version {
        None | Some(0) => 1,
        Some(sent) if sent < before.version => {
            return Err(Error::Stale { uid: before.uid.clone(), found: before.version, sent });
        }
        Some(sent) => sent.saturating_add(1),
    };
    let settings = change.settings.clone();
    Ok(Datasource { rev: Rev::new(), version, settings, ..Datasource::clone(before) })
}

/// What the one default item becomes, if anything.
fn default_write(before: &Stored, make_default: bool) -> Option<Write> {
    let source = &before.source;
    let key = Key::default_source(source.org);
    let id = number(source.id);
    match (before.is_default, make_default) {
        (false, true) => Some(Write::put(Table::Registry, item(&key, [("id", id)]))),
        // Somebody else's since it was read: then the transaction fails and is made anew.
        (true, false) => Some(Write::delete(key).only_if(Condition::AbsentOrEquals("id", id))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::tests::source;

    #[track_caller]
    fn check(stored: i64, sent: Option<i64>, expected: Option<i64>) {
        let before = Arc::new(Datasource { version: stored, ..source() });
        let change = Change {
            settings: before.settings.clone(),
            secrets: [].into_iter().collect(),
            version: sent,
            make_default: false,
        };
        let after = replaced(&before, &change);
        assert_eq!(after.as_ref().ok().map(|after| after.version), expected, "{stored} {sent:?}");
    }

    #[test]
    fn versions_follow_contract_1_9() {
        check(1, Some(1), Some(2));
        check(2, Some(1), None);
        check(2, Some(9), Some(10));
        check(10, None, Some(1));
        check(10, Some(0), Some(1));
        check(1, Some(i64::MAX), Some(i64::MAX));
    }

    #[test]
    fn every_change_draws_a_new_rev_and_keeps_the_incarnation() {
        let before = Arc::new(source());
        let change = Change {
            settings: before.settings.clone(),
            secrets: [].into_iter().collect(),
            version: None,
            make_default: false,
        };
        let after = replaced(&before, &change).unwrap();
        assert_ne!(after.rev, before.rev);
        assert_eq!(after.incarnation, before.incarnation);
    }
}
