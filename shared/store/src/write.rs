//! Writing items: conditional and all at once, or not at all.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use sourcegate_core::Rev;

use crate::item::{Item, Record, check_size, number};
use crate::read::{is_throttled, pause};
use crate::table::{Key, Table};
use crate::{Error, Store, condition};

/// How many parts a transaction has at most.
pub(crate) const MOST_WRITES: usize = 100;

/// How often a transaction that met another one is tried again, with pauses that grow: about five seconds in all.
const MOST_TRIES: u32 = 14;

/// One part of a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    table: Table,
    what: What,
    condition: Option<Condition>,
}

#[derive(Clone, Debug)]
enum What {
    Put(Item),
    Delete(Key),
    Check(Key),
}

/// What must hold of the item that is there.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// There is none.
    Absent,
    /// An attribute has a value.
    Equals(&'static str, AttributeValue),
    /// There is none, or an attribute has a value.
    AbsentOrEquals(&'static str, AttributeValue),
    /// Two attributes have their values.
    Both([(&'static str, AttributeValue); 2]),
    /// An attribute is missing.
    Lacks(&'static str),
}

/// A condition as `DynamoDB` takes it: the expression, the names and the values in it.
type Expression = (String, HashMap<String, String>, HashMap<String, AttributeValue>);

impl Condition {
    fn written(self) -> Expression {
        let (text, compared) = match self {
            Self::Absent => ("attribute_not_exists(pk)", vec![]),
            Self::Equals(name, value) => ("#a = :a", vec![(name, Some(value))]),
            Self::AbsentOrEquals(name, value) => {
                ("attribute_not_exists(pk) OR #a = :a", vec![(name, Some(value))])
            }
            Self::Both(both) => {
                ("#a = :a AND #b = :b", both.map(|(name, value)| (name, Some(value))).to_vec())
            }
            Self::Lacks(name) => ("attribute_not_exists(#a)", vec![(name, None)]),
        };
        let (mut names, mut values) = (HashMap::new(), HashMap::new());
        for (letter, (name, value)) in ["a", "b"].into_iter().zip(compared) {
            names.insert(format!("#{letter}"), name.to_owned());
            values.extend(value.map(|value| (format!(":{letter}"), value)));
        }
        (text.to_owned(), names, values)
    }
}

impl Write {
    pub(crate) fn put(table: Table, item: Item) -> Self {
        Self { table, what: What::Put(item), condition: None }
    }

    pub(crate) fn delete(key: Key) -> Self {
        Self { table: key.table, what: What::Delete(key), condition: None }
    }

    /// Writes nothing, and lets nothing be written unless a condition holds of an item.
    pub(crate) fn check(key: Key, condition: Condition) -> Self {
        Self { table: key.table, what: What::Check(key), condition: Some(condition) }
    }

    pub(crate) fn only_if(self, condition: Condition) -> Self {
        Self { condition: Some(condition), ..self }
    }

    /// Tells which item it is about.
    #[cfg(test)]
    pub(crate) fn place(&self) -> (Table, String, String) {
        let key = match &self.what {
            What::Put(item) => item,
            What::Delete(key) | What::Check(key) => &key.attributes(),
        };
        let part = |name: &str| key[name].as_s().cloned().unwrap_or_default();
        (self.table, part("pk"), part("sk"))
    }

    /// Refuses an item that the table would refuse.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub(crate) fn check_size(&self) -> Result<(), Error> {
        match &self.what {
            What::Put(item) => check_size(item),
            What::Delete(_) | What::Check(_) => Ok(()),
        }
    }

    fn built(self, table_name: &str) -> Option<TransactWriteItem> {
        let expression = self.condition.map(Condition::written);
        let (text, names, values) = match expression {
            None => (None, None, None),
            Some((text, names, values)) => (
                Some(text),
                Some(names).filter(|names| !names.is_empty()),
                Some(values).filter(|values| !values.is_empty()),
            ),
        };
        let on_failure = ReturnValuesOnConditionCheckFailure::AllOld;
        let part = TransactWriteItem::builder();
        let part = match self.what {
            What::Put(item) => {
                let put = Put::builder().table_name(table_name).set_item(Some(item));
                let put = put.set_condition_expression(text).set_expression_attribute_names(names);
                let put = put.set_expression_attribute_values(values);
                part.put(put.return_values_on_condition_check_failure(on_failure).build().ok()?)
            }
            What::Delete(key) => {
                let delete = Delete::builder().table_name(table_name);
                let delete = delete.set_key(Some(key.attributes())).set_condition_expression(text);
                let delete = delete.set_expression_attribute_names(names);
                let delete = delete.set_expression_attribute_values(values);
                let delete = delete.return_values_on_condition_check_failure(on_failure);
                part.delete(delete.build().ok()?)
            }
            What::Check(key) => {
                let check = ConditionCheck::builder().table_name(table_name);
                let check = check.set_key(Some(key.attributes())).set_condition_expression(text);
                let check = check.set_expression_attribute_names(names);
                let check = check.set_expression_attribute_values(values);
                let check = check.return_values_on_condition_check_failure(on_failure);
                part.condition_check(check.build().ok()?)
            }
        };
        Some(part.build())
    }
}

/// How a transaction ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Everything was written.
    Written,
    /// Nothing was: some conditions did not hold. One entry per part, in order: none where the condition held, else the
    /// item that was there (empty if there was none).
    Refused(Vec<Option<Item>>),
}

impl Store {
    /// Writes all parts or none. Conflicts with other transactions are tried again under the same token, so that an
    /// answer that was lost is not written twice.
    pub(crate) async fn transact(&self, writes: &[Write]) -> Result<Outcome, Error> {
        let name = |write: &Write| self.0.config.tables.name(write.table).to_owned();
        // A part fails to build only without a table or a key, and none is without.
        let parts: Vec<_> =
            writes.iter().filter_map(|write| write.clone().built(&name(write))).collect();
        let token = Rev::new().to_string();
        // Counted however it ends: a write whose answer is lost, or whose caller leaves, may be done all the same.
        let _counted = Counted(self);
        for round in 0..MOST_TRIES {
            if round > 0 {
                pause(round).await;
            }
            let asked = self.client().await.transact_write_items().client_request_token(&token);
            let error = match asked.set_transact_items(Some(parts.clone())).send().await {
                Ok(_) => return Ok(Outcome::Written),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    if let Some(refused) = refusals(canceled.cancellation_reasons()) {
                        return Ok(Outcome::Refused(refused));
                    }
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => {}
                Some(service) if service.code() == Some("TransactionConflictException") => {}
                _ if is_throttled(&error) => {}
                _ => return Err(Error::table(error)),
            }
        }
        Err(Error::Busy)
    }
}

impl Store {
    /// Takes the next number of a counter: every caller gets another one, and one that is not used in the end is lost.
    pub(crate) async fn next(&self, key: &Key) -> Result<i64, Error> {
        let asked =
            self.client().await.update_item().table_name(self.0.config.tables.name(key.table));
        let asked = asked
            .set_key(Some(key.attributes()))
            .update_expression("ADD #next :one")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew);
        match asked.send().await {
            Ok(output) => Record(&output.attributes.unwrap_or_default()).number("next"),
            Err(error) if is_throttled(&error) => Err(Error::Busy),
            Err(error) => Err(Error::table(error)),
        }
    }

    /// Moves a counter that was lost past a number that is in use (`faults.md` D07).
    pub(crate) async fn raise(&self, key: &Key, largest: i64) -> Result<(), Error> {
        let asked =
            self.client().await.update_item().table_name(self.0.config.tables.name(key.table));
        let raised = asked
            .set_key(Some(key.attributes()))
            .update_expression("SET #next = :largest")
            .condition_expression("attribute_not_exists(#next) OR #next < :largest")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":largest", number(largest))
            .send()
            .await;
        match raised {
            Err(error) if is_throttled(&error) => Err(Error::Busy),
            raised => condition::held(raised).map(drop),
        }
    }
}

impl Store {
    /// Deletes an item, if it is there.
    pub(crate) async fn remove(&self, key: &Key) -> Result<(), Error> {
        let _counted = Counted(self);
        let asked =
            self.client().await.delete_item().table_name(self.0.config.tables.name(key.table));
        match asked.set_key(Some(key.attributes())).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_throttled(&error) => Err(Error::Busy),
            Err(error) => Err(Error::table(error)),
        }
    }
}

