//! Failures, counted by where they come from: so that guessing costs whoever guesses, and not the honest.
//!
//! Counts stand in the scratch table, so that all processes know of them. An address is what the platform says, never a
//! header; an IPv6 address stands for its /64, since whoever has one has them all.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use auth::Unauthenticated;
use aws_sdk_dynamodb::types::ReturnValue;
use quick_cache::sync::Cache;

use crate::entry::seconds_now;
use crate::item::{Record, number};
use crate::table::Key;
use crate::{Error, Store};

/// How long failures of passwords are counted together, in seconds: Grafana's.
const PASSWORD_WINDOW: i64 = 300;
/// How many passwords may fail for one login from one address in that time.
const FAILURES_OF_LOGIN: i64 = 10;
/// How many passwords may fail from one address in that time, whichever the login.
const FAILURES_OF_ADDRESS: i64 = 100;

/// How long unknown tokens are counted together, in seconds.
const TOKEN_WINDOW: i64 = 60;
/// After how many unknown tokens in that time an address's tokens are read alone, without the data source.
const UNKNOWN_TOKENS: i64 = 20;
/// How often the table hears of an address's unknown tokens.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// Of how many addresses this process keeps a count itself.
const MOST_ADDRESSES: usize = 10_000;

/// How long this process believes that too many passwords have failed, before it asks the table again.
const SHUT: Duration = Duration::from_secs(1);

/// Where a failure came from, as counts are kept by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address(String);

impl Address {
    pub(crate) fn of(peer: Option<IpAddr>) -> Self {
        Self(match peer.map(|peer| peer.to_canonical()) {
            None => "unknown".to_owned(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::")
            }
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The unknown tokens of addresses, as far as this process has seen them or the table has told it.
pub(crate) struct Strangers(Cache<Address, Arc<Mutex<Tally>>>);

struct Tally {
    window: i64,
    /// What all processes have counted, as far as this one was told, and what it has counted since.
    known: i64,
    untold: i64,
    told: Option<Instant>,
}

impl Tally {
    fn new(window: i64) -> Self {
        Self { window, known: 0, untold: 0, told: None }
    }

    /// Counts one more; gives what the table should be told now, if anything.
    fn add(&mut self, window: i64, now: Instant) -> Option<i64> {
        if self.window != window {
            *self = Self { told: self.told, ..Self::new(window) };
        }
        self.untold += 1;
        let is_due = self.told.is_none_or(|told| now.duration_since(told) >= TOLD_EVERY);
        is_due.then(|| {
            self.told = Some(now);
            self.known += self.untold;
            std::mem::take(&mut self.untold)
        })
    }

    fn is_flood(&self, window: i64) -> bool {
        self.window == window && self.known + self.untold > UNKNOWN_TOKENS
    }
}

impl Strangers {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST_ADDRESSES))
    }

    fn tally(&self, address: &Address) -> Arc<Mutex<Tally>> {
        let new = || Ok::<_, std::convert::Infallible>(Arc::new(Mutex::new(Tally::new(0))));
        match self.0.get_or_insert_with(address, new) {
            Ok(tally) => tally,
            Err(never) => match never {},
        }
    }
}

/// The counts that the table has just said to be too high: what is counted by them is refused without asking it, so that
/// guesses cost next to nothing.
pub(crate) struct Shut(Cache<Key, Instant>);

impl Shut {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST_ADDRESSES))
    }

    fn note(&self, key: &Key, now: Instant) {
        self.0.insert(key.clone(), now);
    }

    fn has(&self, key: &Key, now: Instant) -> bool {
        self.0.get(key).is_some_and(|noted| now.duration_since(noted) < SHUT)
    }
}

impl Store {
    /// Tells whether an address has sent so many unknown tokens that its next ones are read alone.
    pub(crate) fn is_flooded_by(&self, peer: Option<IpAddr>) -> bool {
        let tally = self.0.strangers.0.get(&Address::of(peer));
        let window = seconds_now() / TOKEN_WINDOW;
        tally.is_some_and(|tally| {
            tally.lock().unwrap_or_else(PoisonError::into_inner).is_flood(window)
        })
    }

    /// Counts an unknown token: here at once, in the table once a second and beside the request.
    pub(crate) fn note_unknown_token(&self, peer: Option<IpAddr>) {
        let address = Address::of(peer);
        let window = seconds_now() / TOKEN_WINDOW;
        let tally = self.0.strangers.tally(&address);
        let untold = {
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.add(window, Instant::now())
        };
        let Some(untold) = untold else { return };
        let store = self.clone();
        tokio::spawn(async move {
            let key = Key::unknown_tokens(&address, window);
            match store.count(&key, untold, (window + 2) * TOKEN_WINDOW).await {
                Ok(known) => {
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    if tally.window == window {
                        tally.known = tally.known.max(known);
                    }
                }
                Err(error) => tracing::warn!(%error, "unknown tokens were not counted"),
            }
        });
    }

