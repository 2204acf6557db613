//! Databases of both dialects: what they are, and one statement for one of them.

use std::time::Duration;

use auth::Granted;
use sourcegate_core::{
    BadConnection, Incarnation, OrgId, Rev, ScopedSource, Secrets, SqlDriver, SqlProxy, SqlTarget,
};
use sql::{Answer, Ask, Connecting, Format, Statement, Token, Trailers};
use store::{Located, LocatedSecret};
use tokio::time::{Instant, sleep};

use crate::{Error, Gateway, GrantedEither};

/// How long it is waited for the right to one more connection, where other processes have all.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked for.
const PAUSE: Duration = Duration::from_millis(150);

/// A database, and the proof that the caller may ask it. Its secrets are sealed until then.
pub struct Database {
    granted: GrantedEither,
    /// The revision of it and of its secret.
    rev: Rev,
    pub(crate) target: SqlTarget,
    sealed: SealedSecrets,
    /// Whether it is asked once, so that no connection is kept or counted.
    pub(crate) is_once: bool,
}

enum SealedSecrets {
    None,
    Perses(Box<LocatedSecret>),
    Grafana(Located),
}

/// One statement, and how its answer is wanted.
#[derive(Debug)]
pub struct Question {
    /// What is asked.
    pub statement: Statement,
    /// How the answer is written.
    pub format: Format,
    /// Whether the caller sees trailers.
    pub trailers: Trailers,
    /// When the caller stops waiting.
    pub deadline: Instant,
}

impl Database {
    /// Gives the proof.
    #[must_use]
    pub fn granted(&self) -> &GrantedEither {
        &self.granted
    }

    /// Gives the organisation and the incarnation of the data source.
    pub(crate) fn owner(&self) -> (OrgId, Incarnation) {
        match &self.granted {
            GrantedEither::Perses(granted) => (granted.source().org, granted.source().incarnation),
            GrantedEither::Grafana(granted) => (granted.source().org, granted.source().incarnation),
        }
    }

    /// Makes it of an SQL proxy and of the secret that it names.
    pub(crate) fn of_perses(
        granted: Granted<ScopedSource>,
        proxy: &SqlProxy,
        secret: Option<LocatedSecret>,
    ) -> Result<Self, Error> {
        let said = secret.as_ref().map(|secret| (&secret.spec, &secret.document.secret_names));
        let target = proxy.target(said).map_err(BadConnection::SqlProxy)?;
        let rev = granted.source().rev;
        let rev = secret.as_ref().map_or(rev, |secret| rev.and(secret.document.rev));
        let sealed =
            secret.map_or(SealedSecrets::None, |secret| SealedSecrets::Perses(Box::new(secret)));
        let granted = GrantedEither::Perses(granted);
        Ok(Self { granted, rev, target, sealed, is_once: false })
    }

    /// Makes it of Grafana's settings; none if they are no database's that is asked in SQL.
    pub(crate) fn of_grafana(granted: &Granted, located: &Located) -> Result<Option<Self>, Error> {
        let source = &located.source;
        let Some(driver) = SqlDriver::of_plugin(source.settings.plugin()) else { return Ok(None) };
        let target = SqlTarget::of(&source.settings, driver, &source.secret_names)?;
        Ok(Some(Self {
            granted: GrantedEither::Grafana(granted.clone()),
            rev: source.rev,
            target,
            sealed: SealedSecrets::Grafana(located.clone()),
            is_once: false,
        }))
    }
}

impl Gateway {
    /// Asks a database.
    ///
    /// # Errors
    /// What stands in the way of the secrets; [`Error::Sql`].
    pub async fn query(&self, database: &Database, question: &Question) -> Result<Answer, Error> {
        let until = question.deadline.min(Instant::now() + PATIENCE);
        let mut opened = None;
        loop {
            match self.asked(database, question, None).await {
                // Secrets are opened for a new connection alone.
                Err(sql::Error::Cold) => {}
                asked => return Ok(asked?),
            }
            let (secrets, token) = match &opened {
                Some(opened) => opened,
                None => opened.insert(self.opened_for(database).await?),
            };
            let most = database.target.most_connections.filter(|_| !database.is_once);
            let slot = match most {
                None => None,
                Some(most) => match self.slot_of(database, most).await? {
                    Some(slot) => Some(slot),
                    None if Instant::now() + PAUSE < until => {
                        sleep(PAUSE).await;
                        continue;
                    }
                    None => return Err(sql::Error::NoSlot(most).into()),
                },
            };
            let connecting = Connecting { secrets, token: token.clone(), slot };
            return Ok(self.asked(database, question, Some(connecting)).await?);
        }
    }

    async fn asked(
        &self,
        database: &Database,
        question: &Question,
        connecting: Option<Connecting<'_>>,
    ) -> Result<Answer, sql::Error> {
        let ask = Ask {
            rev: database.rev,
            target: &database.target,
            statement: &question.statement,
            format: question.format,
            trailers: question.trailers,
            deadline: question.deadline,
            keeps: !database.is_once,
        };
        let Some(engine) = &self.0.sql else { return Err(sql::Error::NotHere) };
        match &database.granted {
            GrantedEither::Perses(granted) => engine.query(granted, ask, connecting).await,
            GrantedEither::Grafana(granted) => engine.query(granted, ask, connecting).await,
        }
    }

    async fn opened_for(&self, database: &Database) -> Result<(Secrets, Option<Token>), Error> {
        let token = self.rds_token(database).await?;
        Ok((self.secrets_of(database).await?, token))
    }

    async fn secrets_of(&self, database: &Database) -> Result<Secrets, Error> {
        let needed = database.target.secrets();
        match &database.sealed {
            SealedSecrets::None => Ok(Secrets::default()),
            SealedSecrets::Perses(secret) => self.opened_secret(secret, needed.collect()).await,
            SealedSecrets::Grafana(located) => self.opened(located, needed).await,
        }
    }
}
