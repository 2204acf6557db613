//! One request through a data source that is in no table.

use auth::UnsavedPermit;
use http::{Request, Response};
use sourcegate_core::{Incarnation, JsonText, Rev, Scope, ScopedName, ScopedSource};
use upstream::{AnswerBody, Body, Hop};

use crate::{Error, Gateway};

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
    /// Sends a request to it. Its secrets go where they are bound to, as for one that is saved.
    ///
    /// # Errors
    /// As [`Gateway::proxy`]; [`store::Error::NoProject`].
    pub async fn proxy_unsaved(
        &self,
        unsaved: Unsaved,
        hop: Hop<'_>,
        request: Request<Body>,
    ) -> Result<Response<AnswerBody>, Error> {
        let Unsaved { permit, scope, spec } = unsaved;
        let org = permit.caller().org();
        if let Some(project) = scope.project()
            && !self.0.store.has_project(org, project).await?
        {
            return Err(store::Error::NoProject(project.clone()).into());
        }
        let granted = permit.grant(ScopedSource {
            org,
            id: ScopedName { scope, name: NAME.to_owned() },
            incarnation: Incarnation::new(),
            rev: Rev::new(),
            spec,
        });
        let (client, secret) = self.client_of(&granted).await?;
        let plan = self.0.upstream.plan(&client, &granted, hop, request)?;
        self.send(&client, plan, secret.as_ref()).await
    }
}
