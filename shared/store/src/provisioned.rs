//! Data sources that files made: created, replaced and removed also where the API may not, and by nobody else.

mod note;

use std::collections::{BTreeSet, HashMap, HashSet};

use secrecy::ExposeSecret;
use sourcegate_core::{
    Datasource, Incarnation, LegacyId, OrgId, Reference, Rev, Secrets, Settings, SourceName, Uid,
};

use crate::datasources::{MOST_TRIES, Replacement, Stored, removal};
use crate::read::{Partition, pause};
use crate::table::{Key, PROVISIONED, Table};
use crate::write::{Outcome, Write};
use crate::{Error, MarkKey, Store, tokens};

use note::Note;

/// The way of files to the registry. Routes have a [`Store`], which refuses to change what is read-only.
pub struct Provisioner {
    store: Store,
    marks: Option<MarkKey>,
}

/// What a file says of a data source.
#[derive(Clone, Debug)]
pub struct FromFile {
    /// The organisation.
    pub org: OrgId,
    /// The uid; none leaves the one that is there, or takes `otherwise`.
    pub uid: Option<Uid>,
    /// The uid of a new one if the file names none.
    pub otherwise: Uid,
    /// All settings.
    pub settings: Settings,
    /// All secrets: what is not among them goes.
    pub secrets: Secrets,
    /// Whether it is the default.
    pub is_default: bool,
    /// Whether the API may change it.
    pub editable: bool,
    /// Whether it goes when no file names it any more.
    pub prunable: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is new.
    Created,
    /// It was changed.
    Updated,
    /// It was so already; nothing was written.
    Unchanged,
}

/// One round over all files, and what earlier ones noted.
pub struct Round<'a> {
    provisioner: &'a Provisioner,
    notes: HashMap<(OrgId, Incarnation), Note>,
}

impl Provisioner {
    /// Makes one. Without a key for marks, what has secrets is never known to be unchanged.
    #[must_use]
    pub fn new(store: Store, marks: Option<MarkKey>) -> Self {
        Self { store, marks }
    }

    /// Gives the store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Begins a round.
    ///
    /// # Errors
    /// What the table says.
    pub async fn begin(&self) -> Result<Round<'_>, Error> {
        let partition = Partition { table: Table::Registry, pk: PROVISIONED, backwards: false };
        let items = self.store.query(&partition, usize::MAX).await?;
        // A damaged note is as good as none: what it was of is written anew, and not pruned.
        let notes = items.iter().filter_map(|item| {
            Note::of(item).inspect_err(|error| tracing::error!(%error, "left out")).ok()
        });
        Ok(Round { provisioner: self, notes: notes.collect() })
    }

    /// Tells whether an organisation exists and is not being deleted.
    ///
    /// # Errors
    /// What the table says.
    pub async fn has_org(&self, org: OrgId) -> Result<bool, Error> {
        tokens::is_open(self.store.get(&Key::org(org)).await?.as_ref())
    }
}

