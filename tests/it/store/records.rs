//! Items as the tables hold them: damaged ones, exact ones, very many of them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use harness::{Answer, Faults, TestApp, build};
use serde_json::json;

use super::items::{Item, Items, REGISTRY, string, text};

const PATH: &str = "/api/datasources/uid/u";

/// A gateway with a damaged source `u` and a sound one `v`.
async fn two() -> (TestApp, Items) {
    let app = TestApp::start().await;
    for uid in ["u", "v"] {
        let fields = json!({ "uid": uid, "secureJsonData": { "a": "x" } });
        let source = build::plain(&format!("{uid} source"), "http://127.0.0.1:9");
        app.as_admin().create(&build::with(source, fields)).await;
    }
    let items = Items::of(&app);
    (app, items)
}

fn uids(listed: &Answer) -> Vec<String> {
    assert_eq!(listed.status, 200, "{}", listed.text());
    let listed = listed.json();
    let listed = listed.as_array().expect("a list").iter();
    listed.map(|one| one["uid"].as_str().expect("a uid").to_owned()).collect()
}

#[tokio::test]
async fn d17_a_damaged_item_is_500_for_itself_and_the_list_goes_on() {
    let (app, items) = two().await;
    let admin = app.as_admin();
    let sound = items.get(REGISTRY, ("DS#1", "u")).await;
    let names = sound.keys().filter(|name| !["pk", "sk"].contains(&name.as_str()));
    for name in names.clone() {
        let mut item = sound.clone();
        item.insert(name.clone(), AttributeValue::Null(true));
        items.put(REGISTRY, item).await;
        let read = admin.get(PATH).await;
        assert_eq!((read.status.as_u16(), &*read.cause()), (500, "bad_record"), "{name}");
        assert_eq!(read.message(), "Failed to query datasource");
        assert_eq!(uids(&admin.get("/api/datasources").await), ["v"], "{name}");
        assert_eq!(admin.get("/api/datasources/uid/v").await.status, 200, "{name}");
    }
    assert!(names.count() > 15);
    let mut later = sound.clone();
    later.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    items.put(REGISTRY, later).await;
    assert_eq!(admin.get(PATH).await.cause(), "bad_record");
    let viewer = app.as_viewer().await;
    let proxied = viewer.get("/api/datasources/proxy/uid/u/x").await;
    assert_eq!((proxied.status.as_u16(), &*proxied.cause()), (500, "bad_record"));
    let mut extra = sound;
    extra.insert("extra".to_owned(), text("x"));
    items.put(REGISTRY, extra).await;
    assert_eq!(uids(&admin.get("/api/datasources").await), ["u", "v"]);
}

#[tokio::test]
async fn d17_a_damaged_pointer_or_default_takes_nothing_else_along() {
    let (app, items) = two().await;
    let admin = app.as_admin();
    let broken = |name: &str| {
        let name = name.to_owned();
        move |item: &mut Item| drop(item.insert(name, AttributeValue::Null(true)))
    };
    let pointer = ("NAME#1", "u source#u source");
    let was = items.change(REGISTRY, pointer, broken("uid")).await;
    assert_eq!(uids(&admin.get("/api/datasources").await), ["v"]);
    items.put(REGISTRY, was).await;
    // A name too many, as a rename between two pages shows it.
    let again = items.get(REGISTRY, pointer).await;
    let late = [("sk", text("zz#zz"))].map(|(name, value)| (name.to_owned(), value));
    items.put(REGISTRY, again.into_iter().chain(late).collect()).await;
    assert_eq!(uids(&admin.get("/api/datasources").await), ["u", "v"]);
    let id = ("ID#1", &*format!("{:019}", 1));
    let was = items.change(REGISTRY, id, broken("uid")).await;
    assert_eq!(admin.get("/api/datasources/1").await.cause(), "bad_record");
    assert_eq!(admin.get("/api/datasources/2").await.status, 200);
    items.put(REGISTRY, was).await;
    items.change(REGISTRY, ("DEFAULT", "1"), broken("id")).await;
    let read = admin.get(PATH).await.json();
    assert_eq!((&read["uid"], &read["isDefault"]), (&json!("u"), &json!(false)));
    assert_eq!(uids(&admin.get("/api/datasources").await), ["u", "v"]);
    // The next that is made the default mends it.
    let change = json!({ "isDefault": true });
    let change = build::with(build::plain("u source", "http://127.0.0.1:9"), change);
    assert_eq!(admin.put(PATH, &change).await.status, 200);
    assert_eq!(admin.get(PATH).await.json()["isDefault"], true);
}

#[tokio::test]
async fn d17_damaged_sealed_values_are_500_when_they_are_needed() {
    let (app, items) = two().await;
    let broken = |item: &mut Item| drop(item.insert("values".to_owned(), text("x")));
    items.change(REGISTRY, ("SEC#1", "DS#u"), broken).await;
    let admin = app.as_admin();
    assert_eq!(admin.get(PATH).await.status, 200);
    let proxied = admin.get("/api/datasources/proxy/uid/u/x").await;
    assert_eq!((proxied.status.as_u16(), &*proxied.cause()), (500, "bad_record"));
    assert_eq!(admin.delete(PATH).await.status, 200, "it can be removed");
    items.whole().await;
}

