//! What an engine needs of a data source, made from its settings.

mod auth;
mod duration;
mod pattern;
mod proxy;
mod scoped;
mod sql_proxy;
mod sql_settings;
mod token;

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    BadSqlTarget, BadTlsVersions, BadUrl, BaseUrl, JsonText, Plugin, Scheme, Settings, TlsVersions,
};

pub use auth::{Auth, BasicAuth};
pub use duration::{BadDuration, duration};
pub use pattern::{BadPattern, Pattern};
pub use proxy::{AllowedEndpoint, BadHttpProxy, BadProxy, HttpProxy, Proxy};
pub use scoped::{ScopedSpec, plugin_of};
pub use sql_proxy::{BadSqlProxy, MysqlBlock, PostgresBlock, SqlProxy};
pub use token::{AuthStyle, BadGrant, TokenGrant};

/// How many configured headers a data source may have (`faults.md` H11).
const MOST_HEADERS: usize = 100;

/// How long a whole exchange may take where the settings do not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Headers that are the gateway's or the protocol's own to set (`faults.md` H10).
const FORBIDDEN_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Says why settings make no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConnection {
    /// The url cannot be used.
    #[error("{0}")]
    Url(#[source] BadUrl),
    /// There is no url to send requests to.
    #[error("data source has no url")]
    NoUrl,
    /// The url is not one of HTTP.
    #[error("target URL is not a valid target")]
    NotHttp,
    /// A configured header has a name that may not be set. The text tells the field and not what it says: whoever mixes
    /// up name and value puts a secret there.
    #[error("jsonData.httpHeaderName{0} is no header name that can be set; choose another one")]
    HeaderName(String),
    /// More configured headers than are served.
    #[error("jsonData has {0} custom headers; at most 100 are sent")]
    TooManyHeaders(usize),
    /// A field of `jsonData` is of another type than it must be.
    #[error("jsonData.{0} is not of the right type")]
    Field(&'static str),
    /// A field of `jsonData` is of another type than a database's must be; which, is not said, since errors would quote it.
    #[error("jsonData has a field that is not of the right type for a database")]
    Shape,
    /// A field that names a file of the server.
    #[error(
        "jsonData.{0} names a file of the server, which is never read; set tlsConfigurationMethod to file-content and send the file's text in secureJsonData"
    )]
    ServerFile(&'static str),
    /// A configured header of the Perses dialect that may not be set, or whose value no header can have. The text tells the
    /// name alone.
    #[error("header {0:?} cannot be set; choose another one, or another value")]
    PlainHeader(String),
    /// There is no proxy to be used.
    #[error("{0}")]
    Proxy(#[source] BadProxy),
    /// Its configuration cannot be used.
    #[error("{0}")]
    HttpProxy(#[source] BadHttpProxy),
    /// The same of a database's.
    #[error("{0}")]
    SqlProxy(#[source] BadSqlProxy),
    /// The settings of a database make no target.
    #[error("{0}")]
    Sql(#[source] BadSqlTarget),
    /// It is a database's, which no HTTP request reaches.
    #[error("the datasource is a database; POST a query to it, without a path behind its name")]
    NotHttpProxy,
    /// No token could be asked for.
    #[error("{0}")]
    Grant(#[source] BadGrant),
    /// No version of TLS could be spoken.
    #[error("{0}")]
    TlsVersions(#[source] BadTlsVersions),
    /// A way to authenticate that is not offered.
    #[error("jsonData.{0} asks for an authentication that this gateway does not offer yet")]
    Unsupported(&'static str),
}

/// A target that is spoken to over HTTP, with the names of the secrets that it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpTarget {
    /// Where requests go.
    pub base: BaseUrl,
    /// What goes before the caller's own query: that of the url, where the dialect sends it.
    pub query: Option<String>,
    /// How requests authenticate, beside configured headers.
    pub auth: Option<Auth>,
    /// Configured headers, in order of their numbers.
    pub headers: Vec<HeaderSecret>,
    /// Configured headers whose values are no secrets.
    pub plain_headers: Vec<(HeaderName, HeaderValue)>,
    /// How TLS is spoken, if the base url says so.
    pub tls: Tls,
    /// The deadline of a whole exchange.
    pub timeout: Duration,
    /// Which of the caller's cookies are passed on: exact names, `name[]` for a prefix, `[]` for all.
    pub keep_cookies: Vec<String>,
    /// Which of the caller's headers are passed on.
    pub passed: Passed,
    /// What may be asked.
    pub rules: Rules,
}

/// Which of the caller's headers are passed on, of those that are ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Passed {
    /// All.
    #[default]
    All,
    /// These.
    Only(Vec<HeaderName>),
    /// All but these.
    AllBut(Vec<HeaderName>),
}

/// What may be asked of a data source.
#[derive(Clone, Debug, PartialEq)]
pub enum Rules {
    /// What the routes of its type say, which ask for roles.
    Plugin(Plugin),
    /// What its operator has listed; anything if nothing.
    Endpoints {
        /// Methods, and patterns of whole paths.
        allowed: Vec<(Method, Pattern)>,
        /// By whose routes a request with a method that writes is known to read.
        reads_as: Plugin,
    },
}

/// A header whose value is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderSecret {
    /// The header's name.
    pub name: HeaderName,
    /// The name of the secret that holds its value.
    pub secret: String,
}

/// How TLS is spoken to an upstream: contract/grafana.md 2.8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// `tlsSkipVerify`: any certificate is accepted.
    pub skip_verify: bool,
    /// `serverName`: the name to ask for and to verify.
    pub server_name: Option<String>,
    /// `tlsAuthWithCACert`: the secret `tlsCACert` replaces the usual roots.
    pub own_ca: bool,
    /// `tlsAuth`: the secrets `tlsClientCert` and `tlsClientKey` are presented.
    pub client_certificate: bool,
    /// What these secrets are called.
    pub names: TlsNames,
    /// Which versions may be spoken.
    pub versions: TlsVersions,
}

/// The names of the secrets that TLS is set up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsNames {
    /// Certificates that replace the usual roots.
    pub ca: &'static str,
    /// The client's certificate.
    pub cert: &'static str,
    /// Its key.
    pub key: &'static str,
}

impl Default for TlsNames {
    /// Gives Grafana's.
    fn default() -> Self {
        Self { ca: "tlsCACert", cert: "tlsClientCert", key: "tlsClientKey" }
    }
}

impl HttpTarget {
    /// Makes the target that settings describe.
    ///
    /// # Errors
    /// No usable url, a header that may not be set, or an authentication that is not offered: nothing is sent
    /// half-authenticated.
    pub fn of(settings: &Settings) -> Result<Self, BadConnection> {
        if settings.url.is_empty() {
            return Err(BadConnection::NoUrl);
        }
        // A database's address reads as a url too, and its password would go there as it is.
        if settings.plugin().is_database() {
            return Err(BadConnection::NotHttp);
        }
        let base = BaseUrl::parse(&settings.url).map_err(BadConnection::Url)?;
        if base.scheme == Scheme::Other {
            return Err(BadConnection::NotHttp);
        }
        let extras = Extras::strict(&settings.json_data)?;
        if extras.sigv4 {
            return Err(BadConnection::Unsupported("sigV4Auth"));
        }
        Ok(Self {
            base,
            query: None,
            auth: basic_auth(settings).map(Auth::Basic),
            headers: extras.headers()?,
            plain_headers: Vec::new(),
            tls: extras.tls,
            timeout: extras.timeout.unwrap_or(DEFAULT_TIMEOUT),
            keep_cookies: extras.keep_cookies,
            passed: Passed::All,
            rules: Rules::Plugin(settings.plugin()),
        })
    }

    /// Checks the configured headers alone, whatever the url is: what a save is judged by.
    ///
    /// # Errors
    /// A name that may not be set, or too many of them.
    pub fn check_headers(settings: &Settings) -> Result<(), BadConnection> {
        Extras::lenient(&settings.json_data).headers().map(drop)
    }

    /// Tells whether TLS is spoken: with the data source, or where its token is asked for.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        let endpoint = match &self.auth {
            Some(Auth::Token(grant)) => Some(grant.endpoint.scheme),
            _ => None,
        };
        [Some(self.base.scheme), endpoint].contains(&Some(Scheme::Https))
    }

    /// Lists the names of the secrets that a request needs, and no others.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let tls = self.speaks_tls();
        let names = self.tls.names;
        let ca = (tls && self.tls.own_ca).then_some(names.ca);
        let client = (tls && self.tls.client_certificate).then_some([names.cert, names.key]);
        let auth = self.auth.iter().flat_map(Auth::secrets);
        let headers = self.headers.iter().map(|header| header.secret.as_str());
        auth.chain(headers).chain(ca).chain(client.into_iter().flatten())
    }
}

