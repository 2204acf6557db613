//! A dashboard's own data sources: items of their own, written with it, so that a request reads one and not all.

use sourcegate_core::ScopedSource;
use sourcegate_core::{Document, DocumentKind, Incarnation, JsonText, Rev, Scope, ScopedName};

use super::item::{local_item, local_of};
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::write::Write;
use crate::{Error, Store};

/// How many data sources of its own a dashboard has at most: old and new ones fit into one transaction.
const MOST: usize = 45;

/// One data source of a dashboard's own.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalDraft {
    /// Its name, compared exactly.
    pub name: String,
    /// Its `spec`.
    pub spec: JsonText,
}

impl Store {
    /// Makes the writes that replace a dashboard's own data sources; one that keeps its name keeps its incarnation.
    pub(super) async fn local_writes(
        &self,
        dashboard: &Document,
        locals: &[LocalDraft],
    ) -> Result<Vec<Write>, Error> {
        let Some(project) = &dashboard.id.project else { return Ok(Vec::new()) };
        if dashboard.id.kind != DocumentKind::Dashboard {
            return Ok(Vec::new());
        }
        if locals.len() > MOST {
            return Err(Error::TooManyLocals { limit: MOST });
        }
        let before = self.locals_of(dashboard).await?;
        let key = |name: &str| Key::local(dashboard.org, project, &dashboard.id.name, name);
        let put = |local: &LocalDraft| {
            let known = before.iter().find(|(name, _)| *name == local.name);
            let source = ScopedSource {
                org: dashboard.org,
                id: ScopedName {
                    scope: Scope::Dashboard {
                        project: project.clone(),
                        dashboard: dashboard.id.name.clone(),
                    },
                    name: local.name.clone(),
                },
                incarnation: known.map_or_else(Incarnation::new, |(_, incarnation)| *incarnation),
                rev: Rev::new(),
                spec: local.spec.clone(),
            };
            Write::put(Table::Registry, local_item(&key(&local.name), &source))
        };
        let gone = |name: &String| !locals.iter().any(|local| local.name == *name);
        let gone = before.iter().filter(|(name, _)| gone(name));
        let gone = gone.map(|(name, _)| Write::delete(key(name)));
        Ok(locals.iter().map(put).chain(gone).collect())
    }

    /// Lists the names and incarnations of a dashboard's own data sources.
    pub(super) async fn locals_of(
        &self,
        dashboard: &Document,
    ) -> Result<Vec<(String, Incarnation)>, Error> {
        let Some(project) = &dashboard.id.project else { return Ok(Vec::new()) };
        let pk = table::documents_of(dashboard.org);
        let partition = Partition { table: Table::Registry, pk: &pk, backwards: false };
        let prefix = Key::locals_of(project, &dashboard.id.name);
        let items = self.query_from(&partition, &prefix, usize::MAX).await?;
        items.iter().map(local_of).collect()
    }
}
