//! The keys of the Perses dialect's documents. Their names have no `#`; what may have one is escaped.

use sourcegate_core::{
    DocumentId, DocumentKind, DocumentName, Incarnation, OrgId, Rev, Scope, ScopedName,
};

use super::{Key, Table, escaped, sealed_of, unescaped};

/// Reads which secret's values stand under a sort key; none if it is no secret's.
pub(crate) fn secret_of(sk: &str) -> Option<DocumentId> {
    let name = |text: &str| DocumentName::parse(text).ok();
    if let Some(global) = sk.strip_prefix("GSECRET#") {
        let kind = DocumentKind::GlobalSecret;
        return Some(DocumentId { kind, project: None, name: name(global)? });
    }
    let (project, own) = sk.strip_prefix("PSECRET#")?.split_once('#')?;
    let kind = DocumentKind::Secret;
    Some(DocumentId { kind, project: Some(name(project)?), name: name(own)? })
}

/// Reads which dashboard a data source of its own belongs to; none if no such one stands under a sort key.
pub(crate) fn dashboard_of(sk: &str) -> Option<DocumentId> {
    let mut parts = sk.strip_prefix("DASHDS#")?.splitn(3, '#').map(DocumentName::parse);
    let (project, name) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some(DocumentId { kind: DocumentKind::Dashboard, project: Some(project), name })
}

/// Reads of which kind and project the defaults are that a pointer is among; none if it is no pointer to one.
pub(crate) fn default_of(sk: &str) -> Option<(DocumentKind, Option<DocumentName>)> {
    let rest = sk.strip_prefix("DEFAULT#")?;
    if rest.starts_with("GDS#") {
        return Some((DocumentKind::GlobalDatasource, None));
    }
    let (project, _) = rest.strip_prefix("PDS#")?.split_once('#')?;
    Some((DocumentKind::Datasource, Some(DocumentName::parse(project).ok()?)))
}

/// What the key says of where a secret may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoundKey {
    /// Which secret.
    pub(crate) secret: DocumentId,
    /// Where.
    pub(crate) destination: String,
    /// Because of which document; none in the older form.
    pub(crate) holder: Option<Incarnation>,
}

/// Reads it; none if a sort key says nothing of that.
pub(crate) fn bound_of(sk: &str) -> Option<BoundKey> {
    let parts: Vec<_> = sk.strip_prefix("BOUND#")?.split('#').collect();
    let name = |text: &str| DocumentName::parse(text).ok();
    let (secret, rest) = match *parts.as_slice() {
        ["GSEC", own, ref rest @ ..] => {
            let kind = DocumentKind::GlobalSecret;
            (DocumentId { kind, project: None, name: name(own)? }, rest)
        }
        ["PSEC", project, own, ref rest @ ..] => {
            let (kind, project) = (DocumentKind::Secret, Some(name(project)?));
            (DocumentId { kind, project, name: name(own)? }, rest)
        }
        _ => return None,
    };
    let (destination, holder) = match *rest {
        [destination] => (destination, None),
        [destination, holder] => (destination, Some(Incarnation::parse(holder)?)),
        _ => return None,
    };
    Some(BoundKey { secret, destination: unescaped(destination), holder })
}

/// Reads which kind of document stands under a sort key of a table; none if what stands there is no document.
pub(crate) fn kind_of(table: Table, sk: &str) -> Option<DocumentKind> {
    let (own, _) = sk.split_once('#')?;
    let mut all = DocumentKind::ALL.into_iter();
    all.find(|kind| tag(*kind) == own && table_of(*kind) == table)
}

/// Tells whether a document stands under a sort key of the registry's, or what an older version cannot tell from one: all but what
/// follows from documents.
pub(crate) fn is_document(sk: &str) -> bool {
    dashboard_of(sk).is_none() && default_of(sk).is_none() && bound_of(sk).is_none()
}

/// The partition that holds an organisation's documents, but for those that say who may do what.
pub(crate) fn documents_of(org: OrgId) -> String {
    format!("PERSES#{org}")
}

/// The partition that holds an organisation's roles and bindings: together, since decisions need both.
pub(crate) fn roles_of(org: OrgId) -> String {
    format!("ROLE#{org}")
}

/// The table that holds documents of a kind, and the partition of an organisation's.
pub(crate) fn home_of(kind: DocumentKind, org: OrgId) -> (Table, String) {
    match table_of(kind) {
        Table::Access => (Table::Access, roles_of(org)),
        other => (other, documents_of(org)),
    }
}

fn table_of(kind: DocumentKind) -> Table {
    if kind.gives_rights() { Table::Access } else { Table::Registry }
}

fn tag(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Project => "PROJECT",
        DocumentKind::GlobalDatasource => "GDS",
        DocumentKind::Datasource => "PDS",
        DocumentKind::GlobalSecret => "GSEC",
        DocumentKind::Secret => "PSEC",
        DocumentKind::Dashboard => "DASH",
        DocumentKind::GlobalRole => "GROLE",
        DocumentKind::GlobalRoleBinding => "GBINDING",
        DocumentKind::Role => "PROLE",
        DocumentKind::RoleBinding => "PBINDING",
    }
}

