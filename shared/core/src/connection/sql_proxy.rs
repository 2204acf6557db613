//! The configuration of an `SQLProxy`, and the target that it describes (contract/perses.md 2.2).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::duration::{BadDuration, duration};
use super::scoped::TLS_NAMES;
use crate::json::{self, JsonFault};
use crate::{
    BadSqlTarget, BadTlsVersions, SQL_CONNECT_TIMEOUT, SQL_STATEMENT_TIMEOUT, SecretSpec,
    SqlDriver, SqlParams, SqlPlace, SqlTarget, SqlTls, SslMode, TlsSpec,
};

/// Says what is wrong with an SQL proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSqlProxy {
    /// It is no such object.
    #[error("{0}")]
    Shape(#[from] JsonFault),
    /// Neither a driver nor the block of one.
    #[error("driver is required")]
    NoDriver,
    /// The block of another driver.
    #[error("driver {driver} and block {block} exclude each other; take one of the two back")]
    OtherBlock {
        /// The driver.
        driver: &'static str,
        /// The block.
        block: &'static str,
    },
    /// A word of it that no target has.
    #[error("{0}")]
    Target(#[from] BadSqlTarget),
    /// A time that is none.
    #[error("{0}: {1}")]
    Duration(&'static str, BadDuration),
    /// A number that is none, or too small.
    #[error("{0} must be a whole number that is not negative")]
    Number(&'static str),
    /// Versions of TLS that the secret does not leave.
    #[error("{0}")]
    Versions(#[source] BadTlsVersions),
    /// Nobody to connect as; the user of the process is never taken in his place.
    #[error("the datasource has no user to connect as; name a secret with basicAuth")]
    NoUser,
}

/// The configuration of an SQL proxy. No other fields are read: a misspelt one would be none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SqlProxy {
    /// `postgres`, `mysql` or `mariadb`; empty to take it from the block that there is.
    pub driver: String,
    /// `host` or `host:port`.
    pub host: String,
    /// The database.
    pub database: String,
    /// The secret with user, password and TLS.
    pub secret: Option<String>,
    /// Ours: lets a user connect who can do more than read.
    #[serde(alias = "allowDangerousRole")]
    pub allow_dangerous_role: bool,
    /// Ours: logs in with a token of RDS' in the place of the secret's password.
    #[serde(alias = "rdsIam")]
    pub rds_iam: bool,
    /// Settings of PostgreSQL.
    pub postgres: Option<PostgresBlock>,
    /// Settings of MySQL.
    pub mysql: Option<MysqlBlock>,
    /// Settings of MariaDB.
    pub mariadb: Option<MysqlBlock>,
}

/// What is said of PostgreSQL alone; its names are not in camel case.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresBlock {
    /// How many connections there may be at once, in all processes together.
    pub max_conns: Value,
    /// The deadline of making a connection: `10s`, or a number of seconds.
    pub connect_timeout: Value,
    /// Accepted: every statement is prepared, and none is kept.
    pub prepare_threshold: Value,
    /// How far TLS goes.
    pub ssl_mode: String,
    /// Parameters of the session, as `-c name=value`.
    pub options: String,
}

/// What is said of MySQL and MariaDB.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MysqlBlock {
    /// Parameters in the words of Perses' driver; `tls` among them.
    pub params: BTreeMap<String, String>,
    /// The largest packet that is read, in bytes.
    pub max_allowed_packet: Value,
    /// The deadline of making a connection.
    pub timeout: Value,
    /// The deadline of a statement.
    pub read_timeout: Value,
    /// Accepted: what is written is one statement, within the deadline of all.
    pub write_timeout: Value,
}

impl SqlProxy {
    /// Reads one and checks it.
    ///
    /// # Errors
    /// What is wrong with it first.
    pub fn read(spec: &Value) -> Result<Self, BadSqlProxy> {
        let proxy: Self = json::part(spec)?;
        proxy.check()?;
        Ok(proxy)
    }

    /// All but what the secret says: a user is asked for when one is needed.
    fn check(&self) -> Result<(), BadSqlProxy> {
        let (spec, values) = (SecretSpec::default(), BTreeSet::new());
        self.with_user(String::new(), &spec, &values)?.check()?;
        Ok(())
    }

    /// Gives the one place that a secret is sent to with it, as secrets are bound to. Whoever asks for less than verified TLS
    /// names another place, and so does whoever says nothing, where less could follow.
    ///
    /// # Errors
    /// A driver, a host or a mode that is none.
    pub fn destination(&self) -> Result<String, BadSqlProxy> {
        let driver = self.driver()?;
        let SqlPlace { host, port } = SqlPlace::parse(&self.host, driver)?;
        let protocol = match driver {
            SqlDriver::Postgres => "postgres",
            // One protocol, so that nothing is gained by the other word.
            SqlDriver::Mysql | SqlDriver::Mariadb => "mysql",
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let tls = match (driver, self.mode(driver)?.map(SslMode::verified)) {
            // What it then means depends on the secret, and may be less than another word has said.
            (SqlDriver::Postgres, None) => "?tls=unsaid".to_owned(),
            (_, None | Some("verified")) => String::new(),
            (_, Some(less)) => format!("?tls={less}"),
        };
        Ok(match host.contains(':') {
            true => format!("{protocol}://[{host}]:{port}{tls}"),
            false => format!("{protocol}://{host}:{port}{tls}"),
        })
    }

    /// The mode of TLS that it says.
    fn mode(&self, driver: SqlDriver) -> Result<Option<SslMode>, BadSqlTarget> {
        if driver == SqlDriver::Postgres {
            let word = self.postgres.as_ref().map(|block| block.ssl_mode.as_str());
            return word.filter(|word| !word.is_empty()).map(str::parse).transpose();
        }
        let block = self.mysql.as_ref().or(self.mariadb.as_ref());
        let word = block.and_then(|block| block.params.get("tls")).map(String::as_str);
        Ok(match word {
            None => None,
            Some("true") => Some(SslMode::VerifyFull),
            Some("skip-verify") => Some(SslMode::Require),
            Some("preferred") => Some(SslMode::Prefer),
            Some("false") => Some(SslMode::Disable),
            Some(_) => return Err(BadSqlTarget::ParamValue("tls".to_owned())),
        })
    }

    /// Makes the target, with what a secret says and the names of its values.
    ///
    /// # Errors
    /// Settings that cannot be used, or no user.
    pub fn target(
        &self,
        secret: Option<(&SecretSpec, &BTreeSet<String>)>,
    ) -> Result<SqlTarget, BadSqlProxy> {
        let (spec, values) = secret.ok_or(BadSqlProxy::NoUser)?;
        let user = spec.basic_auth.as_ref().map(|basic| basic.username.clone());
        let user = user.filter(|user| !user.is_empty()).ok_or(BadSqlProxy::NoUser)?;
        let target = self.with_user(user, spec, values)?;
        target.check()?;
        Ok(target)
    }

    fn with_user(
        &self,
        user: String,
        spec: &SecretSpec,
        values: &BTreeSet<String>,
    ) -> Result<SqlTarget, BadSqlProxy> {
        let driver = self.driver()?;
        let password = "basicAuth.password";
        let target = SqlTarget {
            driver,
            place: SqlPlace::parse(&self.host, driver)?,
            database: self.database.clone(),
            user,
            password: (!self.rds_iam && values.contains(password)).then(|| password.to_owned()),
            rds_iam: self.rds_iam,
            tls: SqlTls::of(SslMode::VerifyFull),
            connect_timeout: SQL_CONNECT_TIMEOUT,
            statement_timeout: SQL_STATEMENT_TIMEOUT,
            params: SqlParams::default(),
            allow_dangerous_role: self.allow_dangerous_role,
            most_connections: None,
            most_row_bytes: None,
            most_rows: None,
        };
        let otherwise = match driver {
            SqlDriver::Postgres => SslMode::Prefer,
            // Perses speaks TLS always, and verifies.
            SqlDriver::Mysql | SqlDriver::Mariadb => SslMode::VerifyFull,
        };
        let words = Words { spec, values };
        let mode = self.mode(driver)?.unwrap_or_else(|| words.mode(otherwise));
        let target = SqlTarget { tls: words.of(mode)?, ..target };
        match (driver, &self.postgres) {
            (SqlDriver::Postgres, block) => block.clone().unwrap_or_default().fill(target),
            (_, _) => {
                let block = self.mysql.as_ref().or(self.mariadb.as_ref());
                block.cloned().unwrap_or_default().fill(target)
            }
        }
    }

    fn driver(&self) -> Result<SqlDriver, BadSqlProxy> {
        let blocks = [
            (SqlDriver::Mysql, self.mysql.is_some()),
            (SqlDriver::Mariadb, self.mariadb.is_some()),
            (SqlDriver::Postgres, self.postgres.is_some()),
        ];
        let mut present = blocks.into_iter().filter(|(_, is_there)| *is_there);
        let block = present.next().map(|(driver, _)| driver);
        let driver = match (self.driver.as_str(), block) {
            ("", Some(block)) => block,
            ("", None) => return Err(BadSqlProxy::NoDriver),
            (word, _) => word.parse()?,
        };
        let other = block.filter(|block| *block != driver).or(present.next().map(|(d, _)| d));
        match other {
            Some(other) => {
                let (driver, block) = (driver.as_str(), other.as_str());
                Err(BadSqlProxy::OtherBlock { driver, block })
            }
            None => Ok(driver),
        }
    }
}

/// What a secret says of TLS.
struct Words<'a> {
    spec: &'a SecretSpec,
    values: &'a BTreeSet<String>,
}

impl Words<'_> {
    /// TLS of a mode, as far as the secret says more.
    fn of(&self, mode: SslMode) -> Result<SqlTls, BadSqlProxy> {
        let said = self.spec.tls_config.as_ref();
        let has = |name: &str| mode != SslMode::Disable && self.values.contains(name);
        let name = |name: &str| name.to_owned();
        let client = has(TLS_NAMES.cert) && has(TLS_NAMES.key);
        let versions = said.map(TlsSpec::versions).transpose().map_err(BadSqlProxy::Versions)?;
        Ok(SqlTls {
            mode,
            skip_verify: said.is_some_and(|tls| tls.insecure_skip_verify),
            server_name: said.map(|tls| tls.server_name.clone()).filter(|name| !name.is_empty()),
            authorities: has(TLS_NAMES.ca).then(|| name(TLS_NAMES.ca)),
            client: client.then(|| (name(TLS_NAMES.cert), name(TLS_NAMES.key))),
            versions: versions.unwrap_or_default(),
        })
    }

    /// The mode where none is said: whoever has configured TLS means it.
    fn mode(&self, otherwise: SslMode) -> SslMode {
        match &self.spec.tls_config {
            None => otherwise,
            Some(tls) if tls.insecure_skip_verify => SslMode::Require,
            Some(_) => SslMode::VerifyFull,
        }
    }
}

