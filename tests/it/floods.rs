//! Guessing, at length: it is counted by where it comes from, and those who do not guess go on.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use auth::{OwnerId, Role, Token};
use futures_util::future::join_all;
use harness::hostile::Faults;
use harness::upstream::FakeUpstream;
use harness::{Client, TestApp, build};
use secrecy::{ExposeSecret, SecretString};
use sourcegate_core::OrgId;
use store::Admin;

const LIST: &str = "/api/datasources";
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const TOO_MANY: &str = "too many failed logins from this address; try again in five minutes";

async fn with_users(logins: &[&str]) -> TestApp {
    let app = TestApp::start().await;
    let admin = Admin::new(app.store().clone());
    for login in logins {
        let right = SecretString::from("right");
        let role = Role::Viewer.into();
        assert!(admin.create_user(OrgId::MAIN, login, &right, role).await.expect("a user"));
    }
    app
}

fn login(app: &TestApp, login: &str, password: &str) -> Client {
    Client::basic(app.address(), login, password)
}

/// Sends wrong passwords one after the other; gives how many were answered how.
async fn guess(app: &TestApp, who: &str, times: usize) -> BTreeMap<u16, usize> {
    let mut tally = BTreeMap::new();
    for n in 0..times {
        let answer = login(app, who, &format!("wrong {n}")).get(LIST).await;
        if answer.status == 429 {
            assert_eq!(answer.message(), TOO_MANY);
        }
        *tally.entry(answer.status.as_u16()).or_default() += 1;
    }
    tally
}

#[tokio::test]
async fn a07_after_ten_wrong_passwords_none_is_tried_for_that_login_from_that_address() {
    let app = with_users(&["bob", "eve"]).await;
    // Remembered as right, and so not counted.
    assert_eq!(login(&app, "eve", "right").get(LIST).await.status, 200);
    // Five minutes may end in between, and the count begin anew: once.
    let tally = guess(&app, "bob", 22).await;
    assert!((10..=20).contains(&tally[&401]) && tally[&429] >= 2, "{tally:?}");
    let right = login(&app, "bob", "right");
    let refused = right.get(LIST).await;
    assert_eq!((refused.status.as_u16(), &*refused.message()), (429, TOO_MANY));
    // The same login from elsewhere, and others from the same address, go on.
    assert_eq!(right.from(ELSEWHERE).get(LIST).await.status, 200);
    assert_eq!(login(&app, "eve", "right").get(LIST).await.status, 200);
    let tally = guess(&app, "eve", 22).await;
    assert!(tally.contains_key(&429), "{tally:?}");
    assert_eq!(login(&app, "eve", "right").get(LIST).await.status, 200, "it is remembered");
    assert_eq!(app.as_admin().get(LIST).await.status, 200);
}

