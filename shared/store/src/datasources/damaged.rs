//! Deleting what cannot be read any more: whatever names it is looked for.

use auth::Permit;
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{LegacyId, Reference, Uid};

use super::pointer;
use crate::item::{Item, Record, datasource_of};
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How many items a transaction takes; a data source has two and two pointers, unless those are damaged too.
const MOST_WRITES: usize = 100;

impl Store {
    /// Deletes a data source whose item is damaged, and gives its number where that is still known.
    ///
    /// The permit is for any data source: who may delete each of them may delete this one, whatever it said of itself.
    ///
    /// # Errors
    /// [`Error::Gone`]; [`Error::ReadOnly`] if at least that can be read; [`Error::Busy`] if it was written meanwhile.
    pub async fn delete_damaged(
        &self,
        permit: &Permit,
        wanted: &Reference,
    ) -> Result<Option<LegacyId>, Error> {
        let org = permit.caller().org();
        let gone = || Error::Gone(wanted.clone());
        let uid = self.uid_of(org, wanted).await?.ok_or_else(gone)?;
        let key = Key::datasource(org, &uid);
        let item = self.get(&key).await?.ok_or_else(gone)?;
        if datasource_of(org, &item).is_ok() {
            return Err(Error::Busy);
        }
        if Record(&item).flag("readOnly").is_ok_and(|is_read_only| is_read_only) {
            return Err(Error::ReadOnly(uid));
        }
        let unchanged = match item.get("rev") {
            Some(rev) => Condition::Equals("rev", AttributeValue::clone(rev)),
            None => Condition::Lacks("rev"),
        };
        let mut writes =
            vec![Write::delete(key).only_if(unchanged), Write::delete(Key::sealed(org, &uid))];
        let ids = self.pointers_to(&uid, &table::ids_of(org)).await?;
        let id = ids.iter().find_map(|key| LegacyId::new(key.sk.parse().ok()?));
        let names = self.pointers_to(&uid, &table::names_of(org)).await?;
        writes.extend(ids.into_iter().chain(names).map(Write::delete));
        writes.truncate(MOST_WRITES);
        match self.transact(&writes).await? {
            Outcome::Written => Ok(id),
            Outcome::Refused(_) => Err(Error::Busy),
        }
    }

    /// Finds all pointers of a partition that name a uid.
    async fn pointers_to(&self, uid: &Uid, partition: &str) -> Result<Vec<Key>, Error> {
        let partition = Partition { table: Table::Registry, pk: partition, backwards: false };
        let (mut found, mut start) = (Vec::new(), None);
        loop {
            let page = self.page(&partition, usize::MAX, start).await?;
            let names_it = |item: &&Item| pointer(item).is_ok_and(|named| named == *uid);
            let keys = page.items.iter().filter(names_it);
            found.extend(keys.filter_map(|item| Key::of(Table::Registry, item)));
            start = page.next;
            if start.is_none() {
                return Ok(found);
            }
        }
    }
}
