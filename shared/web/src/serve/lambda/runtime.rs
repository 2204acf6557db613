//! A client of the Runtime API: next event, answer, failure.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{sync::oneshot, time::timeout};

use super::{
    Address, Error, Manner,
    answer::{Streamed, in_one_piece},
    event,
};
use crate::layers::Answer;

/// Lambda Managed Instances send it with an event, and want it with the answer.
const INVOCATION: &str = "lambda-runtime-invocation-id";

/// How long a process that cannot start tries to say so.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which event an answer is for.
#[derive(Clone)]
pub(super) struct Whose {
    id: String,
    /// Given back as it came: where events are served at once, it tells apart two deliveries of one.
    invocation: Option<HeaderValue>,
}

/// One event with what came beside it.
pub(super) struct Invocation {
    pub(super) whose: Whose,
    pub(super) deadline: Option<Instant>,
    pub(super) event: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RuntimeError {
    #[error("the runtime api is out of reach")]
    Reach(#[source] hyper_util::client::legacy::Error),
    #[error("the runtime api answered {0}")]
    Status(StatusCode),
    #[error("the runtime api broke off")]
    Read(#[source] hyper::Error),
    #[error("an event has no request id")]
    NoId,
    #[error("a request to the runtime api cannot be built")]
    Build(#[source] http::Error),
    #[error("an answer broke off before it was sent")]
    Body(#[source] axum::Error),
    #[error("the runtime api does not answer")]
    Silent,
    #[error("no loop over events is left")]
    Ended,
}

impl RuntimeError {
    /// Tells whether the platform has given this process up: "Container error. Non-recoverable state. Runtime should exit
    /// promptly" (AWS's documentation of the Runtime API, for each of its calls).
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Status(status) if status.is_server_error())
    }
}

pub(super) struct Runtime {
    client: Client<HttpConnector, Body>,
    base: String,
    manner: Manner,
}

impl Runtime {
    pub(super) fn new(address: &Address, manner: Manner) -> Self {
        let mut connector = HttpConnector::new();
        // Each piece of an answer is flushed alone; Nagle's algorithm would hold the second back.
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, base: format!("http://{}/2018-06-01/runtime", address.0), manner }
    }

    /// Waits for the next event, for as long as it takes.
    pub(super) async fn next(&self) -> Result<Invocation, RuntimeError> {
        let request = Request::get(format!("{}/invocation/next", self.base))
            .body(Body::empty())
            .map_err(RuntimeError::Build)?;
        let (head, body) = self.send(request).await?.into_parts();
        let id = text(&head.headers, "lambda-runtime-aws-request-id").ok_or(RuntimeError::NoId)?;
        let invocation = head.headers.get(INVOCATION).cloned();
        let whose = Whose { id: id.to_owned(), invocation };
        let deadline = text(&head.headers, "lambda-runtime-deadline-ms").and_then(deadline);
        let event = body.collect().await.map_err(RuntimeError::Read)?.to_bytes();
        Ok(Invocation { whose, deadline, event })
    }

    /// Sends an answer and waits until its last byte has gone.
    pub(super) async fn answer(
        &self,
        whose: &Whose,
        answer: Answer,
        kind: event::Kind,
    ) -> Result<(), RuntimeError> {
        let request = self.about(whose, "response");
        if self.manner.is_buffered {
            let json = in_one_piece(answer, kind).await.map_err(RuntimeError::Body)?;
            return self.post(request, Body::from(json)).await;
        }
        let (head, body) = answer.into_parts();
        let (ended, end) = oneshot::channel();
        let request = request
            .header(header::CONTENT_TYPE, "application/vnd.awslambda.http-integration-response")
            .header("lambda-runtime-function-response-mode", "streaming");
        let posted = self.post(request, Body::new(Streamed::new(&head, body, ended))).await;
        // The sender is only ever dropped. An early 202 must not let the next event overtake.
        let _dropped = end.await;
        posted
    }

    /// Reports that an event got no answer. Neither text may come from the event.
    pub(super) async fn fail(
        &self,
        whose: &Whose,
        what: &str,
        why: &str,
    ) -> Result<(), RuntimeError> {
        self.report(self.about(whose, "error"), what, why).await
    }

    /// Reports that there will be no event, since the function cannot start.
    pub(super) async fn fail_start(&self, error: &Error) -> Result<(), RuntimeError> {
        let request = Request::post(format!("{}/init/error", self.base));
        let why = error.to_string();
        timeout(PATIENCE, self.report(request, "Start", &why))
            .await
            .unwrap_or(Err(RuntimeError::Silent))
    }

    async fn report(
        &self,
        request: http::request::Builder,
        what: &str,
        why: &str,
    ) -> Result<(), RuntimeError> {
        let body = serde_json::json!({ "errorType": what, "errorMessage": why, "stackTrace": [] });
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .header("lambda-runtime-function-error-type", format!("Sourcegate.{what}"));
        self.post(request, Body::from(body.to_string())).await
    }

    fn about(&self, whose: &Whose, what: &str) -> http::request::Builder {
        let request = Request::post(format!("{}/invocation/{}/{what}", self.base, whose.id));
        match &whose.invocation {
            Some(invocation) => request.header(INVOCATION, invocation),
            None => request,
        }
    }

    async fn post(&self, request: http::request::Builder, body: Body) -> Result<(), RuntimeError> {
        let request = request.body(body).map_err(RuntimeError::Build)?;
        // Read to its end, so that the connection can be used again.
        self.send(request).await?.into_body().collect().await.map_err(RuntimeError::Read)?;
        Ok(())
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, RuntimeError> {
        let response = self.client.request(request).await.map_err(RuntimeError::Reach)?;
        match response.status() {
            status if status.is_success() => Ok(response),
            status => Err(RuntimeError::Status(status)),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// How long ago a deadline may be and still be one: an event that came at the last moment.
const JUST_PASSED: Duration = Duration::from_secs(1);

/// The deadline on this process's own clock. The emulator's lies in 1970: none, and so is one that a clock says to be long
/// over before its event has come, since it is the clock that is wrong.
fn deadline(unix_ms: &str) -> Option<Instant> {
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms.parse().ok()?))?;
    match at.duration_since(SystemTime::now()) {
        Ok(left) => Instant::now().checked_add(left),
        Err(passed) => (passed.duration() < JUST_PASSED).then(Instant::now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l05_a_deadline_that_no_clock_can_show_is_none() {
        for unix_ms in [u64::MAX.to_string(), "18446744073709551616".to_owned(), "-1".to_owned()] {
            // Years from now are a deadline that never comes, where the clock can count them.
            let found = deadline(&unix_ms);
            let years = Duration::from_secs(365 * 86_400);
            assert!(found.is_none_or(|at| at > Instant::now() + years), "{unix_ms}");
        }
    }

    #[test]
    fn a_deadline_long_past_is_none() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let left = deadline(&(now + 60_000).to_string()).unwrap() - Instant::now();
        assert!((58..=60).contains(&left.as_secs()));
        assert_eq!(deadline("600000"), None);
        assert_eq!(deadline(&(now - 5_000).to_string()), None);
        assert!(deadline(&now.to_string()).is_some_and(|at| at <= Instant::now()));
        assert_eq!(deadline("soon"), None);
    }
}