impl Round<'_> {
    /// Makes a data source what a file says. It is known by its name; numbers and incarnations stay.
    ///
    /// # Errors
    /// [`Error::UidTaken`], [`Error::TooLarge`]; [`Error::Busy`] if it is being changed again and again.
    pub async fn put(&self, wanted: &FromFile) -> Result<Placed, Error> {
        let store = &self.provisioner.store;
        let reference = Reference::Name(wanted.settings.name.clone());
        for round in 0..MOST_TRIES {
            if round > 0 {
                pause(round.min(4)).await;
            }
            let found = store.find(wanted.org, &reference).await?;
            if found.as_ref().is_some_and(|stored| self.is_unchanged(wanted, stored)) {
                return Ok(Placed::Unchanged);
            }
            let mut after = after(wanted, found.as_ref().map(|stored| &*stored.source));
            let sealed = store.sealed_anew(&mut after, &wanted.secrets).await?;
            let marks = self.provisioner.marks.as_ref();
            let mark = after.sec_rev.zip(marks.map(|key| key.mark(&after, &wanted.secrets)));
            let note = Note {
                uid: after.uid.clone(),
                prunable: wanted.prunable,
                mark: mark.map(|(rev, mark)| (rev, mark.to_vec())),
            };
            let with = vec![Write::put(Table::Registry, note.item(wanted.org, after.incarnation))];
            let (before, is_default) = (found.as_ref(), wanted.is_default);
            let new = Replacement { before, after, sealed, is_default, with };
            if store.replace(new).await?.is_some() {
                return Ok(if before.is_some() { Placed::Updated } else { Placed::Created });
            }
        }
        Err(Error::Busy)
    }

    fn is_unchanged(&self, wanted: &FromFile, stored: &Stored) -> bool {
        let source = &*stored.source;
        let Some(note) = self.notes.get(&(source.org, source.incarnation)) else { return false };
        let same_secrets = match (source.sec_rev, &note.mark) {
            (None, _) => wanted.secrets.iter().all(|(_, text)| text.expose_secret().is_empty()),
            (Some(rev), Some((of, mark))) if rev == *of => {
                let marks = self.provisioner.marks.as_ref();
                marks.is_some_and(|marks| marks.mark(source, &wanted.secrets)[..] == mark[..])
            }
            _ => false,
        };
        same_secrets
            && wanted.uid.as_ref().is_none_or(|uid| *uid == source.uid)
            && wanted.settings == source.settings
            && wanted.editable != source.read_only
            && wanted.is_default == stored.is_default
            && wanted.prunable == note.prunable
    }

    /// Removes a data source by its name. Tells whether it was there.
    ///
    /// # Errors
    /// [`Error::Busy`] if it is being changed again and again.
    pub async fn remove(&self, org: OrgId, name: &SourceName) -> Result<bool, Error> {
        self.remove_if(org, &Reference::Name(name.clone()), |_| true).await
    }

    /// Removes what earlier rounds made, may be pruned and is not `kept`. Gives what was removed.
    ///
    /// # Errors
    /// As [`Round::remove`].
    pub async fn prune(
        &self,
        kept: &HashSet<(OrgId, SourceName)>,
    ) -> Result<Vec<(OrgId, SourceName)>, Error> {
        let store = &self.provisioner.store;
        let mut pruned = Vec::new();
        for ((org, incarnation), note) in &self.notes {
            let wanted = Reference::Uid(note.uid.clone());
            let found = store.find(*org, &wanted).await?;
            let found = found.filter(|stored| stored.source.incarnation == *incarnation);
            let Some(found) = found else {
                // Its data source went another way.
                store.transact(&[Write::delete(Key::provisioned(*org, *incarnation))]).await?;
                continue;
            };
            let place = (*org, found.source.settings.name.clone());
            if !note.prunable || kept.contains(&place) {
                continue;
            }
            if self.remove_if(*org, &wanted, |source| source.incarnation == *incarnation).await? {
                pruned.push(place);
            }
        }
        pruned.sort();
        Ok(pruned)
    }

    async fn remove_if(
        &self,
        org: OrgId,
        wanted: &Reference,
        is_it: impl Fn(&Datasource) -> bool,
    ) -> Result<bool, Error> {
        let store = &self.provisioner.store;
        for round in 0..MOST_TRIES {
            if round > 0 {
                pause(round.min(4)).await;
            }
            let found = store.find(org, wanted).await?;
            let Some(found) = found.filter(|stored| is_it(&stored.source)) else {
                return Ok(false);
            };
            let mut writes = removal(&found);
            writes.push(Write::delete(Key::provisioned(org, found.source.incarnation)));
            if matches!(store.transact(&writes).await?, Outcome::Written) {
                return Ok(true);
            }
        }
        Err(Error::Busy)
    }
}

/// What is to be there. The counter of versions starts again, as with any change that names none (contract 1.9).
fn after(wanted: &FromFile, before: Option<&Datasource>) -> Datasource {
    let (org, settings) = (wanted.org, wanted.settings.clone());
    let (rev, read_only) = (Rev::new(), !wanted.editable);
    match before {
        Some(before) => Datasource {
            uid: wanted.uid.clone().unwrap_or_else(|| before.uid.clone()),
            rev,
            version: 1,
            read_only,
            settings,
            ..before.clone()
        },
        None => Datasource {
            org,
            id: LegacyId::FIRST,
            uid: wanted.uid.clone().unwrap_or_else(|| wanted.otherwise.clone()),
            incarnation: Incarnation::new(),
            rev,
            sec_rev: None,
            version: 1,
            read_only,
            permissions: None,
            secret_names: BTreeSet::new(),
            settings,
        },
    }
}
