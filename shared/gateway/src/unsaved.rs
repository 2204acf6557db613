//! One request through a data source that is in no table.

use auth::UnsavedPermit;
use sourcegate_core::{Incarnation, JsonText, Rev, Scope, ScopedName, ScopedSource, ScopedSpec};

use crate::{Error, Gateway, Reached};

/// What messages call it, as Perses does.
const NAME: &str = "unsaved-datasource";

/// A data source that is used once.
pub struct Unsaved {
    /// The proof that the caller may.
    pub permit: UnsavedPermit,
    /// Where it would be saved: whose secrets it may name.
    pub scope: Scope,
    /// Its `spec`.
    pub spec: JsonText,
}

impl Gateway {
    /// Reaches it. Its secrets go where they are bound to, as for one that is saved.
    ///
    /// # Errors
    /// As [`Gateway::reach`]; [`store::Error::NoProject`]; [`Error::NotAllowed`] where it names a secret that the caller may not see.
    pub async fn reach_unsaved(&self, unsaved: Unsaved) -> Result<Reached, Error> {
        let Unsaved { permit, scope, spec } = unsaved;
        let org = permit.caller().org();
        if let Some(project) = scope.project()
            && !self.0.store.has_project(org, project).await?
        {
            return Err(store::Error::NoProject(project.clone()).into());
        }
        if ScopedSpec::read(&spec)?.names_secret() {
            permit.caller().check_naming(scope.project())?;
        }
        let granted = permit.grant(ScopedSource {
            org,
            id: ScopedName { scope, name: NAME.to_owned() },
            incarnation: Incarnation::new(),
            rev: Rev::new(),
            spec,
        });
        let mut reached = self.reach_granted(granted).await?;
        if let Reached::Sql(database) = &mut reached {
            // Nobody comes again for a connection of it.
            database.is_once = true;
        }
        Ok(reached)
    }
}
