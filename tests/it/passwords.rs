//! Users who log in with a password: right, wrong, unknown, and very many at once.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use auth::Role;
use futures_util::future::join_all;
use harness::{Client, TestApp};
use secrecy::SecretString;
use sourcegate_core::OrgId;
use store::Admin;

const LIST: &str = "/api/datasources";

/// A gateway with the user `bob`, whose password is `right`.
async fn with_bob(role: Role) -> TestApp {
    let app = TestApp::start().await;
    let admin = Admin::new(app.store().clone());
    let right = SecretString::from("right: é");
    assert!(admin.create_user(OrgId::MAIN, "bob", &right, role.into()).await.expect("a user"));
    assert!(
        !admin.create_user(OrgId::MAIN, "BOB", &right, role.into()).await.expect("the same user")
    );
    app
}

fn bob(app: &TestApp, password: &str) -> Client {
    Client::basic(app.address(), "bob", password)
}

#[tokio::test]
async fn the_right_password_makes_a_caller_with_the_users_role() {
    let app = with_bob(Role::Viewer).await;
    assert_eq!(app.as_admin_user().get(LIST).await.status, 200);
    assert_eq!(bob(&app, "right: é").get(LIST).await.status, 200);
    let shouted = Client::basic(app.address(), "Bob", "right: é");
    assert_eq!(shouted.get(LIST).await.status, 200, "a login has no case");
    let source = harness::build::plain("a", "http://127.0.0.1:9");
    assert_eq!(bob(&app, "right: é").post(LIST, &source).await.status, 403);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_login_read_alike() {
    let app = with_bob(Role::Viewer).await;
    let said = async |login: &str, password: &str| {
        let answer = Client::basic(app.address(), login, password).get(LIST).await;
        assert_eq!(answer.header("www-authenticate"), "");
        let mut body = answer.json();
        body["traceID"].take();
        (answer.status.as_u16(), body)
    };
    let wrong = said("bob", "wrong").await;
    assert_eq!((wrong.0, &wrong.1["message"]), (401, &"Invalid username or password".into()));
    for (login, password) in [
        ("nobody", "right: é"),
        ("nobody", ""),
        ("bob", ""),
        ("bob", "Right: é"),
        ("bob", "right: é "),
        ("bob ", "right: é"),
    ] {
        assert_eq!(said(login, password).await, wrong, "{login:?} {password:?}");
    }
}

#[tokio::test]
async fn an_unknown_login_is_refused_by_the_proxy_too() {
    let app = with_bob(Role::Viewer).await;
    for client in [bob(&app, "wrong"), Client::basic(app.address(), "nobody", "x")] {
        let answer = client.get("/api/datasources/proxy/uid/none/x").await;
        let told = (answer.status.as_u16(), answer.message());
        assert_eq!(told, (401, "Invalid username or password".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_very_many_different_passwords_at_once_some_are_told_to_come_again() {
    let app = with_bob(Role::Viewer).await;
    // Of one login each, so that it is not their failures that they are refused for.
    let clients: Vec<_> =
        (0..60).map(|n| Client::basic(app.address(), &format!("nobody-{n}"), "wrong")).collect();
    let answers = join_all(clients.iter().map(|client| client.get(LIST))).await;
    let mut tally: BTreeMap<u16, usize> = BTreeMap::new();
    for answer in &answers {
        *tally.entry(answer.status.as_u16()).or_default() += 1;
    }
    // Two are hashed at once and sixteen wait; how many come in time for another's place is chance.
    assert!(tally.keys().eq([&401, &429]), "{tally:?}");
    let busy = answers.iter().find(|answer| answer.status == 429).expect("one of 429");
    assert_eq!(busy.message(), "too many logins at once; try again in a few seconds");
    assert_eq!(busy.header("retry-after"), "1");
    assert_eq!(bob(&app, "right: é").get(LIST).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_credentials_share_one_hashing() {
    let app = with_bob(Role::Viewer).await;
    let right = bob(&app, "right: é");
    // Far more than there are places for different ones.
    let answers = join_all((0..100).map(|_| right.get(LIST))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}