/// How the sort keys of the documents of a kind begin, of all or of one project's.
pub(crate) fn prefix_of(kind: DocumentKind, project: Option<&DocumentName>) -> String {
    match project {
        Some(project) => format!("{}#{project}#", tag(kind)),
        None => format!("{}#", tag(kind)),
    }
}

/// How the sort keys of everything in the registry begin that belongs to a project: beside its documents a dashboard's own
/// data sources, what is its default, and where its secrets may go.
pub(crate) fn members_of_project(project: &DocumentName) -> Vec<String> {
    let is_there = |kind: &DocumentKind| kind.is_of_project() && !kind.gives_rights();
    let documents = DocumentKind::ALL.into_iter().filter(is_there);
    let documents = documents.map(|kind| prefix_of(kind, Some(project)));
    let others = [
        format!("DASHDS#{project}#"),
        format!("DEFAULT#PDS#{project}#"),
        format!("BOUND#PSEC#{project}#"),
    ];
    others.into_iter().chain(documents).collect()
}

fn sort_key(id: &DocumentId) -> String {
    format!("{}{}", prefix_of(id.kind, id.project.as_ref()), id.name)
}

impl Key {
    pub(crate) fn document(org: OrgId, id: &DocumentId) -> Self {
        let (table, pk) = home_of(id.kind, org);
        Self { table, pk, sk: sort_key(id) }
    }

    pub(crate) fn project(org: OrgId, project: &DocumentName) -> Self {
        Self::registry(documents_of(org), format!("PROJECT#{project}"))
    }

    /// Where a data source of the Perses kind stands; none if no document can be called so.
    pub(crate) fn scoped(org: OrgId, wanted: &ScopedName) -> Option<Self> {
        let id = |kind, project: Option<&DocumentName>| {
            let name = DocumentName::parse(&wanted.name).ok()?;
            Some(Self::document(org, &DocumentId { kind, project: project.cloned(), name }))
        };
        match &wanted.scope {
            Scope::Org => id(DocumentKind::GlobalDatasource, None),
            Scope::Project(project) => id(DocumentKind::Datasource, Some(project)),
            Scope::Dashboard { project, dashboard } => {
                Some(Self::local(org, project, dashboard, &wanted.name))
            }
        }
    }

    /// A dashboard's own data source.
    pub(crate) fn local(
        org: OrgId,
        project: &DocumentName,
        dashboard: &DocumentName,
        name: &str,
    ) -> Self {
        let sk = format!("{}{}", Self::locals_of(project, dashboard), escaped(name));
        Self::registry(documents_of(org), sk)
    }

    /// How the sort keys of a dashboard's own data sources begin.
    pub(crate) fn locals_of(project: &DocumentName, dashboard: &DocumentName) -> String {
        format!("DASHDS#{project}#{dashboard}#")
    }

    /// Which data source of a scope is the default of a kind of plugin.
    pub(crate) fn default_document(org: OrgId, id: &DocumentId, plugin: &str) -> Self {
        let scope = prefix_of(id.kind, id.project.as_ref());
        Self::registry(documents_of(org), format!("DEFAULT#{scope}{}", escaped(plugin)))
    }

    /// Says that a secret may go to a destination because of a document.
    pub(crate) fn bound(
        org: OrgId,
        secret: &DocumentId,
        destination: &str,
        holder: Incarnation,
    ) -> Self {
        let sk = format!("{}{holder}", Self::bounds_to(secret, destination));
        Self::registry(documents_of(org), sk)
    }

    /// The same as it was written before it was known because of which document: it stays as long as the secret does.
    pub(crate) fn unheld_bound(org: OrgId, secret: &DocumentId, destination: &str) -> Self {
        let sk = format!("{}{}", Self::bounds_of(secret), escaped(destination));
        Self::registry(documents_of(org), sk)
    }

    /// How the sort keys begin that say that a secret may go to a destination.
    pub(crate) fn bounds_to(secret: &DocumentId, destination: &str) -> String {
        format!("{}{}#", Self::bounds_of(secret), escaped(destination))
    }

    /// How the sort keys of a secret's destinations begin.
    pub(crate) fn bounds_of(secret: &DocumentId) -> String {
        format!("BOUND#{}#", sort_key(secret))
    }

    /// The sealed values of a secret.
    pub(crate) fn sealed_document(org: OrgId, id: &DocumentId) -> Self {
        let sk = match &id.project {
            Some(project) => format!("PSECRET#{project}#{}", id.name),
            None => format!("GSECRET#{}", id.name),
        };
        Self::registry(sealed_of(org), sk)
    }

    /// The upstream token that was got with a secret as it is, and who asks for one.
    pub(crate) fn upstream_token(org: OrgId, secret: Rev) -> Self {
        Self::scratch(format!("BEARER#{org}#{secret}"), "-")
    }

    /// One of the slots for connections to a database.
    pub(crate) fn slot(org: OrgId, source: Incarnation, number: u32) -> Self {
        Self::scratch(slots_of(org, source), number.to_string())
    }

    /// How the sort keys of the sealed values of a project's secrets begin.
    pub(crate) fn sealed_of_project(project: &DocumentName) -> String {
        format!("PSECRET#{project}#")
    }
}

/// Where the slots for connections to a database are.
pub(crate) fn slots_of(org: OrgId, source: Incarnation) -> String {
    format!("SLOT#{org}#{source}")
}
