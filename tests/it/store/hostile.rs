//! The same over tables that behave as AWS at its worst: conflicts, unprocessed keys, throttling, lost answers.

use futures_util::future::join_all;
use harness::{Faults, TestApp, build};
use local::engine::Calls;
use serde_json::json;

use super::items::Items;
use super::races;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d04_of_100_creates_of_one_name_one_succeeds() {
    races::creates_of_one_name(Faults::worst()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d05_of_100_creates_of_one_uid_one_succeeds() {
    races::creates_of_one_uid(Faults::worst()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d06_100_creates_at_once_get_100_numbers() {
    races::creates_of_different_names(Faults::worst(), 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes long: make soak"]
async fn soak_d06_1000_creates_at_once_get_1000_numbers() {
    races::creates_of_different_names(Faults::worst(), 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d08_of_100_updates_of_one_version_one_succeeds() {
    races::updates_of_one_version(Faults::worst()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d09_of_updates_without_a_version_the_last_wins_and_no_secret_is_lost() {
    races::updates_without_a_version(Faults::worst()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_an_update_that_meets_a_deletion_leaves_no_zombie() {
    races::deletion_and_updates(Faults::worst()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_d12_a_source_has_one_name_at_every_time() {
    races::renames(Faults::worst()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d07_a_lost_counter_gives_no_number_again() {
    races::counter_loss(Faults::worst()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d13_of_many_defaults_at_once_one_is_left() {
    races::defaults(Faults::worst()).await;
}

/// Creates, changes and deletes 20 sources, each step after the answer to the last; gives what the tables were asked.
async fn step_by_step(faults: Faults) -> Calls {
    let app = TestApp::hostile(faults).await;
    let admin = app.as_admin();
    let one = async |n: usize| {
        let source = build::plain(&format!("n{n}"), "http://127.0.0.1:9");
        let secret = json!({ "uid": format!("u{n}"), "secureJsonData": { "a": "x" } });
        let source = build::with(source, secret);
        let made = admin.post("/api/datasources", &source).await;
        let path = format!("/api/datasources/uid/u{n}");
        let change = build::with(source, json!({ "name": format!("m{n}"), "version": 1 }));
        let changed = admin.put(&path, &change).await;
        let deleted = admin.delete(&path).await;
        [made, changed, deleted].map(|answer| (answer.status.as_u16(), answer.text()))
    };
    let (mut through, mut refused) = (0, vec![]);
    for steps in join_all((0..20).map(one)).await {
        // 503 is "come again"; what follows one may find what it should not.
        let Some(busy) = steps.iter().position(|(status, _)| *status == 503) else {
            assert_eq!(steps.each_ref().map(|(status, _)| *status), [200; 3], "{steps:?}");
            through += 1;
            continue;
        };
        assert!(steps[..busy].iter().all(|(status, _)| *status == 200), "{steps:?}");
        refused.push(steps);
    }
    assert!(through >= 15, "{through} of 20 got through: {refused:?}");
    app.tables().set(Faults::default());
    let calls = app.calls();
    Items::of(&app).whole().await;
    assert_eq!(app.tables().stale_reads(), 0);
    calls
}

#[tokio::test]
async fn d02_a_write_that_failed_midway_is_made_once() {
    step_by_step(Faults { failing: 30, ..Faults::default() }).await;
}

#[tokio::test]
async fn d03_a_write_whose_answer_was_lost_is_200_and_no_conflict() {
    let calls = step_by_step(Faults { lost: 30, ..Faults::default() }).await;
    let before = TestApp::start().await.calls().of("TransactWriteItems");
    let writes = calls.of("TransactWriteItems") - before;
    assert!(writes > 60, "some of the 60 transactions came again after they were done: {calls:?}");
}

#[tokio::test]
async fn d01_a_write_that_was_throttled_is_made_once() {
    step_by_step(Faults { throttled: 30, ..Faults::default() }).await;
}

#[tokio::test]
async fn tables_that_are_ill_use_up_no_tries_of_others() {
    let ill = TestApp::hostile(Faults::default()).await;
    ill.tables().set(Faults { down: true, ..Faults::default() });
    let admin = ill.as_admin();
    for answer in join_all((0..150).map(|_| admin.get("/api/datasources"))).await {
        assert_eq!(answer.status, 503);
    }
    step_by_step(Faults { failing: 30, ..Faults::default() }).await;
}

#[tokio::test]
async fn a_transaction_that_met_another_is_made_again() {
    step_by_step(Faults { conflict: 70, ..Faults::default() }).await;
}
