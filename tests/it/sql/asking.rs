//! Asks the engine as the gateway does.

use std::net::SocketAddr;
use std::time::Duration;

use auth::{Caller, Granted, Identity, OwnerId, Role};
use egress::{Dns, Egress, Timeouts};
use harness::mariadb::{self, Mariadb};
use harness::mysql::{self, Mysql};
use harness::postgres::{self, Postgres};
use http_body_util::BodyExt as _;
use secrecy::SecretString;
use serde_json::Value;
use sourcegate_core::{
    Classify as _, Incarnation, JsonText, OrgId, Policy, Rev, SQL_CONNECT_TIMEOUT,
    SQL_STATEMENT_TIMEOUT, Scope, ScopedName, ScopedSource, Secrets, SqlDriver, SqlParams,
    SqlPlace, SqlTarget, SqlTls, SslMode,
};
use sql::{
    Answer, Ask, Connecting, Error, Format, Limits, Param, ROW_COUNT, Sql, Statement, TRUNCATED,
    Token, Trailers,
};
use tokio::time::Instant;

/// A data source and the engine that serves it.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) sql: Sql,
    pub(super) target: SqlTarget,
    pub(super) secrets: Secrets,
    pub(super) token: Option<Token>,
    pub(super) rev: Rev,
    pub(super) trailers: Trailers,
    /// How long the caller waits.
    pub(super) patience: Duration,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) text: String,
    pub(super) rows: u64,
    pub(super) truncated: bool,
}

pub(super) fn door() -> Egress {
    let policy = Policy::aws(vec!["127.0.0.0/8".parse().unwrap()]);
    Egress::new(policy, Dns::Servers(Vec::new()), Timeouts::default())
}

/// The proof that anybody is given who may ask.
fn granted() -> Granted<ScopedSource> {
    let identity = Identity::ServiceAccount { id: OwnerId::new(1).unwrap(), name: "t".to_owned() };
    let wanted = ScopedName { scope: Scope::Org, name: "shop".to_owned() };
    let source = ScopedSource {
        org: OrgId::MAIN,
        id: wanted.clone(),
        incarnation: Incarnation::new(),
        rev: Rev::new(),
        spec: JsonText::default(),
    };
    let viewer = Caller::new(identity, OrgId::MAIN, Role::Viewer);
    viewer.authorize_scoped(&wanted, Some(source.into())).unwrap()
}

/// A running database, whichever it is.
pub(super) struct Server<'a> {
    driver: SqlDriver,
    address: SocketAddr,
    password: &'a str,
    authority: &'a str,
}

impl<'a> From<&'a Postgres> for Server<'a> {
    fn from(server: &'a Postgres) -> Self {
        let (address, authority) = (server.address(), server.authority());
        Self { driver: SqlDriver::Postgres, address, password: postgres::PASSWORD, authority }
    }
}

impl<'a> From<&'a Mariadb> for Server<'a> {
    fn from(server: &'a Mariadb) -> Self {
        let (address, authority) = (server.address(), server.authority());
        Self { driver: SqlDriver::Mariadb, address, password: mariadb::PASSWORD, authority }
    }
}

impl<'a> From<&'a Mysql> for Server<'a> {
    fn from(server: &'a Mysql) -> Self {
        let (address, authority) = (server.address(), server.authority());
        Self { driver: SqlDriver::Mysql, address, password: mysql::PASSWORD, authority }
    }
}

