//! Service accounts and tokens: what concurrent operators, lost answers and interrupted deletions leave in the table.

use std::collections::BTreeSet;

use auth::Role;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use harness::{Answer, Client, Faults, TestApp};
use serde_json::{Value, json};

use super::items::{ACCESS, Item, Items, number, string, text};

const PATH: &str = "/api/serviceaccounts";

fn count(item: &Item, name: &str) -> usize {
    let digits = item.get(name).and_then(|value| value.as_n().ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("no {name} in {item:?}"))
}

/// Reads the service accounts of the first organisation and checks that they contradict themselves nowhere: each has one
/// name, and as many tokens as it says; each token is found by its hash, by its owner and by its name. Gives how many
/// accounts and tokens there are.
async fn whole(app: &TestApp) -> (usize, usize) {
    assert_eq!(app.tables().stale_reads(), 0, "a read was not consistent");
    app.tables().set(Faults::default());
    let items = Items::of(app);
    let accounts = items.partition(ACCESS, "SA#1").await;
    let names = items.partition(ACCESS, "SANAME#1").await;
    let entries = items.partition(ACCESS, "SATOKEN#1").await;
    let token_names = items.partition(ACCESS, "TOKENNAME#1").await;
    for account in &accounts {
        let (sk, slug) = (string(account, "sk"), auth::slug(&string(account, "name")));
        let of_name = names.iter().find(|name| string(name, "sk") == slug);
        let owner = of_name.map(|name| count(name, "owner"));
        assert_eq!(owner, sk.parse().ok(), "{account:?}");
        let own = entries.iter().filter(|entry| string(entry, "sk").starts_with(&format!("{sk}#")));
        assert_eq!(own.count(), count(account, "tokens"), "{account:?}");
    }
    for entry in &entries {
        let pk = string(entry, "token");
        let token = items.get(ACCESS, (&pk, "-")).await;
        for name in ["name", "number", "created"] {
            assert_eq!(token.get(name), entry.get(name), "{name}");
        }
        let named = items.get(ACCESS, ("TOKENNAME#1", &string(entry, "name"))).await;
        assert_eq!(string(&named, "token"), pk);
        let owner =
            accounts.iter().find(|account| string(entry, "sk").starts_with(&string(account, "sk")));
        assert!(owner.is_some(), "{entry:?}");
    }
    assert_eq!((names.len(), token_names.len()), (accounts.len(), entries.len()));
    (accounts.len(), entries.len())
}

/// Sends so many at once.
async fn send(client: &Client, path: &str, all: impl IntoIterator<Item = Value>) -> Vec<Answer> {
    let all: Vec<_> = all.into_iter().collect();
    join_all(all.iter().map(|body| client.post(path, body))).await
}

/// The answers without those who were told to come again, of whom there are few, and none where there is no reason.
fn through(answers: Vec<Answer>, faults: Faults) -> Vec<Answer> {
    let (busy, through): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 503);
    let most = if faults == Faults::default() { 0 } else { through.len() / 4 + 2 };
    assert!(busy.len() <= most, "{} of {}", busy.len(), through.len());
    through
}

fn statuses(answers: &[Answer]) -> BTreeSet<u16> {
    answers.iter().map(|answer| answer.status.as_u16()).collect()
}

