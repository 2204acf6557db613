//! Data sources on their way into an archive with their secrets opened, and back.

mod bounds;
mod documents;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sourcegate_core::{
    Datasource, Incarnation, LegacyId, OrgId, Permissions, Reference, Rev, Secrets, Settings, Uid,
};

use crate::datasources::{MOST_TRIES, Replacement, Stored};
use crate::item::{Record, datasource_of};
use crate::read::{BATCH, Partition, pause};
use crate::secrets::Sealed;
use crate::table::{Key, Table, names_of};
use crate::{Admin, Error, Vault, WrappedKey};

pub use bounds::LiveBounds;
pub use documents::ArchivedDocument;

/// A data source as an archive has it.
#[derive(Clone, Debug)]
pub struct Archived {
    /// The organisation that it goes to.
    pub org: OrgId,
    /// Its uid, which it keeps.
    pub uid: Uid,
    /// All settings.
    pub settings: Settings,
    /// All secrets.
    pub secrets: Secrets,
    /// Who may do what with it.
    pub permissions: Option<Permissions>,
    /// Whether it becomes the default.
    pub is_default: bool,
}

/// What happens to what is there under the same uid or name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflicts {
    /// It stays as it is.
    Kept,
    /// It becomes what the archive says, secrets included.
    Replaced,
}

/// What became of a data source or document of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It is new.
    Created,
    /// It took the place of what was there.
    Replaced,
    /// It was not written: what is there stays, as [`Conflicts::Kept`] asks.
    Kept(String),
    /// It was not written, because of what is there.
    Refused(String),
}

/// What is there by a uid, and by a name.
type There = (Option<Stored>, Option<Stored>);

impl Admin {
    /// Reads all data sources of an organisation, in the order of lists.
    ///
    /// # Errors
    /// [`Error::BadRecord`] at the first damaged one: an archive that silently lacks one is no archive.
    pub async fn sources(&self, org: OrgId) -> Result<Vec<Stored>, Error> {
        let names = names_of(org);
        let partition = Partition { table: Table::Registry, pk: &names, backwards: false };
        let pointers = self.store().query(&partition, usize::MAX).await?;
        let default = self.store().get(&Key::default_source(org)).await?;
        let default: Option<i64> = default.map(|item| Record(&item).number("id")).transpose()?;
        let key = |item| {
            let record = Record(item);
            let uid = Uid::parse(record.text("uid")?).map_err(|_| record.bad("uid"))?;
            Ok(Key::datasource(org, &uid))
        };
        let keys: Vec<_> = pointers.iter().map(key).collect::<Result<_, Error>>()?;
        let mut sources = Vec::with_capacity(keys.len());
        for keys in keys.chunks(BATCH) {
            let mut batch = self.store().batch(keys).await?;
            for item in keys.iter().filter_map(|key| batch.take(key)) {
                let source = datasource_of(org, &item)?;
                let is_default = default == Some(source.id.get());
                sources.push(Stored { source: Arc::new(source), is_default });
            }
        }
        Ok(sources)
    }

    /// Opens all secrets of a data source.
    ///
    /// # Errors
    /// [`Error::DoesNotOpen`] naming one; [`Error::Torn`] if they are being changed; what keys and table say.
    pub async fn opened(&self, vault: &Vault, source: &Datasource) -> Result<Secrets, Error> {
        let Some(rev) = source.sec_rev else { return Ok(Secrets::default()) };
        let torn = || Error::Torn(source.uid.clone());
        let item = self.store().get(&Key::sealed(source.org, &source.uid)).await?;
        let sealed = Sealed::of(&item.ok_or_else(torn)?)?;
        if sealed.rev != rev {
            return Err(torn());
        }
        let mut keys: HashMap<u32, WrappedKey> = HashMap::new();
        let mut all = Vec::with_capacity(source.secret_names.len());
        for name in &source.secret_names {
            let number = sealed.key_number(name);
            let number = number.ok_or_else(|| Error::DoesNotOpen(name.clone()))?;
            if let Entry::Vacant(place) = keys.entry(number) {
                place.insert(self.store().key(source.org, number).await?);
            }
            let one = std::iter::once(name.as_str());
            let opened = vault.open(source, &sealed, &keys[&number], one).await?;
            all.extend(opened.iter().map(|(name, text)| (name.to_owned(), text.clone())));
        }
        Ok(all.into_iter().collect())
    }

