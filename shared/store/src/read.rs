//! Reading items: strongly consistent, and an unprocessed key is asked again, never taken for absent.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use crate::item::Item;
use crate::table::{Key, Span, Table};
use crate::{Error, Store};

/// How often unprocessed keys are asked again, with pauses that grow: about two seconds in all.
const MOST_ROUNDS: u32 = 8;

/// How many keys `BatchGetItem` takes.
pub(crate) const BATCH: usize = 100;

/// The items that a batch found.
pub(crate) struct Batch(HashMap<Key, Item>);

impl Batch {
    /// Takes the item of a key; none if it does not exist.
    pub(crate) fn take(&mut self, key: &Key) -> Option<Item> {
        self.0.remove(key)
    }
}

impl Store {
    /// Asks whether the tables answer.
    ///
    /// # Errors
    /// [`Error::Table`] if they do not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.get(&Key::org(sourcegate_core::OrgId::MAIN)).await.map(drop)
    }

    /// Reads one item.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Item>, Error> {
        let asked = self.client().await.get_item().table_name(self.0.config.tables.name(key.table));
        let answer = asked.set_key(Some(key.attributes())).consistent_read(true).send().await;
        match answer {
            Ok(output) => Ok(output.item),
            Err(error) if is_throttled(&error) => Err(Error::Busy),
            Err(error) => Err(Error::table(error)),
        }
    }

    /// Reads up to 100 items of all tables in one round trip, or a few where the table asks for patience.
    pub(crate) async fn batch(&self, keys: &[Key]) -> Result<Batch, Error> {
        let mut found = HashMap::with_capacity(keys.len());
        let mut wanted = self.requests(keys);
        for round in 0..MOST_ROUNDS {
            if round > 0 {
                pause(round).await;
            }
            let asked = self.client().await.batch_get_item().set_request_items(Some(wanted));
            let output = match asked.send().await {
                Ok(output) => output,
                Err(SdkError::ServiceError(error))
                    if matches!(
                        error.err(),
                        BatchGetItemError::ProvisionedThroughputExceededException(_)
                            | BatchGetItemError::RequestLimitExceeded(_)
                    ) =>
                {
                    return Err(Error::Busy);
                }
                Err(error) => return Err(Error::table(error)),
            };
            for (table, items) in output.responses.unwrap_or_default() {
                found.extend(
                    items.into_iter().filter_map(|item| Some((self.key_of(&table, &item)?, item))),
                );
            }
            match output.unprocessed_keys {
                Some(rest) if !rest.is_empty() => wanted = rest,
                _ => return Ok(Batch(found)),
            }
        }
        Err(Error::Busy)
    }

    fn requests(&self, keys: &[Key]) -> HashMap<String, KeysAndAttributes> {
        let mut by_table: HashMap<Table, Vec<_>> = HashMap::new();
        for key in keys {
            by_table.entry(key.table).or_default().push(key.attributes());
        }
        let request = |(table, keys): (Table, Vec<_>)| {
            let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
            // `build` fails only without keys, and there is one at least.
            asked.build().ok().map(|asked| (self.0.config.tables.name(table).to_owned(), asked))
        };
        by_table.into_iter().filter_map(request).collect()
    }

    fn key_of(&self, table: &str, item: &Item) -> Option<Key> {
        let all = [Table::Access, Table::Registry, Table::Scratch];
        let table = all.into_iter().find(|known| self.0.config.tables.name(*known) == table)?;
        Key::of(table, item)
    }

    /// Reads the items of a partition, in order or backwards, page by page until `limit`.
    pub(crate) async fn query(
        &self,
        partition: &Partition<'_>,
        limit: usize,
    ) -> Result<Vec<Item>, Error> {
        self.query_from(partition, "", limit).await
    }

    /// The same of those items whose sort keys begin with a text.
    pub(crate) async fn query_from(
        &self,
        partition: &Partition<'_>,
        beginning: &str,
        limit: usize,
    ) -> Result<Vec<Item>, Error> {
        let mut found: Vec<Item> = Vec::new();
        let mut start = None;
        loop {
            let page = self.page_from(partition, beginning, limit - found.len(), start).await?;
            found.extend(page.items);
            start = page.next;
            if start.is_none() || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// Reads one page of a partition: at most `limit` items, and at most one megabyte.
    pub(crate) async fn page(
        &self,
        partition: &Partition<'_>,
        limit: usize,
        start: Option<Item>,
    ) -> Result<Page, Error> {
        self.page_from(partition, "", limit, start).await
    }

    pub(crate) async fn page_from(
        &self,
        partition: &Partition<'_>,
        beginning: &str,
        limit: usize,
        start: Option<Item>,
    ) -> Result<Page, Error> {
        let asked =
            self.client().await.query().table_name(self.0.config.tables.name(partition.table));
        let pk = AttributeValue::S(partition.pk.to_owned());
        let asked = asked.expression_attribute_values(":pk", pk);
        let asked = match beginning {
            "" => asked.key_condition_expression("pk = :pk"),
            text => asked
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":sk", AttributeValue::S(text.to_owned())),
        };
        let asked = asked
            .scan_index_forward(!partition.backwards)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start);
        match asked.send().await {
            Ok(output) => Ok(Page {
                items: output.items.unwrap_or_default(),
                next: output.last_evaluated_key,
            }),
            Err(error) if is_throttled(&error) => Err(Error::Busy),
            Err(error) => Err(Error::table(error)),
        }
    }
}

