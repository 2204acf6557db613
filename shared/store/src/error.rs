//! What can go wrong between the gateway and its tables, keys and items.

use std::sync::Arc;

use auth::OwnerId;
use aws_sdk_dynamodb::error::SdkError;
use sourcegate_core::{
    Classify, DocumentId, DocumentName, Kind, OrgId, Reference, SourceName, Uid, quoted,
};

use crate::Refused;

/// The error of another crate, kept for the log.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Says why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The credential makes no caller.
    #[error(transparent)]
    Unauthenticated(#[from] auth::Unauthenticated),
    /// The caller may not do what was asked, by what is stored.
    #[error(transparent)]
    NotAllowed(#[from] auth::NotAllowed),
    /// An organisation or a user cannot be changed as asked.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Another data source of the organisation has the name.
    #[error("data source with the same name already exists: `{0}`")]
    NameTaken(SourceName),
    /// Another data source of the organisation has the uid.
    #[error("data source with the same uid already exists: `{0}`")]
    UidTaken(Uid),
    /// The caller changes a version that is no longer the newest.
    #[error("data source `{uid}` is at version {found}, not {sent}")]
    Stale {
        /// Which data source.
        uid: Uid,
        /// The version in the table.
        found: i64,
        /// The version that the caller saw.
        sent: i64,
    },
    /// The data source was made from a file.
    #[error("data source `{0}` is read-only")]
    ReadOnly(Uid),
    /// Secrets are kept that were sealed to another destination.
    #[error(
        "the secrets {} were saved for another destination; send them again in secureJsonData, or remove them with an empty text",
        .0.join(", ")
    )]
    MustResend(Vec<String>),
    /// The data source was deleted meanwhile.
    #[error("data source `{0}` not found")]
    Gone(Reference),
    /// Another service account of the organisation has the name, or one that makes the same login.
    #[error("service account already exists: `{0}`")]
    AccountTaken(String),
    /// The organisation has no such service account.
    #[error("service account {0} not found")]
    NoAccount(OwnerId),
    /// Another token of the organisation has the name.
    #[error("service account token already exists: `{0}`")]
    TokenTaken(String),
    /// The service account has no such token.
    #[error("service account token {0} not found")]
    NoToken(u32),
    /// The service account has as many tokens as it can have.
    #[error("service account {account} has {limit} tokens, and more it cannot have; revoke some")]
    TooManyTokens {
        /// Which one.
        account: OwnerId,
        /// How many it can have.
        limit: u32,
    },
    /// The organisation has a document of that kind and name, in that project.
    #[error("document already exists")]
    DocumentTaken(DocumentId),
    /// The organisation has no such document.
    #[error("document not found")]
    NoDocument(DocumentId),
    /// The organisation has no such project.
    #[error("metadata.project {} doesn't exist", quoted(.0.as_str()))]
    NoProject(DocumentName),
    /// A binding names somebody who is no user of the organisation.
    #[error("subject {} is no user of this organisation; make the user first", quoted(.0))]
    NoSubject(String),
    /// A binding would be one to another role. Perses' words.
    #[error("spec.role can't be updated")]
    OtherRole,
    /// The scope has a default of that kind of plugin already.
    #[error(
        "datasource {} cannot be a default {} because there is already one defined named {}",
        quoted(wanted.as_str()),
        quoted(plugin),
        quoted(name)
    )]
    DefaultTaken {
        /// What was to be the default.
        wanted: DocumentName,
        /// Of which kind of plugin.
        plugin: String,
        /// What is it already.
        name: String,
    },
    /// A secret's value is masked, and there is none that it could stand for.
    #[error("{0} is masked, and no value is stored that the mask could stand for; send the value")]
    MaskedOnly(String),
    /// A dashboard has more data sources of its own than it can have.
    #[error("a dashboard has {limit} data sources of its own at most; make some of the project's")]
    TooManyLocals {
        /// The limit.
        limit: usize,
    },
    /// The organisation has as many roles and bindings as it can have.
    #[error(
        "the organisation has {limit} roles and bindings, and more it cannot have; delete some, or name more users in one binding"
    )]
    TooManyRights {
        /// How many it can have.
        limit: usize,
    },
    /// A dashboard's data sources, and where they lead, change more than fits into one transaction.
    #[error("this changes more than {limit} records at once; make the change in two saves")]
    TooManyChanges {
        /// How many can be changed at once.
        limit: usize,
    },
    /// The item would be larger than the table takes.
    #[error("this would take {bytes} bytes; at most {limit} can be stored")]
    TooLarge {
        /// How large it would be.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// There would be more of something than one data source may have.
    #[error("{what}: one data source has {limit} at most; remove some first")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// No correlation of the data source has the uid.
    #[error("correlation `{0}` not found")]
    NoCorrelation(Uid),
    /// A correlation that is a query leads to no data source.
    #[error("correlations of type \"query\" must have a targetUID")]
    NoTarget,
    /// No free uid was found.
    #[error("failed to generate unique datasource ID")]
    NoUid,
    /// An item is not what it should be.
    #[error("item {pk} {sk} is damaged: {what}")]
    BadRecord {
        /// The partition key.
        pk: String,
        /// The sort key.
        sk: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The organisation has no key to seal to: it was never bootstrapped.
    #[error("organisation {0} has no key; it was not set up completely")]
    NoKey(OrgId),
    /// A sealed value does not open for the destination that the settings name now.
    #[error("secret `{0}` does not open: it was damaged, moved, or sealed to another destination")]
    DoesNotOpen(String),
    /// A secret could not be sealed.
    #[error("secret `{0}` cannot be sealed")]
    CannotSeal(String),
    /// A source and its sealed values are of different revisions.
    #[error("the secrets of data source `{0}` are being changed")]
    Torn(Uid),
    /// The private key could not be unwrapped.
    #[error("cannot use the key of organisation {org}: {what}")]
    Key {
        /// Which organisation's.
        org: OrgId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// KMS did not do what it was asked.
    #[error("cannot use the key service")]
    Kms(#[source] BoxError),
    /// An organisation's private key could not be had; everybody who waited for it is told the same.
    #[error(transparent)]
    PrivateKey(Arc<Error>),
    /// The tables are overloaded, and stayed so over all retries.
    #[error("the tables are busy")]
    Busy,
    /// The tables did not do what they were asked.
    #[error("cannot reach the tables")]
    Table(#[source] BoxError),
    /// A password could not be hashed.
    #[error(transparent)]
    Password(#[from] auth::password::CannotHash),
}

impl Error {
    /// Keeps what the SDK says, with everything beneath it.
    pub(crate) fn table<E, R>(error: SdkError<E, R>) -> Self
    where
        SdkError<E, R>: std::error::Error + Send + Sync + 'static,
    {
        Self::Table(Box::new(error))
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Unauthenticated(error) => error.kind(),
            Self::PrivateKey(error) => error.kind(),
            Self::NotAllowed(error) => error.kind(),
            Self::Refused(refused) => refused.kind(),
            Self::NameTaken(_)
            | Self::UidTaken(_)
            | Self::Stale { .. }
            | Self::DocumentTaken(_) => Kind::Conflict,
            Self::ReadOnly(_) => Kind::Forbidden,
            Self::MustResend(_)
            | Self::NoProject(_)
            | Self::NoSubject(_)
            | Self::OtherRole
            | Self::DefaultTaken { .. }
            | Self::MaskedOnly(_)
            | Self::TooManyLocals { .. }
            | Self::TooManyChanges { .. }
            | Self::TooManyRights { .. }
            | Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::NoTarget
            | Self::AccountTaken(_)
            | Self::TokenTaken(_)
            | Self::TooManyTokens { .. } => Kind::Invalid,
            Self::NoDocument(_)
            | Self::Gone(_)
            | Self::NoCorrelation(_)
            | Self::NoAccount(_)
            | Self::NoToken(_) => Kind::NotFound,
            Self::NoUid
            | Self::BadRecord { .. }
            | Self::NoKey(_)
            | Self::DoesNotOpen(_)
            | Self::CannotSeal(_)
            | Self::Key { .. }
            | Self::Password(_) => Kind::Internal,
            Self::Torn(_) | Self::Kms(_) | Self::Busy | Self::Table(_) => Kind::Unavailable,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::PrivateKey(error) => error.cause(),
            Self::NotAllowed(error) => error.cause(),
            Self::MustResend(_) => Some("secret_must_be_resent"),
            Self::TooLarge { .. } => Some("limit_bytes"),
            Self::TooMany { .. }
            | Self::TooManyTokens { .. }
            | Self::TooManyLocals { .. }
            | Self::TooManyChanges { .. }
            | Self::TooManyRights { .. } => Some("limit_count"),
            Self::BadRecord { .. } => Some("bad_record"),
            Self::DoesNotOpen(_) | Self::CannotSeal(_) => Some("secret"),
            Self::NoKey(_) | Self::Key { .. } | Self::Kms(_) => Some("kms"),
            Self::Torn(_) => Some("being_changed"),
            Self::Busy => Some("throttled"),
            Self::Table(_) => Some("table"),
            _ => None,
        }
    }
}
