//! Who may do what with the documents of the Perses dialect (contract/perses.md 4.3, 4.4).
//!
//! Whoever may see an organisation's data sources may see its documents, in which nothing is secret; its administrators may
//! do everything; roles of the dialect add to that. A token whose limits name permissions has those of data sources here
//! too, and no others.

use std::sync::Arc;

use sourcegate_core::{
    Classify, DocumentId, DocumentKind, DocumentName, Kind, RoleAction, RoleScope, Scope,
    ScopedName, ScopedSource, quoted,
};

use crate::{Action, Caller, Denied, Granted, Permit, Role};

/// What is done to a document, in Perses' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// See it; of a data source, send requests through it too.
    Read,
    /// Make one.
    Create,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
}

impl Verb {
    /// Gives Perses' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Gives what a limited token must be granted for it.
    fn action(self) -> Action {
        match self {
            Self::Read => Action::Read,
            Self::Create => Action::Create,
            Self::Update => Action::Write,
            Self::Delete => Action::Delete,
        }
    }

    fn least_role(self) -> Role {
        if self == Self::Read { Role::Viewer } else { Role::Admin }
    }
}

/// Says why a caller may not do something to a document, in Perses' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// He lacks the right in the whole organisation.
    #[error("missing '{}' global permission for '{kind}' kind", verb.as_str())]
    Globally {
        /// What he would do.
        verb: Verb,
        /// To what.
        kind: DocumentKind,
    },
    /// He lacks the right in a project.
    #[error("missing '{}' permission in '{project}' project for '{kind}' kind", verb.as_str())]
    InProject {
        /// What he would do.
        verb: Verb,
        /// To what.
        kind: DocumentKind,
        /// Where.
        project: DocumentName,
    },
    /// He lacks the right to do this to users.
    #[error("missing '{}' global permission for 'User' kind", .0.as_str())]
    Users(Verb),
    /// Others would have by a role what he does not hold himself.
    #[error(
        "this would give {} for '{}' kind, which its author does not hold himself; leave it out, or let somebody do it who holds it",
        right(*action, project.as_ref()),
        scope.as_str()
    )]
    Beyond {
        /// What they could do.
        action: RoleAction,
        /// To what.
        scope: RoleScope,
        /// Where; none is the whole organisation.
        project: Option<DocumentName>,
    },
    /// What others would have by a role cannot be known, and he does not hold everything.
    #[error(
        "the role is not there, so that it may come to give what the binding's author does not hold himself; make the role first"
    )]
    UnknownRole,
    /// He has the right, and his token is limited to less.
    #[error("this token's limits do not grant `{0}` here; use a token whose limits do")]
    Ungranted(Action),
    /// His token is limited, so that it may give nobody rights.
    #[error("a {0} is not for limited tokens; use one without limits, or a user's password")]
    Limited(DocumentKind),
    /// There is no such data source, and he may know that.
    #[error(
        "unable to forward the request to the datasource {}, datasource doesn't exist",
        quoted(&.0.name)
    )]
    Absent(ScopedName),
}

fn right(action: RoleAction, project: Option<&DocumentName>) -> String {
    let action = action.as_str();
    match project {
        Some(project) => format!("'{action}' permission in '{project}' project"),
        None => format!("'{action}' global permission"),
    }
}

impl Classify for NotAllowed {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent(_) => Kind::NotFound,
            _ => Kind::Forbidden,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Ungranted(_) | Self::Limited(_) => Some("token_limits"),
            Self::Beyond { .. } | Self::UnknownRole => Some("beyond_own_rights"),
            _ => None,
        }
    }
}

/// The proof that a caller may do something to the documents of a kind, in a project or in none.
#[derive(Clone, Debug)]
pub struct DocumentPermit {
    caller: Caller,
    verb: Verb,
    kind: DocumentKind,
    project: Option<DocumentName>,
}

impl DocumentPermit {
    /// Gives the caller.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Gives what is allowed.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// Gives the kind that it is allowed for.
    #[must_use]
    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// Gives the project that it is allowed in; none is the whole organisation.
    #[must_use]
    pub fn project(&self) -> Option<&DocumentName> {
        self.project.as_ref()
    }

    /// Tells whether a document that a list finds is for the caller to see.
    #[must_use]
    pub fn shows(&self, id: &DocumentId) -> bool {
        let realm = id.realm().or(self.project.as_ref());
        self.caller.allow_document(Verb::Read, id.kind, realm).is_ok()
    }
}

/// The proof that a caller may see, make, change or remove users.
#[derive(Clone, Debug)]
pub struct UsersPermit {
    permits: Vec<Permit>,
}

impl UsersPermit {
    /// Gives the proofs of the actions that it is made of; none for who only sees users.
    #[must_use]
    pub fn permits(&self) -> &[Permit] {
        &self.permits
    }
}

/// The proof that a caller may use a data source that is not saved.
#[derive(Clone, Debug)]
pub struct UnsavedPermit {
    caller: Caller,
}

impl UnsavedPermit {
    /// Grants the use of what is in no table. It is of the caller's organisation, whatever it says.
    #[must_use]
    pub fn grant(&self, source: ScopedSource) -> Granted<ScopedSource> {
        let source = ScopedSource { org: self.caller.org(), ..source };
        Granted::new(Arc::new(source), self.caller.clone(), Action::Query)
    }

