//! The words of the gateway: data sources, names, addresses, secrets and errors. No I/O, no AWS, no HTTP client.

mod address;
mod base_url;
mod connection;
mod correlation;
mod datasource;
mod destination;
mod error;
mod label;
mod name;
mod permissions;
mod plugin;
mod random;
mod secret;
mod sql_target;
mod via;

pub use address::{BadCidr, Cidr, Policy, Verdict};
pub use base_url::{BadUrl, BaseUrl, Scheme};
pub use connection::{BadConnection, BasicAuth, HeaderSecret, HttpTarget, Tls};
pub use correlation::{Correlation, CorrelationKind, Target, Transformation, TransformationKind};
pub use datasource::{Datasource, JsonText, Settings};
pub use destination::Destination;
pub use error::{Classify, Fault, Kind};
pub use label::{BadLabel, Label, Login, OrgName};
pub use name::{BadName, LegacyId, OrgId, Reference, SourceName, Uid};
pub use permissions::{Assignee, Level, Permissions};
pub use plugin::Plugin;
pub use random::{Incarnation, Rev};
pub use secret::Secrets;
pub use sql_target::{
    BadSqlTarget, SQL_CONNECT_TIMEOUT, SQL_STATEMENT_TIMEOUT, SqlDriver, SqlParams, SqlPlace,
    SqlTarget, SqlTls, SslMode,
};
pub use via::{OWN_VIA, has_been_here};
