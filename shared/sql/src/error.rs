//! Why a statement was not run, or has no whole answer.

use std::time::Duration;

use sourcegate_core::{BadSqlTarget, Classify, Kind};

use crate::BadStatement;

/// What a driver or a stream may fail with.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a statement was not run, or has no whole answer. The texts hold no address, no secret, and none of the statement.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings of the data source cannot be used.
    #[error("{0}")]
    Target(#[source] BadSqlTarget),
    /// A secret that the settings name is not there.
    #[error("secret {0:?} of the data source is not set")]
    NoSecret(String),
    /// The statement is refused before the database sees it.
    #[error("{0}")]
    Refused(#[source] BadStatement),
    /// The database refuses the statement. Its message is for the caller alone, since it may quote data.
    #[error("statement failed with SQLSTATE {code}")]
    Statement {
        /// The SQLSTATE.
        code: String,
        /// What the database says about it.
        message: String,
    },
    /// A connection was not made.
    #[error("{0}")]
    Connect(#[source] egress::Error),
    /// TLS is required, and the database offers none.
    #[error("data source does not offer TLS, which its settings require")]
    NoTls,
    /// The data source does not take the credentials of its settings.
    #[error("data source did not accept its credentials")]
    Authentication(#[source] BoxError),
    /// What the data source asks for would give a secret away.
    #[error("{0}")]
    Policy(Policy),
    /// The role can do more than read, and nothing in the settings allows that.
    #[error(
        "the data source's database user is a superuser or may use files, programs or replication; take another one, \
         or allow it with allow_dangerous_role"
    )]
    DangerousRole,
    /// The role may have the database connect to somebody else, by these functions, and nothing in the settings allows that.
    #[error(
        "the data source's database user may connect elsewhere by functions of extensions; \
         revoke execute on function {0} from public (or from whom it was granted to), take another user, \
         or allow it with allow_dangerous_role"
    )]
    DangerousFunctions(String),
    /// The data source does not begin a transaction that cannot write.
    #[error(
        "data source did not begin a read-only transaction, and without one no statement is run"
    )]
    NotReadOnly,
    /// The data source has no room for another connection.
    #[error("data source has no room for another connection")]
    Full(#[source] BoxError),
    /// The data source fails by itself.
    #[error("data source failed with SQLSTATE {code}")]
    Server {
        /// The SQLSTATE.
        code: String,
        /// The driver's error.
        #[source]
        source: BoxError,
    },
    /// The connection ended.
    #[error("data source closed the connection before the answer was complete")]
    Closed(#[source] BoxError),
    /// What came is not the protocol.
    #[error("data source sent an answer that is not valid in its protocol")]
    Protocol(#[source] BoxError),
    /// A row that is larger than the limit, in bytes.
    #[error("a row of the answer is larger than {0} bytes")]
    RowTooLarge(usize),
    /// The answer is cut, and nothing that the caller sees would say so.
    #[error("answer is larger than the limit of {rows} rows and {bytes} bytes")]
    TooLarge {
        /// Rows of an answer.
        rows: u64,
        /// Bytes of an answer.
        bytes: u64,
    },
    /// No complete answer in time.
    #[error("data source did not answer the statement within {:.3} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// A lock that another session of the database holds was waited for, for so long.
    #[error("statement waited {} s for a lock that another session of the database holds", .0.as_secs_f64())]
    Locked(Duration),
    /// Somebody with a session of his own has ended the statement.
    #[error("statement was cancelled at the data source by somebody else")]
    Cancelled(#[source] BoxError),
    /// Other statements for this data source are waiting already, or were for too long.
    #[error("too many statements wait for this data source")]
    Busy,
    /// A connection must be made, and nothing came to make it with. Whoever asked asks again.
    #[error("no connection to the data source is kept")]
    Cold,
    /// This process speaks to no database.
    #[error("statements are not served here")]
    NotHere,
    /// Other processes have all the connections that the settings allow.
    #[error("all {0} connections that the data source's settings allow are in use")]
    NoSlot(u32),
    /// The engine's own task ended: a fault of ours.
    #[error("statement was given up")]
    GivenUp,
}

/// What a data source may not ask for, however it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Policy {
    /// The password as it is, without verified TLS.
    #[error(
        "data source asks for its password in clear text without verified TLS; use ssl mode verify-ca or verify-full"
    )]
    ClearPassword,
    /// A weak proof of the password, without TLS.
    #[error("data source asks for a weakly protected password without TLS; use SCRAM or TLS")]
    WeakPassword,
    /// A proof that costs more work than any honest server asks for.
    #[error("data source asks for too much work to prove its password")]
    TooMuchWork,
    /// MySQL's older proof of the password, which the settings forbid.
    #[error(
        "data source asks for mysql_native_password, which its settings forbid; take allowNativePasswords=false back"
    )]
    NativePassword,
    /// A proof that is not offered.
    #[error(
        "data source asks for a proof of its password that is not offered; offered are mysql_native_password and \
         caching_sha2_password"
    )]
    OtherProof,
}