fn basic_auth(settings: &Settings) -> Option<BasicAuth> {
    if settings.basic_auth {
        Some(BasicAuth { user: settings.basic_auth_user.clone(), password: "basicAuthPassword" })
    } else if settings.user.is_empty() {
        None
    } else {
        Some(BasicAuth { user: settings.user.clone(), password: "password" })
    }
}

/// The fields of `jsonData` that a connection is made of.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) tls_skip_verify: bool,
    /// Number as text -> header name.
    pub(crate) header_names: BTreeMap<String, String>,
    tls: Tls,
    timeout: Option<Duration>,
    keep_cookies: Vec<String>,
    sigv4: bool,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(flatten)]
    all: BTreeMap<String, Value>,
}

impl Extras {
    /// Reads what can be read and passes over the rest: for comparing, never for sending.
    pub(crate) fn lenient(json: &JsonText) -> Self {
        Self::read(json).0
    }

    fn strict(json: &JsonText) -> Result<Self, BadConnection> {
        match Self::read(json) {
            (extras, None) => Ok(extras),
            (_, Some(field)) => Err(BadConnection::Field(field)),
        }
    }

    /// Reads the fields; beside them, the name of one that is of the wrong type.
    fn read(json: &JsonText) -> (Self, Option<&'static str>) {
        let Ok(Fields { all }) = serde_json::from_str(json.as_str()) else {
            return (Self::default(), Some("(all)"));
        };
        let mut wrong = None;
        let mut flag = |name: &'static str| match all.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(on)) => *on,
            Some(_) => {
                wrong = Some(name);
                // The safer reading for comparing: something was asked for.
                true
            }
        };
        let tls_skip_verify = flag("tlsSkipVerify");
        let tls = Tls {
            skip_verify: tls_skip_verify,
            own_ca: flag("tlsAuthWithCACert"),
            client_certificate: flag("tlsAuth"),
            server_name: None,
            names: TlsNames::default(),
            versions: TlsVersions::default(),
        };
        let sigv4 = flag("sigV4Auth");
        let server_name = all.get("serverName").and_then(Value::as_str).filter(|s| !s.is_empty());
        let timeout = all.get("timeout").and_then(seconds);
        let keep_cookies = all.get("keepCookies").and_then(Value::as_array);
        let keep_cookies = keep_cookies.into_iter().flatten().filter_map(Value::as_str);
        let header_names = all.iter().filter_map(|(key, value)| {
            let number = key.strip_prefix("httpHeaderName")?;
            Some((number.to_owned(), value.as_str().unwrap_or_default().to_owned()))
        });
        let extras = Self {
            tls_skip_verify,
            header_names: header_names.collect(),
            tls: Tls { server_name: server_name.map(str::to_owned), ..tls },
            timeout,
            keep_cookies: keep_cookies.map(str::to_owned).collect(),
            sigv4,
        };
        (extras, wrong)
    }

    /// Numbers the configured headers from 1 until the first gap, as Grafana does (T70).
    fn headers(&self) -> Result<Vec<HeaderSecret>, BadConnection> {
        if self.header_names.len() > MOST_HEADERS {
            return Err(BadConnection::TooManyHeaders(self.header_names.len()));
        }
        for (number, name) in &self.header_names {
            header_name(number, name)?;
        }
        (1..)
            .map_while(|n: usize| self.header_names.get_key_value(n.to_string().as_str()))
            .map(|(number, name)| {
                let secret = format!("httpHeaderValue{number}");
                Ok(HeaderSecret { name: header_name(number, name)?, secret })
            })
            .collect()
    }
}

fn header_name(number: &str, name: &str) -> Result<HeaderName, BadConnection> {
    let bad = || BadConnection::HeaderName(number.chars().take(64).collect());
    let parsed = HeaderName::try_from(name).map_err(|_| bad())?;
    if FORBIDDEN_HEADERS.contains(&parsed.as_str()) { Err(bad()) } else { Ok(parsed) }
}

/// Grafana takes a number or a numeric text, in seconds; zero and what is not positive mean the default.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero())
}

#[cfg(test)]
pub(crate) mod tests;
