//! The three `DynamoDB` tables: who may do what, what is registered, what expires. `table.rs` draws their keys.
//!
//! [`Store`] can only seal secrets; [`Vault`] alone opens them.

mod accounts;
mod admin;
mod archive;
mod assignees;
mod aws;
mod cache;
mod check;
mod condition;
mod config;
mod connection_slots;
mod correlations;
mod datasources;
mod documents;
mod entry;
mod error;
mod flight;
mod floods;
mod item;
mod keyring;
mod keys;
mod kms;
mod last_use;
mod limits;
mod marks;
mod numbers;
mod operator;
mod orgs;
mod passwords;
mod provisioned;
mod rds;
mod read;
mod refused;
mod roles;
mod rotation;
mod scoped;
mod seal;
mod secrets;
mod sessions;
mod table;
mod tokens;
mod upstream_tokens;
mod users;
mod vault;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::OnceCell;

use crate::floods::{Shut, Strangers};
use crate::last_use::Uses;
use crate::orgs::Sweeps;
use crate::passwords::Passwords;
use crate::users::Places;

pub use accounts::{AccountChange, AccountDraft, MadeToken, ServiceAccount, TokenDraft};
pub use admin::{Admin, NewToken, Rights};
pub use archive::{Archived, ArchivedDocument, Conflicts, LiveBounds, Restored};
pub use assignees::Account;
pub use aws::{Aws, BadBundle};
pub use cache::Stamp;
pub use check::{Checked, Finding};
pub use config::{Config, Endpoint};
pub use connection_slots::ConnectionSlot;
pub use correlations::{Edit, Link, Links, Patch};
pub use datasources::{Assignment, Change, Draft, Listing, Stored};
pub use documents::{DocumentDraft, DocumentFilter, DocumentListing, LocalDraft, Values};
pub use entry::{Claim, Entered, Located, seconds_now};
pub use error::Error;
pub use keyring::{BadKeyFile, BadKeyring, Keyring};
pub use keys::WrappedKey;
pub use kms::KmsClient;
pub use marks::MarkKey;
pub use operator::KnownOrg;
pub use orgs::{Org, OrgRole};
pub use provisioned::{FromFile, Placed, Provisioner, Round};
pub use rds::{NoRdsToken, RdsTokens};
pub use refused::Refused;
pub use roles::Realm;
pub use rotation::{Left, Pass};
pub use scoped::{Course, EnteredScoped, FoundScoped, LocatedSecret};
pub use secrets::Sealed;
pub use sessions::{ACCESS_SECONDS, Tokens};
pub use table::Tables;
pub use tokens::AccountToken;
pub use upstream_tokens::{FetchedToken, KeptToken};
pub use users::{Listed, NewUser, Profile, User};
pub use vault::Vault;

/// The way to the tables. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    client: OnceCell<aws_sdk_dynamodb::Client>,
    config: Config,
    passwords: Passwords,
    places: Places,
    shut: Shut,
    strangers: Strangers,
    sweeps: Sweeps,
    uses: Uses,
    /// Counts the writes of this process, so that what it remembers can be thrown away at once.
    writes: AtomicU64,
}

impl Store {
    /// Makes the way to the tables; nothing is asked of them yet.
    #[must_use]
    pub fn connect(config: Config, endpoint: Endpoint) -> Self {
        Self(Arc::new(Inner {
            endpoint,
            client: OnceCell::new(),
            config,
            passwords: Passwords::new(),
            places: Places::new(),
            shut: Shut::new(),
            strangers: Strangers::new(),
            sweeps: Sweeps::default(),
            uses: Uses::new(),
            writes: AtomicU64::new(0),
        }))
    }

    /// Gives the name of the deployment, which sealed values are bound to.
    #[must_use]
    pub fn deployment(&self) -> &str {
        &self.0.config.deployment
    }

    /// Tells how many writes this process has made. What was read at a lower count may be out of date.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::Acquire)
    }

    /// Gives the client of the tables, made at the first call. Boxed there, since every call would otherwise carry the room
    /// for it.
    async fn client(&self) -> &aws_sdk_dynamodb::Client {
        let inner = &self.0;
        inner.client.get_or_init(|| Box::pin(config::client(&inner.endpoint))).await
    }

    fn wrote(&self) {
        self.0.writes.fetch_add(1, Ordering::AcqRel);
    }
}
