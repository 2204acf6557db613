//! Writers at once: of each race the same is left, whatever its order. Every race is run a second time in `hostile`.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use harness::{Answer, Client, Faults, TestApp, build};
use serde_json::{Value, json};

use super::items::{Items, REGISTRY, number};

const PATH: &str = "/api/datasources/uid/u";

/// How many answers had each status. Over tables at their worst some writers may be told to come again (503), a few of
/// a hundred; they are left out.
fn tally(answers: &[Answer], faults: Faults) -> BTreeMap<u16, usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally.entry(answer.status.as_u16()).or_default() += 1;
    }
    if faults != Faults::default() {
        let busy = answers.iter().filter(|answer| answer.status == 503);
        assert!(busy.clone().count() <= (answers.len() / 10).max(2), "{tally:?}");
        for answer in busy {
            assert!(["table", "throttled"].contains(&&*answer.cause()), "{}", answer.text());
            assert_eq!(answer.header("retry-after"), "1");
        }
        tally.remove(&503);
    }
    tally
}

/// Checks that one writer got through and all others were told of a conflict; gives the one.
fn winner(answers: &[Answer], faults: Faults) -> usize {
    let tally = tally(answers, faults);
    assert_eq!(tally.get(&200), Some(&1), "{tally:?}");
    assert!(tally.keys().all(|status| [200, 409].contains(status)), "{tally:?}");
    assert!(tally[&409] >= answers.len() * 9 / 10 - 1, "{tally:?}");
    answers.iter().position(|answer| answer.status == 200).expect("one of 200")
}

fn messages(answers: &[Answer], status: u16) -> BTreeSet<String> {
    answers.iter().filter(|answer| answer.status == status).map(Answer::message).collect()
}

/// How many requests are in flight at once. The engine does one after the other, and the last one's patience is limited.
const AT_ONCE: usize = 250;

/// Sends so many creates at once.
async fn create(admin: &Client, all: impl IntoIterator<Item = Value>) -> Vec<Answer> {
    let one = |source| async move { admin.post("/api/datasources", &source).await };
    stream::iter(all).map(one).buffered(AT_ONCE).collect().await
}

/// Sends so many updates at once.
async fn update(admin: &Client, all: impl IntoIterator<Item = Value>) -> Vec<Answer> {
    let all: Vec<_> = all.into_iter().collect();
    join_all(all.iter().map(|change| admin.put(PATH, change))).await
}

fn source(name: &str) -> Value {
    build::plain(name, "http://127.0.0.1:9")
}

fn named(name: &str, fields: Value) -> Value {
    build::with(source(name), fields)
}

/// Ends a race: no faults from now on, nothing stale was read; gives what the tables hold.
async fn settled(app: &TestApp) -> Items {
    app.tables().set(Faults::default());
    assert_eq!(app.tables().stale_reads(), 0, "a read was not consistent");
    Items::of(app)
}

pub(super) async fn creates_of_one_name(faults: Faults) {
    let app = TestApp::hostile(faults).await;
    let answers = create(&app.as_admin(), (0..100).map(|_| source("one"))).await;
    let won = answers[winner(&answers, faults)].json();
    let told = messages(&answers, 409);
    assert_eq!(told, ["data source with the same name already exists".to_owned()].into());
    let rows = settled(&app).await.whole().await;
    assert_eq!(rows.len(), 1);
    assert!(rows.iter().all(|row| row.uid == won["datasource"]["uid"]), "{rows:?}");
}

pub(super) async fn creates_of_one_uid(faults: Faults) {
    let app = TestApp::hostile(faults).await;
    let all = (0..100).map(|n| named(&format!("n{n}"), json!({ "uid": "u" })));
    let answers = create(&app.as_admin(), all).await;
    let won = answers[winner(&answers, faults)].json();
    let told = messages(&answers, 409);
    assert_eq!(told, ["data source with the same uid already exists".to_owned()].into());
    let rows = settled(&app).await.whole().await;
    assert_eq!(rows.len(), 1);
    assert!(rows.iter().all(|row| row.name == won["name"]), "{rows:?}");
}

