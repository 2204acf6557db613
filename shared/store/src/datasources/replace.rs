//! Replacing a data source as a whole, if there is one: what files and archives do, and no route.

use std::sync::Arc;

use sourcegate_core::{Datasource, LegacyId, Secrets};

use super::{Stored, rev_value};
use crate::item::{Item, Record, check_size, datasource_item, item, number, text};
use crate::secrets::Sealed;
use crate::table::{Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How often something is replaced again on what somebody else wrote meanwhile.
pub(crate) const MOST_TRIES: u32 = 32;

/// A data source that takes the place of what is there.
pub(crate) struct Replacement<'a> {
    /// What is there now; none makes a new one, with another number than it says.
    pub(crate) before: Option<&'a Stored>,
    /// What is to be there: under any uid, of any right to write, with a revision of its own.
    pub(crate) after: Datasource,
    /// All of its secrets: what is not among them goes.
    pub(crate) sealed: Sealed,
    /// Whether it is to be the default.
    pub(crate) is_default: bool,
    /// What is written with it.
    pub(crate) with: Vec<Write>,
}

/// What a part of the transaction says when its condition does not hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Source,
    Name,
    Id,
    Other,
}

impl Store {
    /// Seals all secrets of what is to be there, and notes their names in it.
    pub(crate) async fn sealed_anew(
        &self,
        after: &mut Datasource,
        secrets: &Secrets,
    ) -> Result<Sealed, Error> {
        let sealed = self.merged(None, after, secrets).await?;
        after.secret_names = sealed.names().cloned().collect();
        after.sec_rev = (!after.secret_names.is_empty()).then_some(sealed.rev);
        Ok(sealed)
    }

    /// Writes everything in one transaction; none if somebody else was faster.
    ///
    /// # Errors
    /// [`Error::NameTaken`], [`Error::UidTaken`], [`Error::TooLarge`].
    pub(crate) async fn replace(&self, new: Replacement<'_>) -> Result<Option<Stored>, Error> {
        let Replacement { before, mut after, sealed, is_default, with } = new;
        if before.is_none() {
            after.id = self.next_id(after.org).await?;
        }
        let mut parts = pointers(before.map(|stored| &*stored.source), &after);
        let source = datasource_item(&after);
        check_size(&source)?;
        parts.insert(0, (Part::Source, put(source, unchanged(before, &after))));
        if after.sec_rev.is_some() {
            let sealed = sealed.item(&after);
            check_size(&sealed)?;
            parts.push((Part::Other, Write::put(Table::Registry, sealed)));
        } else {
            parts.push((Part::Other, Write::delete(Key::sealed(after.org, &after.uid))));
        }
        let was_default = before.is_some_and(|stored| stored.is_default);
        parts.extend(default(was_default, is_default, &after).map(|write| (Part::Other, write)));
        parts.extend(with.into_iter().map(|write| (Part::Other, write)));
        let (kinds, writes): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        match self.transact(&writes).await? {
            Outcome::Written => Ok(Some(Stored { source: Arc::new(after), is_default })),
            Outcome::Refused(found) => {
                let found = kinds.into_iter().zip(found);
                let found: Vec<_> = found.filter_map(|(part, item)| Some((part, item?))).collect();
                self.refused(before, after, &found)
                    .await
                    .map(|after| after.map(|after| Stored { source: Arc::new(after), is_default }))
            }
        }
    }

    /// Reads why it was not written: it was, and the answer was lost; something is taken; or somebody was faster.
    async fn refused(
        &self,
        before: Option<&Stored>,
        after: Datasource,
        found: &[(Part, Item)],
    ) -> Result<Option<Datasource>, Error> {
        let there = |wanted: Part| found.iter().find(|(part, _)| *part == wanted);
        let source = there(Part::Source).filter(|(_, item)| !item.is_empty());
        let is_ours =
            |item: &Item| Record(item).text("rev").is_ok_and(|rev| rev == after.rev.to_string());
        if source.is_some_and(|(_, item)| is_ours(item)) {
            return Ok(Some(after));
        }
        let moves = before.is_none_or(|stored| stored.source.uid != after.uid);
        match (source, there(Part::Name), there(Part::Id)) {
            (Some(_), _, _) if moves => Err(Error::UidTaken(after.uid)),
            (None, Some(_), _) => Err(Error::NameTaken(after.settings.name)),
            (None, None, Some(_)) => self.repair_counter(after.org).await.map(|()| None),
            _ => Ok(None),
        }
    }
}

/// What must hold of the place: nothing is there, or what was read.
fn unchanged(before: Option<&Stored>, after: &Datasource) -> Condition {
    match before.filter(|stored| stored.source.uid == after.uid) {
        Some(stored) => Condition::Equals("rev", rev_value(&stored.source)),
        None => Condition::Absent,
    }
}

/// The pointers that change: a name's and a number's, and what stood under another uid.
fn pointers(before: Option<&Datasource>, after: &Datasource) -> Vec<(Part, Write)> {
    let org = after.org;
    let name = |source: &Datasource| Key::name(org, &source.settings.name);
    let pointer = |key: &Key| item(key, [("uid", text(&after.uid))]);
    let id = |id: LegacyId| Key::id(org, id);
    let Some(before) = before else {
        return vec![
            (Part::Name, put(pointer(&name(after)), Condition::Absent)),
            (Part::Id, put(pointer(&id(after.id)), Condition::Absent)),
        ];
    };
    let (moves, renamed) = (before.uid != after.uid, name(before) != name(after));
    let mut parts = Vec::new();
    if renamed {
        parts.push((Part::Name, put(pointer(&name(after)), Condition::Absent)));
        parts.push((Part::Other, Write::delete(name(before))));
    } else if moves {
        parts.push((Part::Other, Write::put(Table::Registry, pointer(&name(after)))));
    }
    if moves {
        let unchanged = Condition::Equals("rev", rev_value(before));
        let old = Write::delete(Key::datasource(org, &before.uid)).only_if(unchanged);
        parts.push((Part::Other, old));
        parts.push((Part::Other, Write::delete(Key::sealed(org, &before.uid))));
        parts.push((Part::Other, Write::put(Table::Registry, pointer(&id(after.id)))));
    }
    parts
}

fn put(item: Item, condition: Condition) -> Write {
    Write::put(Table::Registry, item).only_if(condition)
}

/// What becomes of the one default item, if anything.
fn default(was: bool, is: bool, after: &Datasource) -> Option<Write> {
    let key = Key::default_source(after.org);
    let id = number(after.id);
    match (was, is) {
        (false, true) => Some(Write::put(Table::Registry, item(&key, [("id", id)]))),
        // Somebody else's since it was read: then the transaction fails and is made anew.
        (true, false) => Some(Write::delete(key).only_if(Condition::AbsentOrEquals("id", id))),
        _ => None,
    }
}
