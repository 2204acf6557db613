//! One process of a fleet, and requests to many.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::{Door, Fleet, Policy};
use crate::moto::Kms;
use crate::process::Process;
use crate::runtime_api::{Answered, Call, Invocation, RuntimeApi, function};

/// A process of a function. Dropping it kills it.
#[derive(Debug)]
pub struct Member {
    /// What gives it its events.
    pub api: RuntimeApi,
    /// Its way to the tables.
    pub tables: Door,
    /// Its way to KMS.
    pub kms: Kms,
    /// What stands before that.
    pub keys: Door,
    /// The process itself.
    pub process: Process,
}

impl Member {
    pub(super) async fn start(
        fleet: &Fleet,
        name: &str,
        policy: Option<Policy>,
        settings: &[(&str, &str)],
    ) -> Self {
        let tables = Door::start(fleet.tables, Arc::clone(&fleet.turns), policy.clone()).await;
        let (api, kms) = (RuntimeApi::start().await, Kms::start().await);
        let own = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let keys = Door::start(kms.address(), own, policy).await;
        let mut command = function(name, &api.endpoint());
        command.envs(fleet.settings.iter().map(|(name, value)| (name, value)));
        command.env("AWS_ENDPOINT_URL_DYNAMODB", tables.url());
        command.env("AWS_ENDPOINT_URL_KMS", keys.url());
        command.env("SOURCEGATE_KMS_KEY", &fleet.key_id);
        command.env("SOURCEGATE_EGRESS_ALLOW", "127.0.0.0/8");
        command.envs(settings.iter().copied());
        let mut process = Process::spawn(name, &command, None);
        let asks = process.wait_until(async || api.polls() > 0).await;
        assert!(asks, "`{name}` ended before its first event:\n{}", process.log());
        Self { api, tables, kms, keys, process }
    }

    /// Queues a request for it, which it gets as soon as it is idle.
    #[must_use]
    pub fn send(&self, call: &Call) -> Invocation {
        self.api.send(call.rest())
    }

    /// Sends it a request and waits for the answer.
    ///
    /// # Panics
    ///
    /// When there is none for 35 s.
    pub async fn invoke(&self, call: &Call) -> Answered {
        self.send(call).answered().await
    }

    /// How often it asked KMS to open a key.
    #[must_use]
    pub fn decrypts(&self) -> usize {
        self.kms.calls().get("Decrypt").copied().unwrap_or_default()
    }
}

/// Sends the same request to each process at once; gives the answers in their order.
///
/// # Panics
///
/// When one has no answer for 35 s.
pub async fn everyone(members: &[Member], call: &Call) -> Vec<Answered> {
    join_all(members.iter().map(|member| member.invoke(call))).await
}

/// Sends requests as Lambda does: each to a process that has nothing else to do, as many at once as there are
/// processes. Gives the answers in the order of the requests.
///
/// # Panics
///
/// When one has no answer for 35 s.
pub async fn spread(members: &[Member], calls: impl IntoIterator<Item = Call>) -> Vec<Answered> {
    let waiting = Mutex::new(calls.into_iter().enumerate().collect::<VecDeque<_>>());
    let next = || waiting.lock().ok()?.pop_front();
    let serving = members.iter().map(async |member| {
        let mut answers = Vec::new();
        while let Some((number, call)) = next() {
            answers.push((number, member.invoke(&call).await));
        }
        answers
    });
    let mut answers: Vec<_> = join_all(serving).await.into_iter().flatten().collect();
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
