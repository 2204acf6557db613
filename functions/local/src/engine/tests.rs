//! The engine as the AWS SDK sees it.

mod files;
mod listener;

use std::collections::HashMap;
use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, KeysAndAttributes,
    Put, ReturnValue, ReturnValuesOnConditionCheckFailure, ScalarAttributeType,
    TimeToLiveSpecification, TransactWriteItem,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::Engine;

type Item = HashMap<String, AttributeValue>;

fn config(http_client: SharedHttpClient, key: &str) -> aws_sdk_dynamodb::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(key, "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client)
}

fn client(engine: &Engine) -> Client {
    Client::from_conf(config(engine.http_client(), "any").build())
}

async fn create_table(client: &Client, name: &str) {
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let text = |name: &str| {
        let builder = AttributeDefinition::builder().attribute_name(name);
        builder.attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let table = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let table = table.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
    table.attribute_definitions(text("pk")).attribute_definitions(text("sk")).send().await.unwrap();
}

async fn open_with_table(data: &Path) -> (Engine, Client) {
    let engine = Engine::open(data).unwrap();
    let client = client(&engine);
    create_table(&client, "registry").await;
    (engine, client)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn key(sk: &str) -> Item {
    HashMap::from([("pk".to_owned(), text("DS#1")), ("sk".to_owned(), text(sk))])
}

fn put(client: &Client, sk: &str, value: &str) -> PutItemFluentBuilder {
    let put = client.put_item().table_name("registry").set_item(Some(key(sk)));
    put.item("value", text(value))
}

async fn value(client: &Client, sk: &str) -> Option<String> {
    let get = client.get_item().table_name("registry").set_key(Some(key(sk)));
    let item = get.consistent_read(true).send().await.unwrap().item?;
    Some(item["value"].as_s().unwrap().clone())
}

fn conditional_put(sk: &str) -> TransactWriteItem {
    let put = Put::builder().table_name("registry").set_item(Some(key(sk)));
    let put = put.condition_expression("attribute_not_exists(pk)");
    let put =
        put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    TransactWriteItem::builder().put(put.build().unwrap()).build()
}

#[tokio::test]
async fn an_item_that_was_put_is_read_again() {
    let data = TempDir::new().unwrap();
    let (_engine, client) = open_with_table(data.path()).await;
    put(&client, "a", "1").send().await.unwrap();
    assert_eq!(value(&client, "a").await.as_deref(), Some("1"));
    assert_eq!(value(&client, "b").await, None);
}

#[tokio::test]
async fn a_failed_condition_brings_the_old_item() {
    let data = TempDir::new().unwrap();
    let (_engine, client) = open_with_table(data.path()).await;
    put(&client, "a", "old").send().await.unwrap();
    let second = put(&client, "a", "new").condition_expression("attribute_not_exists(pk)");
    let second = second
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let error = second.send().await.unwrap_err().into_service_error();
    let PutItemError::ConditionalCheckFailedException(failed) = error else {
        panic!("{error:?}");
    };
    assert_eq!(failed.item.unwrap()["value"], text("old"));
    assert_eq!(value(&client, "a").await.as_deref(), Some("old"));
}

#[tokio::test]
async fn a_cancelled_transaction_gives_its_reasons_in_item_order() {
    let data = TempDir::new().unwrap();
    let (_engine, client) = open_with_table(data.path()).await;
    put(&client, "b", "old").send().await.unwrap();
    let items = ["a", "b", "c"].map(conditional_put);
    let sent = client.transact_write_items().set_transact_items(Some(items.into())).send().await;
    let error = sent.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("{error:?}");
    };
    let reasons = cancelled.cancellation_reasons();
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed", "None"]);
    assert_eq!(reasons[1].item().unwrap()["value"], text("old"));
    assert_eq!(value(&client, "a").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_concurrent_conditional_puts_one_wins() {
    let data = TempDir::new().unwrap();
    let (_engine, client) = open_with_table(data.path()).await;
    let mut puts = JoinSet::new();
    for n in 0..100 {
        let put = put(&client, "a", &n.to_string());
        puts.spawn(put.condition_expression("attribute_not_exists(pk)").send());
    }
    let answers = puts.join_all().await;
    let failures = answers.into_iter().filter_map(Result::err).map(|error| {
        assert!(error.into_service_error().is_conditional_check_failed_exception());
    });
    assert_eq!(failures.count(), 99);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_concurrent_additions_give_distinct_numbers() {
    let data = TempDir::new().unwrap();
    let (_engine, client) = open_with_table(data.path()).await;
    let mut additions = JoinSet::new();
    for _ in 0..100 {
        let update = client.update_item().table_name("registry").set_key(Some(key("next")));
        let update = update.update_expression("ADD n :one").return_values(ReturnValue::UpdatedNew);
        let one = AttributeValue::N("1".to_owned());
        let update = update.expression_attribute_values(":one", one);
        additions.spawn(async move {
            let changed = update.send().await.unwrap().attributes.unwrap();
            changed["n"].as_n().unwrap().parse::<u32>().unwrap()
        });
    }
    let mut numbers = additions.join_all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_batch_reads_two_tables() {
    let data = TempDir::new().unwrap();
    let (_engine, client) = open_with_table(data.path()).await;
    create_table(&client, "access").await;
    put(&client, "a", "1").send().await.unwrap();
    put(&client, "a", "2").table_name("access").send().await.unwrap();
    let wanted = || KeysAndAttributes::builder().keys(key("a")).keys(key("absent"));
    let batch = client
        .batch_get_item()
        .request_items("registry", wanted().build().unwrap())
        .request_items("access", wanted().consistent_read(true).build().unwrap());
    let found = batch.send().await.unwrap().responses.unwrap();
    let values =
        |table: &str| -> Vec<_> { found[table].iter().map(|item| item["value"].clone()).collect() };
    assert_eq!(values("registry"), [text("1")]);
    assert_eq!(values("access"), [text("2")]);
}

#[tokio::test]
async fn expiry_can_be_set_on_a_table() {
    let data = TempDir::new().unwrap();
    let (_engine, client) = open_with_table(data.path()).await;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires");
    let update = client.update_time_to_live().table_name("registry");
    update.time_to_live_specification(ttl.build().unwrap()).send().await.unwrap();
    let described = client.describe_time_to_live().table_name("registry").send().await.unwrap();
    let ttl = described.time_to_live_description.unwrap();
    assert_eq!(ttl.attribute_name.as_deref(), Some("expires"));
}

#[tokio::test]
async fn scan_is_not_served() {
    let data = TempDir::new().unwrap();
    let (engine, client) = open_with_table(data.path()).await;
    let refused = client.scan().table_name("registry").send().await.unwrap_err();
    let status = refused.raw_response().unwrap().status().as_u16();
    let error = refused.into_service_error();
    assert_eq!((status, error.meta().code()), (400, Some("UnknownOperationException")));
    assert_eq!(engine.calls().of("Scan"), 0);
}

#[tokio::test]
async fn calls_are_counted_by_operation() {
    let data = TempDir::new().unwrap();
    let (engine, client) = open_with_table(data.path()).await;
    let before = engine.calls();
    assert_eq!((before.total(), before.of("CreateTable")), (1, 1));
    put(&client, "a", "1").send().await.unwrap();
    value(&client, "a").await;
    value(&client, "b").await;
    let after = engine.calls().since(&before);
    assert_eq!((after.total(), after.of("PutItem"), after.of("GetItem")), (3, 1, 2));
    assert_eq!(after.of("CreateTable"), 0);
}