    /// Adds to a counter of the scratch table and gives what it is then.
    async fn count(&self, key: &Key, more: i64, expires: i64) -> Result<i64, Error> {
        let asked =
            self.client().await.update_item().table_name(self.0.config.tables.name(key.table));
        let counted = asked
            .set_key(Some(key.attributes()))
            .update_expression("ADD #count :more SET #expires = :expires")
            .expression_attribute_names("#count", "count")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_values(":more", number(more))
            .expression_attribute_values(":expires", number(expires))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        let counted = counted.map_err(Error::table)?;
        Record(&counted.attributes.unwrap_or_default()).number("count")
    }
}

/// One try of a password: counted as a failure before anything is hashed, and forgiven if it was none. So a hundred at
/// once are no more than ten.
pub(crate) struct Attempt<'a> {
    store: &'a Store,
    keys: [Key; 2],
    expires: i64,
}

impl<'a> Attempt<'a> {
    /// Makes one for a login from where it came from.
    pub(crate) fn new(store: &'a Store, login: &str, peer: Option<IpAddr>) -> Self {
        let address = Address::of(peer);
        let window = seconds_now() / PASSWORD_WINDOW;
        let keys = [
            Key::failed_passwords(&address, window, Some(login)),
            Key::failed_passwords(&address, window, None),
        ];
        Self { store, keys, expires: (window + 2) * PASSWORD_WINDOW }
    }

    /// Tells whether the table would be asked in vain.
    pub(crate) fn is_shut(&self) -> bool {
        let now = Instant::now();
        self.keys.iter().any(|key| self.store.0.shut.has(key, now))
    }

    /// Counts it.
    ///
    /// # Errors
    /// [`Unauthenticated::TooManyFailures`]; [`Unauthenticated::Uncounted`] if the table cannot be told, since who is not
    /// counted could guess for ever.
    pub(crate) async fn begin(&self) -> Result<(), Unauthenticated> {
        if self.is_shut() {
            return Err(Unauthenticated::TooManyFailures);
        }
        let [of_login, of_address] = &self.keys;
        let counted = tokio::try_join!(
            self.store.count(of_login, 1, self.expires),
            self.store.count(of_address, 1, self.expires),
        );
        let counted = counted.map_err(|error| {
            tracing::error!(%error, "a login was not counted");
            Unauthenticated::Uncounted
        })?;
        let most = [FAILURES_OF_LOGIN, FAILURES_OF_ADDRESS];
        let mut over = self.keys.iter().zip(<[i64; 2]>::from(counted)).zip(most);
        match over.find(|((_, count), most)| count > most) {
            None => Ok(()),
            Some(((key, _), _)) => {
                self.store.0.shut.note(key, Instant::now());
                Err(Unauthenticated::TooManyFailures)
            }
        }
    }

    /// Takes it back, beside the request: the password was right, or was not looked at.
    pub(crate) fn forgive(&self) {
        let (store, keys, expires) = (self.store.clone(), self.keys.clone(), self.expires);
        tokio::spawn(async move {
            for key in &keys {
                if let Err(error) = store.count(key, -1, expires).await {
                    tracing::warn!(%error, "a right password stays counted as a failure");
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, expected: &str) {
        assert_eq!(Address::of(Some(peer.parse().unwrap())).as_str(), expected);
    }

    #[test]
    fn an_ipv6_address_stands_for_its_network() {
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
        check("2001:db8:1:2::", "2001:db8:1:2::");
        check("::1", "0:0:0:0::");
        assert_eq!(Address::of(None).as_str(), "unknown");
    }

    #[test]
    fn a07_what_the_table_called_too_many_is_believed_for_a_second() {
        let (shut, start) = (Shut::new(), Instant::now());
        let key = |login| Key::failed_passwords(&Address::of(None), 7, Some(login));
        shut.note(&key("bob"), start);
        assert!(shut.has(&key("bob"), start) && !shut.has(&key("eve"), start));
        assert!(!shut.has(&key("bob"), start + SHUT));
    }

    #[test]
    fn a07_the_table_hears_of_unknown_tokens_once_a_second() {
        let (mut tally, start) = (Tally::new(7), Instant::now());
        assert_eq!(tally.add(7, start), Some(1));
        for _ in 0..9 {
            assert_eq!(tally.add(7, start), None);
        }
        assert_eq!(tally.add(7, start + TOLD_EVERY), Some(10));
        assert_eq!((tally.known, tally.untold), (11, 0));
    }

    #[test]
    fn a07_after_twenty_in_a_minute_it_is_a_flood() {
        let (mut tally, start) = (Tally::new(7), Instant::now());
        for _ in 0..UNKNOWN_TOKENS {
            tally.add(7, start);
        }
        assert!(!tally.is_flood(7));
        tally.add(7, start);
        assert!(tally.is_flood(7) && !tally.is_flood(8));
        tally.add(8, start);
        assert!(!tally.is_flood(8));
    }
}
