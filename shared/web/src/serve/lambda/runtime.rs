//! A client of the Runtime API: next event, answer, failure.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::sync::oneshot;

use super::{
    LambdaConfig,
    answer::{Streamed, buffered},
    event,
};
use crate::layers::Answer;

/// One event with what came beside it.
pub(super) struct Invocation {
    pub(super) id: String,
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
}

pub(super) struct Runtime {
    client: Client<HttpConnector, Body>,
    invocations: String,
    buffered: bool,
}

impl Runtime {
    pub(super) fn new(config: &LambdaConfig) -> Self {
        let mut connector = HttpConnector::new();
        // Each piece of an answer is flushed alone; Nagle's algorithm would hold the second back.
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let invocations = format!("http://{}/2018-06-01/runtime/invocation", config.runtime_api);
        Self { client, invocations, buffered: config.buffered }
    }

    /// Waits for the next event, for as long as it takes.
    pub(super) async fn next(&self) -> Result<Invocation, RuntimeError> {
        let request = Request::get(format!("{}/next", self.invocations))
            .body(Body::empty())
            .map_err(RuntimeError::Build)?;
        let (head, body) = self.send(request).await?.into_parts();
        let id = text(&head.headers, "lambda-runtime-aws-request-id").ok_or(RuntimeError::NoId)?;
        let deadline = text(&head.headers, "lambda-runtime-deadline-ms").and_then(deadline);
        let event = body.collect().await.map_err(RuntimeError::Read)?.to_bytes();
        Ok(Invocation { id: id.to_owned(), deadline, event })
    }

    /// Sends an answer and waits until its last byte has gone.
    pub(super) async fn answer(
        &self,
        id: &str,
        answer: Answer,
        kind: event::Kind,
    ) -> Result<(), RuntimeError> {
        let (head, body) = answer.into_parts();
        let request = Request::post(format!("{}/{id}/response", self.invocations));
        if self.buffered {
            let body = body.collect().await.map_err(RuntimeError::Body)?.to_bytes();
            let json = buffered(&head, &body, kind).to_string();
            return self.post(request, Body::from(json)).await;
        }
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
    pub(super) async fn fail(&self, id: &str, what: &str, why: &str) -> Result<(), RuntimeError> {
        let body = serde_json::json!({ "errorType": what, "errorMessage": why, "stackTrace": [] });
        let request = Request::post(format!("{}/{id}/error", self.invocations))
            .header(header::CONTENT_TYPE, "application/json")
            .header("lambda-runtime-function-error-type", format!("Sourcegate.{what}"));
        self.post(request, Body::from(body.to_string())).await
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

/// The deadline on this process's own clock. The emulator's lies in 1970: none.
fn deadline(unix_ms: &str) -> Option<Instant> {
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms.parse().ok()?))?;
    Instant::now().checked_add(at.duration_since(SystemTime::now()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_the_past_is_none() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let left = deadline(&(now + 60_000).to_string()).unwrap() - Instant::now();
        assert!((58..=60).contains(&left.as_secs()));
        assert_eq!(deadline("600000"), None);
        assert_eq!(deadline("soon"), None);
    }
}
