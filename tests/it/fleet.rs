//! One request per process, many processes: what they share is right, and what each remembers is not for long.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod calls;
mod connections;
mod freezing;
mod freshness;
mod moto;
mod rights;
mod surroundings;
mod writes;

use std::time::Duration;

use harness::build::{plain, with};
use harness::fleet::{Fleet, Member};
use harness::runtime_api::{Answered, Call};
use harness::upstream::{Answer, FakeUpstream};
use serde_json::{Value, json};

/// How many processes there are in `make test`, and in `make soak`.
const FEW: usize = 8;
const MANY: usize = 50;

/// The stated bound for revocation and change.
const BOUND: Duration = Duration::from_secs(5);

/// A fleet with one process of each function that writes.
pub(crate) struct Deployed {
    pub(crate) fleet: Fleet,
    pub(crate) registry: Member,
    pub(crate) access: Member,
}

impl Deployed {
    pub(crate) async fn start() -> Self {
        Self::with(Fleet::start().await).await
    }

    async fn with(fleet: Fleet) -> Self {
        let registry = fleet.member("datasources").await;
        let access = fleet.member("access").await;
        Self { fleet, registry, access }
    }

    /// Sends a request that must succeed.
    pub(crate) async fn done(&self, member: &Member, call: Call) -> Value {
        let answer = member.invoke(&call).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Registers a data source.
    pub(crate) async fn create(&self, source: &Value) {
        let call = self.fleet.call("POST", "/api/datasources").json(source);
        self.done(&self.registry, call).await;
    }

    /// Makes a service account with a token; gives the token, and the path by which it is revoked.
    pub(crate) async fn robot(&self, name: &str) -> (String, String) {
        self.robot_by(name, |method, path| self.fleet.call(method, path)).await
    }

    async fn robot_by(&self, name: &str, call: impl Fn(&str, &str) -> Call) -> (String, String) {
        let account = json!({ "name": name, "role": "Viewer" });
        let answer = self.access.invoke(&call("POST", "/api/serviceaccounts").json(&account)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let path = format!("/api/serviceaccounts/{}/tokens", answer.json()["id"]);
        let token = call("POST", &path).json(&json!({ "name": name }));
        let token = self.done(&self.access, token).await;
        let text = token["key"].as_str().expect("a token's text").to_owned();
        (text, format!("{path}/{}", token["id"]))
    }
}

/// A data source with a password.
pub(crate) fn protected(uid: &str, upstream: &FakeUpstream) -> Value {
    let fields = json!({
        "uid": uid,
        "basicAuth": true,
        "basicAuthUser": "reader",
        "secureJsonData": { "basicAuthPassword": "password" },
    });
    with(plain(uid, &upstream.url()), fields)
}

/// An upstream that says which one it is.
pub(crate) async fn named(name: &str) -> FakeUpstream {
    let upstream = FakeUpstream::start().await;
    upstream.answer(Answer::ok(name.to_owned()));
    upstream
}

/// A request through a data source.
pub(crate) fn through(uid: &str, token: &str) -> Call {
    let call = Call::new("GET", &format!("/api/datasources/proxy/uid/{uid}/x"));
    call.header("Authorization", &format!("Bearer {token}"))
}

#[track_caller]
fn all_say(answers: &[Answered], text: &str) {
    for answer in answers {
        assert_eq!((answer.status, answer.text().as_str()), (200, text));
    }
}
