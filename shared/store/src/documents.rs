//! The documents of the Perses dialect: found, made, changed and removed, each in one transaction conditional on `rev`.

mod bounds;
mod delete;
#[cfg(test)]
mod fixture;
mod item;
mod list;
mod local;
mod rights;
mod save;
mod secrets;
mod ties;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sourcegate_core::{Document, DocumentId, DocumentName, OrgId};

use crate::table::Key;
use crate::{Error, Store};

#[cfg(test)]
pub(crate) use fixture::document;
#[cfg(test)]
pub(crate) use item::local_item;
pub(crate) use item::{document_item, document_of, is_open, live_of, local_of, scoped_of};
pub use list::{DocumentFilter, DocumentListing};
pub use local::LocalDraft;
pub(crate) use rights::is_of;
pub use save::DocumentDraft;
pub use secrets::Values;

impl Store {
    /// Finds a document.
    ///
    /// # Errors
    /// [`Error::BadRecord`] if it is damaged; what the table says otherwise.
    pub async fn document(
        &self,
        org: OrgId,
        id: &DocumentId,
    ) -> Result<Option<Arc<Document>>, Error> {
        let own = Key::document(org, id);
        let of_project = id.project.as_ref().filter(|_| id.kind.gives_rights());
        let Some(project) = of_project else {
            let Some(item) = self.get(&own).await? else { return Ok(None) };
            return Ok(item::document_of(org, id.kind, &item)?.map(Arc::new));
        };
        let project = Key::project(org, project);
        let mut batch = self.batch(&[own.clone(), project.clone()]).await?;
        let Some(item) = batch.take(&own) else { return Ok(None) };
        let live = batch.take(&project).map(|item| item::live_of(org, &item)).transpose()?;
        let found = item::document_of(org, id.kind, &item)?;
        Ok(found.filter(|found| rights::is_of(found, live.flatten().as_slice())).map(Arc::new))
    }

    /// Tells whether there is a project, which is not being deleted.
    ///
    /// # Errors
    /// What the table says.
    pub async fn has_project(&self, org: OrgId, project: &DocumentName) -> Result<bool, Error> {
        let found = self.get(&Key::project(org, project)).await?;
        Ok(found.as_ref().is_some_and(item::is_open))
    }
}

/// Tells the time as documents carry it, in nanoseconds since 1970.
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