pub(super) async fn creates_of_different_names(faults: Faults, count: usize) {
    let app = TestApp::hostile(faults).await;
    let all = (0..count).map(|n| source(&format!("n{n}")));
    let answers = create(&app.as_admin(), all).await;
    let tally = tally(&answers, faults);
    assert!(tally.keys().eq([&200]), "{tally:?} {:?}", messages(&answers, 409));
    let made = ids(&answers);
    assert_eq!(made.len(), tally[&200], "a number was given twice");
    let rows = settled(&app).await.whole().await;
    let stored: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
    assert!(made.is_subset(&stored), "{made:?} {stored:?}");
}

/// The numbers that were given.
fn ids(answers: &[Answer]) -> BTreeSet<i64> {
    let made = answers.iter().filter(|answer| answer.status == 200);
    made.map(|answer| answer.json()["id"].as_i64().expect("a number")).collect()
}

pub(super) async fn updates_of_one_version(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&named("u", json!({ "uid": "u" }))).await;
    app.tables().set(faults);
    let change = |n: usize| named("u", json!({ "version": 1, "jsonData": { "who": n } }));
    let answers = update(&admin, (0..100).map(change)).await;
    let won = winner(&answers, faults);
    let told = messages(&answers, 409);
    let stale = "Datasource has already been updated by someone else. Please reload and try again";
    assert_eq!(told, [stale.to_owned()].into());
    settled(&app).await.whole().await;
    let read = admin.get(PATH).await.json();
    assert_eq!((&read["version"], &read["jsonData"]["who"]), (&json!(2), &json!(won)));
}

pub(super) async fn updates_without_a_version(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&named("u", json!({ "uid": "u" }))).await;
    app.tables().set(faults);
    let change = |n: usize| {
        named("u", json!({ "jsonData": { "who": n }, "secureJsonData": { format!("s{n}"): "x" } }))
    };
    let answers = update(&admin, (0..30).map(change)).await;
    let tally = tally(&answers, faults);
    assert!(tally.keys().eq([&200]), "{tally:?}");
    settled(&app).await.whole().await;
    let read = admin.get(PATH).await.json();
    let who = read["jsonData"]["who"].as_u64().and_then(|who| usize::try_from(who).ok());
    assert!(who.is_some_and(|who| who < answers.len()), "{read}");
    for (n, _) in answers.iter().enumerate().filter(|(_, answer)| answer.status == 200) {
        assert_eq!(read["secureJsonFields"][format!("s{n}")], true, "s{n} was lost: {read}");
    }
}

pub(super) async fn deletion_and_updates(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let secret = json!({ "uid": "u", "secureJsonData": { "a": "x" } });
    for round in 0..10 {
        app.tables().set(Faults::default());
        admin.create(&named("u", secret.clone())).await;
        app.tables().set(faults);
        let changes = (0..4).map(|n| named(&format!("u{n}"), secret.clone()));
        let (updated, deleted) = tokio::join!(update(&admin, changes), admin.delete(PATH));
        let tally = tally(&updated, faults);
        assert!(tally.keys().all(|status| [200, 404].contains(status)), "{tally:?}");
        app.tables().set(Faults::default());
        // Told to come again, he comes again.
        let deleted = if deleted.status == 503 { admin.delete(PATH).await } else { deleted };
        assert!([200, 404].contains(&deleted.status.as_u16()), "{}", deleted.text());
        assert_eq!(admin.get(PATH).await.status, 404, "round {round}: a zombie");
        assert!(settled(&app).await.whole().await.is_empty());
    }
}

