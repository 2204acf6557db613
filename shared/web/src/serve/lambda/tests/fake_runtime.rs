//! A Runtime API on a free port, with loops of ours behind it.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex as Lock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::Router;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
};

use super::super::{
    Error,
    config::{Address, Manner},
    life::{self, Ended},
};
use crate::Options;

/// What the loops under test said to one event.
#[derive(Debug)]
pub(super) enum Said {
    Answer { headers: HeaderMap, bytes: Vec<u8>, whole: bool },
    Failure { headers: HeaderMap, report: Value },
}

/// What the Runtime API gives to who asks for the next event.
#[derive(Debug)]
pub(super) enum Next {
    Event { body: String, left: Option<Duration>, headers: Vec<(&'static str, String)> },
    Status(StatusCode),
}

pub(super) struct FakeRuntime {
    next: mpsc::UnboundedSender<Next>,
    said: mpsc::UnboundedReceiver<Said>,
    shelf: Arc<Shelf>,
    pub(super) stop: Option<oneshot::Sender<()>>,
    pub(super) serving: JoinHandle<Result<Ended, Error>>,
}

/// The other end of [`FakeRuntime`], as its connections see it.
struct Shelf {
    next: Mutex<mpsc::UnboundedReceiver<Next>>,
    said: mpsc::UnboundedSender<Said>,
    /// How the next answers are received, if not with 202.
    refusals: Lock<VecDeque<StatusCode>>,
    prefix: &'static str,
}

impl FakeRuntime {
    pub(super) async fn start(router: Router) -> Self {
        Self::start_at(router, "", Manner::default()).await
    }

    pub(super) async fn start_at(router: Router, prefix: &'static str, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address(format!("{}{prefix}", listener.local_addr().unwrap()));
        let (next, queue) = mpsc::unbounded_channel();
        let (report, said) = mpsc::unbounded_channel();
        let refusals = Lock::default();
        let shelf = Arc::new(Shelf { next: Mutex::new(queue), said: report, refusals, prefix });
        let shared = Arc::clone(&shelf);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shelf = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&shelf), request));
                    drop(
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
                    );
                });
            }
        });
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            life::serve_until(stopped, router, Options::default(), &address, manner).await
        });
        Self { next, said, shelf, stop: Some(stop), serving }
    }

    pub(super) fn send(&self, next: Next) {
        self.next.send(next).unwrap();
    }

    pub(super) fn send_event(&self, event: &impl ToString) {
        self.send(Next::event(event));
    }

    pub(super) async fn said(&mut self) -> Said {
        self.said.recv().await.unwrap()
    }

    pub(super) async fn invoke(&mut self, event: impl ToString) -> Said {
        self.send_event(&event);
        self.said().await
    }

    /// Sends an event and takes the whole answer: prelude and body.
    pub(super) async fn answer(&mut self, event: impl ToString) -> (Value, Vec<u8>) {
        self.send_event(&event);
        self.answered().await
    }

    pub(super) async fn answered(&mut self) -> (Value, Vec<u8>) {
        match self.said().await {
            Said::Answer { bytes, whole: true, .. } => split(&bytes),
            other => panic!("{other:?}"),
        }
    }

    /// Receives the next answer with this status.
    pub(super) fn refuse_answer(&self, status: StatusCode) {
        self.shelf.refusals.lock().unwrap().push_back(status);
    }
}

impl Next {
    pub(super) fn event(event: &impl ToString) -> Self {
        Self::Event { body: event.to_string(), left: None, headers: Vec::new() }
    }

    /// An event with so much time left.
    pub(super) fn within(left: Duration, event: &impl ToString) -> Self {
        Self::Event { body: event.to_string(), left: Some(left), headers: Vec::new() }
    }
}

/// Prelude and body of a streamed answer.
pub(super) fn split(bytes: &[u8]) -> (Value, Vec<u8>) {
    let at = bytes.windows(8).position(|window| window == [0; 8]).unwrap();
    (serde_json::from_slice(&bytes[..at]).unwrap(), bytes[at + 8..].to_vec())
}

async fn answer(
    shelf: Arc<Shelf>,
    request: Request<Incoming>,
) -> Result<http::Response<String>, Infallible> {
    let path = request.uri().path().strip_prefix(shelf.prefix).unwrap().to_owned();
    let base = "/2018-06-01/runtime/invocation";
    let headers = request.headers().clone();
    let status = match path.strip_prefix(base).unwrap() {
        "/next" => {
            let Some(next) = shelf.next.lock().await.recv().await else {
                return std::future::pending().await;
            };
            return Ok(given(next));
        }
        "/id-1/response" => {
            let refused = shelf.refusals.lock().unwrap().pop_front();
            // hyper drops this future when the transfer breaks, but not a task of its own.
            let said = shelf.said.clone();
            let reading = tokio::spawn(async move {
                let (bytes, whole) = read(request.into_body()).await;
                said.send(Said::Answer { headers, bytes, whole }).unwrap();
            });
            reading.await.unwrap();
            refused.unwrap_or(StatusCode::ACCEPTED)
        }
        "/id-1/error" => {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let report = serde_json::from_slice(&body).unwrap();
            shelf.said.send(Said::Failure { headers, report }).unwrap();
            StatusCode::ACCEPTED
        }
        other => panic!("{other}"),
    };
    Ok(http::Response::builder().status(status).body(String::new()).unwrap())
}

fn given(next: Next) -> http::Response<String> {
    let (body, left, headers) = match next {
        Next::Status(status) => {
            return http::Response::builder().status(status).body(String::new()).unwrap();
        }
        Next::Event { body, left, headers } => (body, left, headers),
    };
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    // Without any left it is the emulator's, which lies in 1970.
    let deadline_ms = left.map_or(600_000, |left| (unix + left).as_millis());
    let mut given = http::Response::builder()
        .header("lambda-runtime-aws-request-id", "id-1")
        .header("lambda-runtime-deadline-ms", deadline_ms.to_string());
    for (name, value) in headers {
        given = given.header(name, value);
    }
    given.body(body).unwrap()
}

/// Reads what there is, and tells whether it ended as it should.
async fn read(mut body: Incoming) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match body.frame().await {
            None => return (bytes, true),
            Some(Err(_)) => return (bytes, false),
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().unwrap()),
        }
    }
}
