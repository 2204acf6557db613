//! When tokens were used last: noted beside the requests, which neither wait for it nor fail with it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use auth::{OwnerId, Token};
use quick_cache::sync::Cache;
use sourcegate_core::OrgId;

use crate::item::{Record, number};
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::{Error, Store, condition};

/// How often a token's use is noted by one process, in seconds.
const NOTED_EVERY: u64 = 60;

/// How long a note is kept, in seconds: 400 days.
const KEPT: i64 = 400 * 24 * 60 * 60;

/// How many tokens this process remembers to have noted.
const MOST_NOTED: usize = 10_000;

/// When this process noted the use of which token, by the token's hash.
pub(crate) struct Uses(Cache<[u8; 32], Arc<AtomicI64>>);

impl Uses {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST_NOTED))
    }

    /// Tells whether a use is to be noted now, to one of those who ask at the same time.
    fn is_due(&self, hash: &[u8; 32], now: i64) -> bool {
        let noted = self.0.get_or_insert_with(hash, || Ok::<_, Infallible>(Arc::default()));
        let Ok(noted) = noted;
        let last = noted.load(Ordering::Relaxed);
        // A clock that went back is no reason to wait for it; those who ask within one second may come in any order.
        let due = now.abs_diff(last) >= NOTED_EVERY;
        due && noted.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Store {
    /// Notes that a token was used, at most once a minute.
    pub(crate) fn note_use(&self, token: &Token, number: u32, now: i64) {
        if !self.0.uses.is_due(token.hash(), now) {
            return;
        }
        let (store, key) = (self.clone(), Key::last_use(token.org(), token.owner(), number));
        tokio::spawn(async move {
            if let Err(error) = store.write_use(&key, now).await {
                tracing::debug!(%error, "a token's last use was not noted");
            }
        });
    }

    /// No write in the sense of [`Store::writes`]: nobody remembers what it changes.
    async fn write_use(&self, key: &Key, now: i64) -> Result<(), Error> {
        let asked =
            self.client().await.update_item().table_name(self.0.config.tables.name(key.table));
        let noted = asked
            .set_key(Some(key.attributes()))
            .update_expression("SET #used = :now, #expires = :expires")
            // Another process may have been later, and yet its note earlier.
            .condition_expression("attribute_not_exists(#used) OR #used < :now")
            .expression_attribute_names("#used", "used")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":expires", number(now + KEPT))
            .send()
            .await;
        condition::held(noted).map(drop)
    }

    /// Reads when the tokens of a service account were used last, by their numbers.
    pub(crate) async fn last_uses(
        &self,
        org: OrgId,
        owner: OwnerId,
    ) -> Result<HashMap<u32, i64>, Error> {
        let pk = table::last_uses_of(org, owner);
        let partition = Partition { table: Table::Scratch, pk: &pk, backwards: false };
        let noted = self.query(&partition, usize::MAX).await?;
        let one = |item: &crate::item::Item| {
            let record = Record(item);
            let of = record.text("sk").ok()?.parse().ok()?;
            Some((of, record.number("used").ok()?))
        };
        // A note that is damaged is no more than a use that was not noted.
        Ok(noted.iter().filter_map(one).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_a_minute_for_each_token() {
        let uses = Uses::new();
        let (one, other) = ([1; 32], [2; 32]);
        for (hash, now, due) in [
            (one, 1_000, true),
            (one, 1_000, false),
            (one, 1_059, false),
            (other, 1_059, true),
            (one, 1_060, true),
            (one, 1_061, false),
            (one, 1_059, false),
            (one, 1_000, true),
        ] {
            assert_eq!(uses.is_due(&hash, now), due, "{now}");
        }
    }
}
