//! Checking passwords without letting them take the machine: one hashing costs tens of milliseconds and 19 MiB.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use auth::{ProcessKey, Unauthenticated, password};
use quick_cache::sync::Cache;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, oneshot};

use crate::flight::Flights;
use crate::floods::Attempt;
use crate::{Error, Stamp};

/// The lowest priority that a thread can have.
#[cfg(target_os = "linux")]
const LEAST: i32 = 19;
/// How many hashings run at once.
const AT_ONCE: usize = 2;
/// How many wait for their turn; one more is refused.
const WAITING: usize = 16;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a verdict is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many verdicts are remembered.
const MOST_VERDICTS: usize = 10_000;

type Mac = [u8; 32];
/// Checks passwords: equal ones share one hashing, two are hashed at once, a verdict holds for a minute.
pub(crate) struct Passwords {
    key: ProcessKey,
    verdicts: Cache<Mac, (Stamp, bool)>,
    /// Logins with passwords that were right, whatever hash they had.
    right: Cache<Mac, Stamp>,
    /// Everybody who waits for a hashing shares its outcome, "too many" included.
    flights: Flights<Mac, Result<bool, Unauthenticated>>,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            key: ProcessKey::new(),
            verdicts: Cache::new(MOST_VERDICTS),
            right: Cache::new(MOST_VERDICTS),
            flights: Flights::new(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
        }
    }

    /// Tells whether a password was right within the last minute. It may have been changed since: this lets nobody in, it
    /// only tells guesses from others before anything is read.
    pub(crate) fn was_right(&self, login: &str, password: &SecretString) -> bool {
        let stamp = self.right.get(&self.pair(login, password));
        stamp.is_some_and(|stamp| stamp.is_fresh(REMEMBERED))
    }

    fn pair(&self, login: &str, password: &SecretString) -> Mac {
        self.key.mac(&[login.as_bytes(), password.expose_secret().as_bytes()])
    }

    /// Tells whether a password matches a stored hash.
    ///
    /// What is remembered is keyed by the hash too, so that a changed password ends it at once.
    ///
    /// # Errors
    /// [`Unauthenticated::Busy`] if there is no place, or no turn within two seconds; what [`Attempt::begin`] refuses.
    pub(crate) async fn check(
        &self,
        (login, password): (&str, &SecretString),
        hash: &str,
        attempt: Option<&Attempt<'_>>,
    ) -> Result<bool, Unauthenticated> {
        let texts = [login.as_bytes(), password.expose_secret().as_bytes(), hash.as_bytes()];
        let mac = self.key.mac(&texts);
        if let Some((stamp, verdict)) = self.verdicts.get(&mac)
            && stamp.is_fresh(REMEMBERED)
        {
            return Ok(verdict);
        }
        let flight = self.flights.join(mac);
        let hashed = flight.get_or_init(|| async {
            // Once for all who share the hashing.
            if let Some(attempt) = attempt {
                attempt.begin().await?;
            }
            let verdict = self.hashed(password, hash).await;
            if let Some(attempt) = attempt.filter(|_| verdict != Ok(false)) {
                attempt.forgive();
            }
            let verdict = verdict?;
            self.verdicts.insert(mac, (Stamp::now(), verdict));
            if verdict {
                self.right.insert(self.pair(login, password), Stamp::now());
            }
            Ok(verdict)
        });
        *hashed.await
    }

    /// Hashes a new password, in its turn among those that are checked.
    ///
    /// # Errors
    /// [`Unauthenticated::Busy`] as in [`Passwords::check`]; what hashing says.
    pub(crate) async fn hash(&self, password: &SecretString) -> Result<String, Error> {
        let password = password.clone();
        Ok(self.in_turn(move || password::hash(&password)).await??)
    }

    async fn hashed(&self, password: &SecretString, hash: &str) -> Result<bool, Unauthenticated> {
        let (password, hash) = (password.clone(), hash.to_owned());
        self.in_turn(move || password::verify(&password, &hash)).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unauthenticated> {
        let busy = Unauthenticated::Busy;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy)?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| busy)?.map_err(|_| busy)?;
        // A hashing that has begun goes on when its caller leaves, and so keeps place and turn until it is done.
        let (done, outcome) = oneshot::channel();
        let work = move || {
            let _held = (place, turn);
            step_back();
            drop(done.send(work()));
        };
        thread::Builder::new().name("hashing".to_owned()).spawn(work).map_err(|_| busy)?;
        outcome.await.map_err(|_| busy)
    }
}

