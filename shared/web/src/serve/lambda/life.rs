//! The life of a serving process: its loops, and the three ways in which they end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::sleep,
};

use super::{
    Address, Error, Manner, Options, Runtime,
    runtime::RuntimeError,
    serving::{Loop, Over},
};
use crate::stack;

/// How long what runs may go on when the platform asks the process to end; it kills 500 ms after that.
const GRACE: Duration = Duration::from_millis(300);

/// How long what runs may go on beside a request that has panicked.
const DRAIN: Duration = Duration::from_secs(10);

/// How a process that served ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was told to.
    Stopped,
    /// Something panicked, and what was under way is done.
    Panicked,
}

/// Serves until the platform ends it.
pub(super) async fn serve(
    router: Router,
    options: Options,
    address: &Address,
    manner: Manner,
) -> Result<Ended, Error> {
    let mut told = signal(SignalKind::terminate()).map_err(Error::Threads)?;
    let stop = async move {
        told.recv().await;
    };
    serve_until(stop, router, options, address, manner).await
}

/// Serves until `stop`, a panic, or the end of all loops.
pub(super) async fn serve_until(
    stop: impl Future<Output = ()>,
    router: Router,
    options: Options,
    address: &Address,
    manner: Manner,
) -> Result<Ended, Error> {
    let (last_event, no_more) = watch::channel(false);
    let (end, ends) = watch::channel(None);
    let runtime = Arc::new(Runtime::new(address, manner));
    let one = Loop { stack: stack(router, options), runtime, no_more, ends };
    let mut loops: JoinSet<_> = (0..manner.loops).map(|_| one.clone().run()).collect();
    let mut stop = std::pin::pin!(stop);
    let mut ended = None;
    let mut failed = None;
    let mut left = std::pin::pin!(sleep(Duration::MAX));
    loop {
        let over = tokio::select! {
            () = &mut stop, if ended != Some(Ended::Stopped) => {
                ended = Some(Ended::Stopped);
                last_event.send_replace(true);
                end.send_replace(Some(Instant::now() + GRACE));
                continue;
            }
            () = &mut left, if ended == Some(Ended::Panicked) => {
                end.send_replace(Some(Instant::now()));
                left.set(sleep(Duration::MAX));
                continue;
            }
            over = loops.join_next() => over,
        };
        match over {
            None => break,
            Some(Ok(Ok(Over::Told))) => {}
            // Of several that share the process, the others finish what they are at.
            Some(Ok(Ok(Over::Panicked)) | Err(_)) if ended.is_none() => {
                ended = Some(Ended::Panicked);
                last_event.send_replace(true);
                left.set(sleep(DRAIN));
            }
            Some(Ok(Ok(Over::Panicked)) | Err(_)) => {}
            Some(Ok(Err(error))) => {
                tracing::error!(error = %crate::Chain(&error), "a loop over events has ended");
                failed = Some(error);
            }
        }
    }
    match (ended, failed) {
        (Some(ended), _) => Ok(ended),
        (None, error) => Err(Error::NoEvents(error.unwrap_or(RuntimeError::Ended).into())),
    }
}