impl Error {
    /// Tells whether the session can be used again once it has been reset: the database answered, and is well.
    pub(crate) fn leaves_session(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Statement { .. })
    }

    /// Tells whether a session that was kept has ended meanwhile, as it does when the database restarts.
    pub(crate) fn is_ended_session(&self) -> bool {
        match self {
            Self::Closed(_) => true,
            Self::Server { code, .. } => code.starts_with("57P"),
            _ => false,
        }
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused(BadStatement::TooLong(_)) => Kind::TooLarge,
            Self::Target(_) | Self::Refused(_) | Self::Statement { .. } => Kind::Invalid,
            Self::Connect(error) => error.kind(),
            Self::NoSecret(_)
            | Self::NoTls
            | Self::Authentication(_)
            | Self::Policy(_)
            | Self::DangerousRole
            | Self::DangerousFunctions(_)
            | Self::NotReadOnly
            | Self::Server { .. }
            | Self::Cancelled(_)
            | Self::Closed(_)
            | Self::Protocol(_)
            | Self::RowTooLarge(_)
            | Self::TooLarge { .. } => Kind::Upstream,
            Self::Timeout(_) | Self::Locked(_) => Kind::UpstreamTimeout,
            Self::Full(_) | Self::Busy | Self::NoSlot(_) => Kind::Unavailable,
            Self::Cold | Self::NotHere | Self::GivenUp => Kind::Internal,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Target(_) | Self::NoSecret(_) => Some("bad_settings"),
            Self::Refused(error) => Some(error.cause()),
            Self::Statement { code, .. } if code == "25006" => Some("read_only"),
            Self::Statement { .. } => Some("statement"),
            Self::Connect(error) => error.cause(),
            Self::NoTls => Some("tls"),
            Self::Authentication(_) | Self::Policy(_) => Some("auth_upstream"),
            Self::DangerousRole | Self::DangerousFunctions(_) => Some("dangerous_role"),
            Self::NotReadOnly => Some("read_only"),
            Self::Full(_) | Self::NoSlot(_) => Some("connections"),
            Self::Server { .. } => Some("database"),
            Self::Closed(_) => Some("upstream_closed"),
            Self::Protocol(_) => Some("upstream_protocol"),
            Self::RowTooLarge(_) | Self::TooLarge { .. } => Some("limit_bytes"),
            Self::Timeout(_) => Some("timeout_sql"),
            Self::Locked(_) => Some("timeout_lock"),
            Self::Cancelled(_) => Some("cancelled"),
            Self::Busy => Some("busy"),
            Self::Cold | Self::NotHere | Self::GivenUp => None,
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Statement { code, message } => format!("{message} (SQLSTATE {code})"),
            Self::Cold | Self::NotHere | Self::GivenUp => "internal error".to_owned(),
            _ => self.to_string(),
        }
    }
}
