//! `--dynamodb-listen`: the engine for Lambda processes on this machine, over HTTP and behind one key.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::access::{self, AccessKey, Refused};
use super::connector::CONTENT_TYPE;
use super::operation::Answer;
use super::{Error, Shared};

/// DynamoDB's own limit.
const BODY_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// For a request's head, and for the next one on an idle connection.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// For requests in flight when the listener stops.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// Between attempts while the system has no free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An open listener before the embedded engine.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listener {
    pub(super) async fn start(
        shared: Arc<Shared>,
        data: &Path,
        address: SocketAddr,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Self, Error> {
        if !access::is_private(address.ip()) {
            return Err(Error::PublicAddress(address));
        }
        let refused = |source| Error::Listen { address, source };
        let socket = TcpListener::bind(address).await.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        let key = AccessKey::create(data, address)?;
        let door = Arc::new(Door { shared, key });
        let task = tokio::spawn(run(socket, door, stop, data.to_owned()));
        Ok(Self { address, task })
    }

    /// Tells where it listens: the port that the system chose where 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the listener has stopped: requests in flight are answered, within 5 s, and the key's file is gone.
    ///
    /// # Errors
    ///
    /// [`Error::CutOff`] if it ended otherwise.
    pub async fn stopped(self) -> Result<(), Error> {
        self.task.await.map_err(Error::CutOff)
    }
}

async fn run(socket: TcpListener, door: Arc<Door>, stop: impl Future<Output = ()>, data: PathBuf) {
    let graceful = GracefulShutdown::new();
    // Dropped at the end, which ends whatever has not finished by then.
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = socket.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&door), graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection to the embedded engine");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(socket);
    if tokio::time::timeout(STOP_DEADLINE, graceful.shutdown()).await.is_err() {
        tracing::warn!("cut requests to the embedded engine that took over {STOP_DEADLINE:?}");
    }
    if let Err(error) = access::remove(&data) {
        tracing::warn!(%error, "cannot remove the embedded engine's key");
    }
}

async fn serve(stream: TcpStream, door: Arc<Door>, watcher: Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request| Arc::clone(&door).answer(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection to the embedded engine broke");
    }
}

/// What stands between a connection and the engine.
struct Door {
    shared: Arc<Shared>,
    key: AccessKey,
}

impl Door {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (status, body) = match self.run(request).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.into_answer(),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(CONTENT_TYPE));
        Ok(response)
    }

    async fn run(&self, request: Request<Incoming>) -> Result<Answer, Refusal> {
        self.key.admit(request.headers())?;
        if request.method() != Method::POST || request.uri().path() != "/" {
            return Err(Refusal(400, "UnknownOperationException", "only POST / is served"));
        }
        let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
        let target = target.unwrap_or_default().to_owned();
        let body = read(request.into_body()).await?;
        Arc::clone(&self.shared).call(target, body).await.map_err(|error| {
            tracing::error!(%error, "a call to the embedded engine failed");
            Refusal(500, "InternalServerError", "the embedded engine failed")
        })
    }
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    const TOO_LARGE: Refusal =
        Refusal(413, "RequestEntityTooLargeException", "the body is over 16 MiB");
    if body.size_hint().lower() > BODY_LIMIT_BYTES as u64 {
        return Err(TOO_LARGE);
    }
    let whole = Limited::new(body, BODY_LIMIT_BYTES).collect();
    match tokio::time::timeout(BODY_DEADLINE, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(TOO_LARGE),
        Ok(Err(_)) => Err(Refusal(400, "SerializationException", "the body broke off")),
        Err(_) => Err(Refusal(408, "RequestTimeoutException", "the body did not arrive in 30 s")),
    }
}

/// An answer that the engine was not asked for: status, DynamoDB's name of the error, message.
struct Refusal(u16, &'static str, &'static str);

impl Refusal {
    fn into_answer(self) -> Answer {
        let Self(status, name, message) = self;
        let kind = format!("com.amazon.coral.service#{name}");
        (status, json!({ "__type": kind, "message": message }).to_string().into())
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Origin => {
                Self(403, "AccessDeniedException", "requests of web pages are not answered")
            }
            Refused::NoKey => Self(
                403,
                "MissingAuthenticationTokenException",
                "the request brings no access key in a SigV4 Authorization header",
            ),
            Refused::WrongKey => Self(
                403,
                "UnrecognizedClientException",
                "the access key id is not that of this start",
            ),
        }
    }
}