impl Store {
    /// Reads the keys of some items of a span, with the attributes by which what belongs to them is found.
    pub(crate) async fn some_of(&self, span: &Span, limit: i32) -> Result<Vec<Item>, Error> {
        let asked = self.client().await.query().table_name(self.0.config.tables.name(span.table));
        let asked = asked.expression_attribute_values(":pk", AttributeValue::S(span.pk.clone()));
        let asked = match span.start.as_str() {
            "" => asked.key_condition_expression("pk = :pk"),
            start => asked
                .key_condition_expression("pk = :pk AND begins_with(sk, :start)")
                .expression_attribute_values(":start", AttributeValue::S(start.to_owned())),
        };
        let asked = asked
            .projection_expression("pk, sk, #id, #token")
            .expression_attribute_names("#id", "id")
            .expression_attribute_names("#token", "token");
        match asked.consistent_read(true).limit(limit).send().await {
            Ok(output) => Ok(output.items.unwrap_or_default()),
            Err(error) if is_throttled(&error) => Err(Error::Busy),
            Err(error) => Err(Error::table(error)),
        }
    }
}

/// One partition to be read.
pub(crate) struct Partition<'a> {
    pub(crate) table: Table,
    pub(crate) pk: &'a str,
    pub(crate) backwards: bool,
}

/// Some items of a partition.
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    /// Where the next page starts; none if there is none.
    pub(crate) next: Option<Item>,
}

/// Tells whether the table said that it is asked too often, after all the SDK's own retries.
pub(crate) fn is_throttled<E, R>(error: &SdkError<E, R>) -> bool
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    matches!(
        error.as_service_error().and_then(aws_sdk_dynamodb::error::ProvideErrorMetadata::code),
        Some(
            "ProvisionedThroughputExceededException"
                | "ThrottlingException"
                | "RequestLimitExceeded"
        )
    )
}

/// Waits a random part of a time that doubles with each round: 25 ms at first, 800 ms at most.
pub(crate) async fn pause(round: u32) {
    let longest = 25_u64 << round.min(6).saturating_sub(1);
    let mut random = [0; 2];
    // Without randomness all wait equally long, which is slower and no less right.
    let part = getrandom::fill(&mut random)
        .map_or(u64::from(u16::MAX), |()| u64::from(u16::from_be_bytes(random)));
    let waited = longest * 1000 * part / u64::from(u16::MAX);
    tokio::time::sleep(Duration::from_micros(waited)).await;
}
