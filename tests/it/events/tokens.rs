//! Tokens in other processes than the one that made them: limited by the address that the platform tells, noted when
//! used, refused within the bound when revoked.

use std::time::{Duration, Instant};

use harness::build::{plain, with};
use harness::runtime_api::{Answered, Call};
use harness::upstream::FakeUpstream;
use serde_json::{Value, json};

use super::functions::{Function, Functions};

const ACCOUNTS: &str = "/api/serviceaccounts";
const PROXY: &str = "/api/datasources/proxy/uid/up/x";

/// How long a revoked token may be believed elsewhere, and some time for a busy machine.
const BOUND: Duration = Duration::from_secs(5 + 15);

struct Fixture {
    functions: Functions,
    upstream: FakeUpstream,
    account: u64,
}

async fn started() -> Fixture {
    let (functions, upstream) = (Functions::start().await, FakeUpstream::start().await);
    functions.create(&with(plain("Upstream", &upstream.url()), json!({ "uid": "up" }))).await;
    let admin = functions.app.as_admin();
    let made = admin.post(ACCOUNTS, &json!({ "name": "robot", "role": "Viewer" })).await;
    let account = made.json()["id"].as_u64().expect("a number");
    Fixture { functions, upstream, account }
}

impl Fixture {
    /// Makes a token by the local process, beside which the functions run.
    async fn token(&self, body: Value) -> String {
        let path = format!("{ACCOUNTS}/{}/tokens", self.account);
        let made = self.functions.app.as_admin().post(&path, &body).await;
        assert_eq!(made.status, 200, "{}", made.text());
        made.json()["key"].as_str().expect("a token").to_owned()
    }

    /// Sends a request by each kind of event.
    async fn ask(&self, function: &Function, path: &str, token: &str) -> [Answered; 2] {
        let call = Call::new("GET", path).header("Authorization", &format!("Bearer {token}"));
        let call = call.header("X-Forwarded-For", "10.1.2.3").header("X-Real-IP", "10.1.2.3");
        [function.api.invoke(call.rest()).await, function.api.invoke(call.http()).await]
    }
}

#[tokio::test]
async fn a17_networks_hold_for_the_address_that_the_platform_tells() {
    let f = started().await;
    // The events say 203.0.113.7, the headers 10.1.2.3, and the connection comes from this machine.
    let inside =
        f.token(json!({ "name": "in", "limits": { "networks": ["203.0.113.0/24"] } })).await;
    let forged = f
        .token(json!({ "name": "out", "limits": { "networks": ["10.0.0.0/8", "127.0.0.0/8"] } }))
        .await;
    let of_paths =
        [(&f.functions.datasources, "/api/datasources"), (&f.functions.http_proxy, PROXY)];
    for (function, path) in of_paths {
        for answer in f.ask(function, path, &inside).await {
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
        let sent = f.upstream.requests().len();
        for answer in f.ask(function, path, &forged).await {
            let body: Value = serde_json::from_str(&answer.text()).expect("JSON");
            assert_eq!((answer.status, &body["cause"]), (403, &json!("token_limits")), "{path}");
            let message = body["message"].as_str().expect("a message");
            assert!(
                message.starts_with("this token may not be used from 203.0.113.7; "),
                "{message}"
            );
        }
        assert_eq!(f.upstream.requests().len(), sent);
    }
}

#[tokio::test]
async fn a05_a_revoked_token_is_refused_elsewhere_within_the_bound() {
    let f = started().await;
    let token = f.token(json!({ "name": "t" })).await;
    for answer in f.ask(&f.functions.http_proxy, PROXY, &token).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let path = format!("{ACCOUNTS}/{}/tokens", f.account);
    let started = Instant::now();
    let admin = f.functions.app.as_admin();
    // The function that uses it has noted it, in the table that all read.
    while admin.get(&path).await.json()[0]["lastUsedAt"].is_null() {
        assert!(started.elapsed() < BOUND, "never noted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(admin.delete(&format!("{path}/1")).await.status, 200);
    let revoked = Instant::now();
    for answer in f.ask(&f.functions.datasources, "/api/datasources", &token).await {
        assert_eq!(answer.status, 401, "the registry reads each time");
    }
    loop {
        let [one, _] = f.ask(&f.functions.http_proxy, PROXY, &token).await;
        if one.status == 401 {
            break;
        }
        assert!(revoked.elapsed() < BOUND, "still let through");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
