//! Creating: a number of the counter, then everything in one transaction.

use std::collections::BTreeSet;

use auth::Permit;
use sourcegate_core::{Datasource, Incarnation, LegacyId, OrgId, Rev, Uid};

use super::{Draft, Stored};
use crate::item::{Record, check_size, datasource_item, item, number, text};
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How often another uid or number is drawn before giving up (contract 1.5, check 13).
const MOST_DRAWS: u32 = 3;

impl Store {
    /// Registers a data source.
    ///
    /// # Errors
    /// [`Error::NameTaken`], [`Error::UidTaken`], [`Error::TooLarge`]; [`Error::NoUid`] after three unlucky draws.
    pub async fn create(&self, permit: &Permit, draft: Draft) -> Result<Stored, Error> {
        let org = permit.caller().org();
        let make_default = draft.make_default || self.is_empty(org).await?;
        let asked = draft.uid.clone();
        let mut source = blank(org, &draft);
        let sealed = self.merged(None, &source, &draft.secrets).await?;
        source.secret_names = sealed.names().cloned().collect();
        source.sec_rev = (!source.secret_names.is_empty()).then_some(sealed.rev);
        for _ in 0..MOST_DRAWS {
            source.id = self.next_id(org).await?;
            let sealed_item = sealed.item(&source);
            check_size(&datasource_item(&source))?;
            check_size(&sealed_item)?;
            let mut writes = creation(&source);
            if source.sec_rev.is_some() {
                writes.push(Write::put(Table::Registry, sealed_item));
            }
            if make_default {
                let id = [("id", number(source.id))];
                writes.push(Write::put(Table::Registry, item(&Key::default_source(org), id)));
            }
            match self.transact(&writes).await? {
                Outcome::Written => {
                    return Ok(Stored { source: source.into(), is_default: make_default });
                }
                Outcome::Refused(found) => match taken(&found, &source) {
                    // The answer of an earlier try was lost.
                    Taken::Ourselves => {
                        return Ok(Stored { source: source.into(), is_default: make_default });
                    }
                    Taken::Name => return Err(Error::NameTaken(source.settings.name)),
                    Taken::Uid if asked.is_some() => return Err(Error::UidTaken(source.uid)),
                    Taken::Uid => source.uid = Uid::generate(),
                    Taken::Id => self.repair_counter(org).await?,
                },
            }
        }
        Err(Error::NoUid)
    }

    async fn next_id(&self, org: OrgId) -> Result<LegacyId, Error> {
        // A counter that was set below one is as good as lost: its number is taken, and it is repaired.
        Ok(LegacyId::new(self.next(&Key::counter(org, "ds")).await?).unwrap_or(LegacyId::FIRST))
    }

    async fn is_empty(&self, org: OrgId) -> Result<bool, Error> {
        let names = table::names_of(org);
        let partition = Partition { table: Table::Registry, pk: &names, backwards: false };
        Ok(self.query(&partition, 1).await?.is_empty())
    }

    /// Moves a counter that was lost past every number that is in use (`faults.md` D07).
    async fn repair_counter(&self, org: OrgId) -> Result<(), Error> {
        let ids = table::ids_of(org);
        let partition = Partition { table: Table::Registry, pk: &ids, backwards: true };
        let last = self.query(&partition, 1).await?;
        let Some(last) = last.first() else { return Ok(()) };
        let record = Record(last);
        let largest: i64 = record.text("sk")?.parse().map_err(|_| record.bad("sk"))?;
        self.raise(&Key::counter(org, "ds"), largest).await
    }
}

/// A new data source without number and secrets yet.
fn blank(org: OrgId, draft: &Draft) -> Datasource {
    Datasource {
        org,
        id: LegacyId::FIRST,
        uid: draft.uid.clone().unwrap_or_else(Uid::generate),
        incarnation: Incarnation::new(),
        rev: Rev::new(),
        sec_rev: None,
        version: 1,
        read_only: false,
        permissions: None,
        secret_names: BTreeSet::new(),
        settings: draft.settings.clone(),
    }
}

/// The parts whose order [`taken`] knows: the source, its name, its number.
fn creation(source: &Datasource) -> Vec<Write> {
    let uid = || [("uid", text(&source.uid))];
    let name = item(&Key::name(source.org, &source.settings.name), uid());
    let id = item(&Key::id(source.org, source.id), uid());
    [datasource_item(source), name, id]
        .into_iter()
        .map(|item| Write::put(Table::Registry, item).only_if(Condition::Absent))
        .collect()
}

enum Taken {
    Ourselves,
    Name,
    Uid,
    Id,
}

/// Reads which of [`creation`]'s conditions failed. A name goes before a uid, as in contract 1.5.
fn taken(found: &[Option<crate::item::Item>], source: &Datasource) -> Taken {
    let there = |at: usize| found.get(at).and_then(Option::as_ref);
    let ours = |item: &crate::item::Item| {
        Record(item).text("rev").is_ok_and(|rev| rev == source.rev.to_string())
    };
    if there(0).is_some_and(ours) {
        Taken::Ourselves
    } else if there(1).is_some() {
        Taken::Name
    } else if there(0).is_some() {
        Taken::Uid
    } else {
        Taken::Id
    }
}
