//! What may be remembered, and for how long.

use std::time::{Duration, Instant, SystemTime};

/// When something was read: its age is judged by two clocks, because a thawed process may have only one that went on.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    monotonic: Instant,
    wall: SystemTime,
}

impl Stamp {
    /// Takes the time now: before a read is sent, so that its answer is never held longer than it is true.
    #[must_use]
    pub fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// Tells whether less than `limit` has passed on both clocks. A wall clock that went back ends it.
    #[must_use]
    pub fn is_fresh(&self, limit: Duration) -> bool {
        self.is_fresh_at(&Self::now(), limit)
    }

    fn is_fresh_at(&self, now: &Self, limit: Duration) -> bool {
        let monotonic = now.monotonic.saturating_duration_since(self.monotonic) < limit;
        let wall = now.wall.duration_since(self.wall).is_ok_and(|age| age < limit);
        monotonic && wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(monotonic_ms: u64, wall_ms: i64, fresh: bool) {
        let then = Stamp::now();
        let wall = match u64::try_from(wall_ms) {
            Ok(forward) => then.wall + Duration::from_millis(forward),
            Err(_) => then.wall - Duration::from_millis(wall_ms.unsigned_abs()),
        };
        let now = Stamp { monotonic: then.monotonic + Duration::from_millis(monotonic_ms), wall };
        assert_eq!(then.is_fresh_at(&now, Duration::from_secs(5)), fresh);
    }

    #[test]
    fn l05_either_clock_ends_it() {
        check(0, 0, true);
        check(4_999, 4_999, true);
        check(5_000, 1, false);
        check(1, 5_000, false);
        check(1, 3_600_000, false);
    }

    #[test]
    fn l05_a_wall_clock_that_went_back_ends_it() {
        check(1, -1, false);
    }
}
