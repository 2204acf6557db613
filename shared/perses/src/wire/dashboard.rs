//! The `spec` of a dashboard: kept as it is sent, if clients can read it, but for its own data sources, which are judged
//! as others are.

mod layouts;
mod model;
mod variables;
mod zones;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use sourcegate_core::{JsonText, json, quoted};
use store::LocalDraft;

use super::source::{NamedSecret, SourceSpec};
use crate::Error;

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    datasources: Option<BTreeMap<String, &'a RawValue>>,
}

/// A dashboard as it is to be stored.
#[derive(Debug)]
pub(crate) struct SentDashboard {
    /// What it says.
    pub(crate) spec: JsonText,
    /// Its own data sources.
    pub(crate) locals: Vec<LocalDraft>,
    /// The secrets that they name.
    pub(crate) secrets: Vec<NamedSecret>,
}

impl SentDashboard {
    /// Reads one.
    ///
    /// # Errors
    /// What of it is not as clients read it, what is wrong with a data source of its own, or two defaults of a kind of
    /// plugin.
    pub(crate) fn read(spec: Option<&str>) -> Result<Self, Error> {
        let decode = |text: &str| Error::Decode(text.to_owned());
        let spec = spec.ok_or_else(|| decode("spec cannot be empty"))?;
        model::SPEC.check(spec).map_err(|misfit| Error::Decode(misfit.to_string()))?;
        let fields: Fields<'_> = json::read(spec).map_err(|fault| Error::spec(&fault))?;
        let (mut locals, mut secrets) = (Vec::new(), Vec::new());
        let mut defaults: Vec<String> = Vec::new();
        for (name, spec) in fields.datasources.unwrap_or_default() {
            if name.is_empty() || name.len() > 190 {
                return Err(Error::Bad(format!(
                    "datasource name {} must have 1 to 190 bytes",
                    quoted(&name)
                )));
            }
            let source = SourceSpec::read(Some(spec.get()))?;
            let kind = &source.plugin.kind;
            if source.default && defaults.contains(kind) {
                return Err(Error::Bad(format!(
                    "{name} can not be defined as default datasource: there is already a default defined for kind {}",
                    quoted(kind)
                )));
            }
            if source.default {
                defaults.push(kind.clone());
            }
            secrets.extend(source.secret());
            locals.push(LocalDraft { name, spec: source.text()? });
        }
        let spec = JsonText::object(spec.to_owned()).ok_or_else(|| decode("spec is no object"))?;
        Ok(Self { spec, locals, secrets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perses_case_8_names_of_its_own_data_sources_are_kept_exactly() {
        let spec = r#"{"duration":"1h","datasources":{"Victoria Metrics":{"default":true,"plugin":{"kind":"P","spec":{}}}}}"#;
        let sent = SentDashboard::read(Some(spec)).unwrap();
        assert_eq!(sent.spec.as_str(), spec);
        assert_eq!(sent.locals[0].name, "Victoria Metrics");
    }

    #[test]
    fn a_dashboard_that_clients_cannot_read_is_not_kept() {
        for (spec, said) in [
            (None, "spec cannot be empty"),
            (Some(r#"{"duration":5}"#), "spec.duration must be a string"),
            // serde would read it, but the dashboard is kept as it is sent.
            (
                Some(r#"{"datasources":{"a":{"plugin":["P",null,{}]}}}"#),
                r#"spec.datasources["a"].plugin must be an object"#,
            ),
        ] {
            let error = SentDashboard::read(spec).unwrap_err();
            assert!(error.is_of_decoding() && error.to_string() == said, "{error}");
        }
    }

    #[test]
    fn perses_3_4_one_default_for_a_kind_of_plugin() {
        let source = r#"{"default":true,"plugin":{"kind":"P","spec":{}}}"#;
        let spec = format!(r#"{{"datasources":{{"a":{source},"b":{source}}}}}"#);
        let said = r#"b can not be defined as default datasource: there is already a default defined for kind "P""#;
        assert_eq!(SentDashboard::read(Some(&spec)).unwrap_err().to_string(), said);
    }
}
