//! One loop: event after event, each answered before the next is taken.

use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration, time::Instant};

use axum::body::Body;
use futures_util::FutureExt;
use http::Request;
use tokio::{sync::watch, time::sleep};

use super::{
    event::{self, Event, EventError},
    runtime::{Invocation, Runtime, RuntimeError},
    telemetry,
};
use crate::{
    Refusal,
    layers::{self, Answer, Ending, Stack},
};

/// The first and the longest wait after a failed call for the next event.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// After this many failures in a row a loop ends.
const RETRIES: u32 = 20;

/// The largest event that Lambda takes, in bytes.
const MOST_EVENT_BYTES: usize = 6 << 20;

/// What all loops of a process share, and how each is told to end.
#[derive(Clone)]
pub(super) struct Loop {
    pub(super) stack: Stack,
    pub(super) runtime: Arc<Runtime>,
    /// That no more events are to be taken.
    pub(super) no_more: watch::Receiver<bool>,
    /// When all that runs must have ended, once that is known.
    pub(super) ends: watch::Receiver<Option<Instant>>,
}

/// Why a loop is over, if it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Told,
    Panicked,
}

impl Loop {
    pub(super) async fn run(mut self) -> Result<Over, RuntimeError> {
        let mut failures = 0;
        loop {
            let next = tokio::select! {
                // An event that is there already is still served.
                biased;
                next = self.runtime.next() => next,
                _told = self.no_more.wait_for(|told| *told) => return Ok(Over::Told),
            };
            match next {
                Ok(invocation) => {
                    failures = 0;
                    self.serve(invocation).await?;
                    // The process may be frozen now.
                    self.stack.flush().await;
                    if telemetry::has_panicked() {
                        return Ok(Over::Panicked);
                    }
                }
                Err(error) => {
                    let Some(pause) = pause(&error, failures) else { return Err(error) };
                    tracing::warn!(error = %crate::Chain(&error), "cannot get the next event");
                    sleep(pause).await;
                    failures += 1;
                }
            }
        }
    }

    /// Answers one event, or reports why not. Fails only if there is no use in going on.
    async fn serve(&self, invocation: Invocation) -> Result<(), RuntimeError> {
        let ending = Ending::new(invocation.deadline, Some(self.ends.clone()));
        let (whose, runtime) = (invocation.whose.clone(), &self.runtime);
        let served = AssertUnwindSafe(answer(&self.stack, invocation, ending)).catch_unwind().await;
        let reported = match served {
            Ok(Ok((answer, kind))) => match runtime.answer(&whose, answer, kind).await {
                // Nothing of it has been sent yet, and the platform still waits.
                Err(RuntimeError::Body(_)) => {
                    runtime.fail(&whose, "Broken", "the answer broke off").await
                }
                sent => sent,
            },
            Ok(Err(error)) => {
                tracing::error!(error = %crate::Chain(&error), "an event is not an http request");
                let why = format!("the event is not an http request: {error}");
                runtime.fail(&whose, "EventError", &why).await
            }
            Err(_payload) => runtime.fail(&whose, "Panic", "internal error").await,
        };
        match reported {
            Err(error) if error.is_final() => Err(error),
            Err(error) => {
                tracing::warn!(error = %crate::Chain(&error), "an answer did not get through");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

async fn answer(
    stack: &Stack,
    invocation: Invocation,
    ending: Ending,
) -> Result<(Answer, event::Kind), EventError> {
    let event = Event::parse(&invocation.event)?;
    let kind = event.kind();
    let peer: Option<IpAddr> = event.peer();
    let (head, body) = event.into_request()?;
    let arrival = layers::arrive(&head, peer, invocation.deadline);
    let answer = match body {
        // The platform refuses these itself; its emulators do not.
        _ if invocation.event.len() > MOST_EVENT_BYTES => {
            stack.refuse(&head, &arrival, Refusal::EventTooLarge(MOST_EVENT_BYTES))
        }
        Ok(body) => {
            let request: Request<Body> = head.map(|()| Body::from(body));
            stack.answer(request, arrival, ending).await
        }
        Err(event::BadBase64) => stack.refuse(&head, &arrival, Refusal::BodyEncoding),
    };
    Ok((answer, kind))
}

/// How long to wait before the next event is asked for again, if it is (`faults.md` L19).
fn pause(error: &RuntimeError, failures: u32) -> Option<Duration> {
    let goes_on = !error.is_final() && failures < RETRIES;
    goes_on.then(|| (RETRY.0 * 2_u32.pow(failures.min(10))).min(RETRY.1))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn l19_what_passes_is_waited_out_and_what_does_not_ends_the_loop() {
        let ms = |count| Some(Duration::from_millis(count));
        for (error, failures, expected) in [
            (RuntimeError::NoId, 0, ms(50)),
            (RuntimeError::NoId, 1, ms(100)),
            (RuntimeError::NoId, 5, ms(1_600)),
            (RuntimeError::NoId, 6, ms(2_000)),
            (RuntimeError::NoId, 19, ms(2_000)),
            (RuntimeError::NoId, 20, None),
            (RuntimeError::Status(StatusCode::FORBIDDEN), 0, ms(50)),
            (RuntimeError::Status(StatusCode::PAYLOAD_TOO_LARGE), 0, ms(50)),
            (RuntimeError::Status(StatusCode::INTERNAL_SERVER_ERROR), 0, None),
        ] {
            assert_eq!(pause(&error, failures), expected, "{error} after {failures}");
        }
    }
}
