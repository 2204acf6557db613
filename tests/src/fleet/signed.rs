//! What AWS sees of a signature before anything else: whose session it is, and when it was made.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::{HeaderMap, HeaderValue};

/// How old or early a signature may be, in seconds.
const ALLOWED_S: u64 = 300;

/// A service's view of signatures. It does not compute them: who may do what is the policies' matter.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    /// How far the service's clock is ahead of this machine's, in seconds.
    ahead_s: AtomicI64,
    refused: AtomicUsize,
    sessions: Mutex<Vec<String>>,
}

impl Signatures {
    /// Sets the service's clock.
    pub(super) fn be_ahead(&self, seconds: i64) {
        self.ahead_s.store(seconds, Ordering::Relaxed);
    }

    /// How many calls were refused for their time.
    pub(super) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// The session tokens of all calls, in their order; none for an access key that lasts.
    pub(super) fn sessions(&self) -> Vec<String> {
        self.sessions.lock().expect("no thread panics while it notes").clone()
    }

    /// The service's own time as `Date`.
    pub(super) fn date(&self) -> HeaderValue {
        let text = self.now().fmt(Format::HttpDate).expect("a time of this age");
        HeaderValue::try_from(text).expect("a date is text")
    }

    /// Notes who calls, and tells why it is refused if the time is not the service's. What is not signed is no call.
    pub(super) fn refusal(&self, headers: &HeaderMap) -> Option<String> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let stamp = text("x-amz-date")?;
        let session = text("x-amz-security-token").unwrap_or_default().to_owned();
        self.sessions.lock().expect("no thread panics while it notes").push(session);
        let is_near = signed_at(stamp)?.abs_diff(self.now().secs()) <= ALLOWED_S;
        (!is_near).then(|| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            format!("Signature expired: {stamp} is not within 5 min of the service's time")
        })
    }

    fn now(&self) -> DateTime {
        let here = DateTime::from(SystemTime::now()).secs();
        DateTime::from_secs(here + self.ahead_s.load(Ordering::Relaxed))
    }
}

/// `20261127T084117Z` in seconds.
pub(crate) fn signed_at(stamp: &str) -> Option<i64> {
    let mut text = stamp.to_owned();
    for (at, mark) in [(13, ':'), (11, ':'), (6, '-'), (4, '-')] {
        text.insert(at, mark);
    }
    Some(DateTime::from_str(&text, Format::DateTime).ok()?.secs())
}
