//! Who asks: an identity with its organisation, its role and what its credential is limited to.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::Method;
use sourcegate_core::{Assignee, Datasource, Level, OrgId, Permissions, Reference};

use crate::{Action, Denied, Granted, Held, Limits, OwnerId, Permit, Role};

/// Who a verified credential belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A person with a login.
    User {
        /// The user's number.
        id: u32,
        /// How often he has left the organisation that the request is about.
        stay: u32,
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
            Self::User { login, .. } => write!(f, "user:{login}"),
            Self::Jwt { login, .. } => write!(f, "jwt:{login}"),
            Self::ServiceAccount { id, .. } => write!(f, "service-account:{id}"),
        }
    }
}

/// A verified caller. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    identity: Identity,
    org: OrgId,
    role: Role,
    is_server_admin: bool,
    limits: Limits,
    held: Held,
}

impl Caller {
    /// Makes a caller of what the store has verified: without limits, and no administrator of the server.
    #[must_use]
    pub fn new(identity: Identity, org: OrgId, role: Role) -> Self {
        let (limits, held) = (Limits::default(), Held::default());
        Self(Arc::new(Inner { identity, org, role, is_server_admin: false, limits, held }))
    }

    /// Makes him an administrator of the whole server.
    #[must_use]
    pub fn as_server_admin(mut self) -> Self {
        Arc::make_mut(&mut self.0).is_server_admin = true;
        self
    }

