//! Data sources: found, listed, created, updated and deleted, each change in one transaction conditional on `rev`.

mod create;
mod delete;
mod permissions;
mod update;

use std::collections::HashSet;
use std::sync::Arc;

use auth::Permit;
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{Datasource, LegacyId, OrgId, Reference, Secrets, Settings, Uid};

use crate::item::{Item, Record, datasource_of};
use crate::read::{BATCH, Partition};
use crate::table::{self, Key, Table};
use crate::{Error, Store};

pub use permissions::Assignment;

/// How many data sources a list shows, as Grafana's `datasource_limit`.
const MOST_LISTED: usize = 5_000;

/// A data source as it is stored, and whether it is its organisation's default.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The data source.
    pub source: Arc<Datasource>,
    /// Whether the organisation's one default item names it.
    pub is_default: bool,
}

/// What a new data source is made of.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The uid asked for; none has one drawn.
    pub uid: Option<Uid>,
    /// The settings.
    pub settings: Settings,
    /// Its secrets; an empty text is no secret.
    pub secrets: Secrets,
    /// Whether it becomes the default. The first of an organisation does anyway.
    pub make_default: bool,
}

/// What a data source is replaced by. Its uid, number and incarnation stay.
#[derive(Clone, Debug)]
pub struct Change {
    /// The settings, all of them.
    pub settings: Settings,
    /// New texts of secrets; an empty one removes, what is not named stays.
    pub secrets: Secrets,
    /// The version that the caller saw; none or zero asks for no check and starts again at 1 (contract 1.9).
    pub version: Option<i64>,
    /// Whether it is the default from now on.
    pub make_default: bool,
}

impl Store {
    /// Finds a data source of an organisation: one round trip by uid, two by number or name.
    ///
    /// # Errors
    /// [`Error::BadRecord`] if it is damaged; what the table says otherwise.
    pub async fn find(&self, org: OrgId, wanted: &Reference) -> Result<Option<Stored>, Error> {
        let Some(uid) = self.uid_of(org, wanted).await? else { return Ok(None) };
        let keys = [Key::datasource(org, &uid), Key::default_source(org)];
        let mut batch = self.batch(&keys).await?;
        let Some(item) = batch.take(&keys[0]) else { return Ok(None) };
        let source = datasource_of(org, &item)?;
        let default = batch.take(&keys[1]).and_then(|item| logged(default_of(&item)));
        let is_default = default == Some(source.id);
        Ok(Some(Stored { source: Arc::new(source), is_default }))
    }

    /// Follows the pointer from a number or a name to a uid; a uid is its own.
    pub(crate) async fn uid_of(
        &self,
        org: OrgId,
        wanted: &Reference,
    ) -> Result<Option<Uid>, Error> {
        match wanted {
            Reference::Uid(uid) => Ok(Some(uid.clone())),
            Reference::Id(id) => {
                self.get(&Key::id(org, *id)).await?.as_ref().map(pointer).transpose()
            }
            Reference::Name(name) => {
                self.get(&Key::name(org, name)).await?.as_ref().map(pointer).transpose()
            }
        }
    }

    /// Lists an organisation's data sources in the order of their names without regard to case, at most 5,000.
    ///
    /// A damaged one is left out and logged; the list goes on (`faults.md` D17).
    ///
    /// # Errors
    /// What the table says.
    pub async fn list(&self, permit: &Permit) -> Result<Vec<Stored>, Error> {
        let org = permit.caller().org();
        let names = table::names_of(org);
        let partition = Partition { table: Table::Registry, pk: &names, backwards: false };
        let pointers = self.query(&partition, MOST_LISTED).await?;
        let default = self.get(&Key::default_source(org)).await?;
        let default = default.and_then(|item| logged(default_of(&item)));
        // Pages are no snapshot: who is renamed in between is on two of them.
        let mut seen = HashSet::new();
        let uids = pointers.iter().filter_map(|item| logged(pointer(item)));
        let keys = uids.map(|uid| Key::datasource(org, &uid));
        let keys: Vec<_> = keys.filter(|key| seen.insert(key.clone())).collect();
        let mut listed = Vec::with_capacity(keys.len());
        for keys in keys.chunks(BATCH) {
            let mut batch = self.batch(keys).await?;
            // What was deleted since the names were read is not there; what was renamed stays in its old place.
            let sources =
                keys.iter().filter_map(|key| logged(datasource_of(org, &batch.take(key)?)));
            listed.extend(sources.map(|source| {
                let is_default = default == Some(source.id);
                Stored { source: Arc::new(source), is_default }
            }));
        }
        Ok(listed)
    }
}

/// Takes a damaged item for none where it stands in the way of sound ones.
pub(crate) fn logged<T>(result: Result<T, Error>) -> Option<T> {
    result.inspect_err(|error| tracing::error!(%error, "left out")).ok()
}

/// Reads the uid that a pointer names.
pub(crate) fn pointer(item: &Item) -> Result<Uid, Error> {
    let record = Record(item);
    Uid::parse(record.text("uid")?).map_err(|_| record.bad("uid"))
}

fn default_of(item: &Item) -> Result<LegacyId, Error> {
    let record = Record(item);
    LegacyId::new(record.number("id")?).ok_or_else(|| record.bad("id"))
}

/// The attribute that a condition on a revision compares.
fn rev_value(source: &Datasource) -> AttributeValue {
    crate::item::text(source.rev)
}
