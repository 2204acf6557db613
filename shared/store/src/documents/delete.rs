//! Removing documents; a project with all that belongs to it.

use auth::{DocumentPermit, Verb};
use sourcegate_core::{Document, DocumentId, DocumentKind, OrgId, Rev};

use super::bounds::bounds;
use super::item::DELETING;
use crate::item::{Item, Record, text};
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// How often a document is deleted again that somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

impl Store {
    /// Removes a document. A project goes with everything in it; where that was cut short, removing it again goes on.
    ///
    /// # Errors
    /// [`Error::NoDocument`] if there is none.
    pub async fn delete_document(
        &self,
        permit: &DocumentPermit,
        id: &DocumentId,
    ) -> Result<(), Error> {
        debug_assert_eq!((permit.verb(), permit.kind()), (Verb::Delete, id.kind));
        let org = permit.caller().org();
        if id.kind == DocumentKind::Project {
            return self.delete_project(org, id).await;
        }
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let found = self.document(org, id).await?;
            let document = found.ok_or_else(|| Error::NoDocument(id.clone()))?;
            if id.kind.is_secret() {
                // Where it might go is of no use to another secret of its name.
                self.remove_all(&table::documents_of(org), &Key::bounds_of(id)).await?;
            }
            if self.try_delete(&document).await? {
                return Ok(());
            }
        }
        Err(Error::Busy)
    }

    /// Tries once; false if somebody else was faster.
    async fn try_delete(&self, document: &Document) -> Result<bool, Error> {
        let Document { org, id, .. } = document;
        let unchanged = Condition::Equals("rev", text(document.rev));
        let mut writes = vec![Write::delete(Key::document(*org, id)).only_if(unchanged)];
        if let Some(plugin) = &document.default_of {
            let ours = Condition::AbsentOrEquals("name", text(&id.name));
            let pointer = Key::default_document(*org, id, plugin);
            writes.push(Write::delete(pointer).only_if(ours));
        }
        if id.kind.is_secret() {
            writes.push(Write::delete(Key::sealed_document(*org, id)));
        }
        if let (DocumentKind::Dashboard, Some(project)) = (id.kind, &id.project) {
            for (name, _) in self.locals_of(document).await? {
                writes.push(Write::delete(Key::local(*org, project, &id.name, &name)));
            }
        }
        writes.extend(bounds(document).map(|(_, key)| Write::delete(key)));
        Ok(matches!(self.transact(&writes).await?, Outcome::Written))
    }

    /// First nothing more can be made in it, then its contents go, then it goes itself.
    async fn delete_project(&self, org: OrgId, id: &DocumentId) -> Result<(), Error> {
        self.close_project(org, id).await?;
        let sealed = Key::sealed_of_project(&id.name);
        self.remove_all(&table::sealed_of(org), &sealed).await?;
        for prefix in table::members_of_project(&id.name) {
            self.remove_all(&table::documents_of(org), &prefix).await?;
        }
        self.remove(&Key::project(org, &id.name)).await
    }

    /// Marks a project as being deleted, so that every write in it fails from now on.
    async fn close_project(&self, org: OrgId, id: &DocumentId) -> Result<(), Error> {
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let key = Key::project(org, &id.name);
            let item = self.get(&key).await?.ok_or_else(|| Error::NoDocument(id.clone()))?;
            if Record(&item).text("state")? == DELETING {
                return Ok(());
            }
            if matches!(self.transact(&[closed(item)?]).await?, Outcome::Written) {
                return Ok(());
            }
        }
        Err(Error::Busy)
    }

    /// Removes every item of a partition whose sort key begins so.
    async fn remove_all(&self, pk: &str, prefix: &str) -> Result<(), Error> {
        let partition = Partition { table: Table::Registry, pk, backwards: false };
        loop {
            let page = self.page_from(&partition, prefix, 100, None).await?;
            for item in &page.items {
                let Some(key) = Key::of(Table::Registry, item) else { continue };
                self.remove(&key).await?;
            }
            if page.next.is_none() {
                tracing::debug!(prefix, "swept");
                return Ok(());
            }
        }
    }
}

/// A project with nothing changed but that it is being deleted, if it is as it was read.
fn closed(mut item: Item) -> Result<Write, Error> {
    let unchanged = Condition::Equals("rev", text(Record(&item).text("rev")?));
    item.insert("state".to_owned(), text(DELETING));
    item.insert("rev".to_owned(), text(Rev::new()));
    Ok(Write::put(Table::Registry, item).only_if(unchanged))
}
