//! Who may do what with the documents of the Perses dialect (contract/perses.md 4.3, 4.4).
//!
//! Whoever may see an organisation's data sources may see its documents, in which nothing is secret; its administrators may
//! do everything. A token whose limits name permissions has those of data sources here too, and no others.

use std::sync::Arc;

use sourcegate_core::{
    Classify, DocumentKind, DocumentName, Kind, Scope, ScopedName, ScopedSource, quoted,
};

use crate::{Action, Caller, Granted, Role};

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
    /// He has the right, and his token is limited to less.
    #[error("this token's limits do not grant `{0}` here; use a token whose limits do")]
    Ungranted(Action),
    /// There is no such data source, and he may know that.
    #[error(
        "unable to forward the request to the datasource {}, datasource doesn't exist",
        quoted(&.0.name)
    )]
    Absent(ScopedName),
}

impl Classify for NotAllowed {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent(_) => Kind::NotFound,
            _ => Kind::Forbidden,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        matches!(self, Self::Ungranted(_)).then_some("token_limits")
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
        if self.role() < verb.least_role() {
            return Err(match project {
                Some(project) => NotAllowed::InProject { verb, kind, project: project.clone() },
                None => NotAllowed::Globally { verb, kind },
            });
        }
        // Rights to data sources say nothing of what authenticates them, nor of what else there is.
        let named = kind.is_source() || verb == Verb::Read;
        let limits = self.limits();
        if limits.grants.is_some() && !(named && limits.allow_all(verb.action())) {
            return Err(NotAllowed::Ungranted(verb.action()));
        }
        Ok(DocumentPermit { caller: self.clone(), verb, kind, project: project.cloned() })
    }

    /// Proves that the caller may use a data source that is not saved: who may make one there, and see its secrets.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn allow_unsaved(&self, scope: &Scope) -> Result<UnsavedPermit, NotAllowed> {
        let project = scope.project();
        let (source, secret) = match project {
            Some(_) => (DocumentKind::Datasource, DocumentKind::Secret),
            None => (DocumentKind::GlobalDatasource, DocumentKind::GlobalSecret),
        };
        self.allow_document(Verb::Create, source, project)?;
        self.allow_document(Verb::Read, secret, project)?;
        if !self.may_all(Action::Query) {
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
        let may_all = self.may_all(Action::Query);
        let may = |source: &ScopedSource| {
            self.role() >= Role::Viewer && self.limits().allow(Action::Query, source.incarnation)
        };
        match found {
            Some(source) if may(&source) => Ok(Granted::new(source, self.clone(), Action::Query)),
            None if may_all => Err(NotAllowed::Absent(wanted.clone())),
            _ if self.role() >= Role::Viewer => Err(NotAllowed::Ungranted(Action::Query)),
            _ => Err(match wanted.scope.project() {
                Some(project) => NotAllowed::InProject {
                    verb: Verb::Read,
                    kind: DocumentKind::Datasource,
                    project: project.clone(),
                },
                None => {
                    NotAllowed::Globally { verb: Verb::Read, kind: DocumentKind::GlobalDatasource }
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests;
