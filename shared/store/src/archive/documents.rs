//! Documents of the Perses dialect on their way into an archive with their secrets opened, and back.

use std::collections::BTreeSet;
use std::sync::Arc;

use auth::LiveProject;
use sourcegate_core::{
    Assignee, Document, DocumentId, DocumentKind, DocumentName, OrgId, SecretUse, Secrets,
};

use super::{Conflicts, Restored};
use crate::documents::{DocumentDraft, document_of, is_of};
use crate::read::Partition;
use crate::table;
use crate::{Admin, Error, Vault};

/// Every kind, each after those that it may name.
const ORDER: [DocumentKind; 10] = [
    DocumentKind::Project,
    DocumentKind::GlobalSecret,
    DocumentKind::Secret,
    DocumentKind::GlobalDatasource,
    DocumentKind::Datasource,
    DocumentKind::Dashboard,
    DocumentKind::GlobalRole,
    DocumentKind::Role,
    DocumentKind::GlobalRoleBinding,
    DocumentKind::RoleBinding,
];

/// A document as an archive has it.
#[derive(Clone, Debug)]
pub struct ArchivedDocument {
    /// The organisation that it goes to.
    pub org: OrgId,
    /// All that it says, with its values.
    pub draft: DocumentDraft,
    /// Who owns a project, if it is made.
    pub maker: Option<Assignee>,
    /// Which secrets it may bind, and to where. It binds those of them that its data sources name.
    pub bound: BTreeSet<SecretUse>,
}

impl Admin {
    /// Reads all documents of an organisation, each after those that it may name. What is of a project that is gone, or is being
    /// deleted, is not among them.
    ///
    /// # Errors
    /// [`Error::BadRecord`] at the first damaged one: an archive that silently lacks one is no archive.
    pub async fn documents(&self, org: OrgId) -> Result<Vec<Document>, Error> {
        let mut all = Vec::new();
        let mut projects: Vec<LiveProject> = Vec::new();
        for kind in ORDER {
            let (table, pk) = table::home_of(kind, org);
            let partition = Partition { table, pk: &pk, backwards: false };
            let prefix = table::prefix_of(kind, None);
            for item in &self.store().query_from(&partition, &prefix, usize::MAX).await? {
                let Some(document) = document_of(org, kind, item)? else { continue };
                if kind == DocumentKind::Project {
                    projects.push(LiveProject {
                        name: document.id.name.clone(),
                        incarnation: document.incarnation,
                        maker: document.ties.maker,
                    });
                }
                let lives =
                    |project: &DocumentName| projects.iter().any(|live| live.name == *project);
                if is_of(&document, &projects) && document.id.project.as_ref().is_none_or(lives) {
                    all.push(document);
                }
            }
        }
        Ok(all)
    }

    /// Opens all values of a secret, and gives them with the secret that they are of; none if it was deleted since.
    ///
    /// # Errors
    /// [`Error::DoesNotOpen`] naming one; what keys and table say.
    pub async fn opened_document(
        &self,
        vault: &Vault,
        secret: &Document,
    ) -> Result<Option<(Arc<Document>, Secrets)>, Error> {
        let Some(secret) = self.store().located_secret(secret.org, &secret.id, None).await? else {
            return Ok(None);
        };
        let names: BTreeSet<_> = secret.document.secret_names.iter().map(String::as_str).collect();
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            let damaged = || Error::DoesNotOpen(name.to_owned());
            let sealed = secret.sealed.as_deref().ok_or_else(damaged)?;
            let number = sealed.key_number(name).ok_or_else(damaged)?;
            let key = self.store().key(secret.document.org, number).await?;
            let one = std::iter::once(name);
            let opened = vault.open_secret(&secret, sealed, &key, one).await?;
            all.extend(opened.iter().map(|(name, text)| (name.to_owned(), text.clone())));
        }
        Ok(Some((secret.document, all.into_iter().collect())))
    }

    /// Tells whether a document of an archive is there already.
    ///
    /// # Errors
    /// What the table says.
    pub async fn has_document(&self, org: OrgId, id: &DocumentId) -> Result<bool, Error> {
        Ok(self.store().document(org, id).await?.is_some())
    }

    /// Tells who owns a project; none if nobody does, or if it is not there.
    ///
    /// # Errors
    /// What the table says.
    pub async fn owner(&self, org: OrgId, project: &DocumentId) -> Result<Option<Assignee>, Error> {
        let project = self.store().document(org, project).await?;
        Ok(project.and_then(|project| project.ties.maker))
    }

    /// Writes a document of an archive, its values sealed to the keys of its organisation here. Of the secrets that it names,
    /// those are bound to where it leads that the archive says.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::NoKey`]; what the table says.
    pub async fn restore_document(
        &self,
        wanted: &ArchivedDocument,
        conflicts: Conflicts,
    ) -> Result<Restored, Error> {
        let (store, draft) = (self.store(), &wanted.draft);
        let there = self.has_document(wanted.org, &draft.id).await?;
        let done = match (there, conflicts) {
            (false, _) => store.made_by_operator(wanted).await.map(|_| Restored::Created),
            (true, Conflicts::Kept) => {
                return Ok(Restored::Kept("it is there already".to_owned()));
            }
            (true, Conflicts::Replaced) => {
                store.changed_by_operator(wanted).await.map(|_| Restored::Replaced)
            }
        };
        match done {
            // What is there, or is not, stands in the way of this one and of no other.
            Err(
                error @ (Error::NoProject(_)
                | Error::NoSubject(_)
                | Error::DefaultTaken { .. }
                | Error::OtherRole
                | Error::DocumentTaken(_)
                | Error::TooManyChanges { .. }),
            ) => Ok(Restored::Refused(error.to_string())),
            other => other,
        }
    }
}
