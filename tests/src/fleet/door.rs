//! One process's way to the tables or to KMS: it counts the calls, can keep answers back, and lets through what the process
//! has a right to.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::Policy;
use super::signed::Signatures;
use crate::process::plain_client;

/// A proxy before the tables. Dropping it closes its connections.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    tables: SocketAddr,
    turns: Arc<Semaphore>,
    policy: Option<Policy>,
    signatures: Signatures,
    refused: Mutex<Vec<String>>,
    client: reqwest::Client,
    calls: Mutex<BTreeMap<String, usize>>,
    /// Whether answers wait, and how many do.
    kept: watch::Sender<(bool, usize)>,
}

impl Door {
    /// Starts one that passes on what gets one of the turns, which all processes share, and what the policy allows; all
    /// without one.
    pub(super) async fn start(
        tables: SocketAddr,
        turns: Arc<Semaphore>,
        policy: Option<Policy>,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let kept = watch::Sender::new((false, 0));
        let shared = Shared {
            tables,
            turns,
            policy,
            signatures: Signatures::default(),
            refused: Mutex::default(),
            client: plain_client(),
            calls: Mutex::default(),
            kept,
        };
        let shared = Arc::new(shared);
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, server }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it did not let through.
    ///
    /// # Panics
    ///
    /// Never: no thread panics while it refuses.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        self.shared.refused.lock().expect("no thread panics while it refuses").clone()
    }

    /// How often each operation was called: `BatchGetItem` and the like.
    ///
    /// # Panics
    ///
    /// Never: no thread panics while it counts.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.shared.calls.lock().expect("no thread panics while it counts").clone()
    }

    /// How many calls read: what a request waits for.
    #[must_use]
    pub fn reads(&self) -> usize {
        let calls = self.calls();
        ["GetItem", "BatchGetItem", "Query"]
            .iter()
            .filter_map(|operation| calls.get(*operation))
            .sum()
    }

    /// Sets the clock of what is behind it so far ahead of this machine's, in seconds.
    pub fn be_ahead(&self, seconds: i64) {
        self.shared.signatures.be_ahead(seconds);
    }

    /// How many calls were refused because they were signed at another time.
    #[must_use]
    pub fn refused_for_time(&self) -> usize {
        self.shared.signatures.refused()
    }

    /// The session tokens of the calls, in their order.
    #[must_use]
    pub fn sessions(&self) -> Vec<String> {
        self.shared.signatures.sessions()
    }

    /// Keeps back all answers from now on: what was asked for is done, and nobody told.
    pub fn keep(&self) {
        self.shared.kept.send_modify(|kept| kept.0 = true);
    }

    /// Waits until an answer is kept back.
    pub async fn keeps_one(&self) {
        // The sender lives as long as this does.
        self.shared.kept.subscribe().wait_for(|kept| kept.1 > 0).await.ok();
    }

    /// Gives out all answers that were kept back, and keeps none from now on.
    pub async fn give_out(&self) {
        self.shared.kept.send_modify(|kept| kept.0 = false);
        self.shared.kept.subscribe().wait_for(|kept| kept.1 == 0).await.ok();
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).ok();
    let service = service_fn(|request| shared.pass(request));
    let server = hyper::server::conn::http1::Builder::new();
    // A process that was killed breaks its connection.
    server.serve_connection(TokioIo::new(stream), service).await.ok();
}

impl Shared {
    async fn pass(&self, request: Request<Incoming>) -> anyhow::Result<Response<Full<Bytes>>> {
        let (mut parts, body) = request.into_parts();
        let target = parts.headers.get("x-amz-target").map_or(&[][..], |target| target.as_bytes());
        let target = String::from_utf8_lossy(target).into_owned();
        self.count(target.rsplit('.').next().unwrap_or_default());
        let body = body.collect().await?.to_bytes();
        if let Some(refusal) = self.signatures.refusal(&parts.headers) {
            return Ok(self.answer_refused("InvalidSignatureException", &refusal));
        }
        // What opens the way to KMS ahead of a call is no call.
        if let Some(policy) = self.policy.as_ref().filter(|_| parts.method == Method::POST) {
            let asked = serde_json::from_slice(&body).unwrap_or_default();
            if let Some(refusal) = policy.refusal(&target, &asked) {
                return Ok(self.refuse(refusal));
            }
        }
        for hop in [header::HOST, header::CONTENT_LENGTH] {
            parts.headers.remove(hop);
        }
        let asked = self.client.post(format!("http://{}/", self.tables)).headers(parts.headers);
        let asked = asked.body(body);
        let turn = self.turns.acquire().await?;
        let answer = asked.send().await?;
        let mut response = Response::builder().status(answer.status());
        response = response.header(header::DATE, self.signatures.date());
        if let Some(kind) = answer.headers().get(header::CONTENT_TYPE) {
            response = response.header(header::CONTENT_TYPE, kind);
        }
        let body = answer.bytes().await?;
        drop(turn);
        self.wait().await;
        Ok(response.body(Full::new(body))?)
    }

    /// As AWS does where no policy allows a call.
    fn refuse(&self, refusal: String) -> Response<Full<Bytes>> {
        let said = format!("User: function {refusal}");
        self.refused.lock().expect("no thread panics while it refuses").push(refusal);
        self.answer_refused("AccessDeniedException", &said)
    }

    fn answer_refused(&self, kind: &str, said: &str) -> Response<Full<Bytes>> {
        let kind = format!("com.amazon.coral.service#{kind}");
        let body = json!({ "__type": kind, "message": said, "Message": said });
        let mut response = Response::new(Full::from(body.to_string()));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        let amazons = HeaderValue::from_static("application/x-amz-json-1.0");
        response.headers_mut().insert(header::CONTENT_TYPE, amazons);
        response.headers_mut().insert(header::DATE, self.signatures.date());
        response
    }

    fn count(&self, operation: &str) {
        let mut calls = self.calls.lock().expect("no thread panics while it counts");
        *calls.entry(operation.to_owned()).or_default() += 1;
    }

    async fn wait(&self) {
        let mut kept = self.kept.subscribe();
        if kept.borrow_and_update().0 {
            let _kept = Kept::one(&self.kept);
            kept.wait_for(|kept| !kept.0).await.ok();
        }
    }
}

/// An answer that waits; nobody may be left to take it.
struct Kept<'a>(&'a watch::Sender<(bool, usize)>);

impl<'a> Kept<'a> {
    fn one(all: &'a watch::Sender<(bool, usize)>) -> Self {
        all.send_modify(|kept| kept.1 += 1);
        Self(all)
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|kept| kept.1 -= 1);
    }
}
