//! Writers in many processes: no update is lost, no number given twice.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use harness::build::{plain, with};
use harness::fleet::{Fleet, Member, spread};
use harness::runtime_api::{Answered, Call};
use serde_json::{Value, json};

use super::{FEW, MANY};

const WRITES: usize = 50;
const PATH: &str = "/api/datasources/uid/u";

fn source(name: &str) -> Value {
    plain(name, "http://127.0.0.1:9")
}

fn create(fleet: &Fleet, source: &Value) -> Call {
    fleet.call("POST", "/api/datasources").json(source)
}

async fn registries(fleet: &Fleet, count: usize) -> Vec<Member> {
    let members = fleet.members("datasources", count).await;
    let made = members[0].invoke(&create(fleet, &with(source("u"), json!({ "uid": "u" })))).await;
    assert_eq!(made.status, 200, "{}", made.text());
    members
}

async fn read(fleet: &Fleet, member: &Member) -> Value {
    member.invoke(&fleet.call("GET", PATH)).await.json()
}

fn with_status(answers: &[Answered], status: u16) -> Vec<Value> {
    answers.iter().filter(|answer| answer.status == status).map(Answered::json).collect()
}

/// How often a writer comes whom the others were faster than.
const MOST_ROUNDS: usize = 5;

fn is_told_to_come_again(answer: &Answered) -> bool {
    match answer.status {
        200 => false,
        _ => {
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
            true
        }
    }
}

/// Secrets that are not named stay: each update adds one, and all are there in the end.
pub(super) async fn updates_without_a_version_all_count(fleet: Fleet, count: usize) {
    let members = registries(&fleet, count).await;
    let change = |n| {
        let secret = json!({ format!("s{n}"): "x" });
        with(source("u"), json!({ "jsonData": { "n": n }, "secureJsonData": secret }))
    };
    let mut left: Vec<_> = (0..WRITES).collect();
    for _ in 0..MOST_ROUNDS {
        let changes = left.iter().map(|n| fleet.call("PUT", PATH).json(&change(*n)));
        let answers = spread(&members, changes).await;
        let mut told = answers.iter().map(is_told_to_come_again);
        left.retain(|_| told.next().is_some_and(|again| again));
    }
    assert!(left.is_empty(), "{left:?} were told to come again each time");
    let first = read(&fleet, &members[0]).await;
    let secrets = (0..WRITES).map(|n| (format!("s{n}"), json!(true))).collect();
    assert_eq!(first["secureJsonFields"], Value::Object(secrets));
    let last = first["jsonData"]["n"].as_u64().expect("one of the updates");
    assert!(last < WRITES as u64);
    for member in &members {
        assert_eq!(read(&fleet, member).await, first, "all read the same");
    }
}

#[tokio::test]
async fn d09_of_50_updates_without_a_version_in_many_processes_none_is_lost() {
    updates_without_a_version_all_count(Fleet::start().await, FEW).await;
}

#[tokio::test]
#[ignore = "fifty processes: make soak"]
async fn soak_d09_of_50_updates_at_once_in_50_processes_none_is_lost() {
    updates_without_a_version_all_count(Fleet::start().await, MANY).await;
}

/// Reads, adds one and writes what was read with its version, until that is taken; tells how often it was not.
async fn add_one(fleet: &Fleet, member: &Member) -> usize {
    let mut refused = 0;
    loop {
        let mut found = read(fleet, member).await;
        let sum = found["jsonData"]["sum"].as_u64().unwrap_or_default();
        found["jsonData"] = json!({ "sum": sum + 1 });
        let answer = member.invoke(&fleet.call("PUT", PATH).json(&found)).await;
        match answer.status {
            200 => return refused,
            409 => refused += 1,
            _ => assert!(is_told_to_come_again(&answer)),
        }
    }
}

pub(super) async fn updates_with_a_version_lose_nothing(fleet: Fleet, count: usize, each: u64) {
    let members = registries(&fleet, count).await;
    let adding = members.iter().map(async |member| {
        let mut refused = 0;
        for _ in 0..each {
            refused += add_one(&fleet, member).await;
        }
        refused
    });
    let refused: usize = join_all(adding).await.into_iter().sum();
    let sum = read(&fleet, &members[0]).await["jsonData"]["sum"].clone();
    assert_eq!(sum, count as u64 * each);
    assert!(refused > 0, "they never met");
}

#[tokio::test]
async fn d08_what_many_processes_add_up_with_versions_adds_up() {
    updates_with_a_version_lose_nothing(Fleet::start().await, FEW, 6).await;
}

#[tokio::test]
#[ignore = "fifty processes: make soak"]
async fn soak_d08_what_50_processes_add_up_with_versions_adds_up() {
    updates_with_a_version_lose_nothing(Fleet::start().await, MANY, 2).await;
}

pub(super) async fn creates_get_numbers_of_their_own(fleet: Fleet, count: usize) {
    let members = registries(&fleet, count).await;
    let different = (0..WRITES).map(|n| create(&fleet, &source(&format!("n{n}"))));
    let answers = spread(&members, different).await;
    let made = with_status(&answers, 200);
    assert_eq!(made.len(), WRITES);
    for field in ["id", "uid"] {
        let given: BTreeSet<_> =
            made.iter().map(|answer| answer["datasource"][field].to_string()).collect();
        assert_eq!(given.len(), WRITES, "a {field} was given twice");
    }
    for (fields, said) in [
        (json!({}), "data source with the same name already exists"),
        (json!({ "uid": "same" }), "data source with the same uid already exists"),
    ] {
        let named = |n| if fields == json!({}) { "same".to_owned() } else { format!("uid{n}") };
        let same = (0..WRITES).map(|n| create(&fleet, &with(source(&named(n)), fields.clone())));
        let answers = spread(&members, same).await;
        assert_eq!(with_status(&answers, 200).len(), 1, "{said}");
        let refused = with_status(&answers, 409);
        assert_eq!(refused.len(), WRITES - 1);
        assert!(refused.iter().all(|answer| answer["message"] == said), "{refused:?}");
    }
}

#[tokio::test]
async fn d06_what_many_processes_create_at_once_has_numbers_of_its_own() {
    creates_get_numbers_of_their_own(Fleet::start().await, FEW).await;
}

#[tokio::test]
#[ignore = "fifty processes: make soak"]
async fn soak_d06_what_50_processes_create_at_once_has_numbers_of_its_own() {
    creates_get_numbers_of_their_own(Fleet::start().await, MANY).await;
}
