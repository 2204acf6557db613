//! Who asks: an identity with its organisation and role.

use std::fmt;
use std::sync::Arc;

use sourcegate_core::{Datasource, OrgId, Reference};

use crate::{Action, Denied, Granted, OwnerId, Permit, Role};

/// Who a verified credential belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A person with a login.
    User {
        /// The user's number.
        id: u32,
        /// What the user logs in as.
        login: String,
    },
    /// A program with a token.
    ServiceAccount {
        /// The service account's number.
        id: OwnerId,
        /// What operators call it.
        name: String,
    },
    /// Whom an OpenID Connect issuer vouches for. Never the user who logs in here under the same name: he has no number, no
    /// password and no membership of ours.
    Jwt {
        /// The issuer's name for him, which never changes.
        subject: String,
        /// What the issuer calls him.
        login: String,
    },
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { login, .. } | Self::Jwt { login, .. } => write!(f, "user:{login}"),
            Self::ServiceAccount { id, .. } => write!(f, "service-account:{id}"),
        }
    }
}

/// A verified caller. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    identity: Identity,
    org: OrgId,
    role: Role,
}

impl Caller {
    /// Makes a caller of what the store has verified.
    #[must_use]
    pub fn new(identity: Identity, org: OrgId, role: Role) -> Self {
        Self(Arc::new(Inner { identity, org, role }))
    }

    /// Gives the identity.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Gives the organisation that this request is about.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.0.org
    }

    /// Gives the role in that organisation.
    #[must_use]
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// Gives the login, if the caller is a user.
    #[must_use]
    pub fn login(&self) -> Option<&str> {
        match &self.0.identity {
            Identity::User { login, .. } | Identity::Jwt { login, .. } => Some(login),
            Identity::ServiceAccount { .. } => None,
        }
    }

    /// Proves that the caller may do this to data sources at all, before any is looked for.
    ///
    /// # Errors
    /// [`Denied::Forbidden`].
    pub fn allow(&self, action: Action) -> Result<Permit, Denied> {
        if self.0.role.allows(action) {
            Ok(Permit::new(self.clone(), action))
        } else {
            Err(Denied::Forbidden(action))
        }
    }

    /// Proves that the caller may do this to one data source. Decides the absent case too, so that absent and forbidden
    /// cannot be told apart by mistake; a data source of another organisation is absent.
    ///
    /// # Errors
    /// [`Denied::Forbidden`]; [`Denied::Absent`] to those who may know.
    pub fn authorize(
        &self,
        action: Action,
        wanted: &Reference,
        found: Option<Arc<Datasource>>,
    ) -> Result<Granted, Denied> {
        self.allow(action)?;
        match found.filter(|source| source.org == self.org()) {
            Some(source) => Ok(Granted::new(source, self.clone(), action)),
            None => Err(Denied::Absent(wanted.clone())),
        }
    }
}
