//! The whole stack around a router, in one place: trace, limits, page guard, panics, canonical line.
//!
//! It is one future without a box, since every proxied request pays for it.

mod arrival;
mod counted;
mod ending;
mod envelope;
mod finished;
mod limits;
mod line;
mod page_guard;
mod spans;
mod trace;

use std::{convert::Infallible, net::IpAddr, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    Router,
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderValue, Request, StatusCode, header};
use sourcegate_core::Kind;
use tower::Service;

use crate::{BadJwtConfig, Error, Jwt, Refusal, error::render};

pub(crate) use counted::Counted;
pub(crate) use ending::Ending;
use line::Line;

pub use arrival::{Arrival, LogFields};
pub use envelope::{Render, envelope};
pub use finished::{Finished, Observe, Observers};
pub use page_guard::LocalGuard;
pub use spans::{BadSpans, Spans};
pub use trace::TraceId;

/// What differs between the ways to serve.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Keeps web pages in the user's browser from driving a local listener. Default: none, since
    /// behind API Gateway any host may be right.
    pub guard: Option<LocalGuard>,
    /// Verifies JWTs. Default: none, so that they are refused.
    pub jwt: Option<Jwt>,
    /// Who is told of each request beside the log. Default: nobody.
    pub observers: Observers,
    /// Where spans of requests go. Default: nowhere.
    pub spans: Option<Spans>,
}

/// What of [`Options`] an operator has set wrong.
#[derive(Debug, thiserror::Error)]
pub enum BadOptions {
    /// The issuer of JWTs.
    #[error(transparent)]
    Jwt(#[from] BadJwtConfig),
    /// Where spans go.
    #[error(transparent)]
    Spans(#[from] BadSpans),
}

impl Options {
    /// Reads what an operator may set: the issuer of JWTs, and where spans go.
    ///
    /// # Errors
    ///
    /// What he has set wrong.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadOptions> {
        let (jwt, spans) = (Jwt::read(&get)?, Spans::read(&get)?);
        Ok(Self { jwt, spans, ..Self::default() })
    }
}

/// Puts the whole stack around a router.
#[must_use]
pub fn stack(router: Router, options: Options) -> Stack {
    // With its state the router makes its routes once, and not again at each request.
    let Options { guard, jwt, observers, spans } = options;
    let (door, observers) = (Door { guard, jwt }.into(), observers.into());
    Stack { router: router.with_state(()), door, observers, spans }
}

/// A router with everything around it. Cheap to clone.
///
/// It gives each request an [`Arrival`], refuses what passes a limit, answers panics with 500 and
/// errors that no [`envelope()`] wrote with [`render`], sets `X-Content-Type-Options: nosniff`, and
/// writes one canonical line when the last byte of the answer has gone or the caller has.
#[derive(Clone, Debug)]
pub struct Stack {
    router: Router,
    door: Arc<Door>,
    observers: Arc<Observers>,
    spans: Option<Spans>,
}

/// What a request passes before it is routed.
#[derive(Debug)]
struct Door {
    guard: Option<LocalGuard>,
    jwt: Option<Jwt>,
}

impl Stack {
    /// Answers one request that arrived with `arrival`, before `ending` comes: what is not done by then is dropped.
    pub(crate) async fn answer<B>(
        &self,
        mut request: Request<B>,
        arrival: Arrival,
        ending: Ending,
    ) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let line = self.begin(&request, &arrival);
        let trace = arrival.trace;
        let admitted = self.admit(&request);
        let response = match admitted {
            Err(refusal) => Error::from(refusal).into_response(),
            Ok(()) => {
                trace::carry(request.headers_mut(), line.traceparent());
                request.extensions_mut().insert(arrival);
                if let Some(jwt) = &self.door.jwt {
                    request.extensions_mut().insert(jwt.clone());
                }
                self.route_until(ending.clone(), request).await
            }
        };
        finish(response, trace, line, ending)
    }

    fn begin<B>(&self, request: &Request<B>, arrival: &Arrival) -> Line {
        Line::start(request, arrival, &self.observers, self.spans.as_ref())
    }

    /// Waits for a moment until the spans of what was answered are sent.
    pub(crate) async fn flush(&self) {
        if let Some(spans) = &self.spans {
            spans.flush().await;
        }
    }

    async fn route_until<B>(&self, ending: Ending, request: Request<B>) -> Response
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        if ending.is_none() {
            return self.route(request).await;
        }
        tokio::select! {
            // Where there is no time, nothing is begun.
            biased;
            refusal = ending.reached() => Error::from(refusal).into_response(),
            response = self.route(request) => response,
        }
    }

    /// Answers a request that could not even be read.
    pub(crate) fn refuse<B>(
        &self,
        request: &Request<B>,
        arrival: &Arrival,
        refusal: Refusal,
    ) -> Answer {
        let line = self.begin(request, arrival);
        finish(Error::from(refusal).into_response(), arrival.trace, line, Ending::default())
    }

    /// Refuses in the place of an answer that was begun and will not be given.
    pub(crate) fn refuse_after(begun: Answer, refusal: Refusal) -> Answer {
        let mut line = begun.into_body().into_line();
        let trace = line.forget();
        finish(Error::from(refusal).into_response(), trace, line, Ending::default())
    }

    fn admit<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        limits::check(request)?;
        self.door.guard.as_ref().map_or(Ok(()), |guard| guard.check(request))
    }

    async fn route<B>(&self, request: Request<B>) -> Response
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let mut router = self.router.clone();
        let answered = async move { router.call(request).await };
        match AssertUnwindSafe(answered).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_payload) => Error::from(Refusal::Panicked).into_response(),
        }
    }
}

/// A response whose body ends its canonical line.
pub(crate) type Answer = http::Response<Counted>;

fn finish(mut response: Response, trace: TraceId, mut line: Line, ending: Ending) -> Answer {
    if let Some(error) = response.extensions_mut().remove::<Error>() {
        response = render(&error, trace);
        line.note_error(error);
    }
    let error_kind = line.error_kind();
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if matches!(error_kind, Some(Kind::Unavailable | Kind::RateLimited)) {
        headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        remove_basic_challenge(&mut response);
    }
    let (parts, body) = response.into_parts();
    let counted = Counted::new(body, &parts, line, ending);
    http::Response::from_parts(parts, counted)
}

/// A browser that sees a Basic challenge asks its user for a password and then sends it along with
/// whatever request any page makes.
fn remove_basic_challenge(response: &mut Response) {
    let is_basic = |value: &HeaderValue| {
        value.as_bytes().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
    };
    let challenges = response.headers().get_all(header::WWW_AUTHENTICATE);
    if challenges.iter().any(is_basic) {
        response.headers_mut().remove(header::WWW_AUTHENTICATE);
    }
}

/// For in-process callers, which have no peer: tests and the bench.
impl Service<Request<Body>> for Stack {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let stack = self.clone();
        async move {
            let arrival = Arrival::new(request.headers(), None, None);
            Ok(stack.answer(request, arrival, Ending::default()).await.map(Body::new))
        }
        .boxed()
    }
}

/// Makes the arrival of a request that came over a socket or in an event.
pub(crate) fn arrive<B>(
    request: &Request<B>,
    peer: Option<IpAddr>,
    deadline: Option<Instant>,
) -> Arrival {
    Arrival::new(request.headers(), peer, deadline)
}

#[cfg(test)]
mod tests;
