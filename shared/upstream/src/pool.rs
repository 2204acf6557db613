//! The clients that are warm, by the revision of their data source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sourcegate_core::Rev;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::Client;

/// How many times within the idle time the sweeper looks.
const LOOKS: u32 = 4;

/// Keeps at most a number of clients, each for a time after its last use.
#[derive(Debug)]
pub(crate) struct Pool {
    most: usize,
    idle: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    warm: HashMap<Rev, Warm>,
    /// Drops what is idle while no request comes; there is one as long as there are clients.
    sweeper: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Warm {
    client: Arc<Client>,
    used: Instant,
}

impl Pool {
    pub(crate) fn new(most: usize, idle: Duration) -> Self {
        Self { most: most.max(1), idle, state: Mutex::default() }
    }

    /// Finds a client and counts that as a use.
    pub(crate) fn get(&self, rev: Rev) -> Option<Arc<Client>> {
        let now = Instant::now();
        let mut state = self.lock();
        let warm = state.warm.get_mut(&rev)?;
        if now.duration_since(warm.used) < self.idle {
            warm.used = now;
            return Some(Arc::clone(&warm.client));
        }
        let gone = state.warm.remove(&rev);
        drop(state);
        drop(gone);
        None
    }

    /// Keeps a client; if another request was first, gives that one's.
    pub(crate) fn put(self: &Arc<Self>, rev: Rev, client: Arc<Client>) -> Arc<Client> {
        let now = Instant::now();
        let mut state = self.lock();
        let mut gone = state.sweep(now, self.idle);
        if !state.warm.contains_key(&rev) && state.warm.len() >= self.most {
            let oldest = state.warm.iter().min_by_key(|(_, warm)| warm.used).map(|(rev, _)| *rev);
            gone.extend(oldest.and_then(|rev| state.warm.remove(&rev)));
        }
        let warm = state.warm.entry(rev).or_insert(Warm { client, used: now });
        warm.used = now;
        let client = Arc::clone(&warm.client);
        self.keep_sweeping(&mut state);
        // Closing connections and zeroising take their time, and nobody should wait for it.
        drop(state);
        drop(gone);
        client
    }

    fn keep_sweeping(self: &Arc<Self>, state: &mut State) {
        if state.sweeper.as_ref().is_some_and(|sweeper| !sweeper.is_finished()) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let pool = Arc::downgrade(self);
        let pause = self.idle / LOOKS;
        state.sweeper = Some(runtime.spawn(async move {
            loop {
                sleep(pause).await;
                let Some(pool) = pool.upgrade() else { return };
                let mut state = pool.lock();
                let gone = state.sweep(Instant::now(), pool.idle);
                let is_last = state.warm.is_empty();
                if is_last {
                    state.sweeper = None;
                }
                drop(state);
                drop(gone);
                if is_last {
                    return;
                }
            }
        }));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sweep(&mut self, now: Instant, idle: Duration) -> Vec<Warm> {
        let is_idle = |warm: &Warm| now.duration_since(warm.used) >= idle;
        self.warm.extract_if(|_, warm| is_idle(warm)).map(|(_, warm)| warm).collect()
    }
}

#[cfg(test)]
impl Pool {
    pub(crate) fn len(&self) -> usize {
        self.lock().warm.len()
    }
}
