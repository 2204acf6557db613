//! How a data source is reached: the object in `spec.plugin.spec` whose kind is `HTTPProxy` or `SQLProxy` (contract 1.2, 1.3).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::duration::{BadDuration, duration};
use super::pattern::{BadPattern, Pattern};
use crate::json::{self, JsonFault};
use crate::quoted;

/// The methods that an allowed endpoint may have.
const METHODS: [&str; 5] = ["GET", "POST", "DELETE", "PUT", "PATCH"];

/// Which engine a data source is for, with its configuration as it was sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Proxy<'a> {
    /// HTTP.
    Http(&'a Value),
    /// SQL.
    Sql(&'a Value),
}

/// Says why there is no proxy to use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProxy {
    /// There is no such object, as where only `directUrl` is given.
    #[error("the datasource has no HTTPProxy and no SQLProxy, so that only a browser can reach it")]
    Absent,
    /// It has no `spec`.
    #[error("the proxy has no spec")]
    NoSpec,
}

impl<'a> Proxy<'a> {
    /// Finds it, however deep it is; of several the first by its keys, at each level before the levels below.
    ///
    /// # Errors
    /// There is none, or none to be used.
    pub fn find(plugin: &'a Value) -> Result<Self, BadProxy> {
        find(plugin).unwrap_or(Err(BadProxy::Absent))
    }
}

fn find(value: &Value) -> Option<Result<Proxy<'_>, BadProxy>> {
    match value {
        Value::Object(fields) => own(fields).or_else(|| fields.values().find_map(find)),
        Value::Array(all) => all.iter().find_map(find),
        _ => None,
    }
}

/// Field names and kinds are matched in any case, as by Perses.
fn own(fields: &Map<String, Value>) -> Option<Result<Proxy<'_>, BadProxy>> {
    let field = |wanted: &str| {
        let mut found = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.next().map(|(_, value)| value)
    };
    let proxy = match field("kind")?.as_str()?.to_ascii_lowercase().as_str() {
        "httpproxy" => Proxy::Http,
        "sqlproxy" => Proxy::Sql,
        _ => return None,
    };
    Some(field("spec").map(proxy).ok_or(BadProxy::NoSpec))
}

/// The configuration of an HTTP proxy.
/// No other fields are read: a misspelt one would open what it was to close.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpProxy {
    /// Where the data source is.
    #[serde(default)]
    pub url: String,
    /// What may be asked; empty for anything.
    #[serde(default)]
    pub allowed_endpoints: Vec<AllowedEndpoint>,
    /// What is sent along.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The secret that authenticates.
    pub secret: Option<String>,
    /// Which of the caller's headers go on; all if not given.
    pub allow_headers: Option<Vec<String>>,
    /// Which of them do not.
    pub drop_headers: Option<Vec<String>>,
    /// The deadline of a whole exchange, as `30s`.
    pub timeout: Option<String>,
    /// Accepted and never followed: the caller's own credential stays here.
    pub oauth_passthrough: Option<bool>,
}

/// A method, and a pattern that the whole path must match.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedEndpoint {
    /// An RE2 expression.
    #[serde(default)]
    pub endpoint_pattern: String,
    /// One of five.
    #[serde(default)]
    pub method: String,
}