    /// Limits him to what his token may do.
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        Arc::make_mut(&mut self.0).limits = limits;
        self
    }

    /// Adds what he holds by roles of the Perses dialect.
    #[must_use]
    pub fn holding(mut self, held: Held) -> Self {
        Arc::make_mut(&mut self.0).held = held;
        self
    }

    /// Gives what he holds by roles of the Perses dialect, as far as it was looked up.
    #[must_use]
    pub fn held(&self) -> &Held {
        &self.0.held
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

    /// Tells whether he administers the whole server.
    #[must_use]
    pub fn is_server_admin(&self) -> bool {
        self.0.is_server_admin
    }

    /// Gives what his credential is limited to.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Gives the login, if the caller is a user.
    #[must_use]
    pub fn login(&self) -> Option<&str> {
        match &self.0.identity {
            Identity::User { login, .. } | Identity::Jwt { login, .. } => Some(login),
            Identity::ServiceAccount { .. } => None,
        }
    }

    /// Gives what permissions name him by. Whom an issuer vouches for has no number.
    #[must_use]
    pub fn assignee(&self) -> Option<Assignee> {
        match &self.0.identity {
            Identity::User { id, stay, .. } => Some(Assignee::Account { id: *id, stay: *stay }),
            Identity::ServiceAccount { id, .. } => Some(Assignee::account(id.get())),
            Identity::Jwt { .. } => None,
        }
    }

    /// Decides whether his credential may be used from where it came from. To be asked for every request, since what is
    /// remembered of a caller says nothing of it.
    ///
    /// # Errors
    /// [`Denied::Network`].
    pub fn admit(&self, peer: Option<IpAddr>) -> Result<(), Denied> {
        if self.0.limits.admit(peer) { Ok(()) } else { Err(Denied::Network(peer)) }
    }

    /// Decides whether his credential may be used with a method of the registry. What a data source's own routes take for
    /// reading is for the engines to say.
    ///
    /// # Errors
    /// [`Denied::ReadOnly`].
    pub fn admit_method(&self, method: &Method) -> Result<(), Denied> {
        if self.0.limits.read_only && !method.is_safe() {
            return Err(Denied::ReadOnly(method.clone()));
        }
        Ok(())
    }

    /// Proves that the caller may do this at all: to every data source that says nothing else, or to what is no data
    /// source.
    ///
    /// # Errors
    /// As [`Caller::denied`]; [`Denied::Limited`] if his token is limited and this would give rights.
    pub fn allow(&self, action: Action) -> Result<Permit, Denied> {
        if !self.may_all(action) {
            return Err(self.denied(action));
        }
        self.allow_giving(action)?;
        Ok(Permit::new(self.clone(), action))
    }

    /// Proves the same for another organisation than the one that the request is about.
    ///
    /// # Errors
    /// As [`Caller::allow`].
    pub fn allow_in(&self, action: Action, org: OrgId) -> Result<Permit, Denied> {
        if org == self.org() || self.0.is_server_admin {
            self.allow(action)
        } else {
            Err(Denied::Forbidden(action))
        }
    }

    /// Proves that there may be data sources that the caller may do this to: for lists, which show those and no others.
    ///
    /// # Errors
    /// As [`Caller::denied`] if there can be none.
    pub fn browse(&self, action: Action) -> Result<Permit, Denied> {
        if self.0.limits.allow_some(action) {
            Ok(Permit::new(self.clone(), action))
        } else {
            Err(self.denied(action))
        }
    }

    /// Tells whether he may do this to every data source that says nothing else, or to what is no data source.
    #[must_use]
    pub fn may_all(&self, action: Action) -> bool {
        self.may_by_role(action) && self.0.limits.allow_all(action)
    }

    fn may_by_role(&self, action: Action) -> bool {
        let everywhere = self.0.is_server_admin && action.is_above_orgs();
        everywhere || self.0.role.allows(action)
    }

    /// Makes the refusal of an action: [`Denied::Ungranted`] if his role would do and his token's limits stand in the way,
    /// else [`Denied::Forbidden`]. It says the same whichever data source is meant, and whether there is one.
    #[must_use]
    pub fn denied(&self, action: Action) -> Denied {
        if self.may_by_role(action) && !self.0.limits.allow_all(action) {
            Denied::Ungranted(action)
        } else {
            Denied::Forbidden(action)
        }
    }

    /// Tells whether he may do this to one data source.
    #[must_use]
    pub fn may(&self, action: Action, source: &Datasource) -> bool {
        let is_his = source.org == self.org() && action.is_of_source();
        if !is_his || !self.0.limits.allow(action, source.incarnation) {
            return false;
        }
        match &source.permissions {
            Some(permissions) if self.role() < Role::Admin => {
                action.level().is_some_and(|needed| self.level(permissions) >= Some(needed))
            }
            _ => self.role().allows(action),
        }
    }

    /// Proves that the caller may do this to one data source. Decides the absent case too, so that absent and forbidden
    /// cannot be told apart: both are [`Denied::Absent`] to those who may do it to any, and else as [`Caller::denied`]. A
    /// data source of another organisation is absent.
    ///
    /// # Errors
    /// [`Denied::Absent`]; [`Denied::Limited`]; as [`Caller::denied`].
    pub fn authorize(
        &self,
        action: Action,
        wanted: &Reference,
        found: Option<Arc<Datasource>>,
    ) -> Result<Granted, Denied> {
        match found.filter(|source| self.may(action, source)) {
            Some(source) => {
                self.allow_giving(action)?;
                Ok(Granted::new(source, self.clone(), action))
            }
            None if self.may_all(action) => Err(Denied::Absent(wanted.clone())),
            None => Err(self.denied(action)),
        }
    }

    fn allow_giving(&self, action: Action) -> Result<(), Denied> {
        if action.gives_rights() && self.0.limits.are_any() {
            return Err(Denied::Limited(action));
        }
        Ok(())
    }

    fn level(&self, permissions: &Permissions) -> Option<Level> {
        let viewers = (self.role() >= Role::Viewer).then_some(Assignee::Viewers);
        let editors = (self.role() >= Role::Editor).then_some(Assignee::Editors);
        let himself = self.assignee();
        let all = [viewers, editors, himself].into_iter().flatten();
        all.filter_map(|assignee| permissions.get(assignee)).max()
    }
}

#[cfg(test)]
mod tests;
