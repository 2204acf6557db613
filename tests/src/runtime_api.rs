//! A small Lambda Runtime API: events go in, and what the function answers comes out piece by piece
//! as it arrives, with the way in which it ended.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

mod answer;
mod event;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as Lock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinHandle, JoinSet};

pub use answer::{Answered, Failed, Invocation, Said};
pub use event::{Call, recorded};

use crate::process::built;

/// The first segment of every path of the Runtime API.
const VERSION: &str = "/2018-06-01/";

/// A running Runtime API. Dropping it closes its connections.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    events: mpsc::UnboundedSender<(String, Value)>,
    count: AtomicU64,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<mpsc::UnboundedReceiver<(String, Value)>>,
    listeners: Lock<HashMap<String, mpsc::UnboundedSender<Said>>>,
    polls: AtomicUsize,
    refusals: AtomicUsize,
    failed_starts: Lock<Vec<Failed>>,
}

impl RuntimeApi {
    /// Starts one on a free loopback port.
    ///
    /// # Panics
    ///
    /// When no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (events, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            listeners: Lock::default(),
            polls: AtomicUsize::new(0),
            refusals: AtomicUsize::new(0),
            failed_starts: Lock::default(),
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, events, count: AtomicU64::new(1), server }
    }

    /// What a function finds in `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.address.to_string()
    }

    /// Queues an event.
    ///
    /// # Panics
    ///
    /// When the server has ended.
    pub fn send(&self, event: Value) -> Invocation {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        let (sender, receiver) = mpsc::unbounded_channel();
        self.shared.listeners.lock().expect("no listener panics").insert(id.clone(), sender);
        self.events.send((id, event)).expect("the Runtime API runs");
        Invocation::new(receiver)
    }

    /// Queues an event and waits for its answer.
    ///
    /// # Panics
    ///
    /// When the function reports an error instead, or says nothing for 35 s.
    pub async fn invoke(&self, event: Value) -> Answered {
        self.send(event).answered().await
    }

    /// How often a function asked for its next event.
    #[must_use]
    pub fn polls(&self) -> usize {
        self.shared.polls.load(Ordering::Relaxed)
    }

    /// What functions reported that could not start.
    ///
    /// # Panics
    ///
    /// Never: whoever holds the list does not panic.
    #[must_use]
    pub fn failed_starts(&self) -> Vec<Failed> {
        self.shared.failed_starts.lock().expect("nobody panics with it").clone()
    }

    /// Answers the next requests for an event with 500.
    pub fn refuse_polls(&self, times: usize) {
        self.shared.refusals.store(times, Ordering::Relaxed);
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The command that runs one of our functions against a Runtime API, with what Lambda sets.
///
/// # Panics
///
/// When the function has not been built.
#[must_use]
pub fn function(name: &str, endpoint: &str) -> Command {
    let mut command = Command::new(built(name));
    command.env("AWS_LAMBDA_RUNTIME_API", endpoint);
    command.env("AWS_LAMBDA_FUNCTION_NAME", name);
    command.env("AWS_LAMBDA_FUNCTION_VERSION", "1");
    command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
    command.env("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "1");
    command.env("AWS_REGION", "us-east-1");
    command
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
    // A function that was killed breaks its connection; one whose client has gone gets it broken.
    server.serve_connection(TokioIo::new(stream), service).await.ok();
}

impl Shared {
    async fn serve(&self, request: Request<Incoming>) -> anyhow::Result<Response<Full<Bytes>>> {
        let path = request.uri().path();
        let start = path.find(VERSION).map_or(path.len(), |start| start + VERSION.len());
        let segments: Vec<_> = path[start..].split('/').map(str::to_owned).collect();
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        Ok(match (request.method(), segments.as_slice()) {
            (&Method::GET, ["runtime", "invocation", "next"]) => self.next().await,
            (&Method::POST, ["runtime", "invocation", id, "response"]) => {
                self.listen(id, request).await?
            }
            (&Method::POST, ["runtime", "invocation", id, "error"]) => self.fail(id, request).await,
            (&Method::POST, ["runtime", "init", "error"]) => {
                let failed = failed(request).await;
                self.failed_starts.lock().expect("nobody panics with it").push(failed);
                status(StatusCode::ACCEPTED)
            }
            _ => status(StatusCode::NOT_FOUND),
        })
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        let less = |times: usize| times.checked_sub(1);
        if self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return status(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let Some((id, event)) = self.queue.lock().await.recv().await else {
            return status(StatusCode::GONE);
        };
        let deadline = SystemTime::now() + Duration::from_secs(30);
        let deadline = deadline.duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let answer = Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", id)
            .header("lambda-runtime-deadline-ms", deadline.to_string())
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:123456789012:function:test",
            )
            .header("lambda-runtime-trace-id", "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c");
        answer.body(Full::from(event.to_string())).expect("valid headers")
    }

    /// Takes an answer for as long as the test listens: one that drops its [`Invocation`] is a client who has gone.
    async fn listen(
        &self,
        id: &str,
        request: Request<Incoming>,
    ) -> anyhow::Result<Response<Full<Bytes>>> {
        let Some(listener) = self.listener(id) else { return Ok(status(StatusCode::BAD_REQUEST)) };
        let (parts, mut body) = request.into_parts();
        say(&listener, Said::Started(parts.headers));
        let mut next = async || {
            tokio::select! {
                frame = body.frame() => Ok(frame),
                () = listener.closed() => Err(anyhow::anyhow!("the client has gone")),
            }
        };
        while let Some(frame) = next().await? {
            let Ok(frame) = frame else {
                say(&listener, Said::Broke);
                return Ok(status(StatusCode::BAD_REQUEST));
            };
            match frame.into_data() {
                Ok(piece) => say(&listener, Said::Piece(piece)),
                Err(frame) => say(&listener, Said::Trailers(trailers(frame))),
            }
        }
        say(&listener, Said::Ended);
        Ok(status(StatusCode::ACCEPTED))
    }

    async fn fail(&self, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let Some(listener) = self.listener(id) else { return status(StatusCode::BAD_REQUEST) };
        say(&listener, Said::Failed(failed(request).await));
        status(StatusCode::ACCEPTED)
    }

    /// Each invocation is answered once.
    fn listener(&self, id: &str) -> Option<mpsc::UnboundedSender<Said>> {
        self.listeners.lock().expect("no listener panics").remove(id)
    }
}

async fn failed(request: Request<Incoming>) -> Failed {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Failed { headers: parts.headers, body }
}

fn trailers(frame: hyper::body::Frame<Bytes>) -> HeaderMap {
    frame.into_trailers().unwrap_or_default()
}

fn say(listener: &mpsc::UnboundedSender<Said>, said: Said) {
    // The test may have stopped listening.
    listener.send(said).ok();
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;
