//! Correlations: read with the data sources that they lead from and to, and edited.
//!
//! All that start from one data source are one item under its incarnation. They are written only while it is there and
//! deleted in one transaction with it, so that none is ever left behind.

mod edit;
mod item;
mod links;

use auth::Granted;
use sourcegate_core::{Correlation, CorrelationKind, Datasource, Reference, Rev};

use crate::item::{Record, check_size, text};
use crate::table::{Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

pub use edit::{Edit, Patch};
pub use links::{Link, Links};

/// How often an edit is made again on what somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

/// How many correlations may start from one data source.
const MOST_CORRELATIONS: usize = 100;

/// The correlations of a data source as they were read; without a revision if there never were any.
struct Held {
    rev: Option<Rev>,
    all: Vec<Correlation>,
}

impl Store {
    /// Edits the correlations that start from a data source. Gives the one that was added, changed or removed.
    ///
    /// # Errors
    /// [`Error::ReadOnly`]; [`Error::NoCorrelation`], [`Error::NoTarget`], [`Error::TooMany`], [`Error::TooLarge`];
    /// [`Error::Gone`] if the data source was deleted meanwhile.
    pub async fn edit_correlations(
        &self,
        granted: &Granted,
        edit: &Edit,
    ) -> Result<Correlation, Error> {
        let source = granted.source();
        if source.read_only {
            return Err(Error::ReadOnly(source.uid.clone()));
        }
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            if let Some(edited) = self.try_edit(source, edit).await? {
                return Ok(edited);
            }
        }
        Err(Error::Busy)
    }

    /// Tries once; none if somebody else was faster.
    async fn try_edit(
        &self,
        source: &Datasource,
        edit: &Edit,
    ) -> Result<Option<Correlation>, Error> {
        let Held { rev: before, mut all } = self.held(source).await?;
        if matches!(edit, Edit::Add(_)) && all.len() >= MOST_CORRELATIONS {
            self.drop_dead(source, &mut all).await?;
        }
        let edited = edit.apply(&mut all)?;
        let after = Rev::new();
        let item = item::written(source, after, &all);
        check_size(&item)?;
        let unchanged = match before {
            Some(rev) => Condition::Equals("rev", text(rev)),
            None => Condition::Absent,
        };
        let there = Condition::Equals("inc", text(source.incarnation));
        let writes = [
            Write::put(Table::Registry, item).only_if(unchanged),
            Write::check(Key::datasource(source.org, &source.uid), there),
        ];
        let Outcome::Refused(found) = self.transact(&writes).await? else {
            return Ok(Some(edited));
        };
        let failed = |at: usize| found.get(at).and_then(Option::as_ref);
        let rev = after.to_string();
        if failed(0).is_some_and(|item| Record(item).text("rev").is_ok_and(|found| found == rev)) {
            // The answer of an earlier try was lost.
            return Ok(Some(edited));
        }
        match failed(1) {
            Some(_) => Err(Error::Gone(Reference::Uid(source.uid.clone()))),
            None => Ok(None),
        }
    }

    async fn held(&self, source: &Datasource) -> Result<Held, Error> {
        match self.get(&Key::correlations(source.org, source.incarnation)).await? {
            Some(item) => {
                let read = item::read(&item)?;
                Ok(Held { rev: Some(read.rev), all: read.all })
            }
            None => Ok(Held { rev: None, all: Vec::new() }),
        }
    }

    /// Makes room: drops the queries of data sources that are gone, which nobody sees any more.
    async fn drop_dead(
        &self,
        source: &Datasource,
        all: &mut Vec<Correlation>,
    ) -> Result<(), Error> {
        let ids = all.iter().filter_map(|one| one.target).map(|target| target.id).collect();
        let sources = self.sources(source.org, ids).await?;
        all.retain(|one| {
            one.kind == CorrelationKind::External || links::target_of(one, &sources).is_some()
        });
        Ok(())
    }
}