#[tokio::test]
async fn a07_guesses_beyond_the_limit_ask_the_tables_once_a_second() {
    let app = with_users(&["bob"]).await;
    // Five minutes may end in between, and the count begin anew: once.
    for is_last in [false, true] {
        guess(&app, "bob", 12).await;
        let (before, started) = (app.calls(), Instant::now());
        let tally = guess(&app, "bob", 50).await;
        let calls = app.calls().since(&before).total();
        // Whoever guesses is read and counted twice, once a second.
        let most = 3 * (started.elapsed().as_secs() + 1);
        if tally.keys().eq([&429]) || is_last {
            assert!(calls <= most, "{calls} calls for {tally:?}");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a07_a_hundred_guesses_at_once_are_counted_before_they_are_hashed() {
    let app = with_users(&["bob"]).await;
    let guesses: Vec<_> = (0..100).map(|n| login(&app, "bob", &format!("wrong {n}"))).collect();
    let answers = join_all(guesses.iter().map(|client| client.get(LIST))).await;
    let hashed = answers.iter().filter(|answer| answer.status == 401).count();
    assert!(hashed <= 20, "{hashed} were hashed");
    let counted = answers.iter().filter(|answer| answer.message() == TOO_MANY).count();
    assert!(counted >= 80, "{counted} were refused for their number");
}

#[tokio::test]
async fn a07_right_passwords_are_not_counted_as_failures() {
    let logins: Vec<_> = (0..3).map(|n| format!("user-{n}")).collect();
    let app = with_users(&logins.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for _ in 0..30 {
        for one in &logins {
            assert_eq!(login(&app, one, "right").get(LIST).await.status, 200);
        }
    }
    // Ten are looked at: the right ones were taken back.
    assert!(guess(&app, "user-0", 10).await.keys().eq([&401]));
}

#[tokio::test]
async fn a07_where_failures_cannot_be_counted_no_password_is_tried() {
    let app = with_users(&["bob"]).await;
    app.tables().set(Faults { no_scratch: true, ..Faults::default() });
    for password in ["wrong", "right"] {
        let answer = login(&app, "bob", password).get(LIST).await;
        let told = (answer.status.as_u16(), &*answer.message());
        assert_eq!(told, (503, "logins cannot be checked now; try again in a few seconds"));
    }
    assert_eq!(app.as_admin().get(LIST).await.status, 200, "tokens go on");
    app.tables().set(Faults::default());
    assert_eq!(login(&app, "bob", "right").get(LIST).await.status, 200);
}

/// Sends tokens that were never given, to the proxy.
async fn send_unknown_tokens(app: &TestApp, path: &str, count: u32) {
    for n in 1..=count {
        let (text, _) = Token::generate(OrgId::MAIN, OwnerId::new(1_000 + n).expect("a number"));
        let stranger = Client::new(app.address(), Some(format!("Bearer {}", text.expose_secret())));
        let answer = stranger.get(path).await;
        assert_eq!((answer.status.as_u16(), &*answer.message()), (401, "Invalid API key"));
    }
}

#[tokio::test]
async fn a07_after_twenty_unknown_tokens_an_addresss_tokens_are_read_alone() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let proxy = app.as_admin().create_proxied(&build::plain("a", &upstream.url())).await;
    let batches = async |from: Option<IpAddr>| {
        let honest = app.as_viewer().await;
        let honest = from.into_iter().fold(honest, Client::from);
        let before = app.calls();
        assert_eq!(honest.get(&proxy).await.status, 200);
        app.calls().since(&before).of("BatchGetItem")
    };
    assert_eq!(batches(None).await, 1);
    send_unknown_tokens(&app, &proxy, 19).await;
    assert_eq!(batches(None).await, 1);
    // A minute may end in between, and the count begin anew: once.
    let mut read_alone = false;
    for _ in 0..2 {
        send_unknown_tokens(&app, &proxy, 21).await;
        read_alone |= batches(None).await == 2;
    }
    assert!(read_alone);
    assert_eq!(batches(Some(ELSEWHERE)).await, 1, "another address is as before");
    let counted = async || {
        let query = app.dynamodb().query().table_name("sourcegate-scratch");
        let query = query.key_condition_expression("pk = :pk");
        let pk = aws_sdk_dynamodb::types::AttributeValue::S("STRANGER#127.0.0.1".to_owned());
        let found = query.expression_attribute_values(":pk", pk).send().await.expect("a query");
        let count = |item: &std::collections::HashMap<String, _>| {
            let value: &aws_sdk_dynamodb::types::AttributeValue = item.get("count")?;
            value.as_n().ok()?.parse::<u64>().ok()
        };
        found.items().iter().filter_map(count).sum::<u64>()
    };
    assert!(counted().await >= 1);
    // The table hears of it once a second, whatever comes; of a minute that ends in between, not of its last second.
    let mut heard = 0;
    for _ in 0..2 {
        let before = counted().await;
        send_unknown_tokens(&app, &proxy, 20).await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        send_unknown_tokens(&app, &proxy, 1).await;
        for _ in 0..50 {
            heard = counted().await - before;
            if heard >= 20 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    panic!("{heard} of 21 are counted");
}
