//! What the SQL engine needs of a data source, whichever dialect wrote it.

mod params;
mod place;

use std::str::FromStr;
use std::time::Duration;

use crate::TlsVersions;

pub use params::SqlParams;
pub use place::SqlPlace;

/// How long making a connection may take where the settings do not say.
pub const SQL_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one statement may take where the settings do not say.
pub const SQL_STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Says why settings make no SQL target. The texts are for whoever saves them, and hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSqlTarget {
    /// A driver that is not offered.
    #[error("driver {0:?} is not supported; it is one of postgres, mysql, mariadb")]
    Driver(String),
    /// No host.
    #[error("host cannot be empty")]
    NoHost,
    /// A host that is no name and no address, or a port that is no number of 1 to 65535.
    #[error("host {0:?} is not HOST or HOST:PORT")]
    Host(String),
    /// No database.
    #[error("database cannot be empty")]
    NoDatabase,
    /// A word of the settings holds a character that no start-up message can carry.
    #[error("{0} holds a control character")]
    Control(&'static str),
    /// A word of the settings is longer than what is sent.
    #[error("{0} is longer than 1000 characters")]
    TooLong(&'static str),
    /// A TLS mode that does not exist.
    #[error(
        "unknown ssl mode {0:?}; it is one of disable, allow, prefer, require, verify-ca, verify-full"
    )]
    SslMode(String),
    /// A mode that verifies beside a wish not to.
    #[error(
        "ssl mode {0} verifies the server's certificate, and the TLS settings say to skip that; take one of the two back"
    )]
    VerifyAndSkip(&'static str),
    /// TLS settings that no connection would use.
    #[error("ssl mode disable uses no TLS, and there are TLS settings; take one of the two back")]
    TlsUnused,
    /// A parameter that is not among the safe ones.
    #[error("parameter {name:?} is not offered; offered are {offered}")]
    Param {
        /// The parameter.
        name: String,
        /// What may be set, as text.
        offered: &'static str,
    },
    /// A value that the parameter does not take.
    #[error("parameter {0:?} does not take this value")]
    ParamValue(String),
    /// Times are to have an offset, and the zone that they are in has none that always holds.
    #[error(
        "parameters parseTime=true and time_zone={0:?} exclude each other, since no time would have the offset of that zone; \
         take parseTime back, or give time_zone as an offset such as +05:30"
    )]
    NamedZone(String),
    /// `options` that is not a list of `-c name=value`.
    #[error("options is not a list of -c name=value")]
    Options,
    /// A timeout of nothing.
    #[error("{0} must be longer than nothing")]
    Timeout(&'static str),
}

/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SqlDriver {
    /// PostgreSQL's.
    Postgres,
    /// MySQL's, towards MySQL.
    Mysql,
    /// MySQL's, towards MariaDB.
    Mariadb,
}

impl SqlDriver {
    /// The port where the settings name none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql | Self::Mariadb => 3306,
        }
    }

    /// The word that settings use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }
}

impl FromStr for SqlDriver {
    type Err = BadSqlTarget;

    fn from_str(text: &str) -> Result<Self, BadSqlTarget> {
        [Self::Postgres, Self::Mysql, Self::Mariadb]
            .into_iter()
            .find(|driver| driver.as_str() == text)
            .ok_or_else(|| BadSqlTarget::Driver(text.chars().take(64).collect()))
    }
}

/// How far TLS goes: the words and meanings of PostgreSQL's `sslmode`, for all drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only where the server refuses a connection without; its certificate is not verified.
    Allow,
    /// Where the server offers it; its certificate is not verified.
    Prefer,
    /// Always. The certificate is verified, without the name, where authorities are configured, and not otherwise.
    Require,
    /// Always, and the certificate is of a trusted authority, whatever name it has.
    VerifyCa,
    /// Always, and the certificate is of a trusted authority and has the server's name.
    VerifyFull,
}

impl SslMode {
    const ALL: [Self; 6] =
        [Self::Disable, Self::Allow, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// The word that settings use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// How far the server is verified in every case: for comparing where secrets may go.
    pub(crate) const fn verified(self) -> &'static str {
        match self {
            Self::Disable | Self::Allow | Self::Prefer | Self::Require => "any",
            Self::VerifyCa => "ca",
            Self::VerifyFull => "verified",
        }
    }
}

impl FromStr for SslMode {
    type Err = BadSqlTarget;

