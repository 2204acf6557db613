//! One warm connection for each data source and process, used by one statement at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sourcegate_core::Rev;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::session::Connection;
use crate::{Error, Limits};

/// How long nobody tries again after a data source had no room.
const BACK_OFF: Duration = Duration::from_secs(1);

/// How many times within the idle time the sweeper looks.
const LOOKS: u32 = 4;

/// The places of the data sources that were asked lately.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    places: HashMap<Rev, Arc<Place>>,
    /// Closes what is idle while nobody asks; there is one as long as there are places.
    sweeper: Option<JoinHandle<()>>,
}

/// Where the one connection of a data source is, and who waits for it.
#[derive(Debug)]
struct Place {
    /// One, in the order in which they came.
    turn: Arc<Semaphore>,
    /// One for each that waits or uses it.
    queue: Arc<Semaphore>,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    connection: Option<Connection>,
    used: Instant,
    full_until: Option<Instant>,
}

/// The right to the one connection of a data source, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    place: Arc<Place>,
    keeps: bool,
    _turn: OwnedSemaphorePermit,
    _queued: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    /// Waits for the turn, with a bounded number of others and for a bounded time.
    pub(crate) async fn lease(self: &Arc<Self>, rev: Rev, keeps: bool) -> Result<Lease, Error> {
        let place = self.place(rev);
        place.check_room()?;
        let queued = Arc::clone(&place.queue).try_acquire_owned().map_err(|_| Error::Busy)?;
        let turn = timeout(self.limits.wait, Arc::clone(&place.turn).acquire_owned()).await;
        let turn = turn.map_err(|_| Error::Busy)?.map_err(|_| Error::Busy)?;
        // Whoever had the turn before may have found none.
        place.check_room()?;
        Ok(Lease { place, keeps, _turn: turn, _queued: queued })
    }

    fn place(self: &Arc<Self>, rev: Rev) -> Arc<Place> {
        let mut state = self.lock();
        let mut gone = None;
        if !state.places.contains_key(&rev) && state.places.len() >= self.limits.connections.max(1)
        {
            gone = state.remove_oldest();
        }
        let place =
            state.places.entry(rev).or_insert_with(|| Arc::new(Place::new(self.limits.waiting)));
        let place = Arc::clone(place);
        place.kept().used = Instant::now();
        self.keep_sweeping(&mut state);
        drop(state);
        drop(gone);
        place
    }

    fn keep_sweeping(self: &Arc<Self>, state: &mut State) {
        if state.sweeper.as_ref().is_some_and(|sweeper| !sweeper.is_finished()) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        state.sweeper = Some(runtime.spawn(sweep(Arc::downgrade(self), self.limits.idle)));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(pool: Weak<Pool>, idle: Duration) {
    loop {
        sleep(idle / LOOKS).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut state = pool.lock();
        let gone = state.remove_idle(Instant::now(), idle);
        let is_last = state.places.is_empty();
        if is_last {
            state.sweeper = None;
        }
        drop(state);
        drop(gone);
        if is_last {
            return;
        }
    }
}

impl State {
    fn remove_idle(&mut self, now: Instant, idle: Duration) -> Vec<Arc<Place>> {
        let is_idle =
            |place: &Place| !place.is_used() && now.duration_since(place.kept().used) >= idle;
        self.places.extract_if(|_, place| is_idle(place)).map(|(_, place)| place).collect()
    }

    fn remove_oldest(&mut self) -> Option<Arc<Place>> {
        let unused = self.places.iter().filter(|(_, place)| !place.is_used());
        let oldest = unused.min_by_key(|(_, place)| place.kept().used).map(|(rev, _)| *rev)?;
        self.places.remove(&oldest)
    }
}

impl Place {
    fn new(waiting: usize) -> Self {
        let queue = waiting.saturating_add(1).min(Semaphore::MAX_PERMITS);
        let kept = Kept { connection: None, used: Instant::now(), full_until: None };
        Self {
            turn: Arc::new(Semaphore::new(1)),
            queue: Arc::new(Semaphore::new(queue)),
            kept: Mutex::new(kept),
        }
    }

    /// Refuses to ask again for a moment.
    fn check_room(&self) -> Result<(), Error> {
        match self.kept().full_until {
            Some(until) if Instant::now() < until => {
                Err(Error::Full("it had none a moment ago".into()))
            }
            _ => Ok(()),
        }
    }

    fn is_used(&self) -> bool {
        self.turn.available_permits() == 0
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Takes the connection that was kept, unless it has ended or is too old.
    pub(crate) fn take(&self, idle: Duration) -> Option<Connection> {
        let mut kept = self.place.kept();
        let is_fresh = kept.used.elapsed() < idle;
        let mut connection = kept.connection.take()?;
        drop(kept);
        (is_fresh && connection.is_usable()).then_some(connection)
    }

    /// Tells whether somebody may come for what is kept.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// Keeps a connection for the next statement.
    pub(crate) fn keep(&self, connection: Connection) {
        let mut kept = self.place.kept();
        kept.used = Instant::now();
        kept.connection = Some(connection);
    }

    /// Has nobody try again for a moment.
    pub(crate) fn back_off(&self) {
        self.place.kept().full_until = Some(Instant::now() + BACK_OFF);
    }
}