#[tokio::test]
async fn d18_k23_what_does_not_fit_into_an_item_is_400_and_nothing_is_written() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let secrets = |count: usize| -> serde_json::Map<_, _> {
        (0..count).map(|n| (format!("s{n}"), json!("x".repeat(60_000)))).collect()
    };
    let source = |count: usize| {
        let fields = json!({ "uid": "u", "secureJsonData": secrets(count) });
        build::with(build::plain("a", "http://127.0.0.1:9"), fields)
    };
    let refused = admin.post("/api/datasources", &source(7)).await;
    assert_eq!((refused.status.as_u16(), &*refused.cause()), (400, "limit_bytes"));
    assert!(Items::of(&app).whole().await.is_empty());
    admin.create(&source(6)).await;
    // They fit one by one, and not all of them together.
    let more = json!({ "secureJsonData": { "more": "x".repeat(60_000) } });
    let more = build::with(build::plain("b", "http://127.0.0.1:9"), more);
    let refused = admin.put(PATH, &more).await;
    assert_eq!((refused.status.as_u16(), &*refused.cause()), (400, "limit_bytes"));
    let rows = Items::of(&app).whole().await;
    assert!(rows.iter().map(|row| &*row.name).eq(["a"]), "{rows:?}");
}

#[tokio::test]
async fn d19_json_data_is_kept_as_it_was_sent() {
    let app = TestApp::start().await;
    let kept = concat!(
        r#"{"z":1.0,"a":"","e":[],"o":{},"n":null,"#,
        r#""big":123456789012345678901234567890123456789.50,"u":"\u00e9\/é"}"#
    );
    let body = format!(
        r#"{{"name":"a","uid":"u","type":"plain-http","access":"proxy","jsonData":{kept}}}"#
    );
    let admin = app.as_admin();
    let lines = ["content-type: application/json", &format!("content-length: {}", body.len())];
    let made = admin.raw("POST /api/datasources", &lines, body.as_bytes()).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let item = Items::of(&app).get(REGISTRY, ("DS#1", "u")).await;
    assert_eq!(string(&item, "jsonData"), kept);
    let read = admin.get(PATH).await.text();
    assert!(read.contains(kept), "{read}");
}

/// Puts sources into the tables past the gateway: their names alone take more than one page of a query.
async fn many(items: &Items, count: usize) -> Vec<String> {
    let sound = items.get(REGISTRY, ("DS#1", "u")).await;
    let name = |n: usize| format!("{n:05}{}", "#".repeat(180));
    let source = |n: usize| {
        let mut item = sound.clone();
        let id = AttributeValue::N((100 + n).to_string());
        item.extend([("sk".to_owned(), text(format!("m{n}"))), ("id".to_owned(), id)]);
        item.insert("name".to_owned(), text(name(n)));
        item.remove("secRev");
        item
    };
    let pointer = |n: usize| {
        let sk = format!("{}#{}", name(n).replace('#', "%23"), name(n));
        let key = [("pk", text("NAME#1")), ("sk", text(sk)), ("uid", text(format!("m{n}")))];
        key.map(|(name, value)| (name.to_owned(), value)).into()
    };
    items.put_all(REGISTRY, (0..count).map(source)).await;
    items.put_all(REGISTRY, (0..count).map(pointer)).await;
    (0..count).map(|n| format!("m{n}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d14_a_list_of_many_pages_loses_and_repeats_nothing_while_others_are_deleted() {
    let (app, items) = two().await;
    let mut expected = many(&items, 1_600).await;
    expected.extend(["u".to_owned(), "v".to_owned()]);
    let admin = app.as_admin();
    let before = app.calls();
    assert_eq!(uids(&admin.get("/api/datasources").await), expected, "in the order of names");
    assert!(app.calls().since(&before).of("Query") > 1, "the names are more than a page");

    app.tables().set(Faults { unprocessed: 30, ..Faults::default() });
    let gone: BTreeSet<_> = (0..1_600).step_by(40).map(|n| format!("m{n}")).collect();
    let deletions = async {
        for uid in &gone {
            items.delete(REGISTRY, ("DS#1", uid)).await;
        }
    };
    let lists = join_all((0..3).map(|_| admin.get("/api/datasources")));
    let (lists, ()) = tokio::join!(lists, deletions);
    let untouched: Vec<_> = expected.into_iter().filter(|uid| !gone.contains(uid)).collect();
    for listed in lists {
        let listed = uids(&listed);
        assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len(), "one came twice");
        assert!(listed.iter().filter(|uid| !gone.contains(*uid)).eq(&untouched));
    }
    assert_eq!(app.tables().stale_reads(), 0);
}
