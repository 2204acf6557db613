//! Correlations with the data sources at both ends, read source by source or page by page.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use auth::{Granted, Permit};
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{Correlation, CorrelationKind, Datasource, LegacyId, OrgId, Uid};

use super::item::{self, Read};
use crate::datasources::{logged, pointer};
use crate::item::{Item, datasource_of};
use crate::read::{BATCH, is_throttled};
use crate::table::{Key, correlations_of};
use crate::{Error, Store};

/// A correlation with the data sources that it leads from and to.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it starts.
    pub source: Arc<Datasource>,
    /// Where it leads; none where that is an address, or a data source that is gone.
    pub target: Option<Arc<Datasource>>,
    /// The correlation.
    pub correlation: Correlation,
}

/// Data sources by their numbers.
type Sources = HashMap<LegacyId, Arc<Datasource>>;

/// All correlations of an organisation, page by page. A damaged item is left out and logged (`faults.md` D17).
pub struct Links<'a> {
    store: &'a Store,
    org: OrgId,
    next: Next,
}

enum Next {
    First,
    After(Item),
    Nothing,
}

impl Store {
    /// Reads the correlations that start from a data source, in the order of their making.
    ///
    /// # Errors
    /// [`Error::BadRecord`]; what the table says otherwise.
    pub async fn correlations_from(&self, granted: &Granted) -> Result<Vec<Link>, Error> {
        let source = granted.source();
        let all = self.held(source).await?.all;
        let ids = all.iter().filter_map(|one| one.target).map(|target| target.id).collect();
        let sources = self.sources(source.org, ids).await?;
        Ok(all.into_iter().filter_map(|one| linked(source, one, &sources)).collect())
    }

    /// Reads the correlations of an organisation, whoever may see them.
    #[must_use]
    pub fn correlations(&self, permit: &Permit) -> Links<'_> {
        Links { store: self, org: permit.caller().org(), next: Next::First }
    }

    /// Finds data sources by their numbers; a damaged one is left out and logged.
    pub(super) async fn sources(
        &self,
        org: OrgId,
        ids: BTreeSet<LegacyId>,
    ) -> Result<Sources, Error> {
        let keys: Vec<_> = ids.into_iter().map(|id| Key::id(org, id)).collect();
        let mut sources = Sources::new();
        for keys in keys.chunks(BATCH) {
            let mut batch = self.batch(keys).await?;
            let pointers = keys.iter().filter_map(|key| batch.take(key));
            let uids = pointers.filter_map(|item| logged(pointer(&item)));
            let uids: BTreeSet<Uid> = uids.collect();
            let keys: Vec<_> = uids.iter().map(|uid| Key::datasource(org, uid)).collect();
            if keys.is_empty() {
                continue;
            }
            let mut batch = self.batch(&keys).await?;
            let items = keys.iter().filter_map(|key| batch.take(key));
            let found = items.filter_map(|item| logged(datasource_of(org, &item)));
            sources.extend(found.map(|source| (source.id, Arc::new(source))));
        }
        Ok(sources)
    }
}

impl Links<'_> {
    /// Reads the next page; none when there are no more.
    ///
    /// # Errors
    /// What the table says.
    pub async fn next(&mut self) -> Result<Option<Vec<Link>>, Error> {
        let start = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Nothing => return Ok(None),
            Next::First => None,
            Next::After(key) => Some(key),
        };
        let (items, last) = self.page(start).await?;
        self.next = last.map_or(Next::Nothing, Next::After);
        let read: Vec<_> = items.iter().filter_map(|item| logged(item::read(item))).collect();
        let targets = |read: &Read| {
            let targets = read.all.iter().filter_map(|one| one.target).map(|target| target.id);
            targets.chain([read.source.id]).collect::<Vec<_>>()
        };
        let sources = self.store.sources(self.org, read.iter().flat_map(targets).collect()).await?;
        let mut links = Vec::new();
        for Read { source, all, .. } in read {
            // Deleted since the page was read, or never theirs.
            let found = sources.get(&source.id);
            let found = found.filter(|found| found.incarnation == source.incarnation);
            let Some(found) = found else { continue };
            links.extend(all.into_iter().filter_map(|one| linked(found, one, &sources)));
        }
        Ok(Some(links))
    }

    async fn page(&self, start: Option<Item>) -> Result<(Vec<Item>, Option<Item>), Error> {
        let tables = &self.store.0.config.tables;
        let asked = self.store.client().await.query().table_name(&tables.registry);
        let asked = asked
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(correlations_of(self.org)))
            .consistent_read(true)
            .set_exclusive_start_key(start);
        match asked.send().await {
            Ok(output) => Ok((output.items.unwrap_or_default(), output.last_evaluated_key)),
            Err(error) if is_throttled(&error) => Err(Error::Busy),
            Err(error) => Err(Error::table(error)),
        }
    }
}

/// Puts both ends to a correlation. A query of a data source that is gone leads nowhere and is nobody's to see.
fn linked(source: &Arc<Datasource>, one: Correlation, sources: &Sources) -> Option<Link> {
    let target = target_of(&one, sources).cloned();
    if one.kind == CorrelationKind::Query && target.is_none() {
        return None;
    }
    Some(Link { source: Arc::clone(source), target, correlation: one })
}

/// Finds the data source that a correlation leads to, and not another that was made later.
pub(super) fn target_of<'a>(
    one: &Correlation,
    sources: &'a Sources,
) -> Option<&'a Arc<Datasource>> {
    let target = one.target?;
    sources.get(&target.id).filter(|found| found.incarnation == target.incarnation)
}
