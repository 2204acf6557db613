//! The loops over the Lambda Runtime API: one event, one answer, streamed, and as many at once as the platform says.
//!
//! They are our own because `lambda_http`'s ends a broken body as if it were whole, and waits 40 ms
//! per answer for Nagle's algorithm. Events are read here too ([`event`]), since `lambda_http`
//! normalises the path, keeps the last of repeated headers, and panics on bad base64.

mod anew;
mod answer;
mod config;
mod event;
mod life;
mod runtime;
mod serving;

use axum::Router;

use super::{BoxError, Error};
use crate::{Options, telemetry};
use config::{Address, Manner};
use life::{Ended, serve};
use runtime::Runtime;

/// Runs a function of Lambda until the platform ends it.
///
/// `start` reads the settings and makes the router; it should wait for nobody. What it refuses is reported to the platform
/// and ends the process: another start would find the same settings. What cannot be reached meanwhile is told to each
/// request that needs it.
///
/// | variable | meaning |
/// |---|---|
/// | `AWS_LAMBDA_RUNTIME_API` | where the events come from |
/// | `AWS_LAMBDA_MAX_CONCURRENCY` | how many events are served at once, 1 to 1000; default 1. With more, on all cores |
/// | `AWS_SAM_LOCAL` | answers are given in one piece, of at most 6 MB |
///
/// A request is answered 504 shortly before its deadline. On `SIGTERM` no more events are taken, and what runs has 300 ms.
/// After a panic, and the answer to it, the process begins anew: as the same process, with nothing in its memory.
///
/// # Errors
///
/// What keeps it from starting or from going on.
pub fn function<S, E>(
    get: impl Fn(&str) -> Option<String>,
    start: impl FnOnce() -> S,
) -> Result<(), Error>
where
    S: Future<Output = Result<(Router, Options), E>>,
    E: Into<BoxError>,
{
    let address = Address::read(&get)?;
    let manner = Manner::read(&get);
    let loops = manner.as_ref().map_or(1, |manner| manner.loops);
    let threads = threads(loops).map_err(Error::Threads)?;
    let ended = threads.block_on(async {
        let started = match manner {
            Ok(manner) => start().await.map(|made| (made, manner)).map_err(Into::into),
            Err(error) => Err(error.into()),
        };
        match started {
            Ok(((router, options), manner)) => serve(router, options, &address, manner).await,
            Err(error) => Err(refuse(&address, error).await),
        }
    });
    // What still runs beside the requests is waited for by nobody.
    threads.shutdown_background();
    match ended? {
        Ended::Stopped => Ok(()),
        Ended::Panicked => Err(Error::Anew(anew::begin())),
    }
}

/// How many events a function serves at once; 1 where the setting is wrong, which [`function`] reports.
pub fn at_once(get: impl Fn(&str) -> Option<String>) -> usize {
    Manner::read(get).map_or(1, |manner| manner.loops)
}

/// One event at a time needs one thread: waking a second costs more than a small request does.
fn threads(loops: usize) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match loops {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

async fn refuse(address: &Address, error: BoxError) -> Error {
    let error = Error::Start(error);
    if let Err(lost) = Runtime::new(address, Manner::default()).fail_start(&error).await {
        tracing::warn!(error = %crate::Chain(&lost), "a failed start did not get through");
    }
    error
}

#[cfg(test)]
mod tests;