impl PostgresBlock {
    fn fill(self, target: SqlTarget) -> Result<SqlTarget, BadSqlProxy> {
        number("postgres.prepare_threshold", &self.prepare_threshold)?;
        let most = number("postgres.max_conns", &self.max_conns)?;
        let connect = time("postgres.connect_timeout", &self.connect_timeout)?;
        let params = SqlParams::from_options(&self.options)?;
        // It is ours too: what the server has alone would be a limit that our own comes before.
        let limit = params.limit("statement_timeout").map(|limit| match limit {
            Duration::ZERO => LONGEST,
            limit => limit.min(LONGEST),
        });
        Ok(SqlTarget {
            connect_timeout: connect.unwrap_or(target.connect_timeout),
            statement_timeout: limit.unwrap_or(target.statement_timeout),
            params: params.without("statement_timeout"),
            most_connections: most.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
            ..target
        })
    }
}

impl MysqlBlock {
    fn fill(self, target: SqlTarget) -> Result<SqlTarget, BadSqlProxy> {
        time("writeTimeout", &self.write_timeout)?;
        let packet = number("maxAllowedPacket", &self.max_allowed_packet)?;
        let (connect, read) =
            (time("timeout", &self.timeout)?, time("readTimeout", &self.read_timeout)?);
        let params = self.params.iter().filter(|(name, _)| *name != "tls");
        let params = params.map(|(name, value)| (&**name, &**value));
        Ok(SqlTarget {
            connect_timeout: connect.unwrap_or(target.connect_timeout),
            statement_timeout: read.unwrap_or(target.statement_timeout),
            params: SqlParams::new(target.driver, params)?,
            most_row_bytes: packet.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            ..target
        })
    }
}

/// Reads a number, as such or as digits; none and zero mean the default.
fn number(field: &'static str, value: &Value) -> Result<Option<u64>, BadSqlProxy> {
    let read = match value {
        Value::Null => Some(0),
        Value::String(text) if text.is_empty() => Some(0),
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    };
    let number = read.ok_or(BadSqlProxy::Number(field))?;
    Ok(Some(number).filter(|number| *number > 0))
}

/// The longest that any of it may take: nothing that is asked over HTTP here lasts longer.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Reads a duration, or a number of seconds, of at most 15 minutes; none and zero mean the default.
fn time(field: &'static str, value: &Value) -> Result<Option<Duration>, BadSqlProxy> {
    let time = match value {
        Value::String(text) if !text.bytes().all(|b| b.is_ascii_digit()) => {
            duration(text).map_err(|bad| BadSqlProxy::Duration(field, bad))?
        }
        value => Duration::from_secs(number(field, value)?.unwrap_or_default()),
    };
    Ok(Some(time.min(LONGEST)).filter(|time| !time.is_zero()))
}

#[cfg(test)]
mod tests;
