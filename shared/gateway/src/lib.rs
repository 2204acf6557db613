//! The use cases, dialect-free: what both dialects would otherwise repeat.

mod database;
mod enter;
mod error;
mod open;
mod open_scoped;
mod proxy;
mod rds;
mod reach;
mod remembered;
mod slots;
mod token;
mod unsaved;

use std::net::IpAddr;
use std::sync::Arc;

use auth::{Caller, Credential, ProcessKey};
use sourcegate_core::{Reference, Scope, ScopedName};
use sql::Sql;
use store::{Claim, Entered, EnteredScoped, LocatedSecret, RdsTokens, Realm, Store, Vault};
use upstream::Upstream;

use crate::enter::Place;
use crate::open_scoped::SecretPlace;
use crate::remembered::Remembered;
use crate::token::Tokens;

pub use database::{Database, Question};
pub use error::{Error, SecretFault};
pub use proxy::Proxied;
pub use reach::{GrantedEither, Reach, Reached};
pub use sql::{Answer, Format, Param, ROW_COUNT, Statement, TRUNCATED, Trailers};
pub use unsaved::Unsaved;
pub use upstream::{AnswerBody, Body, Hop, UpstreamTiming};

/// Who asks for which data source, as a request says it.
#[derive(Clone, Debug)]
pub struct Entry<W = Reference> {
    /// What says who asks, not yet verified.
    pub credential: Credential,
    /// The organisation that the request names beside it.
    pub org: Option<i64>,
    /// The data source that it names.
    pub wanted: W,
    /// Where it came from, as the platform says.
    pub peer: Option<IpAddr>,
}

impl<W> Entry<W> {
    fn claim(&self) -> Claim<'_> {
        Claim { credential: &self.credential, org: self.org, peer: self.peer }
    }
}

/// What sends requests and statements, and what they are sent with beside a data source's own secrets.
pub struct Engines {
    /// Over HTTP.
    pub upstream: Upstream,
    /// In SQL, where the process serves that.
    pub sql: Option<Sql>,
    /// What databases of RDS are logged in to with, where an operator has granted that.
    pub rds: Option<RdsTokens>,
}

impl From<Upstream> for Engines {
    fn from(upstream: Upstream) -> Self {
        Self { upstream, sql: None, rds: None }
    }
}

/// The way from a credential and a reference to a data source's answer. A clone is the same gateway.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    store: Store,
    vault: Vault,
    upstream: Upstream,
    sql: Option<Sql>,
    rds: Option<RdsTokens>,
    entries: Remembered<Place<Reference>, Entered>,
    scoped: Remembered<Place<ScopedName>, EnteredScoped>,
    secrets: Remembered<SecretPlace, Option<LocatedSecret>>,
    tokens: Tokens,
    key: ProcessKey,
}

impl Gateway {
    /// Makes a gateway of what it stands on. It alone is given the vault.
    #[must_use]
    pub fn new(store: Store, vault: Vault, engines: impl Into<Engines>) -> Self {
        let Engines { upstream, sql, rds } = engines.into();
        Self(Arc::new(Inner {
            store,
            vault,
            upstream,
            sql,
            rds,
            entries: Remembered::new(),
            scoped: Remembered::new(),
            secrets: Remembered::new(),
            tokens: Tokens::new(),
            key: ProcessKey::new(),
        }))
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

    /// Adds to a caller what he holds by roles of the Perses dialect in a scope.
    ///
    /// # Errors
    /// [`Error::Store`] with what the tables say.
    pub async fn with_roles(&self, caller: Caller, scope: &Scope) -> Result<Caller, Error> {
        Ok(self.0.store.with_roles(caller, Realm::of(scope.project())).await?)
    }
}
