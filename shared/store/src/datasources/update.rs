//! Updating: a full replace but for secrets, conditional on the revision that it was made from.

use std::sync::Arc;

use auth::Granted;
use sourcegate_core::{Datasource, Reference, Rev};

use super::{Change, Stored, rev_value};
use crate::item::{Item, Record, datasource_item, item, number, text};
use crate::secrets::Sealed;
use crate::table::{Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How often a change without a version is made again on what somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

impl Store {
    /// Replaces the settings of a data source and merges its secrets. `wanted` is what it was granted as.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::NameTaken`], [`Error::UidTaken`], [`Error::ReadOnly`], [`Error::MustResend`],
    /// [`Error::TooLarge`]; [`Error::Gone`] if it was deleted meanwhile.
    pub async fn update(
        &self,
        granted: &Granted,
        wanted: &Reference,
        change: Change,
    ) -> Result<Stored, Error> {
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let before = self.find_again(granted, wanted).await?;
            if let Some(stored) = self.try_update(&before, &change).await? {
                return Ok(stored);
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
        let mut writes = replacement(source, &after);
        if let Some(sealed) = &sealed {
            writes.push(Write::put(Table::Registry, sealed.item(&after)));
        }
        writes.iter().try_for_each(Write::check_size)?;
        writes.extend(default_write(before, change.make_default));
        let stored = Stored { source: Arc::new(after), is_default: change.make_default };
        match self.transact(&writes).await? {
            Outcome::Written => Ok(Some(stored)),
            Outcome::Refused(found) => match met(&found, source, &stored.source) {
                // The answer of an earlier try was lost.
                Met::Ourselves => Ok(Some(stored)),
                Met::Name => Err(Error::NameTaken(stored.source.settings.name.clone())),
                Met::Uid => Err(Error::UidTaken(stored.source.uid.clone())),
                Met::Somebody => Ok(None),
            },
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
        // They stand under the uid, so they move with it.
        let moves = before.uid != after.uid && before.sec_rev.is_some();
        if !moves && change.secrets.is_empty() && before.secret_names.iter().all(stays) {
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
    let uid = change.uid.clone().unwrap_or_else(|| before.uid.clone());
    let settings = change.settings.clone();
    Ok(Datasource { uid, rev: Rev::new(), version, settings, ..Datasource::clone(before) })
}

/// The parts whose order [`met`] knows: what was there; the source; its name if that is another one. Then whatever else
/// stands under its uid or names it.
fn replacement(before: &Datasource, after: &Datasource) -> Vec<Write> {
    let org = before.org;
    let unchanged = Condition::Equals("rev", rev_value(before));
    let put = Write::put(Table::Registry, datasource_item(after));
    let uid = || [("uid", text(&after.uid))];
    let (old_name, new_name) =
        [before, after].map(|source| Key::name(org, &source.settings.name)).into();
    let renamed = old_name != new_name;
    let name = Write::put(Table::Registry, item(&new_name, uid()));
    let mut writes = Vec::with_capacity(8);
    if before.uid == after.uid {
        writes.push(put.only_if(unchanged));
    } else {
        writes.push(Write::delete(Key::datasource(org, &before.uid)).only_if(unchanged));
        writes.push(put.only_if(Condition::Absent));
    }
    if renamed {
        writes.push(name.only_if(Condition::Absent));
        writes.push(Write::delete(old_name));
    } else if before.uid != after.uid {
        writes.push(name);
    }
    if before.uid != after.uid {
        writes.push(Write::put(Table::Registry, item(&Key::id(org, after.id), uid())));
        writes.push(Write::delete(Key::sealed(org, &before.uid)));
    }
    writes
}

enum Met {
    Ourselves,
    Name,
    Uid,
    Somebody,
}

/// Reads which of [`replacement`]'s conditions failed. A name goes before a uid, as in contract 1.5.
fn met(found: &[Option<Item>], before: &Datasource, after: &Datasource) -> Met {
    let there = |at: usize| found.get(at).and_then(Option::as_ref);
    let moved = before.uid != after.uid;
    let at = usize::from(moved);
    let rev = after.rev.to_string();
    let ours = |item: &Item| Record(item).text("rev").is_ok_and(|found| found == rev);
    if there(at).is_some_and(ours) {
        Met::Ourselves
    } else if there(0).is_some() {
        Met::Somebody
    } else if before.settings.name != after.settings.name && there(at + 1).is_some() {
        Met::Name
    } else if moved && there(at).is_some() {
        Met::Uid
    } else {
        Met::Somebody
    }
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
            uid: None,
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
            uid: None,
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
