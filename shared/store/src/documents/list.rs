//! Listing documents: page by page, so that no list is ever in memory whole.

use auth::{DocumentPermit, LiveProject};
use sourcegate_core::{Document, DocumentName, OrgId};

use super::item::document_of;
use super::rights::is_of;
use crate::datasources::logged;
use crate::item::Item;
use crate::read::{Page, Partition};
use crate::table;
use crate::{Error, Store};

/// How many documents a page has at most.
const PAGE: usize = 100;

/// Which documents are listed.
#[derive(Clone, Debug, Default)]
pub struct DocumentFilter {
    /// Of one project only.
    pub project: Option<DocumentName>,
    /// Whose names begin so; folded.
    pub name: String,
}

/// A list that is being read: by project, then by name. A damaged document is left out and logged (`faults.md` D17), and so
/// is what the caller may not see.
pub struct DocumentListing {
    store: Store,
    org: OrgId,
    permit: DocumentPermit,
    filter: DocumentFilter,
    prefix: String,
    next: Next,
    /// The projects that there are, once they had to be read.
    projects: Option<Vec<LiveProject>>,
}

enum Next {
    First,
    After(Item),
    Nothing,
}

impl Store {
    /// Begins to list the documents of the permit's kind.
    #[must_use]
    pub fn documents(&self, permit: &DocumentPermit, filter: DocumentFilter) -> DocumentListing {
        let kind = permit.kind();
        let mut prefix = table::prefix_of(kind, filter.project.as_ref());
        if filter.project.is_some() || !kind.is_of_project() {
            prefix.push_str(&filter.name);
        }
        DocumentListing {
            store: self.clone(),
            org: permit.caller().org(),
            permit: permit.clone(),
            filter,
            prefix,
            next: Next::First,
            projects: None,
        }
    }
}

impl DocumentListing {
    /// Reads the next documents, maybe none; no page at all once the list is over.
    ///
    /// # Errors
    /// What the table says. The list cannot be continued then.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Document>>, Error> {
        let start = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::First => None,
            Next::After(last) => Some(last),
            Next::Nothing => return Ok(None),
        };
        let kind = self.permit.kind();
        let (table, pk) = table::home_of(kind, self.org);
        let partition = Partition { table, pk: &pk, backwards: false };
        let page = self.store.page_from(&partition, &self.prefix, PAGE, start).await?;
        let Page { items, next } = page;
        self.next = next.map_or(Next::Nothing, Next::After);
        let read = |item| logged(document_of(self.org, kind, item)).flatten();
        let mut found: Vec<_> = items.iter().filter_map(read).collect();
        found.retain(|document| {
            document.id.name.as_str().starts_with(&self.filter.name)
                && self.permit.shows(&document.id)
        });
        if kind.gives_rights() && kind.is_of_project() && !found.is_empty() {
            let projects = self.projects().await?;
            found.retain(|document| is_of(document, projects));
        }
        Ok(Some(found))
    }

    async fn projects(&mut self) -> Result<&[LiveProject], Error> {
        if self.projects.is_none() {
            self.projects = Some(match &self.filter.project {
                Some(name) => self.store.live_project(self.org, name).await?.into_iter().collect(),
                None => self.store.live_projects(self.org).await?,
            });
        }
        Ok(self.projects.as_deref().unwrap_or_default())
    }
}
