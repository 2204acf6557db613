//! The use cases, dialect-free: what both dialects would otherwise repeat.

mod enter;
mod error;
mod open;
mod proxy;

use std::net::IpAddr;
use std::sync::Arc;

use auth::{Caller, Credential, ProcessKey};
use sourcegate_core::Reference;
use store::{Claim, Store, Vault};
use upstream::Upstream;

use crate::enter::Entries;

pub use error::Error;
pub use proxy::Proxied;
pub use upstream::{AnswerBody, Body, Hop, UpstreamTiming};

/// Who asks for which data source, as a request says it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What says who asks, not yet verified.
    pub credential: Credential,
    /// The organisation that the request names beside it.
    pub org: Option<i64>,
    /// The data source that it names.
    pub wanted: Reference,
    /// Where it came from, as the platform says.
    pub peer: Option<IpAddr>,
}

/// The way from a credential and a reference to a data source's answer. A clone is the same gateway.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    store: Store,
    vault: Vault,
    upstream: Upstream,
    entries: Entries,
    key: ProcessKey,
}

impl Gateway {
    /// Makes a gateway of what it stands on. It alone is given the vault.
    #[must_use]
    pub fn new(store: Store, vault: Vault, upstream: Upstream) -> Self {
        let (entries, key) = (Entries::new(), ProcessKey::new());
        Self(Arc::new(Inner { store, vault, upstream, entries, key }))
    }

    /// Verifies a credential alone: for requests that are refused before a data source is known.
    ///
    /// # Errors
    /// [`Error::Store`] with what is wrong with the credential; [`Error::Denied`] if it may not be used from there.
    pub async fn authenticate(&self, claim: Claim<'_>) -> Result<Caller, Error> {
        let caller = self.0.store.caller(claim).await?;
        caller.admit(claim.peer)?;
        Ok(caller)
    }
}
