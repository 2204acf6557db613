//! The proofs that a caller may do something. There is no way to one but through [`Caller`].

use std::sync::Arc;

use sourcegate_core::Datasource;

use crate::{Action, Caller};

/// The proof that a caller may do an action on a data source. Engines accept nothing else.
///
/// The data source is one of Grafana's kind, or, as `Granted<ScopedSource>`, one of Perses'.
#[derive(Clone, Debug)]
pub struct Granted<S = Datasource> {
    source: Arc<S>,
    caller: Caller,
    action: Action,
}

impl<S> Granted<S> {
    pub(crate) fn new(source: Arc<S>, caller: Caller, action: Action) -> Self {
        Self { source, caller, action }
    }

    /// Gives the data source.
    #[must_use]
    pub fn source(&self) -> &Arc<S> {
        &self.source
    }

    /// Gives the caller.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Gives the action that was allowed.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }
}

impl Granted {
    /// Tells whether it still holds: for the same data source as it is now, not for another one under its name.
    #[must_use]
    pub fn holds(&self, now: &Datasource) -> bool {
        now.incarnation == self.source.incarnation && self.caller.may(self.action, now)
    }
}

/// The proof that a caller may do an action where no data source exists yet: create, list.
#[derive(Clone, Debug)]
pub struct Permit {
    caller: Caller,
    action: Action,
}

impl Permit {
    pub(crate) fn new(caller: Caller, action: Action) -> Self {
        Self { caller, action }
    }

    /// Gives the caller.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Gives the action that was allowed.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }
}
