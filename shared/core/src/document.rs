//! The documents of the Perses dialect: what kinds there are, what each is named by, and what every one of them has.

mod name;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Assignee, Incarnation, JsonText, OrgId, Rev};

pub use name::{BadDocumentName, DocumentName};

/// What a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// What other documents belong to.
    Project,
    /// A data source of the whole organisation.
    GlobalDatasource,
    /// A data source of a project.
    Datasource,
    /// What authenticates data sources of the whole organisation.
    GlobalSecret,
    /// What authenticates data sources of a project.
    Secret,
    /// A dashboard, which may have data sources of its own.
    Dashboard,
    /// What may be done in the whole organisation, all its projects included.
    GlobalRole,
    /// Who may do what a global role says.
    GlobalRoleBinding,
    /// What may be done in a project.
    Role,
    /// Who may do what a role of a project says.
    RoleBinding,
}

use DocumentKind::{
    Dashboard, Datasource, GlobalDatasource, GlobalRole, GlobalRoleBinding, GlobalSecret, Project,
    Role, RoleBinding, Secret,
};

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Project,
        GlobalDatasource,
        Datasource,
        GlobalSecret,
        Secret,
        Dashboard,
        GlobalRole,
        GlobalRoleBinding,
        Role,
        RoleBinding,
    ];

    /// Reads a kind in any case, as Perses does.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }

    /// Gives Perses' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Project => "Project",
            GlobalDatasource => "GlobalDatasource",
            Datasource => "Datasource",
            GlobalSecret => "GlobalSecret",
            Secret => "Secret",
            Dashboard => "Dashboard",
            GlobalRole => "GlobalRole",
            GlobalRoleBinding => "GlobalRoleBinding",
            Role => "Role",
            RoleBinding => "RoleBinding",
        }
    }

    /// Tells whether documents of it belong to a project.
    #[must_use]
    pub fn is_of_project(self) -> bool {
        matches!(self, Datasource | Secret | Dashboard | Role | RoleBinding)
    }

    /// Tells whether it is a data source.
    #[must_use]
    pub fn is_source(self) -> bool {
        matches!(self, GlobalDatasource | Datasource)
    }

    /// Tells whether it is a secret.
    #[must_use]
    pub fn is_secret(self) -> bool {
        matches!(self, GlobalSecret | Secret)
    }

    /// Tells whether it is a role.
    #[must_use]
    pub fn is_role(self) -> bool {
        matches!(self, GlobalRole | Role)
    }

    /// Tells whether it binds somebody to a role.
    #[must_use]
    pub fn is_binding(self) -> bool {
        matches!(self, GlobalRoleBinding | RoleBinding)
    }

    /// Tells whether it says who may do what: such documents are kept apart, where others than those who write data
    /// sources may write.
    #[must_use]
    pub fn gives_rights(self) -> bool {
        self.is_role() || self.is_binding()
    }

    /// Tells whether it lies in a project or is one, so that a project's role can be about it: its end is for its owner to
    /// say.
    #[must_use]
    pub fn is_within_project(self) -> bool {
        self == Project || self.is_of_project()
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What names a document within its organisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId {
    /// What it is.
    pub kind: DocumentKind,
    /// The project that it belongs to, if its kind does.
    pub project: Option<DocumentName>,
    /// Its name.
    pub name: DocumentName,
}

impl DocumentId {
    /// Gives the project in which it is decided who may do what with it; that of a project is itself.
    #[must_use]
    pub fn realm(&self) -> Option<&DocumentName> {
        if self.kind == Project { Some(&self.name) } else { self.project.as_ref() }
    }

    /// Gives the secret that it means by a name: one of its project, or, where it is of none, of the organisation.
    #[must_use]
    pub fn secret(&self, name: DocumentName) -> Self {
        let project = self.project.clone();
        Self { kind: if project.is_some() { Secret } else { GlobalSecret }, project, name }
    }
}

/// A secret that a data source names, and where it would have it go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretUse {
    /// The secret's name, in the project of the data source, or in the organisation.
    pub name: DocumentName,
    /// The canonical text of the destination.
    pub destination: String,
}

/// What a document is tied to, so that nobody and nothing that comes later under the same name takes its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ties {
    /// The project that a role or a binding was made in: in a later one of its name it is none.
    pub project: Option<Incarnation>,
    /// Who made a project: its owner.
    pub maker: Option<Assignee>,
    /// Whom a binding names, as they were when it was saved, by their logins in lower case.
    pub subjects: BTreeMap<String, Assignee>,
    /// Which secrets may go where because of it: it was saved so by somebody who may change them.
    pub bound: BTreeSet<SecretUse>,
}

/// A document as it is stored. The values of a secret are sealed beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The organisation that it belongs to.
    pub org: OrgId,
    /// What names it.
    pub id: DocumentId,
    /// Drawn once when it was made.
    pub incarnation: Incarnation,
    /// Drawn at every write.
    pub rev: Rev,
    /// Drawn when its sealed values were last written; none if it has none.
    pub sec_rev: Option<Rev>,
    /// Perses' counter: 0 when it is made, one more at each update.
    pub version: u64,
    /// When it was made, in nanoseconds since 1970.
    pub created_ns: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub updated_ns: u64,
    /// Its tags, each once.
    pub tags: BTreeSet<String>,
    /// What its kind has it say.
    pub spec: JsonText,
    /// The kind of plugin that it is its scope's default for.
    pub default_of: Option<String>,
    /// The names of its sealed values.
    pub secret_names: BTreeSet<String>,
    /// What it is tied to.
    pub ties: Ties,
}

/// Where a data source of this dialect is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In the organisation.
    Org,
    /// In a project.
    Project(DocumentName),
    /// In a dashboard's own data sources.
    Dashboard {
        /// The dashboard's project.
        project: DocumentName,
        /// The dashboard.
        dashboard: DocumentName,
    },
}

impl Scope {
    /// Gives the project that it lies in.
    #[must_use]
    pub fn project(&self) -> Option<&DocumentName> {
        match self {
            Self::Org => None,
            Self::Project(project) | Self::Dashboard { project, .. } => Some(project),
        }
    }
}

/// What names a data source of this dialect: folded, but for a dashboard's own, whose names are compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopedName {
    /// Where it is.
    pub scope: Scope,
    /// Its name there.
    pub name: String,
}

/// A data source of this dialect, whichever document it stands in.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedSource {
    /// The organisation that it belongs to.
    pub org: OrgId,
    /// What names it.
    pub id: ScopedName,
    /// Drawn once when it was made.
    pub incarnation: Incarnation,
    /// Drawn at every write.
    pub rev: Rev,
    /// The `spec`, with the plugin in it.
    pub spec: JsonText,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perses_case_45_kinds_are_read_in_any_case() {
        assert_eq!(DocumentKind::parse("dAsHbOaRd"), Some(Dashboard));
        assert_eq!(DocumentKind::parse("Dashboards"), None);
        for kind in DocumentKind::ALL {
            assert_eq!(DocumentKind::parse(kind.as_str()), Some(kind));
        }
    }
}
