//! From a data source of the Perses dialect to what an engine needs of it (contract/perses.md 1.2 to 1.7).

use std::collections::BTreeSet;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Auth, BadConnection, BasicAuth, DEFAULT_TIMEOUT, FORBIDDEN_HEADERS, HttpProxy, HttpTarget,
    MOST_HEADERS, Passed, Pattern, Proxy, Rules, Tls, TlsNames, TokenGrant,
};
use crate::{BadUrl, BaseUrl, JsonText, Plugin, Scheme, SecretSpec, TlsSpec};

/// The names under which the secrets of TLS are sealed.
pub(super) const TLS_NAMES: TlsNames =
    TlsNames { ca: "tlsConfig.ca", cert: "tlsConfig.cert", key: "tlsConfig.key" };

/// A `spec`, as far as it says how its data source is reached.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ScopedSpec {
    plugin: PluginSpec,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct PluginSpec {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    spec: Value,
}

impl ScopedSpec {
    /// Reads a stored spec.
    ///
    /// # Errors
    /// [`BadConnection::Field`] if it has no plugin that could be read.
    pub fn read(spec: &JsonText) -> Result<Self, BadConnection> {
        serde_json::from_str(spec.as_str()).map_err(|_| BadConnection::Field("plugin"))
    }

    /// Gives the kind of the plugin.
    #[must_use]
    pub fn plugin_kind(&self) -> &str {
        &self.plugin.kind
    }

    /// Tells whether what it is reached by names a secret.
    #[must_use]
    pub fn names_secret(&self) -> bool {
        let (Ok(Proxy::Http(proxy)) | Ok(Proxy::Sql(proxy))) = self.proxy() else { return false };
        proxy["secret"].as_str().is_some_and(|name| !name.is_empty())
    }

    /// Finds how it is reached.
    ///
    /// # Errors
    /// [`BadConnection::Proxy`].
    pub fn proxy(&self) -> Result<Proxy<'_>, BadConnection> {
        Proxy::find(&self.plugin.spec).map_err(BadConnection::Proxy)
    }
}

/// Finds the type whose routes tell what reads, by the kind of a plugin.
#[must_use]
pub fn plugin_of(kind: &str) -> Plugin {
    match kind {
        "PrometheusDatasource" => Plugin::Prometheus,
        "LokiDatasource" => Plugin::Loki,
        _ => Plugin::Other,
    }
}

impl HttpProxy {
    /// Gives the one place that a secret is sent to with it, as secrets are bound to.
    ///
    /// # Errors
    /// A url that cannot be used.
    pub fn destination(&self) -> Result<String, BadUrl> {
        let base = BaseUrl::parse(&self.url)?;
        let scheme = if base.scheme == Scheme::Https { "https" } else { "http" };
        Ok(format!("{scheme}://{}:{}", base.host, base.port.unwrap_or_default()))
    }

    /// Checks what a save is judged by: the url and the headers.
    ///
    /// # Errors
    /// [`BadConnection`].
    pub fn check(&self) -> Result<(), BadConnection> {
        self.target("", None).map(drop)
    }

    /// Makes the target of a plugin of that kind, with what a secret says and the names of its values.
    ///
    /// # Errors
    /// A url, a header or a secret that cannot be used: nothing is sent half-authenticated.
    pub fn target(
        &self,
        plugin_kind: &str,
        secret: Option<(&SecretSpec, &BTreeSet<String>)>,
    ) -> Result<HttpTarget, BadConnection> {
        let base = BaseUrl::parse(&self.url).map_err(BadConnection::Url)?;
        if base.scheme == Scheme::Other {
            return Err(BadConnection::NotHttp);
        }
        let query = self.url.split_once('?').map(|(_, query)| query.to_owned());
        let allowed = self.allowed_endpoints.iter().map(|endpoint| {
            let method = Method::from_bytes(endpoint.method.as_bytes());
            let method = method.map_err(|_| BadConnection::Field("allowedEndpoints"))?;
            let pattern = Pattern::parse(&endpoint.endpoint_pattern);
            Ok((method, pattern.map_err(|bad| BadConnection::HttpProxy(bad.into()))?))
        });
        let timeout = self.deadline().map_err(|bad| BadConnection::HttpProxy(bad.into()))?;
        let (auth, tls) = secret.map_or_else(
            || Ok((None, Tls::default())),
            |(spec, values)| Ok((authentication(spec, values)?, tls(spec, values)?)),
        )?;
        Ok(HttpTarget {
            base,
            query: query.filter(|query| !query.is_empty()),
            auth,
            headers: Vec::new(),
            plain_headers: self.plain_headers()?,
            tls,
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            keep_cookies: Vec::new(),
            passed: self.passed()?,
            rules: Rules::Endpoints {
                allowed: allowed.collect::<Result<_, _>>()?,
                reads_as: plugin_of(plugin_kind),
            },
        })
    }

    /// A `Host` has no effect (contract 1.6). Neither has an `Authorization`, which is a secret's to give, in any spelling.
    fn plain_headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, BadConnection> {
        if self.headers.len() > MOST_HEADERS {
            return Err(BadConnection::TooManyHeaders(self.headers.len()));
        }
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let parsed = header_name(name)?;
            if parsed == HOST || parsed == AUTHORIZATION {
                continue;
            }
            if FORBIDDEN_HEADERS.contains(&parsed.as_str()) {
                return Err(BadConnection::PlainHeader(name.chars().take(64).collect()));
            }
            let mut value = HeaderValue::try_from(value)
                .map_err(|_| BadConnection::PlainHeader(name.chars().take(64).collect()))?;
            // Nobody is kept from putting a key there.
            value.set_sensitive(true);
            headers.push((parsed, value));
        }
        Ok(headers)
    }

    fn passed(&self) -> Result<Passed, BadConnection> {
        let names = |list: &[String]| -> Result<Vec<_>, _> {
            list.iter().map(|name| header_name(name)).collect()
        };
        Ok(match (&self.allow_headers, &self.drop_headers) {
            (Some(allowed), _) => Passed::Only(names(allowed)?),
            (None, Some(dropped)) => Passed::AllBut(names(dropped)?),
            (None, None) => Passed::All,
        })
    }
}

