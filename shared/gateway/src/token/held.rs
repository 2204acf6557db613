//! What is known of one secret's token, and what follows from it. No I/O.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use sourcegate_core::Rev;
use store::{KeptToken, Stamp};
use upstream::{Bearer, Issued, TokenError, Way};

/// How long before its end a token is not used any more; of a short-lived one a quarter of its life. A request with it may take a
/// while, and clocks differ.
const MARGIN: Duration = Duration::from_secs(45);

/// How long a token that came in place of a refused one is not exchanged in its turn: another one would be no better.
const EXCHANGED: Duration = Duration::from_secs(30);

/// How long an endpoint that has failed is not asked again: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A token that was got.
pub(crate) struct Held {
    pub(crate) bearer: Bearer,
    /// Which one it is, among those of its secret.
    pub(crate) id: Rev,
    pub(crate) way: Way,
    /// From when the two times below count.
    stamp: Stamp,
    /// How long it is used.
    fresh: Duration,
    /// How long it lasts.
    lifetime: Duration,
    /// When this process got it.
    got: Instant,
    /// Whether the endpoint gave it to this process, and not to another one before.
    is_own: bool,
    /// Whether it came in place of a refused one.
    is_exchange: bool,
}

impl Held {
    /// Takes a token as the endpoint gave it, that was asked at a time.
    pub(crate) fn issued(issued: &Issued, way: Way, stamp: Stamp) -> Result<Self, TokenError> {
        let bearer = Bearer::new(&issued.token);
        let bearer = bearer.ok_or(TokenError::Answer("has no token that could be sent"))?;
        Ok(Self {
            bearer,
            id: Rev::new(),
            way,
            stamp,
            fresh: issued.lifetime.saturating_sub(margin(issued.lifetime)),
            lifetime: issued.lifetime,
            got: Instant::now(),
            is_own: true,
            is_exchange: false,
        })
    }

    /// Takes a token that another process got, at a time in seconds since 1970; none if it is none.
    pub(crate) fn kept(kept: &KeptToken, text: &SecretString, now: i64) -> Option<Self> {
        let until = |at: i64| Duration::from_secs(u64::try_from(at - now).unwrap_or_default());
        Some(Self {
            bearer: Bearer::new(text)?,
            id: kept.id,
            way: if kept.by_form { Way::Form } else { Way::Header },
            stamp: Stamp::now(),
            fresh: until(kept.used_until),
            lifetime: until(kept.ends),
            got: Instant::now(),
            is_own: false,
            is_exchange: false,
        })
    }

    /// How long it is used from when it was asked for, in whole seconds.
    pub(crate) fn fresh_seconds(&self) -> i64 {
        i64::try_from(self.fresh.as_secs()).unwrap_or_default()
    }

    fn is_fresh(&self) -> bool {
        self.stamp.is_fresh(self.fresh)
    }

    fn is_valid(&self) -> bool {
        self.stamp.is_fresh(self.lifetime)
    }
}

/// How long before its end a token of that lifetime is not used any more.
fn margin(lifetime: Duration) -> Duration {
    MARGIN.min(lifetime / 4)
}

/// What is known.
#[derive(Default)]
pub(crate) struct State {
    held: Option<Arc<Held>>,
    /// The token that the data source has refused.
    refused: Option<Rev>,
    failed: Option<Failed>,
    way: Option<Way>,
}

struct Failed {
    error: Arc<TokenError>,
    stamp: Stamp,
    /// How many times in a row.
    times: u32,
}

impl Failed {
    fn pause(&self) -> Duration {
        (FIRST_PAUSE * (1 << (self.times - 1).min(8))).min(LONGEST_PAUSE)
    }
}

impl State {
    /// Gives what a request is to use that came at a time, if that is known without asking: a token that is not near its end,
    /// or that came after the request did, however short it lasts; or why there is none.
    pub(crate) fn known(&self, asked: Instant) -> Option<Result<Arc<Held>, Arc<TokenError>>> {
        let held = self.held.as_ref().filter(|held| self.refused != Some(held.id));
        if let Some(held) = held.filter(|held| held.is_fresh() || held.got >= asked) {
            return Some(Ok(Arc::clone(held)));
        }
        let failed = self.failed.as_ref().filter(|failed| failed.stamp.is_fresh(failed.pause()))?;
        // Near its end, but not past it.
        let held = held.filter(|held| held.is_valid()).cloned();
        Some(held.ok_or_else(|| Arc::clone(&failed.error)))
    }

    /// Gives the token that the data source has refused, if any.
    pub(crate) fn refused(&self) -> Option<Rev> {
        self.refused
    }

    /// Gives the way that the endpoint is known to take credentials by.
    pub(crate) fn way(&self) -> Option<Way> {
        self.way
    }

    /// Notes that the data source has refused a token; tells whether another one is to be tried for the request that came at
    /// a time. One that was got for this very request, or in place of another one just now, stays.
    pub(crate) fn refuse(&mut self, held: &Held, asked: Instant) -> bool {
        let is_new =
            held.is_own && held.got >= asked || held.is_exchange && held.stamp.is_fresh(EXCHANGED);
        if !is_new && self.held.as_ref().is_some_and(|now| now.id == held.id) {
            self.refused = Some(held.id);
        }
        !is_new
    }

    /// Notes what came of asking; gives what everybody uses who waits for it.
    pub(crate) fn note(
        &mut self,
        outcome: Result<Held, TokenError>,
    ) -> Result<Arc<Held>, Arc<TokenError>> {
        match outcome {
            Ok(mut held) => {
                let before = self.held.as_ref().map(|held| held.id);
                held.is_exchange = before.is_some() && before == self.refused;
                self.way = Some(held.way);
                self.failed = None;
                let held = Arc::new(held);
                self.held = Some(Arc::clone(&held));
                Ok(held)
            }
            Err(error) => {
                if error.may_be_the_way() {
                    self.way = None;
                }
                let times = self.failed.as_ref().map_or(0, |failed| failed.times) + 1;
                let (error, stamp) = (Arc::new(error), Stamp::now());
                self.failed = Some(Failed { error: Arc::clone(&error), stamp, times });
                let valid = self.held.clone().filter(|held| held.is_valid());
                valid.filter(|held| self.refused != Some(held.id)).ok_or(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
