//! When a request must have ended, whatever it is doing: before the platform kills the process.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time};

use crate::Refusal;

/// What is kept of the time before the platform's deadline: for telling the caller, and for the canonical line.
const KEPT: Duration = Duration::from_millis(300);

/// The end that a request will meet if it goes on for too long.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending {
    /// When the platform gives the request up.
    deadline: Option<Instant>,
    /// When the process ends, once that is known.
    stop: Option<watch::Receiver<Option<Instant>>>,
}

impl Ending {
    /// That of a request with a deadline of its own, in a process that may be told to stop.
    pub(crate) fn new(
        deadline: Option<Instant>,
        stop: Option<watch::Receiver<Option<Instant>>>,
    ) -> Self {
        Self { deadline, stop }
    }

    /// Tells whether nothing ends a request but itself.
    pub(crate) fn is_none(&self) -> bool {
        self.deadline.is_none() && self.stop.is_none()
    }

    /// Waits for the end, and says which it was. Past ones are there at once.
    pub(crate) async fn reached(self) -> Refusal {
        let late = async {
            match self.deadline {
                Some(deadline) => time::sleep_until(latest(deadline).into()).await,
                None => pending().await,
            }
        };
        let stopped = async {
            let Some(mut stop) = self.stop else { return pending().await };
            // Who could say it is gone only when the process is.
            let Ok(at) = stop.wait_for(Option::is_some).await.map(|at| *at) else {
                return pending().await;
            };
            time::sleep_until(at.unwrap_or_else(Instant::now).into()).await;
        };
        tokio::select! {
            biased;
            () = late => Refusal::Deadline,
            () = stopped => Refusal::Stopping,
        }
    }
}

/// The last moment at which a request may still be doing what it was asked.
fn latest(deadline: Instant) -> Instant {
    // No clock began less than that ago, so that the deadline itself is never the answer.
    deadline.checked_sub(KEPT).unwrap_or(deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// How long until the end and what it is, if the process is told after `told` to stop at `stop`.
    async fn end(deadline: Option<u64>, told: Option<(u64, u64)>) -> (u64, Refusal) {
        let started = time::Instant::now();
        let (say, stop) = watch::channel(None);
        if let Some((after, at)) = told {
            tokio::spawn(async move {
                time::sleep(ms(after)).await;
                say.send((started + ms(at)).into_std().into()).unwrap();
                pending::<()>().await;
            });
        }
        let deadline = deadline.map(|after| (started + ms(after)).into_std());
        let refusal = Ending::new(deadline, Some(stop)).reached().await;
        (u64::try_from(started.elapsed().as_millis()).unwrap(), refusal)
    }

    #[tokio::test(start_paused = true)]
    async fn l06_l17_the_first_of_deadline_and_stop_ends_a_request_in_time() {
        assert!(matches!(end(Some(29_000), None).await, (28_700, Refusal::Deadline)));
        assert!(matches!(end(Some(301), None).await, (1, Refusal::Deadline)));
        assert!(matches!(end(Some(200), None).await, (0, Refusal::Deadline)));
        assert!(matches!(end(None, Some((100, 400))).await, (400, Refusal::Stopping)));
        assert!(matches!(end(Some(29_000), Some((100, 100))).await, (100, Refusal::Stopping)));
        assert!(matches!(end(Some(500), Some((100, 400))).await, (200, Refusal::Deadline)));
        assert!(matches!(end(Some(900), Some((100, 50))).await, (100, Refusal::Stopping)));
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_ends_a_request_it_goes_on() {
        assert!(Ending::default().is_none());
        let waited = time::timeout(Duration::from_secs(86_400), Ending::default().reached()).await;
        assert!(waited.is_err());
    }
}
