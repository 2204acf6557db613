//! Data sources: found, listed, created, updated and deleted, each change in one transaction conditional on `rev`.

mod create;
mod damaged;
mod delete;
mod list;
mod permissions;
mod replace;
mod update;

use std::sync::Arc;

use auth::Granted;
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{Datasource, LegacyId, OrgId, Reference, Secrets, Settings, Uid};

use crate::item::{Item, Record, datasource_of};
use crate::table::Key;
use crate::{Error, Store};

pub(crate) use delete::removal;
pub use list::Listing;
pub(crate) use list::name as name_of;
pub use permissions::Assignment;
pub(crate) use replace::{MOST_TRIES, Replacement};

/// How often a pointer is followed that led to something else each time.
const MOST_READS: u32 = 6;

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

/// What a data source is replaced by. Its number and incarnation stay.
#[derive(Clone, Debug)]
pub struct Change {
    /// Another uid; none keeps the one that it has.
    pub uid: Option<Uid>,
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
        let mut misled = None;
        for _ in 0..MOST_READS {
            let Some(uid) = self.uid_of(org, wanted).await? else { return Ok(None) };
            let found = self.by_uid(org, &uid).await?;
            if found.as_ref().is_some_and(|stored| wanted.names(&stored.source)) {
                return Ok(found);
            }
            if !may_mislead(wanted, &mut misled, uid) {
                return Ok(None);
            }
        }
        Err(Error::Busy)
    }

    /// Finds a data source as it is now, if the grant still holds for it: one that was made again under the same uid, or
    /// that the caller has lost since, is as good as gone.
    async fn find_again(&self, granted: &Granted, wanted: &Reference) -> Result<Stored, Error> {
        let found = self.find(granted.source().org, wanted).await?;
        let found = found.filter(|stored| granted.holds(&stored.source));
        found.ok_or_else(|| Error::Gone(wanted.clone()))
    }

    async fn by_uid(&self, org: OrgId, uid: &Uid) -> Result<Option<Stored>, Error> {
        let keys = [Key::datasource(org, uid), Key::default_source(org)];
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
}

/// Tells whether a pointer should be followed again that did not lead to the data source that is meant: its uid may have
/// been changed, and be another's, since the pointer was read. One that stays as it was leads nowhere.
pub(crate) fn may_mislead(wanted: &Reference, misled: &mut Option<Uid>, uid: Uid) -> bool {
    !matches!(wanted, Reference::Uid(_)) && misled.replace(uid.clone()) != Some(uid)
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