pub(super) async fn renames(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&named("one", json!({ "uid": "u" }))).await;
    admin.create(&named("two", json!({ "uid": "v" }))).await;
    app.tables().set(faults);
    // One source to many names: each is the only one while it lasts.
    let answers = update(&admin, (0..20).map(|n| source(&format!("n{n}")))).await;
    let tallied = tally(&answers, faults);
    assert!(tallied.keys().eq([&200]), "{tallied:?}");
    // Two sources to one name: one of them gets it.
    let (change, other) = (source("same"), "/api/datasources/uid/v");
    let (one, two) = tokio::join!(admin.put(PATH, &change), admin.put(other, &change));
    let both = [one, two];
    let tallied = tally(&both, faults);
    assert!(tallied.keys().all(|status| [200, 409].contains(status)), "{tallied:?}");
    assert!(tallied.get(&200).is_none_or(|won| *won == 1), "{tallied:?}");
    let told = messages(&both, 409);
    let taken = "Failed to update datasource: data source with the same name already exists";
    assert!(told.is_subset(&[taken.to_owned()].into()), "{told:?}");
    let rows = settled(&app).await.whole().await;
    let uids: Vec<_> = rows.iter().map(|row| row.uid.as_str()).collect();
    assert_eq!(uids.len(), 2, "{rows:?}");
    let same = rows.iter().filter(|row| row.name == "same").count();
    assert_eq!(same, tallied.get(&200).copied().unwrap_or_default(), "{rows:?}");
}

pub(super) async fn counter_loss(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let before = create(&admin, (0..5).map(|n| source(&format!("a{n}")))).await;
    let mut given = ids(&before);
    let items = Items::of(&app);
    let counter = ("COUNTER", "1#ds");
    for (round, lost) in [None, Some(2), Some(-7), Some(0)].into_iter().enumerate() {
        match lost {
            None => items.delete(REGISTRY, counter).await,
            Some(next) => {
                let next = |item: &mut super::items::Item| {
                    item.insert("next".to_owned(), number(next));
                };
                items.change(REGISTRY, counter, next).await;
            }
        }
        app.tables().set(faults);
        let answers = create(&admin, (0..8).map(|n| source(&format!("b{round}-{n}")))).await;
        let tally = tally(&answers, faults);
        assert!(tally.keys().eq([&200]), "{tally:?}");
        for id in ids(&answers) {
            assert!(given.insert(id), "number {id} came again");
        }
        given.extend(settled(&app).await.whole().await.iter().map(|row| row.id));
    }
}

pub(super) async fn defaults(faults: Faults) {
    let app = TestApp::hostile(faults).await;
    let admin = app.as_admin();
    let default = |n: usize| named(&format!("n{n}"), json!({ "isDefault": true }));
    let first = create(&admin, (0..2).map(|n| source(&format!("first{n}")))).await;
    create(&admin, (0..10).map(default)).await;
    let items = settled(&app).await;
    let rows = items.whole().await;
    let listed = admin.get("/api/datasources").await.json();
    let defaults: Vec<_> =
        listed.as_array().into_iter().flatten().filter(|one| one["isDefault"] == true).collect();
    assert_eq!(defaults.len(), 1, "{listed}");
    assert!(rows.iter().any(|row| defaults[0]["id"] == row.id), "{rows:?} {defaults:?}");
    assert!(first.iter().any(|answer| answer.status == 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d04_of_100_creates_of_one_name_one_succeeds() {
    creates_of_one_name(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d05_of_100_creates_of_one_uid_one_succeeds() {
    creates_of_one_uid(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d06_100_creates_at_once_get_100_numbers() {
    creates_of_different_names(Faults::default(), 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes long: make soak"]
async fn soak_d06_1000_creates_at_once_get_1000_numbers() {
    creates_of_different_names(Faults::default(), 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d08_t33_of_100_updates_of_one_version_one_succeeds() {
    updates_of_one_version(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d09_of_updates_without_a_version_the_last_wins_and_no_secret_is_lost() {
    updates_without_a_version(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_an_update_that_meets_a_deletion_leaves_no_zombie() {
    deletion_and_updates(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_d12_a_source_has_one_name_at_every_time() {
    renames(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d07_a_lost_counter_gives_no_number_again() {
    counter_loss(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d13_of_many_defaults_at_once_one_is_left() {
    defaults(Faults::default()).await;
}
