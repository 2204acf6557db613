//! Upstreams that record what they got: [`FakeUpstream`] is a real HTTP server that answers by
//! rules, [`RawUpstream`] writes any bytes at all.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

mod answer;
mod raw;
mod record;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use answer::{Answer, Body, Feed};
pub use raw::{Heard, RawUpstream, Script};
use record::{Heads, Recording};
pub use record::{Recorded, Seen};

/// How long a test waits for something to arrive at an upstream.
const PATIENCE: Duration = Duration::from_secs(15);

/// A real HTTP/1.1 server on a free loopback port. Dropping it closes its connections.
#[derive(Debug)]
pub struct FakeUpstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    rules: Mutex<Vec<Rule>>,
    seen: watch::Sender<Seen>,
}

#[derive(Debug)]
struct Rule {
    method: Option<Method>,
    path: Option<String>,
    answer: Answer,
}

impl FakeUpstream {
    /// Starts a server that answers everything with 200 and `ok`.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts it at a given address, for instance one where another was stopped before.
    ///
    /// # Panics
    ///
    /// When the address is taken.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("bind the upstream's address");
        let address = listener.local_addr().expect("a bound listener has an address");
        let rules = vec![Rule { method: None, path: None, answer: Answer::ok("ok") }];
        let seen = watch::Sender::new(Seen::default());
        let shared = Arc::new(Shared { rules: Mutex::new(rules), seen });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, server }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base url, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers everything that no rule names with this from now on.
    pub fn answer(&self, answer: Answer) {
        self.rule(Rule { method: None, path: None, answer });
    }

    /// Answers `method` on exactly this path, the query aside, with this from now on. Later rules
    /// go before earlier ones.
    ///
    /// # Panics
    ///
    /// When the method is not a token.
    pub fn when(&self, method: &str, path: &str, answer: Answer) {
        let method = Some(method.parse().expect("a method"));
        self.rule(Rule { method, path: Some(path.to_owned()), answer });
    }

    fn rule(&self, rule: Rule) {
        let mut rules = self.shared.rules.lock().expect("no rule panics");
        // What names nothing goes first, so that it is asked last.
        let place = if rule.path.is_some() { rules.len() } else { 1 };
        rules.insert(place, rule);
        let unnamed = rules.iter().take_while(|rule| rule.path.is_none()).count();
        rules.drain(..unnamed - 1);
    }

    /// What came so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.shared.seen.borrow().clone()
    }

    /// The requests that came so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.seen().requests
    }

    /// The one request that came.
    ///
    /// # Panics
    ///
    /// When there was none, or more than one.
    #[must_use]
    pub fn only_request(&self) -> Recorded {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.remove(0)
    }

    /// Waits until what came makes `enough` true, and returns it.
    ///
    /// # Panics
    ///
    /// When that does not happen within 15 s, with what came.
    pub async fn wait_for(&self, enough: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.shared.seen.subscribe();
        match tokio::time::timeout(PATIENCE, seen.wait_for(enough)).await {
            Ok(Ok(seen)) => seen.clone(),
            _ => panic!("waited for the upstream in vain; it saw {:#?}", self.seen()),
        }
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).ok();
    let number = shared.seen.borrow().accepted;
    shared.seen.send_modify(|seen| {
        seen.accepted += 1;
        seen.open += 1;
    });
    let heads = Heads::default();
    let io = TokioIo::new(Recording::new(stream, heads.clone()));
    let service = service_fn(|request| respond(&shared, &heads, number, request));
    // The client's fault or wish, and to be seen in `open`.
    hyper::server::conn::http1::Builder::new().serve_connection(io, service).await.ok();
    shared.seen.send_modify(|seen| seen.open -= 1);
}

async fn respond(
    shared: &Shared,
    heads: &Heads,
    connection: usize,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut recorded = Recorded::parse(&heads.take());
    recorded.connection = connection;
    let answer = {
        let rules = shared.rules.lock().expect("no rule panics");
        let rule = rules.iter().rev().find(|rule| rule.is_for(&request));
        rule.map(|rule| rule.answer.clone()).expect("one rule is for everything")
    };
    let mut number = 0;
    shared.seen.send_modify(|seen| {
        number = seen.requests.len();
        seen.requests.push(recorded);
    });
    if !answer.is_early() {
        read(shared, number, request.into_body()).await;
    }
    heads.expect();
    Ok(answer.respond().await)
}

async fn read(shared: &Shared, number: usize, mut body: Incoming) {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return };
        let piece = frame.into_data().unwrap_or_else(|_| Bytes::new());
        shared.seen.send_modify(|seen| seen.requests[number].body.extend_from_slice(&piece));
    }
    shared.seen.send_modify(|seen| seen.requests[number].whole = true);
}

impl Rule {
    fn is_for(&self, request: &Request<Incoming>) -> bool {
        self.method.as_ref().is_none_or(|method| method == request.method())
            && self.path.as_ref().is_none_or(|path| path == request.uri().path())
    }
}

#[cfg(test)]
mod tests;
