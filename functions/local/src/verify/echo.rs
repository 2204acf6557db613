//! The throw-away upstream: it writes down what arrives, and answers what a gateway must not pass on.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// What the upstream puts into headers that would speak for the gateway's own origin.
pub(super) const MARK: &str = "sourcegate-verify";

/// Where it redirects to.
pub(super) const ELSEWHERE: &str = "http://169.254.169.254/latest/meta-data/";

/// What it asks of browsers, with [`MARK`] in each.
pub(super) const PRESUMPTUOUS: &[(&str, &str)] = &[
    ("set-cookie", "sourcegate-verify=1; Path=/"),
    ("access-control-allow-origin", "https://sourcegate-verify.invalid"),
    ("www-authenticate", "Basic realm=\"sourcegate-verify\""),
    ("strict-transport-security", "max-age=1; sourcegate-verify"),
    ("clear-site-data", "\"sourcegate-verify\""),
    ("content-security-policy", "default-src https://sourcegate-verify.invalid"),
];

/// The most requests that are kept: others may find the listener too.
const MOST_KEPT: usize = 1_000;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Path and query, as sent.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
}

/// The running upstream; it ends with the process.
pub(super) struct Echo {
    /// Where it listens.
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Echo {
    /// Starts it.
    pub(super) async fn listen(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
        let echo = Self { address: listener.local_addr()?, seen: Arc::default() };
        tokio::spawn(serve(listener, Arc::clone(&echo.seen)));
        Ok(echo)
    }

    /// Takes the requests that have arrived since the last time with this text in their path.
    pub(super) fn take(&self, text: &str) -> Vec<Seen> {
        let all = std::mem::take(&mut *lock(&self.seen));
        all.into_iter().filter(|seen| seen.target.contains(text)).collect()
    }
}

fn lock(seen: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let seen = Arc::clone(&seen);
        let service = service_fn(move |request| {
            let answer = answer(&seen, &request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the throw-away upstream lost a connection");
            }
        });
    }
}

fn answer(seen: &Mutex<Vec<Seen>>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    {
        let mut seen = lock(seen);
        if seen.len() < MOST_KEPT {
            let headers = request.headers().clone();
            seen.push(Seen { target: target.to_owned(), headers });
        }
    }
    let mut response = Response::new(Full::from(MARK));
    if request.uri().path().ends_with("/redirect") {
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(ELSEWHERE));
    }
    for (name, value) in PRESUMPTUOUS {
        response.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    response
}
