//! KMS as moto has it, behind a small proxy of ours that adds the one call moto lacks, counts calls
//! and can be told to fail.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

mod pair;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OnceCell;
use tokio::task::{JoinHandle, JoinSet};

use crate::process::{Process, plain_client, venv};

/// moto reads service and region from the credential scope.
const CREDENTIAL: &str = "AWS4-HMAC-SHA256 Credential=TEST/20260101/us-east-1/kms/aws4_request, \
                          SignedHeaders=host, Signature=0";

/// What a call meets instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 400 `ThrottlingException`.
    Throttled,
    /// 500 `KMSInternalException`.
    Internal,
    /// 400 `DisabledException`, which moto never gives.
    Disabled,
    /// The answer comes so much later.
    Slow(Duration),
    /// The connection closes without an answer.
    Lost,
}

/// A KMS endpoint of one test. Dropping it closes its connections; moto itself goes on.
#[derive(Debug)]
pub struct Kms {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    moto: SocketAddr,
    client: reqwest::Client,
    calls: Mutex<BTreeMap<String, usize>>,
    faults: Mutex<BTreeMap<String, VecDeque<Fault>>>,
}

impl Kms {
    /// Starts a proxy before the moto that all tests of this process share.
    ///
    /// # Panics
    ///
    /// When moto is not installed or does not come up.
    pub async fn start() -> Self {
        let moto = shared_moto().await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (calls, faults) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { moto, client: plain_client(), calls, faults });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, server }
    }

    /// What an SDK is given as its endpoint. It takes any credentials; the region is `us-east-1`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes a symmetric key and returns its id.
    ///
    /// # Panics
    ///
    /// When moto does not.
    pub async fn create_key(&self) -> String {
        let answer = self.shared.ask("CreateKey", &json!({})).await.expect("moto makes a key");
        answer["KeyMetadata"]["KeyId"].as_str().expect("a key has an id").to_owned()
    }

    /// How often each operation was called, the failing calls too: `Decrypt` and the like.
    ///
    /// # Panics
    ///
    /// Never: no thread panics while it counts.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.shared.calls.lock().expect("no thread panics while it counts").clone()
    }

    /// Lets the next calls of an operation meet these faults, one each. Those before go first.
    ///
    /// # Panics
    ///
    /// Never: no thread panics while it holds the faults.
    pub fn fail(&self, operation: &str, faults: impl IntoIterator<Item = Fault>) {
        let mut all = self.shared.faults.lock().expect("no thread panics with the faults");
        all.entry(operation.to_owned()).or_default().extend(faults);
    }
}

impl Drop for Kms {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The one that all tests of this process share.
pub(crate) async fn shared_moto() -> SocketAddr {
    static SHARED: OnceCell<(Process, SocketAddr)> = OnceCell::const_new();
    let start = |address: SocketAddr| {
        let mut command = Command::new(venv("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        (command, None)
    };
    let answers = async |address: SocketAddr| {
        let url = format!("http://{address}/moto-api/data.json");
        plain_client().get(url).send().await.is_ok()
    };
    SHARED.get_or_init(|| Process::serve("moto", start, answers)).await.1
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
    let service = service_fn(|request| shared.serve(request));
    let server = hyper::server::conn::http1::Builder::new();
    // An error of the service closes the connection: that is how an answer is lost.
    server.serve_connection(TokioIo::new(stream), service).await.ok();
}

impl Shared {
    async fn serve(&self, request: Request<Incoming>) -> anyhow::Result<Response<Full<Bytes>>> {
        let (parts, body) = request.into_parts();
        if parts.uri.path() == "/ping" {
            return Ok(Response::new(Full::from("healthy")));
        }
        let operation = operation(&parts.headers).context("no operation")?;
        let fault = self.count(&operation);
        let body = body.collect().await?.to_bytes();
        match fault {
            Some(Fault::Throttled) => return refusal(400, "ThrottlingException"),
            Some(Fault::Internal) => return refusal(500, "KMSInternalException"),
            Some(Fault::Disabled) => return refusal(400, "DisabledException"),
            Some(Fault::Lost) => anyhow::bail!("lost"),
            Some(Fault::Slow(delay)) => tokio::time::sleep(delay).await,
            None => {}
        }
        if operation == "GenerateDataKeyPairWithoutPlaintext" {
            return self.make_pair(&serde_json::from_slice(&body)?).await;
        }
        let (status, answer) = self.pass(&operation, body).await?;
        answered(status, answer)
    }

    fn count(&self, operation: &str) -> Option<Fault> {
        let mut calls = self.calls.lock().expect("no thread panics while it counts");
        *calls.entry(operation.to_owned()).or_default() += 1;
        let mut faults = self.faults.lock().expect("no thread panics with the faults");
        faults.get_mut(operation)?.pop_front()
    }

    async fn pass(&self, operation: &str, body: Bytes) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = self.client.post(format!("http://{}/", self.moto)).body(body);
        let request = request.header("authorization", CREDENTIAL);
        let request = request.header("content-type", "application/x-amz-json-1.1");
        let request = request.header("x-amz-target", format!("TrentService.{operation}"));
        let answer = request.send().await?;
        Ok((answer.status(), answer.bytes().await?))
    }

    async fn ask(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.pass(operation, input.to_string().into()).await?;
        anyhow::ensure!(status.is_success(), "{operation}: {}", String::from_utf8_lossy(&answer));
        Ok(serde_json::from_slice(&answer)?)
    }
}

fn operation(headers: &HeaderMap) -> Option<String> {
    let (_, operation) = headers.get("x-amz-target")?.to_str().ok()?.split_once('.')?;
    Some(operation.to_owned())
}

fn refusal(status: u16, kind: &str) -> anyhow::Result<Response<Full<Bytes>>> {
    let body = json!({ "__type": kind, "message": kind }).to_string();
    answered(StatusCode::from_u16(status)?, body.into())
}

fn answered(status: StatusCode, body: Bytes) -> anyhow::Result<Response<Full<Bytes>>> {
    let answer = Response::builder().status(status);
    let answer = answer.header("content-type", "application/x-amz-json-1.1");
    Ok(answer.body(Full::new(body))?)
}

#[cfg(test)]
mod tests;
