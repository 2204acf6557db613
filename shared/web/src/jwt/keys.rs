//! An issuer's keys as this process has them: how old they may be, and who fetches them again.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use auth::jwt::Keys;
use sourcegate_core::{Classify, Kind};
use store::Stamp;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;

use super::issuer::{FetchError, Issuer};
use crate::Chain;

/// How long an issuer's keys are believed, counted from when their fetch began, by two clocks.
#[derive(Clone, Copy, Debug)]
pub struct KeyTimes {
    /// From then on they are fetched again, behind the requests that still use them. Default 8 min.
    pub renewed: Duration,
    /// From then on they are fetched before they are used again: keys that the issuer took back end here. Default 10 min.
    pub believed: Duration,
    /// How long they are used if the issuer does not answer. Default 1 h.
    pub kept: Duration,
    /// How long after a fetch began the next one may, whatever keys are asked for. Default 10 s.
    pub pause: Duration,
    /// How long a fetch may take. Default 5 s.
    pub deadline: Duration,
}

impl Default for KeyTimes {
    fn default() -> Self {
        Self {
            renewed: Duration::from_secs(8 * 60),
            believed: Duration::from_secs(10 * 60),
            kept: Duration::from_secs(60 * 60),
            pause: Duration::from_secs(10),
            deadline: Duration::from_secs(5),
        }
    }
}

/// Says that nothing can be verified, since the issuer has not answered for too long.
#[derive(Debug, thiserror::Error)]
#[error("the keys of the issuer of JWTs cannot be had")]
pub struct NoKeys(#[source] Option<Arc<FetchError>>);

impl Classify for NoKeys {
    fn kind(&self) -> Kind {
        Kind::Unavailable
    }

    fn cause(&self) -> Option<&'static str> {
        Some("jwks")
    }
}

/// The keys, fetched by one at a time. A clone is the same.
#[derive(Clone)]
pub(super) struct IssuerKeys(Arc<Inner>);

struct Inner {
    issuer: Issuer,
    times: KeyTimes,
    known: RwLock<Known>,
    /// When the last fetch began; locked while it runs.
    last: Arc<Mutex<Option<Stamp>>>,
}

#[derive(Default)]
struct Known {
    set: Option<Arc<KeySet>>,
    /// Why the last fetch brought nothing, if it did not.
    failure: Option<Failure>,
}

struct Failure {
    error: Arc<FetchError>,
    stamp: Stamp,
}

/// What one fetch brought.
pub(super) struct KeySet {
    pub(super) keys: Keys,
    /// Which one of this process it is.
    pub(super) number: u64,
    stamp: Stamp,
}

impl IssuerKeys {
    pub(super) fn new(issuer: Issuer, times: KeyTimes) -> Self {
        Self(Arc::new(Inner { issuer, times, known: RwLock::default(), last: Arc::default() }))
    }

    /// Gives keys that may be believed, fetching them if need be.
    pub(super) async fn believed(&self) -> Result<Arc<KeySet>, NoKeys> {
        let times = &self.0.times;
        if let Some(set) = self.set_within(times.believed) {
            if !set.stamp.is_fresh(times.renewed) {
                self.renew();
            }
            return Ok(set);
        }
        // Who is down is not waited for by each request that comes meanwhile.
        if let Some(set) = self.set_within(times.kept).filter(|_| self.is_down()) {
            self.renew();
            return Ok(set);
        }
        // Boxed, since each request would otherwise carry the room for it.
        Box::pin(self.fetch()).await;
        self.set_within(times.kept).ok_or_else(|| {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            NoKeys(known.failure.as_ref().map(|failure| Arc::clone(&failure.error)))
        })
    }

    /// Gives a newer set than one that lacks a key, if there is one to be had by now.
    pub(super) async fn newer_than(&self, set: Arc<KeySet>) -> Arc<KeySet> {
        Box::pin(self.fetch()).await;
        self.set_within(self.0.times.kept).unwrap_or(set)
    }

    /// Tells whether the issuer did not answer just now: no longer ago than the next fetch but one.
    fn is_down(&self) -> bool {
        let KeyTimes { pause, deadline, .. } = self.0.times;
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.failure.as_ref().is_some_and(|last| last.stamp.is_fresh(2 * pause + deadline))
    }

    fn set_within(&self, limit: Duration) -> Option<Arc<KeySet>> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.set.as_ref().filter(|set| set.stamp.is_fresh(limit)).cloned()
    }

    /// Waits for the fetch that is under way, or for one that it begins, unless the last one is too recent.
    async fn fetch(&self) {
        let last = Arc::clone(&self.0.last).lock_owned().await;
        if let Some(fetching) = self.begin(last) {
            // It goes on for the others if who waits here goes away.
            fetching.await.ok();
        }
    }

    /// Begins a fetch that nobody waits for, unless one is under way or too recent.
    fn renew(&self) {
        if let Ok(last) = Arc::clone(&self.0.last).try_lock_owned() {
            drop(self.begin(last));
        }
    }

    fn begin(&self, mut last: OwnedMutexGuard<Option<Stamp>>) -> Option<JoinHandle<()>> {
        if last.is_some_and(|began| began.is_fresh(self.0.times.pause)) {
            return None;
        }
        let began = Stamp::now();
        *last = Some(began);
        let keys = self.clone();
        Some(tokio::spawn(async move {
            keys.replace(began).await;
            drop(last);
        }))
    }

    async fn replace(&self, stamp: Stamp) {
        let fetched = self.0.issuer.keys(self.0.times.deadline).await;
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(keys) => {
                let number = known.set.as_ref().map_or(0, |set| set.number) + 1;
                *known =
                    Known { set: Some(Arc::new(KeySet { keys, number, stamp })), failure: None };
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "cannot fetch the keys of the issuer of JWTs");
                known.failure = Some(Failure { error: Arc::new(error), stamp: Stamp::now() });
            }
        }
    }
}