/// Says what is wrong with an HTTP proxy, in Perses' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHttpProxy {
    /// It is no such object.
    #[error("{0}")]
    Shape(#[from] JsonFault),
    /// It leads nowhere.
    #[error("url cannot be empty")]
    NoUrl,
    /// An endpoint has no method.
    #[error("HTTP method cannot be empty")]
    NoMethod,
    /// An endpoint has no pattern.
    #[error("HTTP endpoint pattern cannot be empty")]
    NoPattern,
    /// An endpoint has another method.
    #[error("{} is not a valid http method. Current supported HTTP method: GET, POST, DELETE, PUT, PATCH", quoted(.0))]
    Method(String),
    /// An endpoint's pattern does not compile.
    #[error("{0}")]
    Pattern(#[from] BadPattern),
    /// The timeout is no duration.
    #[error("{0}")]
    Timeout(#[from] BadDuration),
    /// Both lists of headers are given.
    #[error("cannot specify both allowHeaders and dropHeaders at the same time")]
    BothHeaders,
}

impl HttpProxy {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it first.
    pub fn read(spec: &Value) -> Result<Self, BadHttpProxy> {
        let proxy: Self = json::part(spec)?;
        for AllowedEndpoint { endpoint_pattern, method } in &proxy.allowed_endpoints {
            match method.as_str() {
                "" => return Err(BadHttpProxy::NoMethod),
                _ if endpoint_pattern.is_empty() => return Err(BadHttpProxy::NoPattern),
                known if METHODS.contains(&known) => {
                    Pattern::parse(endpoint_pattern)?;
                }
                other => return Err(BadHttpProxy::Method(other.to_owned())),
            }
        }
        match proxy {
            Self { ref url, .. } if url.is_empty() => Err(BadHttpProxy::NoUrl),
            Self { allow_headers: Some(_), drop_headers: Some(_), .. } => {
                Err(BadHttpProxy::BothHeaders)
            }
            proxy => {
                proxy.deadline()?;
                Ok(proxy)
            }
        }
    }

    /// Gives the deadline of a whole exchange, if the configuration says one that is not zero.
    ///
    /// # Errors
    /// It is no duration.
    pub fn deadline(&self) -> Result<Option<Duration>, BadDuration> {
        let timeout = self.timeout.as_deref().filter(|text| !text.is_empty());
        let timeout = timeout.map(duration).transpose()?;
        Ok(timeout.filter(|timeout| !timeout.is_zero()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn perses_case_48_the_proxy_is_found_wherever_it_is() {
        let spec = json!({ "url": "http://h" });
        for (plugin, expected) in [
            (json!({ "proxy": { "kind": "HTTPProxy", "spec": spec } }), Ok(Proxy::Http(&spec))),
            (json!({ "proxy": { "kind": "SQLProxy", "spec": spec } }), Ok(Proxy::Sql(&spec))),
            (
                json!({ "a": { "b": [{ "KIND": "httpproxy", "Spec": spec }] } }),
                Ok(Proxy::Http(&spec)),
            ),
            (json!({ "kind": "sqlPROXY", "spec": spec }), Ok(Proxy::Sql(&spec))),
            (json!({ "proxy": { "kind": "HTTPProxy" } }), Err(BadProxy::NoSpec)),
            (json!({ "directUrl": "http://h" }), Err(BadProxy::Absent)),
            (json!({ "kind": 1, "proxy": { "kind": "Other", "spec": {} } }), Err(BadProxy::Absent)),
            (json!(null), Err(BadProxy::Absent)),
        ] {
            assert_eq!(Proxy::find(&plugin), expected, "{plugin}");
        }
    }

    #[track_caller]
    fn check(spec: &Value, expected: Option<&str>) {
        let refusal = HttpProxy::read(spec).err().map(|error| error.to_string());
        assert_eq!(refusal.as_deref(), expected, "{spec}");
    }

    #[test]
    fn what_is_wrong_with_an_http_proxy_is_said_in_perses_words() {
        let with = |endpoint: Value| json!({ "url": "http://h", "allowedEndpoints": [endpoint] });
        check(&json!({ "url": "http://h" }), None);
        // As YAML has it where nothing stands behind a name.
        check(&json!({ "url": "http://h", "headers": null, "allowedEndpoints": null }), None);
        check(&json!({}), Some("url cannot be empty"));
        check(&with(json!({ "endpointPattern": "/a", "method": "PATCH" })), None);
        check(&with(json!({ "endpointPattern": "/a" })), Some("HTTP method cannot be empty"));
        check(&with(json!({ "method": "GET" })), Some("HTTP endpoint pattern cannot be empty"));
        let said = "\"get\" is not a valid http method. Current supported HTTP method: GET, POST, DELETE, PUT, PATCH";
        check(&with(json!({ "endpointPattern": "/a", "method": "get" })), Some(said));
        let both = json!({ "url": "http://h", "allowHeaders": [], "dropHeaders": [] });
        check(&both, Some("cannot specify both allowHeaders and dropHeaders at the same time"));
        assert!(HttpProxy::read(&json!({ "url": 1 })).is_err());
        assert!(HttpProxy::read(&json!([])).is_err());
    }
}
