//! The words of the gateway: data sources, names, addresses, secrets and errors. No I/O, no AWS, no HTTP client.

mod address;
mod base_url;
mod connection;
mod correlation;
mod datasource;
mod destination;
mod document;
mod error;
pub mod json;
mod label;
mod mask;
mod name;
mod permissions;
mod plugin;
mod quoted;
mod random;
mod rds;
mod role_spec;
mod secret;
mod secret_spec;
mod sql_target;
mod tls_version;
mod via;

pub use address::{BadCidr, Cidr, Policy, Verdict};
pub use base_url::{BadUrl, BaseUrl, Scheme};
pub use connection::{
    AllowedEndpoint, Auth, AuthStyle, BadConnection, BadDuration, BadGrant, BadHttpProxy,
    BadPattern, BadProxy, BadSqlProxy, BasicAuth, HeaderSecret, HttpProxy, HttpTarget, MysqlBlock,
    Passed, Pattern, PostgresBlock, Proxy, Rules, ScopedSpec, SqlProxy, Tls, TlsNames, TokenGrant,
    duration, plugin_of,
};
pub use correlation::{Correlation, CorrelationKind, Target, Transformation, TransformationKind};
pub use datasource::{Datasource, JsonText, Settings};
pub use destination::Destination;
pub use document::{
    BadDocumentName, Document, DocumentId, DocumentKind, DocumentName, Scope, ScopedName,
    ScopedSource, SecretUse, Ties,
};
pub use error::{Classify, Fault, Kind};
pub use label::{BadLabel, Label, Login, OrgName};
pub use mask::{MASK, masked_url};
pub use name::{BadName, LegacyId, OrgId, Reference, SourceName, Uid};
pub use permissions::{Assignee, Level, Permissions};
pub use plugin::Plugin;
pub use quoted::quoted;
pub use random::{Incarnation, Rev, random_bytes};
pub use rds::{BadRdsRule, BadRdsRules, RdsLogin, RdsRefusal, RdsRules};
pub use role_spec::{BadRole, BindingSpec, RoleAction, RolePermission, RoleScope, RoleSpec};
pub use secret::Secrets;
pub use secret_spec::{AuthorizationSpec, BasicAuthSpec, OauthSpec, SecretSpec, TlsSpec};
pub use sql_target::{
    BadSqlTarget, SQL_CONNECT_TIMEOUT, SQL_STATEMENT_TIMEOUT, SqlDriver, SqlParams, SqlPlace,
    SqlTarget, SqlTls, SslMode,
};
pub use tls_version::{BadTlsVersions, TlsVersion, TlsVersions};
pub use via::{OWN_VIA, has_been_here};
