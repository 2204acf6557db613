//! One process as the platform treats it: frozen between and in the middle of requests, left by clients, kept for long.

mod bounds;
mod connections;
mod streams;

use harness::build::{plain, with};
use harness::fleet::Member;
use harness::runtime_api::{Answered, Call, Invocation, Said};
use serde_json::{Value, json};

use crate::fleet::Deployed;

/// One process of the proxy, and a data source `a` whose timeout is short.
struct Single {
    deployed: Deployed,
    member: Member,
    token: String,
}

/// The data source's timeout in seconds.
const TIMEOUT: u64 = 2;

impl Single {
    /// Starts the process with a data source at this url.
    async fn start(url: &str) -> Self {
        let single = Self::without_a_timeout(url).await;
        let settings = json!({ "jsonData": { "timeout": TIMEOUT } });
        let call = single.deployed.fleet.call("PUT", "/api/datasources/uid/a");
        let call = call.json(&with(source("a", url), settings));
        single.deployed.done(&single.deployed.registry, call).await;
        single
    }

    /// The same with the default timeout, for what takes longer.
    async fn without_a_timeout(url: &str) -> Self {
        let deployed = Deployed::start().await;
        deployed.create(&source("a", url)).await;
        let (token, _) = deployed.robot("robot").await;
        let member = deployed.fleet.member("http-proxy").await;
        Self { deployed, member, token }
    }

    fn call(&self, method: &str, uid: &str) -> Call {
        let call = Call::new(method, &format!("/api/datasources/proxy/uid/{uid}/x"));
        call.header("Authorization", &format!("Bearer {}", self.token))
    }

    async fn get(&self) -> Answered {
        self.member.invoke(&self.call("GET", "a")).await
    }

    async fn is_served(&self) {
        let answer = self.get().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    }
}

fn source(uid: &str, url: &str) -> Value {
    with(plain(uid, url), json!({ "uid": uid }))
}

/// What a function has said so far of an answer.
#[derive(Default)]
struct Heard(Vec<u8>);

impl Heard {
    /// Listens until what came ends with this.
    async fn until(&mut self, invocation: &mut Invocation, end: &str) {
        while !self.0.ends_with(end.as_bytes()) {
            match invocation.next().await {
                Said::Started(_) => {}
                Said::Piece(piece) => self.0.extend_from_slice(&piece),
                said => panic!("it ends too soon: {said:?}"),
            }
        }
    }

    /// Listens to the end; tells whether it was one.
    async fn is_whole(&mut self, invocation: &mut Invocation) -> bool {
        loop {
            match invocation.next().await {
                Said::Piece(piece) => self.0.extend_from_slice(&piece),
                Said::Ended => return true,
                Said::Broke => return false,
                said => panic!("{said:?}"),
            }
        }
    }
}
