//! Listing: page by page, so that no list is ever in memory whole.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use auth::Permit;
use sourcegate_core::{Datasource, LegacyId, OrgId, Reference, SourceName, Uid};

use super::{Stored, default_of, logged, pointer};
use crate::item::{Item, Record, datasource_of};
use crate::read::{BATCH, Page, Partition};
use crate::table::{self, Key, Table};
use crate::{Error, Store};

/// How many names are read at once, for a few batches of data sources.
const NAMES: usize = 5 * BATCH;

/// A list that is being read: an organisation's data sources in the order of their names without regard to case.
///
/// Its pages are no snapshot. What is there all the time and keeps its name is listed exactly once, whatever else is made,
/// changed and deleted meanwhile. A damaged one is left out and logged; the list goes on (`faults.md` D17).
pub struct Listing {
    store: Store,
    names: Names,
    default: Option<LegacyId>,
    /// Names whose data sources were not read yet.
    ahead: VecDeque<Pointer>,
    /// Who is renamed meanwhile is met twice.
    seen: HashSet<LegacyId>,
    /// How many more names are followed.
    left: usize,
    is_cut: bool,
}

struct Pointer {
    name: SourceName,
    uid: Uid,
}

impl Store {
    /// Begins to list an organisation's data sources: the first `limit` of them, whoever may see them.
    ///
    /// # Errors
    /// What the table says.
    pub async fn list(&self, permit: &Permit, limit: usize) -> Result<Listing, Error> {
        let org = permit.caller().org();
        let default = self.get(&Key::default_source(org)).await?;
        Ok(Listing {
            store: self.clone(),
            names: Names::of(org),
            default: default.and_then(|item| logged(default_of(&item))),
            ahead: VecDeque::new(),
            seen: HashSet::new(),
            left: limit,
            is_cut: false,
        })
    }

    /// Reads the names of an organisation's data sources, and nothing else of them.
    ///
    /// # Errors
    /// What the table says.
    pub async fn names(&self, permit: &Permit) -> Result<Vec<SourceName>, Error> {
        let mut names = Names::of(permit.caller().org());
        let mut all = Vec::new();
        while let Some(items) = names.next(self, usize::MAX).await? {
            all.extend(items.iter().filter_map(|item| logged(name(item))));
        }
        Ok(all)
    }
}

impl Listing {
    /// Reads the next data sources, at most a hundred and maybe none; no page at all once the list is over.
    ///
    /// # Errors
    /// What the table says. The list cannot be continued then.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Stored>>, Error> {
        self.look_ahead().await?;
        if self.ahead.is_empty() {
            return Ok(None);
        }
        let pointers: Vec<_> = self.ahead.drain(..BATCH.min(self.ahead.len())).collect();
        let (store, org) = (&self.store, self.names.org);
        let mut keys: Vec<_> = pointers.iter().map(|one| Key::datasource(org, &one.uid)).collect();
        // A batch takes no key twice.
        let mut once = HashSet::new();
        keys.retain(|key| once.insert(key.clone()));
        let mut batch = store.batch(&keys).await?;
        let mut page = Vec::with_capacity(pointers.len());
        for Pointer { name, uid } in pointers {
            let item = batch.take(&Key::datasource(org, &uid));
            let damaged = item.is_some();
            let source = item.and_then(|item| logged(datasource_of(org, &item)));
            let named = Reference::Name(name);
            let is_meant = source.as_ref().map_or(damaged, |source| named.names(source));
            // What was renamed stays in its old place.
            page.extend(source.map(Arc::new));
            if !is_meant {
                // Deleted, renamed, or under another uid since its name was read.
                let found = logged_damage(store.find(org, &named).await)?;
                page.extend(found.map(|stored| stored.source));
            }
        }
        page.retain(|source| self.seen.insert(source.id));
        let is_default = |id| self.default == Some(id);
        let stored = |source: Arc<Datasource>| Stored { is_default: is_default(source.id), source };
        Ok(Some(page.into_iter().map(stored).collect()))
    }

    /// Tells whether there is nothing more to come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ahead.is_empty() && self.names.is_over()
    }

    /// Tells whether there are more data sources than were asked for; known when the list is over.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    async fn look_ahead(&mut self) -> Result<(), Error> {
        while self.ahead.len() < BATCH {
            // One more than is followed tells whether the list is cut.
            let limit = NAMES.min(self.left.saturating_add(1));
            let Some(mut items) = self.names.next(&self.store, limit).await? else { break };
            if items.len() > self.left {
                items.truncate(self.left);
                self.is_cut = true;
                self.names.next = Next::Nothing;
            }
            self.left -= items.len();
            self.ahead.extend(items.iter().filter_map(|item| {
                logged(name(item).and_then(|name| Ok(Pointer { name, uid: pointer(item)? })))
            }));
        }
        Ok(())
    }
}

/// How far an organisation's names were read.
struct Names {
    org: OrgId,
    next: Next,
}

enum Next {
    First,
    After(Item),
    Nothing,
}

impl Names {
    fn of(org: OrgId) -> Self {
        Self { org, next: Next::First }
    }

    fn is_over(&self) -> bool {
        matches!(self.next, Next::Nothing)
    }

    /// Reads on; none once there is nothing more.
    async fn next(&mut self, store: &Store, limit: usize) -> Result<Option<Vec<Item>>, Error> {
        let start = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::First => None,
            Next::After(last) => Some(last),
            Next::Nothing => return Ok(None),
        };
        let names = table::names_of(self.org);
        let partition = Partition { table: Table::Registry, pk: &names, backwards: false };
        let Page { items, next } = store.page(&partition, limit, start).await?;
        self.next = next.map_or(Next::Nothing, Next::After);
        Ok(Some(items))
    }
}

/// Reads the name that a pointer stands under.
pub(crate) fn name(item: &Item) -> Result<SourceName, Error> {
    let record = Record(item);
    let (_, name) = record.text("sk")?.split_once('#').ok_or_else(|| record.bad("sk"))?;
    SourceName::parse(name).map_err(|_| record.bad("sk"))
}

/// Takes a damaged data source for none; what the table says stays an error.
fn logged_damage(found: Result<Option<Stored>, Error>) -> Result<Option<Stored>, Error> {
    match found {
        Err(Error::BadRecord { .. }) => Ok(logged(found).flatten()),
        found => found,
    }
}
