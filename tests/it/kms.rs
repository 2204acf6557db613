//! KMS wraps the organisations' keys: bound to their context, asked once, and nothing is sent where it does not answer.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bootstrap;
mod deployment;

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use harness::moto::Fault;

use crate::store::items::{ACCESS, Item};
use deployment::Deployment;

const KEY: (&str, &str) = ("KEY#1", "current");

fn wrapped(item: &Item) -> Vec<u8> {
    item["wrapped"].as_b().expect("a wrapped key").clone().into_inner()
}

#[tokio::test]
async fn a_secret_that_was_sealed_without_kms_opens_with_one_decrypt_per_process() {
    let d = Deployment::start().await;
    assert_eq!(d.kms.calls().get("GenerateDataKeyPairWithoutPlaintext"), Some(&1));
    d.create("a").await;
    d.create("b").await;
    assert_eq!(d.decrypts(), 0, "who writes cannot read");
    let process = d.process("local").await;
    let answers = join_all((0..30).map(|n| process.get(if n % 2 == 0 { "a" } else { "b" }))).await;
    assert!(answers.iter().all(|answer| answer.0 == 200), "{answers:?}");
    assert_eq!(d.decrypts(), 1);
    for request in d.upstream.requests() {
        // reader:hunter2
        assert_eq!(request.header("authorization"), Some("Basic cmVhZGVyOmh1bnRlcjI="));
    }
    assert_eq!(d.process("local").await.get("a").await.0, 200);
    assert_eq!(d.decrypts(), 2, "each process asks for itself");
}

#[tokio::test]
async fn a_key_is_unwrapped_for_its_own_deployment_and_number_alone() {
    let d = Deployment::start().await;
    d.create("a").await;
    let process = d.process("production").await;
    d.refuses(&process, 503, "kms").await;
    // The same wrapped key under another number, and a value that names it.
    d.renumber(2).await;
    let process = d.process("local").await;
    d.refuses(&process, 503, "kms").await;
    let decrypt = d.client.decrypt().key_id(&d.key_id);
    let blob = Blob::new(wrapped(&d.items.get(ACCESS, KEY).await));
    let bare = decrypt.ciphertext_blob(blob).send().await.expect_err("no context");
    assert!(bare.into_service_error().is_invalid_ciphertext_exception());
}

#[tokio::test]
async fn k15_where_kms_is_down_nothing_is_sent_and_opened_keys_go_on() {
    let d = Deployment::start().await;
    d.create("a").await;
    d.create("b").await;
    let warm = d.process("local").await;
    assert_eq!(warm.get("a").await.0, 200);
    let before = d.decrypts();
    for fault in [Fault::Internal, Fault::Lost] {
        let sent = d.upstream.requests().len();
        d.kms.fail("Decrypt", [fault; 3]);
        let cold = d.process("local").await;
        assert_eq!(cold.get("b").await, (503, "kms".to_owned()), "{fault:?}");
        assert_eq!(d.upstream.requests().len(), sent, "{fault:?}");
        assert_eq!(cold.get("b").await.0, 200, "a failure is not remembered");
    }
    assert_eq!(d.decrypts(), before + 2 * 4, "three tries each, and one that succeeded");
    d.kms.fail("Decrypt", [Fault::Internal; 3]);
    assert_eq!(warm.get("b").await.0, 200, "its key is open already");
}

#[tokio::test]
async fn k15_everybody_who_waits_for_a_slow_kms_shares_one_call() {
    let d = Deployment::start().await;
    d.create("a").await;
    // Longer than an attempt may take: each of three ends in a time-out.
    d.kms.fail("Decrypt", [Fault::Slow(Duration::from_secs(30)); 3]);
    let process = d.process("local").await;
    let answers = join_all((0..20).map(|_| process.get("a"))).await;
    assert!(answers.iter().all(|answer| *answer == (503, "kms".to_owned())), "{answers:?}");
    assert_eq!(d.decrypts(), 3);
    assert_eq!(d.upstream.seen().accepted, 0);
    assert_eq!(process.get("a").await.0, 200);
}

#[tokio::test]
async fn k15_an_endpoint_that_is_gone_is_503() {
    let mut d = Deployment::start().await;
    d.create("a").await;
    let process = d.process("local").await;
    d.kms = harness::moto::Kms::start().await;
    d.refuses(&process, 503, "kms").await;
}

#[tokio::test]
async fn k16_a_throttled_call_is_made_again() {
    let d = Deployment::start().await;
    d.create("a").await;
    d.kms.fail("Decrypt", [Fault::Throttled; 2]);
    let process = d.process("local").await;
    assert_eq!(process.get("a").await.0, 200);
    assert_eq!(d.decrypts(), 3);
    d.kms.fail("Decrypt", [Fault::Throttled; 3]);
    let cold = d.process("local").await;
    assert_eq!(cold.get("a").await, (503, "kms".to_owned()));
    assert_eq!(d.decrypts(), 6, "and not for ever");
}

#[tokio::test]
async fn k17_a_key_that_is_disabled_or_another_is_503_without_a_second_try() {
    let d = Deployment::start().await;
    d.create("a").await;
    d.kms.fail("Decrypt", [Fault::Disabled]);
    d.refuses(&d.process("local").await, 503, "kms").await;
    assert_eq!(d.decrypts(), 1);
    let other = d.kms.create_key().await;
    let process = d.process_with(&other, "local").await;
    d.refuses(&process, 503, "kms").await;
    assert_eq!(d.decrypts(), 2);
    let unknown = d.process_with("11111111-2222-3333-4444-555555555555", "local").await;
    d.refuses(&unknown, 503, "kms").await;
    assert_eq!(d.decrypts(), 3);
}

#[tokio::test]
async fn k18_a_plaintext_that_is_not_the_public_keys_private_half_is_refused() {
    let d = Deployment::start().await;
    d.create("a").await;
    let other = d.encrypted_key().await;
    for (what, plaintext) in [("16 bytes", vec![7; 16]), ("none", vec![0]), ("another key", other)]
    {
        let encrypt = d.client.encrypt().key_id(&d.key_id).plaintext(Blob::new(plaintext));
        let encrypt = encrypt.encryption_context("deployment", "local");
        let encrypt = encrypt.encryption_context("org", "1").encryption_context("number", "1");
        let ciphertext = encrypt.send().await.expect("moto encrypts").ciphertext_blob;
        let ciphertext = ciphertext.expect("a ciphertext").into_inner();
        let exchanged = AttributeValue::B(Blob::new(ciphertext));
        let exchange = |item: &mut Item| drop(item.insert("wrapped".to_owned(), exchanged));
        let was = d.items.change(ACCESS, KEY, exchange).await;
        let process = d.process("local").await;
        assert_eq!(process.get("a").await, (500, "kms".to_owned()), "{what}");
        assert_eq!(d.upstream.seen().accepted, 0, "{what}");
        d.items.put(ACCESS, was).await;
    }
    assert_eq!(d.process("local").await.get("a").await.0, 200);
}