    /// Gives the caller.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl Caller {
    /// Proves that the caller may do this to the documents of a kind in a project, or, without one, in the organisation.
    ///
    /// # Errors
    /// [`NotAllowed`]. It says the same whether there is such a document, or such a project.
    pub fn allow_document(
        &self,
        verb: Verb,
        kind: DocumentKind,
        project: Option<&DocumentName>,
    ) -> Result<DocumentPermit, NotAllowed> {
        if self.role() < verb.least_role() && !self.held().allows(verb, kind, project) {
            return Err(match project {
                Some(project) => NotAllowed::InProject { verb, kind, project: project.clone() },
                None => NotAllowed::Globally { verb, kind },
            });
        }
        self.check_limits(verb, kind)?;
        Ok(DocumentPermit { caller: self.clone(), verb, kind, project: project.cloned() })
    }

    /// Tells a token's limits from what its owner may do.
    fn check_limits(&self, verb: Verb, kind: DocumentKind) -> Result<(), NotAllowed> {
        let limits = self.limits();
        if kind.gives_rights() && verb != Verb::Read && limits.are_any() {
            return Err(NotAllowed::Limited(kind));
        }
        // Rights to data sources say nothing of what authenticates them, nor of what else there is.
        let named = kind.is_source() || verb == Verb::Read;
        if limits.grants.is_some() && !(named && limits.allow_all(verb.action())) {
            return Err(NotAllowed::Ungranted(verb.action()));
        }
        Ok(())
    }

    /// Decides whether it is worth while to look in which project he would do it, where his request names none: he may do it
    /// somewhere.
    ///
    /// # Errors
    /// As [`Caller::allow_document`].
    pub fn may_somewhere(&self, verb: Verb, kind: DocumentKind) -> Result<(), NotAllowed> {
        if self.role() < verb.least_role() && self.held().allows_somewhere(verb, kind) {
            return self.check_limits(verb, kind);
        }
        self.allow_document(verb, kind, None).map(drop)
    }

    /// Proves that he may list the documents of a kind over all projects: he sees those that [`DocumentPermit::shows`], which
    /// may be none.
    ///
    /// # Errors
    /// [`NotAllowed`] where they are of no project, or a token's limits stand in the way.
    pub fn list_documents(&self, kind: DocumentKind) -> Result<DocumentPermit, NotAllowed> {
        let verb = Verb::Read;
        if !kind.is_within_project() {
            return self.allow_document(verb, kind, None);
        }
        self.check_limits(verb, kind)?;
        Ok(DocumentPermit { caller: self.clone(), verb, kind, project: None })
    }

    /// Proves that he may see the users of his organisation, or make, change or remove users: these are the whole server's,
    /// so that no role of an organisation gives it.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn allow_users(&self, verb: Verb) -> Result<UsersPermit, NotAllowed> {
        let actions = match verb {
            Verb::Read if self.held().shows_users() => &[][..],
            Verb::Read => &[Action::ReadMembers],
            Verb::Create => &[Action::CreateUsers],
            Verb::Update => &[Action::WriteUsers, Action::WritePasswords],
            Verb::Delete => &[Action::DeleteUsers],
        };
        let permits = actions.iter().map(|action| self.allow(*action)).collect::<Result<_, _>>();
        let permits = permits.map_err(|denied| match denied {
            Denied::Ungranted(action) | Denied::Limited(action) => NotAllowed::Ungranted(action),
            _ => NotAllowed::Users(verb),
        })?;
        Ok(UsersPermit { permits })
    }

    /// Decides whether he may have a data source name a secret: who may see the secrets there. It is used in ways of his own
    /// then (contract/perses.md 3.4, 4.4).
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn check_naming(&self, project: Option<&DocumentName>) -> Result<(), NotAllowed> {
        let secret = match project {
            Some(_) => DocumentKind::Secret,
            None => DocumentKind::GlobalSecret,
        };
        self.allow_document(Verb::Read, secret, project).map(drop)
    }

    /// Proves that the caller may use a data source that is not saved: who may make one there. For one that names a secret
    /// [`Caller::check_naming`] decides too.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn allow_unsaved(&self, scope: &Scope) -> Result<UnsavedPermit, NotAllowed> {
        let project = scope.project();
        let source = match project {
            Some(_) => DocumentKind::Datasource,
            None => DocumentKind::GlobalDatasource,
        };
        self.allow_document(Verb::Create, source, project)?;
        if !self.limits().allow_all(Action::Query) {
            return Err(NotAllowed::Ungranted(Action::Query));
        }
        Ok(UnsavedPermit { caller: self.clone() })
    }

    /// Proves that the caller may send requests through one data source. Decides the absent case too.
    ///
    /// # Errors
    /// [`NotAllowed::Absent`] to those who may use any; what he lacks to the others.
    pub fn authorize_scoped(
        &self,
        wanted: &ScopedName,
        found: Option<Arc<ScopedSource>>,
    ) -> Result<Granted<ScopedSource>, NotAllowed> {
        let found = found.filter(|source| source.org == self.org());
        let (verb, project) = (Verb::Read, wanted.scope.project());
        let kind = match project {
            Some(_) => DocumentKind::Datasource,
            None => DocumentKind::GlobalDatasource,
        };
        let is_his = self.role() >= Role::Viewer || self.held().allows(verb, kind, project);
        let limits = self.limits();
        match found {
            _ if !is_his => Err(match project {
                Some(project) => NotAllowed::InProject { verb, kind, project: project.clone() },
                None => NotAllowed::Globally { verb, kind },
            }),
            Some(source) if limits.allow(Action::Query, source.incarnation) => {
                Ok(Granted::new(source, self.clone(), Action::Query))
            }
            None if limits.allow_all(Action::Query) => Err(NotAllowed::Absent(wanted.clone())),
            _ => Err(NotAllowed::Ungranted(Action::Query)),
        }
    }
}

#[cfg(test)]
mod tests;
