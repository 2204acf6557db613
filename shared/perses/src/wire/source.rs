//! The `spec` of a data source: what is kept of it, and what it asks for (contract/perses.md 3.4, 3.5).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sourcegate_core::{HttpProxy, JsonText, Proxy, SqlProxy, json};

use crate::Error;

/// A data source's `spec`, as it is stored and answered.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct SourceSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<Display>,
    #[serde(default)]
    pub(crate) default: bool,
    pub(crate) plugin: Plugin,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Display {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Plugin {
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<PluginMetadata>,
    #[serde(default)]
    spec: Value,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct PluginMetadata {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    registry: String,
}

/// A secret that a data source names, and where it would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedSecret {
    pub(crate) name: String,
    pub(crate) destination: String,
}

impl SourceSpec {
    /// Reads one and judges it: what it says of a proxy must be usable, whatever its plugin is.
    ///
    /// # Errors
    /// What is wrong with it first, in Perses' words where it has some.
    pub(crate) fn read(spec: Option<&str>) -> Result<Self, Error> {
        let decode = |text: &str| Error::Decode(text.to_owned());
        let spec = spec.ok_or_else(|| decode("spec cannot be empty"))?;
        let mut read: Self = json::read(spec).map_err(|fault| Error::spec(&fault))?;
        if read.plugin.kind.is_empty() {
            return Err(decode("plugin.kind cannot be empty"));
        }
        if read.plugin.spec.is_null() {
            read.plugin.spec = Value::Object(serde_json::Map::new());
        }
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<(), Error> {
        let direct = self.plugin.spec.get("directUrl").filter(|url| !url.is_null());
        let proxy = Proxy::find(&self.plugin.spec);
        if let Some(direct) = direct {
            if !direct.as_str().is_some_and(is_open) {
                let said = "directUrl must be a url of http or https, without user and password";
                return Err(Error::Bad(said.to_owned()));
            }
            if proxy.is_ok() {
                let said = "directUrl and proxy are mutually exclusive, use one of them";
                return Err(Error::Bad(said.to_owned()));
            }
        }
        match proxy {
            Ok(Proxy::Http(config)) => {
                let proxy = HttpProxy::read(config).map_err(|bad| Error::Bad(bad.to_string()))?;
                proxy.check().map_err(|bad| Error::Bad(bad.to_string()))
            }
            Ok(Proxy::Sql(config)) => {
                SqlProxy::read(config).map(drop).map_err(|bad| Error::Bad(bad.to_string()))
            }
            // Only a browser reaches it.
            Err(sourcegate_core::BadProxy::Absent) => Ok(()),
            Err(bad @ sourcegate_core::BadProxy::NoSpec) => Err(Error::Bad(bad.to_string())),
        }
    }

    /// Gives the secret that it names.
    pub(crate) fn secret(&self) -> Option<NamedSecret> {
        let (destination, name) = match Proxy::find(&self.plugin.spec).ok()? {
            Proxy::Http(config) => {
                let proxy = HttpProxy::read(config).ok()?;
                (proxy.destination().ok()?, proxy.secret)
            }
            Proxy::Sql(config) => {
                let proxy = SqlProxy::read(config).ok()?;
                (proxy.destination().ok()?, proxy.secret)
            }
        };
        let name = name.filter(|name| !name.is_empty())?;
        Some(NamedSecret { name, destination })
    }

    /// Writes it as it is stored.
    ///
    /// # Errors
    /// It cannot be written, which no spec is known to do.
    pub(crate) fn text(&self) -> Result<JsonText, Error> {
        let text = serde_json::to_string(self).map_err(|error| Error::Bad(error.to_string()))?;
        JsonText::object(text).ok_or_else(|| Error::Bad("spec is no object".to_owned()))
    }
}

/// Tells whether a url is one of HTTP that everybody may read, as whoever reads the data source does.
fn is_open(url: &str) -> bool {
    let Some(("http" | "https", rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    !authority.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(spec: &str, expected: Result<&str, &str>) {
        let found = SourceSpec::read(Some(spec)).and_then(|spec| spec.text());
        let found = found.as_ref().map(JsonText::as_str).map_err(ToString::to_string);
        assert_eq!(found.as_ref().map(|text| *text).map_err(String::as_str), expected, "{spec}");
    }

    #[test]
    fn perses_3_5_what_is_unset_is_left_out_and_default_is_always_there() {
        let sent = r#"{"display":{"name":"n"},"plugin":{"kind":"PrometheusDatasource","spec":{"b":1,"a":{"d":null,"c":2.5}}}}"#;
        let kept = r#"{"display":{"name":"n"},"default":false,"plugin":{"kind":"PrometheusDatasource","spec":{"a":{"c":2.5,"d":null},"b":1}}}"#;
        check(sent, Ok(kept));
        check(
            r#"{"plugin":{"kind":"X","spec":null}}"#,
            Ok(r#"{"default":false,"plugin":{"kind":"X","spec":{}}}"#),
        );
    }

    #[test]
    fn perses_case_49_a_url_for_browsers_is_one_and_alone() {
        let proxy = r#""proxy":{"kind":"HTTPProxy","spec":{"url":"http://h"}}"#;
        let with = |spec: &str| format!(r#"{{"plugin":{{"kind":"P","spec":{{{spec}}}}}}}"#);
        assert!(SourceSpec::read(Some(&with(r#""directUrl":"http://h""#))).is_ok());
        let said = "directUrl must be a url of http or https, without user and password";
        for url in [r#""www.datasource.com""#, r#""http://u:p@h/x""#, r#""ftp://h""#, "1", "[]"] {
            check(&with(&format!(r#""directUrl":{url}"#)), Err(said));
        }
        assert!(SourceSpec::read(Some(&with(r#""directUrl":"https://h/a@b?c=@""#))).is_ok());
        let said = "directUrl and proxy are mutually exclusive, use one of them";
        check(&with(&format!(r#""directUrl":"http://h",{proxy}"#)), Err(said));
    }

    #[test]
    fn what_is_wrong_with_the_proxy_is_said_at_the_save() {
        let with = |spec: &str| {
            format!(
                r#"{{"plugin":{{"kind":"P","spec":{{"proxy":{{"kind":"HTTPProxy","spec":{spec}}}}}}}}}"#
            )
        };
        check(&with("{}"), Err("url cannot be empty"));
        check(
            &with(r#"{"url":"http://u:p@h"}"#),
            Err("url has a user or password in it; use basicAuthUser and secureJsonData instead"),
        );
        check(
            &with(r#"{"url":"http://h","timeout":"30 seconds"}"#),
            Err(r#"unknown unit " seconds" in duration "30 seconds""#),
        );
        check(r#"{"plugin":{"spec":{}}}"#, Err("plugin.kind cannot be empty"));
        let sql = r#"{"plugin":{"kind":"P","spec":{"proxy":{"kind":"SQLProxy","spec":{"driver":"postgres","host":"h"}}}}}"#;
        check(sql, Err("database cannot be empty"));
    }

    #[test]
    fn a_database_names_its_secret_too() {
        let sql = r#"{"plugin":{"kind":"P","spec":{"proxy":{"kind":"SQLProxy","spec":{"driver":"postgres","host":"H","database":"d","secret":"s"}}}}}"#;
        let named = SourceSpec::read(Some(sql)).unwrap().secret();
        let destination = "postgres://h:5432?tls=unsaid".to_owned();
        assert_eq!(named, Some(NamedSecret { name: "s".to_owned(), destination }));
    }
}
