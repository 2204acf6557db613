//! Listing documents: page by page, so that no list is ever in memory whole.

use auth::DocumentPermit;
use sourcegate_core::{Document, DocumentKind, DocumentName, OrgId};

use super::item::document_of;
use crate::datasources::logged;
use crate::item::Item;
use crate::read::{Page, Partition};
use crate::table::{self, Table};
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

/// A list that is being read: by project, then by name. A damaged document is left out and logged (`faults.md` D17).
pub struct DocumentListing {
    store: Store,
    org: OrgId,
    kind: DocumentKind,
    name: String,
    prefix: String,
    next: Next,
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
        let DocumentFilter { project, name } = filter;
        let kind = permit.kind();
        let mut prefix = table::prefix_of(kind, project.as_ref());
        if project.is_some() || !kind.is_of_project() {
            prefix.push_str(&name);
        }
        let org = permit.caller().org();
        DocumentListing { store: self.clone(), org, kind, name, prefix, next: Next::First }
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
        let pk = table::documents_of(self.org);
        let partition = Partition { table: Table::Registry, pk: &pk, backwards: false };
        let page = self.store.page_from(&partition, &self.prefix, PAGE, start).await?;
        let Page { items, next } = page;
        self.next = next.map_or(Next::Nothing, Next::After);
        let read = |item| logged(document_of(self.org, self.kind, item)).flatten();
        let mut found: Vec<_> = items.iter().filter_map(read).collect();
        found.retain(|document| document.id.name.as_str().starts_with(&self.name));
        Ok(Some(found))
    }
}
