//! Sealed values that somebody moved, mixed or damaged in the real tables: they do not open, and nothing is sent.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use harness::upstream::FakeUpstream;
use harness::{TestApp, build};
use serde_json::json;

use super::items::{ACCESS, Item, Items, REGISTRY, text};

const PASSWORD: &str = "basicAuthPassword";
const HEADER: &str = "httpHeaderValue1";

/// What somebody does to an item.
type Damage<'a> = Box<dyn Fn(&mut Item) + 'a>;

/// A gateway with two sources of one destination, each with a password and a configured header.
struct Fixture {
    app: TestApp,
    items: Items,
    upstream: FakeUpstream,
}

async fn fixture() -> Fixture {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    for uid in ["a", "b"] {
        let fields = json!({
            "uid": uid,
            "basicAuth": true,
            "basicAuthUser": "reader",
            "jsonData": { "httpHeaderName1": "X-Key" },
            "secureJsonData": { PASSWORD: format!("{uid}-pw"), HEADER: format!("{uid}-key") },
        });
        app.as_admin().create(&build::with(build::plain(uid, &upstream.url()), fields)).await;
    }
    let items = Items::of(&app);
    Fixture { app, items, upstream }
}

fn values(item: &Item) -> HashMap<String, AttributeValue> {
    item["values"].as_m().expect("sealed values").clone()
}

fn blob(item: &Item, name: &str) -> Vec<u8> {
    values(item)[name].as_b().expect("a sealed value").clone().into_inner()
}

fn set(item: &mut Item, name: &str, value: Vec<u8>) {
    let mut values = values(item);
    values.insert(name.to_owned(), AttributeValue::B(Blob::new(value)));
    item.insert("values".to_owned(), AttributeValue::M(values));
}

impl Fixture {
    async fn sealed(&self, uid: &str) -> Item {
        self.items.get(REGISTRY, ("SEC#1", &format!("DS#{uid}"))).await
    }

    /// Asks as somebody for whom nothing is remembered.
    async fn status_and_cause(&self, uid: &str) -> (u16, String) {
        let viewer = self.app.as_viewer().await;
        let answer = viewer.get(&format!("/api/datasources/proxy/uid/{uid}/x")).await;
        let status = answer.status.as_u16();
        if status == 200 { (status, String::new()) } else { (status, answer.cause()) }
    }

    /// Puts sealed values in the place of b's, and checks that b is as good as without: 500, and nothing is sent.
    async fn is_refused(&self, what: &str, change: impl FnOnce(&mut Item)) {
        let key = ("SEC#1", "DS#b");
        let was = self.items.change(REGISTRY, key, change).await;
        let told = self.status_and_cause("b").await;
        assert_eq!(told, (500, "secret".to_owned()), "{what}");
        assert_eq!(self.upstream.seen().accepted, 0, "{what}");
        self.items.put(REGISTRY, was).await;
    }

    async fn works(&self, uid: &str) {
        assert_eq!(self.status_and_cause(uid).await.0, 200, "{uid}");
        let sent = self.upstream.requests();
        let sent = sent.last().expect("a request");
        assert_eq!(sent.header("x-key"), Some(&*format!("{uid}-key")));
    }
}

#[tokio::test]
async fn k06_k07_a_value_of_another_record_or_field_does_not_open() {
    let f = fixture().await;
    let (a, b) = (f.sealed("a").await, f.sealed("b").await);
    f.is_refused("another record's", |item| set(item, PASSWORD, blob(&a, PASSWORD))).await;
    f.is_refused("all of another record", |item| {
        drop(item.insert("values".into(), a["values"].clone()))
    })
    .await;
    f.is_refused("another field's", |item| set(item, PASSWORD, blob(&b, HEADER))).await;
    let exchanged = |item: &mut Item| {
        set(item, PASSWORD, blob(&b, HEADER));
        set(item, HEADER, blob(&b, PASSWORD));
    };
    f.is_refused("two fields exchanged", exchanged).await;
    let removed = |item: &mut Item| {
        let mut values = values(item);
        values.remove(PASSWORD);
        item.insert("values".to_owned(), AttributeValue::M(values));
    };
    f.is_refused("a field removed", removed).await;
    f.works("b").await;
    f.works("a").await;
}

