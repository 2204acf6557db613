//! The login to a database of RDS that an operator has granted to the organisation.

use sourcegate_core::RdsRefusal;
use sql::Token;
use store::RdsTokens;
use tokio::time::Instant;

use crate::{Database, Error, Gateway};

impl Gateway {
    /// Makes a token for a new connection to a database that asks for one; none for all others.
    ///
    /// # Errors
    /// [`Error::RdsRefused`] where nothing grants it or it could come to others; [`Error::RdsToken`] where there are no
    /// credentials to sign it with.
    pub(crate) async fn rds_token(&self, database: &Database) -> Result<Option<Token>, Error> {
        if !database.target.rds_iam {
            return Ok(None);
        }
        let (org, _) = database.owner();
        let Some(rds) = &self.0.rds else {
            return Err(RdsRefusal::not_granted(org, &database.target).into());
        };
        let login = rds.rules().login(org, &database.target)?;
        let asked = Instant::now();
        let text = rds.sign(&login).await?;
        Ok(Some(Token { text, ends: asked + RdsTokens::HOLDS }))
    }
}
