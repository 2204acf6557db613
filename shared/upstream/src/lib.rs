//! The engine that sends requests to HTTP data sources and streams their answers back.
//!
//! [`Upstream::plan`] decides without a socket: what the target is, whether the caller may have it and which headers go
//! along. A plan that needs a token says so as data. [`Upstream::send`] acts; the connection is egress's. It knows no dialect
//! and no store.

mod body;
mod client;
mod connection;
mod endpoint;
mod error;
mod headers;
mod path;
mod plan;
mod planned;
mod pool;
mod query;
mod replay;
mod route;
mod send;
mod token;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::Granted;
use egress::Egress;
use http::{Request, Response};
use sourcegate_core::{HttpTarget, Rev, Secrets};

pub use body::{AnswerBody, Body, BoxError};
pub use client::Client;
pub use error::Error;
pub use path::BadPath;
pub use planned::{NeedsToken, Plan, Planned, Spare};
pub use route::NotListed;
pub use send::UpstreamTiming;
pub use token::{Bearer, Issued, TokenEndpoint, TokenError, Way};

use pool::Pool;

/// What the engine keeps and lets through.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many clients are kept; the one that was not used for longest makes room. Default 1,000.
    pub clients: usize,
    /// How long a client is kept without use. Default 60 s.
    pub idle: Duration,
    /// How many bytes an answer's body may have. Default: any number.
    pub answer_bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { clients: 1_000, idle: Duration::from_secs(60), answer_bytes: None }
    }
}

/// Descriptors that are none of a client's: listeners, logs, tables, the Runtime API.
const OTHER_DESCRIPTORS: u64 = 124;

impl Limits {
    /// The defaults, with as many clients as this process has descriptors for, if each client keeps a connection for each of
    /// the requests that are served at once.
    #[must_use]
    pub fn of_process(at_once: usize) -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        Self::within(limit.current, at_once)
    }

    fn within(descriptors: Option<u64>, at_once: usize) -> Self {
        let most = Self::default();
        let free = descriptors.map(|all| all.saturating_sub(OTHER_DESCRIPTORS));
        let each = free.map(|free| free / at_once.max(1) as u64);
        let clients = each.and_then(|each| usize::try_from(each).ok()).unwrap_or(most.clients);
        Self { clients: clients.clamp(1, most.clients), ..most }
    }
}

/// Where a request stands on its way.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// The escaped path after the data source's name, without the slash before it, as it was sent.
    pub tail: &'a str,
    /// Who is connected to the gateway, if that is known.
    pub peer: Option<IpAddr>,
}

/// The engine. A clone is the same engine.
#[derive(Clone, Debug)]
pub struct Upstream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    egress: Egress,
    limits: Limits,
    pool: Arc<Pool>,
}

impl Upstream {
    /// Makes an engine without clients.
    #[must_use]
    pub fn new(egress: Egress, limits: Limits) -> Self {
        let pool = Arc::new(Pool::new(limits.clients, limits.idle));
        Self(Arc::new(Inner { egress, limits, pool }))
    }

    /// Finds the client of that revision, if it is still warm: what a request asks first.
    #[must_use]
    pub fn pooled(&self, rev: Rev) -> Option<Arc<Client>> {
        self.0.pool.get(rev)
    }

    /// Makes and pools the client of a data source, at the revision of it and of all that authenticates it. All that follows from settings and secrets is computed here, once
    /// per revision; the secrets end with this call, except those that every request carries, which are zeroised with
    /// the client.
    ///
    /// # Errors
    /// A url without a usable host, a secret that no header can carry, or TLS settings that cannot be used.
    pub fn open<S>(
        &self,
        _granted: &Granted<S>,
        rev: Rev,
        target: HttpTarget,
        secrets: Secrets,
    ) -> Result<Arc<Client>, Error> {
        let client = Client::new(&self.0.egress, target, &secrets)?;
        drop(secrets);
        Ok(self.0.pool.put(rev, Arc::new(client)))
    }

    /// Decides what is sent. The query is the request's own; of its path only [`Hop::tail`] counts.
    ///
    /// # Errors
    /// The request is refused: see [`Error`].
    pub fn plan<'c, S>(
        &self,
        client: &'c Client,
        granted: &Granted<S>,
        hop: Hop<'_>,
        request: Request<Body>,
    ) -> Result<Plan<'c>, Error> {
        let (mut parts, body) = request.into_parts();
        plan::apply(client, granted.caller(), hop, &mut parts)?;
        let request = Request::from_parts(parts, body);
        Ok(match client.token() {
            None => Plan::Ready(Planned(request)),
            Some(endpoint) => Plan::NeedsToken(NeedsToken::new(endpoint, request)),
        })
    }

    /// Sends a request and gives the answer as soon as its head is there; [`UpstreamTiming`] is among its extensions.
    ///
    /// Dropping the future or the answer's body before its end closes the connection that it was using.
    ///
    /// # Errors
    /// The data source fails: see [`Error`].
    pub async fn send(
        &self,
        client: &Client,
        Planned(request): Planned,
    ) -> Result<Response<AnswerBody>, Error> {
        let (parts, body) = request.into_parts();
        send::send(client, parts, body, self.0.limits.answer_bytes).await
    }
}

#[cfg(test)]
mod tests;