#[tokio::test]
async fn k10_k11_k12_a_damaged_truncated_or_unknown_value_does_not_open() {
    let f = fixture().await;
    let whole = blob(&f.sealed("b").await, PASSWORD);
    // Layout, key number, encapsulated key, ciphertext, tag; every byte of it is tried where values are sealed.
    for at in [0, 5, 6, 40, 69, 70, whole.len() - 17, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        f.is_refused(&format!("byte {at}"), |item| set(item, PASSWORD, damaged)).await;
    }
    for length in [0, 1, 4, 5, 69, 70, whole.len() - 1] {
        let cut = whole[..length].to_vec();
        f.is_refused(&format!("{length} bytes"), |item| set(item, PASSWORD, cut)).await;
    }
    for layout in [0, 2, 255] {
        let mut other = whole.clone();
        other[0] = layout;
        f.is_refused(&format!("layout {layout}"), |item| set(item, PASSWORD, other)).await;
    }
    f.works("b").await;
}

#[tokio::test]
async fn k14_a_value_sealed_to_another_organisations_key_does_not_open() {
    let (f, other) = (fixture().await, fixture().await);
    let theirs = other.sealed("b").await;
    f.is_refused("another key's", |item| set(item, PASSWORD, blob(&theirs, PASSWORD))).await;
    // A key that does not exist, named by the value itself.
    let mut renumbered = blob(&f.sealed("b").await, PASSWORD);
    renumbered[4] = 2;
    f.items.change(REGISTRY, ("SEC#1", "DS#b"), |item| set(item, PASSWORD, renumbered)).await;
    assert_eq!(f.status_and_cause("b").await, (500, "kms".to_owned()));
    assert_eq!(f.upstream.seen().accepted, 0);
}

#[tokio::test]
async fn k10_k18_a_key_that_was_exchanged_or_damaged_opens_nothing() {
    let (f, other) = (fixture().await, fixture().await);
    let theirs = other.items.get(ACCESS, ("KEY#1", "current")).await;
    let damages: [(&str, Damage<'_>); 4] = [
        ("wrapped elsewhere", Box::new(|item| item.extend(theirs.clone()))),
        (
            "not the public one's",
            Box::new(|item| drop(item.insert("public".into(), theirs["public"].clone()))),
        ),
        (
            "cut",
            Box::new(|item| {
                drop(item.insert("wrapped".into(), AttributeValue::B(Blob::new([1, 2]))))
            }),
        ),
        (
            "flipped",
            Box::new(|item| {
                let mut wrapped = item["wrapped"].as_b().expect("bytes").clone().into_inner();
                wrapped[40] ^= 1;
                item.insert("wrapped".into(), AttributeValue::B(Blob::new(wrapped)));
            }),
        ),
    ];
    for (what, damage) in damages {
        let was = f.items.change(ACCESS, ("KEY#1", "current"), damage).await;
        assert_eq!(f.status_and_cause("b").await, (500, "kms".to_owned()), "{what}");
        assert_eq!(f.upstream.seen().accepted, 0, "{what}");
        f.items.put(ACCESS, was).await;
    }
    f.works("b").await;
}

#[tokio::test]
async fn k08_a_record_that_was_copied_to_another_organisation_does_not_open() {
    let f = fixture().await;
    let copied = async |table: &str, (pk, sk): (&str, &str)| {
        let mut item = f.items.get(table, (pk, sk)).await;
        item.insert("pk".to_owned(), text(pk.replace("#1", "#2")));
        f.items.put(table, item).await;
    };
    copied(ACCESS, ("ORG#1", "META")).await;
    copied(ACCESS, ("KEY#1", "current")).await;
    copied(REGISTRY, ("DS#1", "b")).await;
    copied(REGISTRY, ("SEC#1", "DS#b")).await;
    let org = sourcegate_core::OrgId::new(2).expect("an organisation");
    let admin = store::Admin::new(f.app.store().clone());
    let token = admin.create_token(org, auth::Role::Viewer).await.expect("a token").text;
    let token = secrecy::ExposeSecret::expose_secret(&token).to_owned();
    let thief = harness::Client::new(f.app.address(), Some(format!("Bearer {token}")));
    let answer = thief.get("/api/datasources/proxy/uid/b/x").await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (500, "kms"));
    assert_eq!(f.upstream.seen().accepted, 0);
    f.works("b").await;
}
