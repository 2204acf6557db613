//! Slots for the connections to a database, counted among all processes: an item each in the scratch table, taken by a
//! conditional write and free again at its end.

use std::collections::BTreeSet;

use sourcegate_core::{Incarnation, OrgId, Rev};

use crate::item::{Record, item, number, text};
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::{Error, Store, condition, seconds_now};

/// The most slots of one data source, whatever its settings say.
const MOST: u32 = 1_000;

/// How often another slot is tried where somebody else was first.
const MOST_TRIES: usize = 8;

/// A slot that is this process's until it is given back, or until its end.
#[derive(Debug)]
pub struct ConnectionSlot {
    key: Key,
    nonce: Rev,
    /// Which it is, from 0.
    pub number: u32,
}

/// None of these is a write in the sense of [`Store::writes`]: nobody remembers what it changes.
impl Store {
    /// Takes one of so many slots of a data source, for so many seconds; none if all are taken.
    ///
    /// # Errors
    /// The table fails.
    pub async fn take_slot(
        &self,
        org: OrgId,
        source: Incarnation,
        most: u32,
        seconds: i64,
    ) -> Result<Option<ConnectionSlot>, Error> {
        let now = seconds_now();
        let pk = table::slots_of(org, source);
        let partition = Partition { table: Table::Scratch, pk: &pk, backwards: false };
        let taken = self.query(&partition, usize::MAX).await?;
        let taken: BTreeSet<u32> = taken
            .iter()
            .filter(|item| Record(item).number("expires").is_ok_and(|expires: i64| expires >= now))
            .filter_map(|item| Record(item).text("sk").ok()?.parse().ok())
            .collect();
        let nonce = Rev::new();
        let mut free: Vec<u32> =
            (0..most.min(MOST)).filter(|number| !taken.contains(number)).collect();
        // Whoever asks at the same time mostly begins at another one.
        let start = nonce.spread(free.len());
        free.rotate_left(start);
        for number in free.into_iter().take(MOST_TRIES) {
            let slot = ConnectionSlot { key: Key::slot(org, source, number), nonce, number };
            if self.put_slot(&slot, now, seconds).await? {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }

    async fn put_slot(&self, slot: &ConnectionSlot, now: i64, seconds: i64) -> Result<bool, Error> {
        let attributes = [("nonce", text(slot.nonce)), ("expires", number(now + seconds))];
        let put = self.client().await.put_item();
        let put = put
            .table_name(self.0.config.tables.name(slot.key.table))
            .set_item(Some(item(&slot.key, attributes)))
            // Our own nonce stands there if the answer to an earlier try was lost.
            .condition_expression("attribute_not_exists(pk) OR #expires < :now OR #nonce = :nonce")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_names("#nonce", "nonce")
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":nonce", text(slot.nonce));
        condition::held(put.send().await)
    }

    /// Gives a slot back, unless somebody else has it by now.
    ///
    /// # Errors
    /// The table fails.
    pub async fn release_slot(&self, slot: &ConnectionSlot) -> Result<(), Error> {
        let delete = self.client().await.delete_item();
        let delete = delete
            .table_name(self.0.config.tables.name(slot.key.table))
            .set_key(Some(slot.key.attributes()))
            .condition_expression("#nonce = :nonce")
            .expression_attribute_names("#nonce", "nonce")
            .expression_attribute_values(":nonce", text(slot.nonce));
        condition::held(delete.send().await).map(drop)
    }
}
