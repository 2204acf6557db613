//! Very many callers at once, half of them without a right to anything: identities never mix.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use auth::{OwnerId, Role, Token};
use futures_util::future::join_all;
use harness::upstream::FakeUpstream;
use harness::{Client, TestApp, build};
use secrecy::ExposeSecret;
use sourcegate_core::OrgId;

const CALLERS: usize = 64;

/// Those who may not: without a credential, with one that was never given, with one that is none.
fn strangers(app: &TestApp) -> Vec<Client> {
    let strange = |n: usize| match n % 4 {
        0 => None,
        1 => {
            let owner = OwnerId::new(1).expect("a number");
            let (text, _) = Token::generate(OrgId::MAIN, owner);
            Some(format!("Bearer {}", text.expose_secret()))
        }
        2 => Some("Bearer".to_owned()),
        _ => Some("Basic YXBpX2tleTpub3Blbm9wZW5vcGU=".to_owned()),
    };
    (0..CALLERS / 2).map(|n| Client::new(app.address(), strange(n))).collect()
}

/// Asks one path after the other for a time; gives how often, and how often with success.
async fn ask(client: &Client, paths: &[String], time: Duration) -> (usize, usize) {
    let (started, mut asked, mut through) = (Instant::now(), 0, 0);
    while started.elapsed() < time {
        let answer = client.get(&paths[asked % paths.len()]).await;
        asked += 1;
        through += usize::from(answer.status.is_success());
    }
    (asked, through)
}

async fn half_of_them_get_nothing(time: Duration) {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let proxy = app.as_admin().create_proxied(&build::plain("a", &upstream.url())).await;
    let uid = proxy.rsplit('/').next().expect("a uid").to_owned();
    let paths = [
        proxy,
        "/api/datasources".to_owned(),
        format!("/api/datasources/uid/{uid}"),
        "/api/org".to_owned(),
        "/api/user".to_owned(),
    ];
    let strangers = strangers(&app);
    let mut honest = Vec::new();
    for n in 0..CALLERS / 2 {
        let role = if n % 2 == 0 { Role::Viewer } else { Role::Admin };
        honest.push(app.as_role(role).await);
    }
    let all = strangers.iter().chain(&honest);
    let asked = join_all(all.map(|client| ask(client, &paths, time))).await;
    let (strange, known) = asked.split_at(strangers.len());
    let count =
        |of: &[(usize, usize)]| of.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let ((tried, through), (asked, answered)) = (count(strange), count(known));
    assert_eq!(through, 0, "of {tried} requests without a right");
    assert_eq!(answered, asked, "of those with one");
    assert!(tried > CALLERS && asked > CALLERS, "{tried} and {asked} requests are no crowd");
    let forwarded = upstream.requests();
    let mut headers = forwarded.iter().flat_map(|request| &request.headers);
    let leaked = headers.any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    assert!(!leaked && !forwarded.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a12_of_64_callers_at_once_those_without_a_token_get_nothing() {
    half_of_them_get_nothing(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes long: make soak"]
async fn soak_a12_of_64_callers_at_once_those_without_a_token_get_nothing() {
    half_of_them_get_nothing(Duration::from_secs(60)).await;
}