/// Lets whoever serves go first. The thread ends with its hashing, since no thread may put its own priority back.
fn step_back() {
    // A thread has a priority of its own on Linux alone; elsewhere this would be the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), LEAST)
    {
        tracing::debug!(%error, "a password is hashed at the usual priority");
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[tokio::test]
    async fn equal_credentials_share_one_hashing() {
        let passwords = Passwords::new();
        let hash = password::hash(&secret("right")).unwrap();
        let right = secret("right");
        // Far more than there are places: only sharing lets them all through.
        let all = (0..200).map(|_| passwords.check(("bob", &right), &hash, None));
        let verdicts = futures(all).await;
        assert!(verdicts.iter().all(|verdict| *verdict == Ok(true)));
    }

    #[tokio::test]
    async fn more_different_ones_than_there_are_places_are_refused() {
        let passwords = Passwords::new();
        let hash = password::hash(&secret("right")).unwrap();
        let tries: Vec<_> = (0..60).map(|n| secret(&n.to_string())).collect();
        let verdicts =
            futures(tries.iter().map(|wrong| passwords.check(("bob", wrong), &hash, None))).await;
        let refused =
            verdicts.iter().filter(|verdict| **verdict == Err(Unauthenticated::Busy)).count();
        // On a busy machine some of those that have a place wait for their turn in vain.
        assert!((60 - AT_ONCE - WAITING..60).contains(&refused), "{refused}");
        assert!(verdicts.iter().all(|verdict| *verdict != Ok(true)));
    }

    #[tokio::test]
    async fn a_hashing_whose_caller_left_keeps_its_turn() {
        let passwords = Passwords::new();
        let hash = password::hash(&secret("right")).unwrap();
        for n in 0..AT_ONCE {
            let wrong = secret(&n.to_string());
            let mut check = Box::pin(passwords.check(("bob", &wrong), &hash, None));
            let polled = std::future::poll_fn(|cx| Poll::Ready(check.as_mut().poll(cx).is_ready()));
            assert!(!polled.await, "hashed at once");
        }
        assert_eq!(passwords.turns.available_permits(), 0);
        assert_eq!(passwords.places.available_permits(), WAITING);
        let _both = passwords.turns.acquire_many(AT_ONCE as u32).await.unwrap();
    }

    #[tokio::test]
    async fn a_verdict_is_for_one_hash_only() {
        let passwords = Passwords::new();
        let (old, new) =
            (password::hash(&secret("old")).unwrap(), password::hash(&secret("new")).unwrap());
        assert_eq!(passwords.check(("bob", &secret("old")), &old, None).await, Ok(true));
        assert_eq!(passwords.check(("bob", &secret("old")), &new, None).await, Ok(false));
    }

    /// Runs all at once on this task.
    async fn futures<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
        let mut pending: Vec<_> = all.map(|future| (Box::pin(future), None)).collect();
        std::future::poll_fn(|cx| {
            let mut done = true;
            for (future, output) in &mut pending {
                if output.is_none() {
                    match future.as_mut().poll(cx) {
                        std::task::Poll::Ready(ready) => *output = Some(ready),
                        std::task::Poll::Pending => done = false,
                    }
                }
            }
            if done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        pending.into_iter().filter_map(|(_, output)| output).collect()
    }
}
