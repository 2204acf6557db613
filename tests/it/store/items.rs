//! The tables past the gateway: what no route shows, read and changed over the SDK.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use harness::TestApp;
use local::engine::Engine;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const ACCESS: &str = "sourcegate-access";
pub(crate) const REGISTRY: &str = "sourcegate-registry";

/// The tables of one gateway.
pub(crate) struct Items(Client);

/// A data source as its item names it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) id: i64,
}

impl Items {
    pub(crate) fn of(app: &TestApp) -> Self {
        Self(app.dynamodb())
    }

    pub(crate) fn over(engine: &Engine) -> Self {
        Self(harness::app::dynamodb(engine.http_client()))
    }

    pub(crate) async fn find(&self, table: &str, (pk, sk): (&str, &str)) -> Option<Item> {
        let asked = self.0.get_item().table_name(table).consistent_read(true);
        let asked = asked.key("pk", text(pk)).key("sk", text(sk));
        asked.send().await.expect("a read").item
    }

    pub(crate) async fn get(&self, table: &str, key: (&str, &str)) -> Item {
        self.find(table, key).await.unwrap_or_else(|| panic!("no item {key:?} in {table}"))
    }

    pub(crate) async fn put(&self, table: &str, item: Item) {
        self.0.put_item().table_name(table).set_item(Some(item)).send().await.expect("a write");
    }

    /// Changes an item behind the gateway's back; gives it as it was.
    pub(crate) async fn change(
        &self,
        table: &str,
        key: (&str, &str),
        change: impl FnOnce(&mut Item),
    ) -> Item {
        let was = self.get(table, key).await;
        let mut item = was.clone();
        change(&mut item);
        self.put(table, item).await;
        was
    }

    /// Writes many items in few calls.
    pub(crate) async fn put_all(&self, table: &str, items: impl IntoIterator<Item = Item>) {
        let mut requests = items.into_iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item)).build().expect("an item");
            WriteRequest::builder().put_request(put).build()
        });
        loop {
            let some: Vec<_> = requests.by_ref().take(25).collect();
            if some.is_empty() {
                return;
            }
            let asked = self.0.batch_write_item().request_items(table, some);
            let left = asked.send().await.expect("a write").unprocessed_items;
            assert!(left.is_none_or(|left| left.is_empty()), "the engine leaves nothing");
        }
    }

    pub(crate) async fn delete(&self, table: &str, (pk, sk): (&str, &str)) {
        let asked = self.0.delete_item().table_name(table);
        asked.key("pk", text(pk)).key("sk", text(sk)).send().await.expect("a deletion");
    }

    /// Reads a whole partition, in the order of its sort keys.
    pub(crate) async fn partition(&self, table: &str, pk: &str) -> Vec<Item> {
        let asked = self.0.query().table_name(table).key_condition_expression("pk = :pk");
        let asked = asked.expression_attribute_values(":pk", text(pk)).consistent_read(true);
        let pages = asked.into_paginator().items().send();
        pages.try_collect().await.expect("a query")
    }

    /// Reads the registry of the first organisation and checks that it contradicts itself nowhere: each source has
    /// one name, one number and, where it names some, its own sealed values; there is nothing beside but the correlations
    /// that start from them.
    pub(crate) async fn whole(&self) -> BTreeSet<Row> {
        let sources = self.partition(REGISTRY, "DS#1").await;
        let pointers = async |pk: &str| -> BTreeMap<String, String> {
            let items = self.partition(REGISTRY, pk).await;
            items.iter().map(|item| (string(item, "sk"), string(item, "uid"))).collect()
        };
        let (names, ids) = (pointers("NAME#1").await, pointers("ID#1").await);
        let sealed = self.partition(REGISTRY, "SEC#1").await;
        let sealed: BTreeMap<_, _> =
            sealed.iter().map(|item| (string(item, "sk"), string(item, "rev"))).collect();
        let mut rows = BTreeSet::new();
        let mut with_secrets = 0;
        for item in &sources {
            let row = Row { name: string(item, "name"), uid: string(item, "sk"), id: id(item) };
            let name = names.iter().find(|(sk, _)| sk.ends_with(&format!("#{}", row.name)));
            assert_eq!(name.map(|(_, uid)| uid), Some(&row.uid), "{row:?}: {names:?}");
            assert_eq!(ids.get(&format!("{:019}", row.id)), Some(&row.uid), "{row:?}: {ids:?}");
            if item.contains_key("secRev") {
                with_secrets += 1;
                let rev = sealed.get(&format!("DS#{}", row.uid));
                assert_eq!(rev, Some(&string(item, "secRev")), "{row:?}");
            }
            rows.insert(row);
        }
        let counts = (names.len(), ids.len(), sealed.len());
        assert_eq!(counts, (rows.len(), rows.len(), with_secrets), "{names:?} {ids:?} {sealed:?}");
        let incarnations: BTreeSet<_> = sources.iter().map(|item| string(item, "inc")).collect();
        for item in self.partition(REGISTRY, "CORR#1").await {
            assert!(incarnations.contains(&string(&item, "sk")), "left behind: {item:?}");
        }
        rows
    }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Gives a text attribute.
pub(crate) fn string(item: &Item, name: &str) -> String {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.unwrap_or_else(|| panic!("no text `{name}` in {item:?}")).clone()
}

fn id(item: &Item) -> i64 {
    let digits = item.get("id").and_then(|value| value.as_n().ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("no id in {item:?}"))
}
