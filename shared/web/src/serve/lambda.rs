//! The loop over the Lambda Runtime API: one event, one answer, streamed.
//!
//! It is our own because `lambda_http`'s loop ends a broken body as if it were whole, and waits 40 ms
//! per answer for Nagle's algorithm. Events are read here too ([`event`]), since `lambda_http`
//! normalises the path, keeps the last of repeated headers, and panics on bad base64.

mod answer;
mod event;
mod runtime;

use std::{net::IpAddr, panic::AssertUnwindSafe, time::Duration};

use axum::{Router, body::Body};
use futures_util::FutureExt;
use http::Request;

use super::Error;
use crate::{
    Refusal,
    layers::{self, Answer, Options, Stack},
    stack,
};
use event::{Event, EventError};
use runtime::{Invocation, Runtime, RuntimeError};

/// The first and the longest wait after a failed call for the next event.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// After this many failures in a row the process ends, and the platform makes a new one.
const RETRIES: u32 = 20;

/// Where the events come from.
#[derive(Clone, Debug)]
pub struct LambdaConfig {
    /// `AWS_LAMBDA_RUNTIME_API`: `host:port`, where emulators may put `http://` in front and a path
    /// behind.
    runtime_api: String,
    /// `AWS_SAM_LOCAL`: `sam local` understands buffered answers only. Default: streamed.
    buffered: bool,
}

impl LambdaConfig {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// Names the variable that is missing or malformed.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        const NAME: &str = "AWS_LAMBDA_RUNTIME_API";
        let value = get(NAME).ok_or(Error::Missing(NAME))?;
        let bare = value.strip_prefix("http://").unwrap_or(&value).trim_end_matches('/');
        match format!("http://{bare}/").parse::<http::Uri>() {
            Ok(uri) if uri.port().is_some() && uri.query().is_none() => {
                Ok(Self { runtime_api: bare.to_owned(), buffered: get("AWS_SAM_LOCAL").is_some() })
            }
            _ => Err(Error::Setting { name: NAME, value }),
        }
    }
}

/// Serves a router behind the Runtime API, one event after the other.
///
/// # Errors
///
/// Ends when the Runtime API has failed 20 times in a row.
pub async fn lambda(router: Router, options: Options, config: &LambdaConfig) -> Result<(), Error> {
    let stack = stack(router, options);
    let runtime = Runtime::new(config);
    let mut failures = 0;
    loop {
        match runtime.next().await {
            Ok(invocation) => {
                failures = 0;
                serve(&stack, &runtime, invocation).await;
            }
            Err(error) if failures == RETRIES => return Err(Error::NoEvents(error.into())),
            Err(error) => {
                tracing::warn!(error = %crate::Chain(&error), "cannot get the next event");
                tokio::time::sleep((RETRY.0 * 2_u32.pow(failures.min(10))).min(RETRY.1)).await;
                failures += 1;
            }
        }
    }
}

async fn serve(stack: &Stack, runtime: &Runtime, invocation: Invocation) {
    let id = invocation.id.clone();
    let served = AssertUnwindSafe(answer(stack, invocation)).catch_unwind().await;
    let reported = match served {
        Ok(Ok((answer, kind))) => match runtime.answer(&id, answer, kind).await {
            // Nothing of it has been sent yet, and the platform still waits.
            Err(RuntimeError::Body(_)) => runtime.fail(&id, "Broken", "the answer broke off").await,
            sent => sent,
        },
        Ok(Err(error)) => {
            tracing::error!(error = %crate::Chain(&error), "an event is not an http request");
            runtime.fail(&id, "EventError", "the event is not an http request").await
        }
        Err(_payload) => runtime.fail(&id, "Panic", "internal error").await,
    };
    if let Err(error) = reported {
        tracing::warn!(error = %crate::Chain(&error), "an answer did not get through");
    }
}

async fn answer(
    stack: &Stack,
    invocation: Invocation,
) -> Result<(Answer, event::Kind), EventError> {
    let event = Event::parse(&invocation.event)?;
    let kind = event.kind();
    let peer: Option<IpAddr> = event.peer();
    let (head, body) = event.into_request()?;
    let arrival = layers::arrive(&head, peer, invocation.deadline);
    let answer = match body {
        Ok(body) => {
            let request: Request<Body> = head.map(|()| Body::from(body));
            stack.answer(request, arrival).await
        }
        Err(event::BadBase64) => Stack::refuse(&head, &arrival, Refusal::BodyEncoding),
    };
    Ok((answer, kind))
}

#[cfg(test)]
mod tests;