impl Source {
    /// The database `shop` of a server, as an account of it, with an engine of its own.
    pub(super) fn of<'a>(server: impl Into<Server<'a>>, user: &str) -> Self {
        Self::with(server, user, Limits::default())
    }

    pub(super) fn with<'a>(server: impl Into<Server<'a>>, user: &str, limits: Limits) -> Self {
        let Server { driver, address, password, authority } = server.into();
        let target = SqlTarget {
            driver,
            place: SqlPlace { host: address.ip().to_string(), port: address.port() },
            database: "shop".to_owned(),
            user: user.to_owned(),
            password: Some("password".to_owned()),
            tls: SqlTls::of(SslMode::Disable),
            connect_timeout: SQL_CONNECT_TIMEOUT,
            statement_timeout: SQL_STATEMENT_TIMEOUT,
            params: SqlParams::default(),
            rds_iam: false,
            allow_dangerous_role: false,
            most_connections: None,
            most_row_bytes: None,
            most_rows: None,
        };
        let secrets = [("password", password), ("ca", authority)];
        let secrets = secrets.map(|(name, text)| (name.to_owned(), SecretString::from(text)));
        Self {
            sql: Sql::new(door(), limits),
            target,
            secrets: Secrets::from_iter(secrets),
            token: None,
            rev: Rev::new(),
            trailers: Trailers::Sent,
            patience: Duration::from_secs(60),
        }
    }

    pub(super) async fn reader() -> Self {
        Self::of(Postgres::shared().await, "reader")
    }

    pub(super) async fn ask(
        &self,
        format: Format,
        text: &str,
        params: &[Value],
    ) -> Result<Answer, Error> {
        let written = params.iter().map(Value::to_string).collect::<Vec<_>>();
        self.ask_with(format, text, &written).await
    }

    /// Asks with parameters as JSON writes them.
    async fn ask_with(
        &self,
        format: Format,
        text: &str,
        params: &[impl AsRef<str>],
    ) -> Result<Answer, Error> {
        let param = |written: &str| {
            let raw: Box<serde_json::value::RawValue> = serde_json::from_str(written).unwrap();
            Param::read(&raw).unwrap()
        };
        let params = params.iter().map(|written| param(written.as_ref())).collect();
        let statement = Statement { text: text.to_owned(), params };
        let ask = Ask {
            rev: self.rev,
            target: &self.target,
            statement: &statement,
            format,
            trailers: self.trailers,
            deadline: Instant::now() + self.patience,
            keeps: true,
        };
        let connecting =
            Connecting { secrets: &self.secrets, token: self.token.clone(), slot: None };
        self.sql.query(&granted(), ask, Some(connecting)).await
    }

    /// The whole answer to a statement with parameters; what breaks it off is an error too.
    pub(super) async fn whole(
        &self,
        format: Format,
        text: &str,
        params: &[Value],
    ) -> Result<Whole, Error> {
        Self::read(self.ask(format, text, params).await?).await
    }

    /// The whole answer to a statement with one parameter, as JSON writes it.
    pub(super) async fn whole_of(
        &self,
        format: Format,
        text: &str,
        param: &str,
    ) -> Result<Whole, Error> {
        Self::read(self.ask_with(format, text, &[param]).await?).await
    }

    async fn read(answer: Answer) -> Result<Whole, Error> {
        let collected = answer.body.collect().await?;
        let trailers = collected.trailers().expect("a whole answer has trailers").clone();
        Ok(Whole {
            text: String::from_utf8(collected.to_bytes().to_vec()).unwrap(),
            rows: trailers[ROW_COUNT].to_str().unwrap().parse().unwrap(),
            truncated: &trailers[TRUNCATED] == "true",
        })
    }

    /// The text of a whole answer.
    #[track_caller]
    pub(super) fn text(&self, format: Format, text: &str) -> impl Future<Output = String> {
        let (source, text) = (self.clone(), text.to_owned());
        async move {
            match source.whole(format, &text, &[]).await {
                Ok(whole) => whole.text,
                Err(error) => panic!("{text}: {} ({error:?})", error.public()),
            }
        }
    }

    /// The status and the cause of a failure, as the gateway answers it.
    pub(super) async fn fails(
        &self,
        format: Format,
        text: &str,
    ) -> (sourcegate_core::Kind, String) {
        match self.whole(format, text, &[]).await {
            Ok(whole) => panic!("{text}: {whole:?}"),
            Err(error) => (error.kind(), error.cause().unwrap_or_default().to_owned()),
        }
    }
}