async fn account(client: &Client, name: &str) -> u64 {
    let made = client.post(PATH, &json!({ "name": name, "role": "Viewer" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_u64().expect("a number")
}

async fn creates_of_one_name(faults: Faults) {
    let app = TestApp::hostile(faults).await;
    let names = ["My CI", "my ci", "MY-CI", "my-ci"];
    let bodies = (0..60).map(|n| json!({ "name": names[n % names.len()] }));
    let answers = through(send(&app.as_admin(), PATH, bodies).await, faults);
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    for answer in refused {
        let told = (answer.status.as_u16(), answer.message());
        assert_eq!(told, (400, "service account already exists".to_owned()));
    }
    assert_eq!(whole(&app).await, (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d04_of_many_accounts_of_one_name_one_is_made() {
    creates_of_one_name(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d04_of_many_accounts_of_one_name_one_is_made_over_hostile_tables() {
    creates_of_one_name(Faults::worst()).await;
}

async fn tokens_at_once(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a").await;
    app.tables().set(faults);
    let path = format!("{PATH}/{id}/tokens");
    let bodies = (0..30).map(|n| json!({ "name": format!("t{n}") }));
    let answers = through(send(&admin, &path, bodies).await, faults);
    assert_eq!(statuses(&answers), [200].into());
    let numbers: BTreeSet<_> =
        answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
    assert_eq!(numbers.len(), answers.len(), "no number twice");
    let (_, tokens) = whole(&app).await;
    // Who was told to come again may have been served all the same.
    assert!(tokens > answers.len() && tokens <= 31, "{tokens}");
    app.tables().set(faults);
    let deleting = numbers.iter().map(|number| {
        let path = format!("{path}/{number}");
        let admin = admin.clone();
        async move { admin.delete(&path).await }
    });
    let deleted = through(join_all(deleting).await, faults);
    assert_eq!(statuses(&deleted), [200].into());
    let (_, left) = whole(&app).await;
    assert!(left <= tokens - deleted.len(), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d06_tokens_that_are_made_at_once_are_all_there_and_counted() {
    tokens_at_once(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d06_tokens_that_are_made_at_once_are_counted_over_hostile_tables() {
    tokens_at_once(Faults::worst()).await;
}

async fn deletion_among_changes(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a").await;
    let path = format!("{PATH}/{id}");
    assert_eq!(
        admin.post(&format!("{path}/tokens"), &json!({ "name": "first" })).await.status,
        200
    );
    app.tables().set(faults);
    let tokens: Vec<_> = (0..20).map(|n| json!({ "name": format!("t{n}") })).collect();
    let rename = |n: usize| {
        let request = admin.request(http::Method::PATCH, &path);
        admin.send(request.json(&json!({ "name": format!("a{n}") })))
    };
    let token_path = format!("{path}/tokens");
    let (made, renamed, deleted) = tokio::join!(
        join_all(tokens.iter().map(|body| admin.post(&token_path, body))),
        join_all((0..10).map(rename)),
        join_all((0..3).map(|_| admin.delete(&path))),
    );
    for answer in made.iter().chain(&renamed).chain(&deleted) {
        assert!([200, 404, 503].contains(&answer.status.as_u16()), "{}", answer.text());
    }
    app.tables().set(Faults::default());
    // Interrupted or not: who deletes again finds nothing, or finishes it.
    let last = admin.delete(&path).await;
    assert!([200, 404].contains(&last.status.as_u16()), "{}", last.text());
    assert_eq!(whole(&app).await, (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_a_deletion_among_changes_leaves_no_token() {
    deletion_among_changes(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_a_deletion_among_changes_leaves_no_token_over_hostile_tables() {
    deletion_among_changes(Faults::worst()).await;
}

/// An account with more tokens than go in one transaction, whose deletion got no further than its first step.
async fn interrupted(app: &TestApp) -> (u64, Client) {
    let admin = app.as_admin();
    let id = account(&admin, "a").await;
    let path = format!("{PATH}/{id}/tokens");
    let mut key = Value::Null;
    for n in 0..70 {
        let made = admin.post(&path, &json!({ "name": format!("t{n}") })).await;
        key = made.json()["key"].clone();
    }
    let mark = |item: &mut Item| {
        for name in ["disabled", "deleting"] {
            item.insert(name.to_owned(), AttributeValue::Bool(true));
        }
    };
    Items::of(app).change(ACCESS, ("SA#1", &format!("{id:010}")), mark).await;
    let key = key.as_str().expect("a token");
    (id, Client::new(app.address(), Some(format!("Bearer {key}"))))
}

#[tokio::test]
async fn an_interrupted_deletion_refuses_all_tokens_and_is_finished_by_the_next() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let (id, robot) = interrupted(&app).await;
    assert_eq!(robot.get("/api/user").await.message(), "Invalid API key");
    let path = format!("{PATH}/{id}");
    let patch = admin.request(http::Method::PATCH, &path).json(&json!({ "isDisabled": false }));
    for answer in [
        admin.get(&path).await,
        admin.send(patch).await,
        admin.post(&format!("{path}/tokens"), &json!({ "name": "new" })).await,
        admin.delete(&format!("{path}/tokens/1")).await,
    ] {
        assert_eq!(
            (answer.status.as_u16(), &*answer.message()),
            (404, "service account not found")
        );
    }
    assert_eq!(admin.get(&format!("{PATH}/search")).await.json()["totalCount"], 1);
    assert_eq!(admin.delete(&path).await.status, 200);
    assert_eq!(whole(&app).await, (1, 1));
    assert_eq!(admin.delete(&path).await.status, 404);
}

#[tokio::test]
async fn an_interrupted_deletion_is_finished_by_who_wants_a_name() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let (id, _) = interrupted(&app).await;
    let again = account(&admin, "A").await;
    assert!(again > id);
    assert_eq!(whole(&app).await, (2, 1));
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let (_, _) = interrupted(&app).await;
    let other = account(&admin, "b").await;
    let path = format!("{PATH}/{other}/tokens");
    assert_eq!(admin.post(&path, &json!({ "name": "t7" })).await.status, 200);
    let path = format!("{PATH}/{other}");
    let rename = admin.request(http::Method::PATCH, &path).json(&json!({ "name": "a" }));
    assert_eq!(admin.send(rename).await.status, 200);
    assert_eq!(whole(&app).await, (2, 2));
}

#[tokio::test]
async fn d07_a_lost_counter_gives_no_number_of_a_user_or_an_account_again() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    // The first start made an account and a user.
    assert_eq!(account(&admin, "a").await, 3);
    let items = Items::of(&app);
    for lost in [None, Some(0), Some(1)] {
        items.delete(ACCESS, ("COUNTER", "account")).await;
        if let Some(next) = lost {
            let counter =
                [("pk", text("COUNTER")), ("sk", text("account")), ("next", number(next))];
            items.put(ACCESS, counter.map(|(name, value)| (name.to_owned(), value)).into()).await;
        }
        let id = account(&admin, &format!("after {lost:?}")).await;
        assert!(id > 3, "{lost:?}: {id}");
    }
    assert_eq!(whole(&app).await, (5, 1));
}

#[tokio::test]
async fn d17_a_token_with_damaged_limits_is_a_bad_record_and_not_without_limits() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a").await;
    let body = json!({ "name": "t", "limits": { "readOnly": true } });
    let made = admin.post(&format!("{PATH}/{id}/tokens"), &body).await;
    let key = made.json()["key"].as_str().expect("a token").to_owned();
    let robot = Client::new(app.address(), Some(format!("Bearer {key}")));
    assert_eq!(robot.get("/api/user").await.status, 200);
    let items = Items::of(&app);
    let entry = items.get(ACCESS, ("SATOKEN#1", &format!("{id:010}#0000000001"))).await;
    let damage = |item: &mut Item| {
        item.insert("limits".to_owned(), text("none"));
    };
    items.change(ACCESS, (&string(&entry, "token"), "-"), damage).await;
    let answer = robot.get("/api/user").await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (500, "bad_record"));
    assert!(!answer.text().contains("TOKEN"), "{}", answer.text());
    assert_eq!(app.as_role(Role::Viewer).await.get("/api/user").await.status, 200);
}