/// Counts a write when it ends.
struct Counted<'a>(&'a Store);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.wrote();
    }
}

/// Reads the reasons: the conditions that failed, or none where something else stood in the way that passes.
fn refusals(reasons: &[CancellationReason]) -> Option<Vec<Option<Item>>> {
    let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    if !reasons.iter().any(failed) {
        return None;
    }
    let item = |reason: &CancellationReason| {
        failed(reason).then(|| reason.item().cloned().unwrap_or_default())
    };
    Some(reasons.iter().map(item).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Does what a table would do: everything if all conditions hold, else nothing.
    pub(crate) fn apply(items: &mut BTreeMap<Key, Item>, writes: &[Write]) -> bool {
        let key = |write: &Write| match &write.what {
            What::Put(item) => Key::of(write.table, item).unwrap(),
            What::Delete(key) | What::Check(key) => key.clone(),
        };
        let holds = |write: &Write| {
            let there = items.get(&key(write));
            match &write.condition {
                None => true,
                Some(Condition::Absent) => there.is_none(),
                Some(Condition::Equals(name, value)) => {
                    there.is_some_and(|item| item.get(*name) == Some(value))
                }
                Some(Condition::AbsentOrEquals(name, value)) => {
                    there.is_none_or(|item| item.get(*name) == Some(value))
                }
                Some(Condition::Lacks(name)) => there.is_none_or(|item| !item.contains_key(*name)),
                Some(Condition::Both(both)) => there.is_some_and(|item| {
                    both.iter().all(|(name, value)| item.get(*name) == Some(value))
                }),
            }
        };
        if !writes.iter().all(holds) {
            return false;
        }
        for write in writes {
            match &write.what {
                What::Put(item) => drop(items.insert(key(write), item.clone())),
                What::Delete(key) => drop(items.remove(key)),
                What::Check(_) => {}
            }
        }
        true
    }

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).build()
    }

    #[test]
    fn only_failed_conditions_are_refusals() {
        let refused = refusals(&[reason("None"), reason("ConditionalCheckFailed")]).unwrap();
        assert_eq!(refused, [None, Some(Item::new())]);
        assert!(refusals(&[reason("None"), reason("TransactionConflict")]).is_none());
        assert!(refusals(&[reason("ThrottlingError"), reason("None")]).is_none());
    }
}