fn header_name(name: &str) -> Result<HeaderName, BadConnection> {
    let bad = |_| BadConnection::PlainHeader(name.chars().take(64).collect());
    HeaderName::try_from(name).map_err(bad)
}

fn authentication(
    spec: &SecretSpec,
    values: &BTreeSet<String>,
) -> Result<Option<Auth>, BadConnection> {
    let has = |name: &str| values.contains(name);
    if let Some(oauth) = &spec.oauth {
        let grant = TokenGrant::of(oauth).map_err(BadConnection::Grant)?;
        return Ok(Some(Auth::Token(grant)));
    }
    if let Some(basic) = &spec.basic_auth {
        let user = basic.username.clone();
        return Ok(Some(Auth::Basic(BasicAuth { user, password: "basicAuth.password" })));
    }
    let credentials = "authorization.credentials";
    Ok(spec.authorization.as_ref().filter(|_| has(credentials)).map(|authorization| {
        let scheme = match authorization.scheme.as_str() {
            "" => "Bearer".to_owned(),
            scheme => scheme.to_owned(),
        };
        Auth::Scheme { scheme, credentials }
    }))
}

fn tls(spec: &SecretSpec, values: &BTreeSet<String>) -> Result<Tls, BadConnection> {
    let said = spec.tls_config.as_ref();
    let server_name = said.map(|tls| tls.server_name.clone()).filter(|name| !name.is_empty());
    let versions = said.map(TlsSpec::versions).transpose().map_err(BadConnection::TlsVersions)?;
    Ok(Tls {
        skip_verify: said.is_some_and(|tls| tls.insecure_skip_verify),
        server_name,
        own_ca: values.contains(TLS_NAMES.ca),
        client_certificate: values.contains(TLS_NAMES.cert) && values.contains(TLS_NAMES.key),
        names: TLS_NAMES,
        versions: versions.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn proxy(spec: &Value) -> HttpProxy {
        HttpProxy::read(spec).unwrap()
    }

    fn secret(spec: &Value, values: &[&str]) -> (SecretSpec, BTreeSet<String>) {
        let names = values.iter().map(|name| (*name).to_owned()).collect();
        (Deserialize::deserialize(spec).unwrap(), names)
    }

    #[test]
    fn perses_case_64_the_url_brings_its_own_query() {
        let target = proxy(&json!({ "url": "http://h/base?tok=1" })).target("", None).unwrap();
        assert_eq!((target.base.path.as_str(), target.query.as_deref()), ("/base", Some("tok=1")));
    }

    #[test]
    fn perses_case_66_no_configured_header_authenticates() {
        let headers =
            json!({ "Authorization": "a", "authorization": "b", "Host": "x", "X-A": "c" });
        let proxy = proxy(&json!({ "url": "http://h", "headers": headers }));
        let names = |target: HttpTarget| {
            target.plain_headers.into_iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(proxy.target("", None).unwrap()), ["x-a"]);
    }

    #[test]
    fn h10_headers_of_the_protocol_are_not_configured() {
        for name in ["Connection", "Transfer-Encoding", "Via", "a b", ""] {
            let proxy = proxy(&json!({ "url": "http://h", "headers": { name: "x" } }));
            let error = proxy.check().unwrap_err();
            assert_eq!(error, BadConnection::PlainHeader(name.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_secret_names_what_it_needs() {
        let proxy = proxy(&json!({ "url": "https://h" }));
        let needed = |(spec, values): (SecretSpec, BTreeSet<String>)| {
            let target = proxy.target("", Some((&spec, &values))).unwrap();
            target.secrets().map(str::to_owned).collect::<Vec<_>>()
        };
        let basic = json!({ "basicAuth": { "username": "u" }, "tlsConfig": {} });
        let found = needed(secret(&basic, &["basicAuth.password", "tlsConfig.ca"]));
        assert_eq!(found, ["basicAuth.password", "tlsConfig.ca"]);
        let bearer = json!({ "authorization": {} });
        let found = needed(secret(&bearer, &["authorization.credentials"]));
        assert_eq!(found, ["authorization.credentials"]);
        assert!(needed(secret(&bearer, &[])).is_empty());
        let oauth = json!({ "oauth": { "tokenURL": "http://idp.test/token" } });
        let found = needed(secret(&oauth, &[]));
        assert_eq!(found, ["oauth.clientID", "oauth.clientSecret"]);
    }

    #[test]
    fn perses_1_7_the_token_endpoint_has_the_same_tls() {
        let plain = proxy(&json!({ "url": "http://h" }));
        let oauth = json!({ "oauth": { "tokenURL": "https://idp.test/token" } });
        let (spec, values) = secret(&oauth, &["tlsConfig.ca"]);
        let target = plain.target("", Some((&spec, &values))).unwrap();
        assert!(target.secrets().any(|name| name == "tlsConfig.ca"));
    }

    #[test]
    fn a_secret_is_bound_to_scheme_host_and_port() {
        let of = |url: &str| proxy(&json!({ "url": url })).destination().unwrap();
        assert_eq!(of("https://H.example./base?x"), "https://h.example:443");
        assert_eq!(of("localhost:9090"), "http://localhost:9090");
    }
}
