//! What roles of the Perses dialect add to what callers may do, read only for those whom they can add something.

use auth::{Caller, LiveProject, Rolebook};
use sourcegate_core::{DocumentKind, DocumentName, OrgId};

use crate::datasources::logged;
use crate::documents::live_of;
use crate::item::Item;
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::{Error, Store};

/// Where somebody would do something.
#[derive(Clone, Copy, Debug)]
pub enum Realm<'a> {
    /// In the whole organisation, or with what is of no project.
    Org,
    /// In a project.
    Project(&'a DocumentName),
    /// In whichever project lets him.
    Anywhere,
}

impl<'a> Realm<'a> {
    /// Takes a project for where it is, and none for the whole organisation.
    #[must_use]
    pub fn of(project: Option<&'a DocumentName>) -> Self {
        project.map_or(Self::Org, Self::Project)
    }
}

impl Store {
    /// Adds to a caller what he holds by roles: one round trip more for users who are no administrators, none for all
    /// others.
    ///
    /// # Errors
    /// What the tables say.
    pub async fn with_roles(&self, caller: Caller, realm: Realm<'_>) -> Result<Caller, Error> {
        if !caller.may_hold_roles() {
            return Ok(caller);
        }
        let org = caller.org();
        let projects = async {
            match realm {
                Realm::Org => Ok(Vec::new()),
                Realm::Project(name) => {
                    Ok(self.live_project(org, name).await?.into_iter().collect())
                }
                Realm::Anywhere => self.live_projects(org).await,
            }
        };
        let (book, projects) =
            Box::pin(async { tokio::try_join!(self.rolebook(org), projects) }).await?;
        let held = book.held_by(&caller, &projects);
        Ok(caller.holding(held))
    }

    /// Reads all roles and bindings of an organisation: one query, and one more for each further megabyte.
    pub(crate) async fn rolebook(&self, org: OrgId) -> Result<Rolebook, Error> {
        let mut book = Rolebook::default();
        for document in self.rights_documents(org).await? {
            book.enter(document);
        }
        Ok(book)
    }

    /// Reads which project it is that is called so; none if there is none, or it is being deleted.
    pub(crate) async fn live_project(
        &self,
        org: OrgId,
        name: &DocumentName,
    ) -> Result<Option<LiveProject>, Error> {
        let item = self.get(&Key::project(org, name)).await?;
        Ok(item.map(|item| live_of(org, &item)).transpose()?.flatten())
    }

    /// Reads all projects of an organisation. A damaged one is nobody's and is logged.
    pub(crate) async fn live_projects(&self, org: OrgId) -> Result<Vec<LiveProject>, Error> {
        let pk = table::documents_of(org);
        let partition = Partition { table: Table::Registry, pk: &pk, backwards: false };
        let beginning = table::prefix_of(DocumentKind::Project, None);
        let items = self.query_from(&partition, &beginning, usize::MAX).await?;
        let read = |item: &Item| logged(live_of(org, item)).flatten();
        Ok(items.iter().filter_map(read).collect())
    }
}