    /// Tells what stands in the way of a data source of an archive; none if nothing does.
    ///
    /// # Errors
    /// What the table says.
    pub async fn conflict(&self, wanted: &Archived) -> Result<Option<String>, Error> {
        let there = self.there(wanted).await?;
        Ok(in_the_way(wanted, &there))
    }

    /// Writes a data source of an archive, sealed to the keys of its organisation here.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::NoKey`]; what the table says.
    pub async fn restore(
        &self,
        wanted: &Archived,
        conflicts: Conflicts,
    ) -> Result<Restored, Error> {
        for round in 0..MOST_TRIES {
            if round > 0 {
                pause(round.min(4)).await;
            }
            let there = self.there(wanted).await?;
            if conflicts == Conflicts::Kept
                && let Some(reason) = in_the_way(wanted, &there)
            {
                return Ok(Restored::Kept(reason));
            }
            let (by_uid, by_name) = there;
            let is_one = |uid: &Stored| {
                by_name.as_ref().is_none_or(|name| name.source.uid == uid.source.uid)
            };
            let refused = match (&by_uid, &by_name) {
                (Some(uid), Some(name)) if !is_one(uid) => Some(format!(
                    "uid and name are those of two that are there, `{}` and `{}`",
                    uid.source.settings.name, name.source.settings.name
                )),
                (None, None) => None,
                (Some(there), _) | (None, Some(there)) => {
                    let reason = || "what is there is read-only: a file says what it is".to_owned();
                    there.source.read_only.then(reason)
                }
            };
            if let Some(reason) = refused {
                return Ok(Restored::Refused(reason));
            }
            let before = by_uid.or(by_name);
            let mut after = after(wanted, before.as_ref().map(|stored| &*stored.source));
            let sealed = self.store().sealed_anew(&mut after, &wanted.secrets).await?;
            let is_default = wanted.is_default || before.as_ref().is_some_and(|b| b.is_default);
            let new = Replacement {
                before: before.as_ref(),
                after,
                sealed,
                is_default,
                with: Vec::new(),
            };
            match self.store().replace(new).await {
                Ok(Some(_)) if before.is_some() => return Ok(Restored::Replaced),
                Ok(Some(_)) => return Ok(Restored::Created),
                // Somebody was faster: what he wrote is judged as if it had been there before.
                Ok(None) | Err(Error::NameTaken(_) | Error::UidTaken(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Busy)
    }

    async fn there(&self, wanted: &Archived) -> Result<There, Error> {
        let by_uid = Reference::Uid(wanted.uid.clone());
        let by_name = Reference::Name(wanted.settings.name.clone());
        let store = self.store();
        Ok((store.find(wanted.org, &by_uid).await?, store.find(wanted.org, &by_name).await?))
    }
}

/// Says what has the uid or the name of a data source.
fn in_the_way(wanted: &Archived, there: &There) -> Option<String> {
    match there {
        (None, None) => None,
        (Some(_), _) => Some(format!("uid `{}` is there already", wanted.uid)),
        (None, Some(_)) => Some(format!("name `{}` is there already", wanted.settings.name)),
    }
}

fn after(wanted: &Archived, before: Option<&Datasource>) -> Datasource {
    Datasource {
        org: wanted.org,
        id: before.map_or(LegacyId::FIRST, |before| before.id),
        uid: wanted.uid.clone(),
        incarnation: before.map_or_else(Incarnation::new, |before| before.incarnation),
        rev: Rev::new(),
        sec_rev: None,
        version: 1,
        read_only: false,
        permissions: wanted.permissions.clone(),
        secret_names: BTreeSet::new(),
        settings: wanted.settings.clone(),
    }
}