    fn from_str(text: &str) -> Result<Self, BadSqlTarget> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| BadSqlTarget::SslMode(text.chars().take(64).collect()))
    }
}

/// How TLS is spoken to a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlTls {
    /// How far it goes.
    pub mode: SslMode,
    /// Any certificate is accepted: for settings that know no modes. Beside a mode that verifies it is an error.
    pub skip_verify: bool,
    /// The name to ask for and to verify in place of the host.
    pub server_name: Option<String>,
    /// The name of the secret that holds authorities, in PEM, in place of the usual ones.
    pub authorities: Option<String>,
    /// The names of the secrets that hold the client's certificate and its key, in PEM.
    pub client: Option<(String, String)>,
    /// Which versions may be spoken.
    pub versions: TlsVersions,
}

impl SqlTls {
    /// TLS of a mode, with nothing else configured.
    #[must_use]
    pub fn of(mode: SslMode) -> Self {
        Self {
            mode,
            skip_verify: false,
            server_name: None,
            authorities: None,
            client: None,
            versions: TlsVersions::default(),
        }
    }
}

/// A database that is asked in SQL, with the names of the secrets that it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlTarget {
    /// Which protocol is spoken.
    pub driver: SqlDriver,
    /// Where it is.
    pub place: SqlPlace,
    /// The database that is connected to.
    pub database: String,
    /// Who connects; no user of the process is ever taken in its place.
    pub user: String,
    /// The name of the secret that holds the password.
    pub password: Option<String>,
    /// A token of RDS' goes in the place of a password, as an operator has granted it.
    pub rds_iam: bool,
    /// How TLS is spoken.
    pub tls: SqlTls,
    /// The deadline of making a connection: dialling, TLS and authentication together.
    pub connect_timeout: Duration,
    /// The deadline of one statement, its rows included.
    pub statement_timeout: Duration,
    /// What else is set in the session.
    pub params: SqlParams,
    /// Lets a role connect that can do more than read: a superuser, or one with rights to files and programs.
    pub allow_dangerous_role: bool,
    /// Connections at once, of all processes together; as many as there are processes where nothing is said.
    pub most_connections: Option<u32>,
    /// Bytes of one row, where fewer than the engine's own limit.
    pub most_row_bytes: Option<usize>,
    /// Rows of one answer, where fewer than the engine's own limit.
    pub most_rows: Option<u64>,
}

impl SqlTarget {
    /// Checks what no type holds: texts that no message can carry, and settings that contradict each other.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<(), BadSqlTarget> {
        if self.database.is_empty() {
            return Err(BadSqlTarget::NoDatabase);
        }
        let server_name = self.tls.server_name.as_deref().unwrap_or_default();
        let texts =
            [("database", &*self.database), ("user", &self.user), ("serverName", server_name)];
        for (name, text) in texts {
            if text.chars().any(char::is_control) {
                return Err(BadSqlTarget::Control(name));
            }
            if text.chars().count() > 1000 {
                return Err(BadSqlTarget::TooLong(name));
            }
        }
        let timeouts = [
            ("connect_timeout", self.connect_timeout),
            ("statement_timeout", self.statement_timeout),
        ];
        if let Some((name, _)) = timeouts.into_iter().find(|(_, timeout)| timeout.is_zero()) {
            return Err(BadSqlTarget::Timeout(name));
        }
        let zone = self.params.get("time_zone").unwrap_or_default();
        if self.params.get("parseTime") == Some("true") && self.params.offset().is_none() {
            return Err(BadSqlTarget::NamedZone(zone.chars().take(64).collect()));
        }
        self.tls.check()
    }

    /// Lists the names of the secrets that a connection needs, and no others.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let tls = (self.tls.mode != SslMode::Disable).then_some(&self.tls);
        let authorities = tls.and_then(|tls| tls.authorities.as_deref());
        let client = tls.and_then(|tls| tls.client.as_ref());
        let client = client.into_iter().flat_map(|(chain, key)| [chain.as_str(), key.as_str()]);
        self.password.as_deref().into_iter().chain(authorities).chain(client)
    }
}

impl SqlTls {
    fn check(&self) -> Result<(), BadSqlTarget> {
        match self.mode {
            SslMode::VerifyCa | SslMode::VerifyFull if self.skip_verify => {
                Err(BadSqlTarget::VerifyAndSkip(self.mode.as_str()))
            }
            SslMode::Disable if self.authorities.is_some() || self.client.is_some() => {
                Err(BadSqlTarget::TlsUnused)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
