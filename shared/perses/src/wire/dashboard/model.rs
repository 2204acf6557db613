//! What Perses' clients read of a dashboard (`go/dashboard/dashboard.go` of perses/spec v0.2.0).

use std::time::Duration;

use serde_json::Value;
use sourcegate_core::{BadDocumentName, DocumentName, duration};

use super::layouts::{self, LAYOUT};
use super::variables::{self, VARIABLE};
use super::zones;
use crate::wire::shape::Shape::{Any, Flag, Judged, List, Map, Object, Text};
use crate::wire::shape::{DISPLAY, Misfit, Shape, text};

/// The longest duration in Go, about 292 years.
const LONGEST: Duration = Duration::from_nanos(i64::MAX.unsigned_abs());

const PLUGIN_METADATA: Shape = Object(&[("version", Text), ("registry", Text)]);

/// A plugin, whose `spec` is its own.
pub(super) const PLUGIN: Shape =
    Judged(&Object(&[("kind", Text), ("metadata", PLUGIN_METADATA), ("spec", Any)]), |plugin| {
        match text(plugin, "kind") {
            "" => Err(Misfit::rule("plugin.kind cannot be empty")),
            _ => Ok(()),
        }
    });

// Only its types, which stay in the dashboard as they are sent; what it says is judged as that of others is.
const DATASOURCE: Shape = Object(&[("display", DISPLAY), ("default", Flag), ("plugin", PLUGIN)]);

const ANNOTATION_DISPLAY: Shape =
    Object(&[("name", Text), ("description", Text), ("hidden", Flag), ("color", Text)]);

const ANNOTATION: Shape =
    Judged(&Object(&[("display", ANNOTATION_DISPLAY), ("plugin", PLUGIN)]), |annotation| {
        match annotation.get("display").map_or("", |display| text(display, "name")) {
            "" => Err(Misfit::rule("annotation name cannot be empty")),
            _ => Ok(()),
        }
    });

const LINK: Shape = Object(&[
    ("name", Text),
    ("url", Text),
    ("tooltip", Text),
    ("renderVariables", Flag),
    ("targetBlank", Flag),
]);

const QUERY: Shape =
    Object(&[("kind", Text), ("spec", Object(&[("name", Text), ("plugin", PLUGIN)]))]);

const PANEL_SPEC: Shape = Object(&[
    ("display", DISPLAY),
    ("plugin", PLUGIN),
    ("queries", List(&QUERY)),
    ("links", List(&LINK)),
]);

const PANEL: Shape = Object(&[("kind", Text), ("spec", PANEL_SPEC)]);

const DURATION: Shape = Judged(&Text, |value| match value.as_str().unwrap_or_default() {
    "" => Ok(()),
    text if duration(text).is_ok_and(|length| length <= LONGEST) => Ok(()),
    _ => Err(Misfit::wanted("a duration such as 1d12h or 30s")),
});

const TIMEZONE: Shape = Judged(&Text, |value| match value.as_str().unwrap_or_default() {
    zone if zones::is_one(zone) => Ok(()),
    _ => Err(Misfit::wanted("local or a name of the time zone database")),
});

/// A dashboard's `spec`.
pub(super) const SPEC: Shape = Judged(
    &Object(&[
        ("display", DISPLAY),
        ("datasources", Map(&DATASOURCE)),
        ("variables", List(&VARIABLE)),
        ("annotations", List(&ANNOTATION)),
        ("panels", Map(&PANEL)),
        ("layouts", List(&LAYOUT)),
        ("duration", DURATION),
        ("refreshInterval", DURATION),
        ("timezone", TIMEZONE),
        ("links", List(&LINK)),
    ]),
    |spec| {
        variables::check_names(spec)?;
        let panels = spec.get("panels").and_then(Value::as_object);
        panels.into_iter().flatten().try_for_each(|(id, _)| check_id(id))?;
        layouts::check_references(spec)
    },
);

/// Judges the name of a part of a dashboard, which unlike a document's may have dots anywhere.
///
/// # Errors
/// Which of Perses' rules it breaks.
pub(super) fn check_id(id: &str) -> Result<(), Misfit> {
    match DocumentName::parse(id) {
        Ok(_) | Err(BadDocumentName::Dots(_) | BadDocumentName::Edge(_)) => Ok(()),
        Err(bad) => Err(Misfit::rule(bad.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(spec: &str, expected: Result<(), &str>) {
        let found = SPEC.check(spec).map_err(|misfit| misfit.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{spec}");
    }

    #[test]
    fn a_dashboard_that_clients_read_is_good() {
        let own = r#"{"Victoria Metrics":{"default":true,"plugin":{"kind":"PrometheusDatasource","spec":{}}}}"#;
        let query =
            r#"{"kind":"TimeSeriesQuery","spec":{"plugin":{"kind":"Q","spec":{"query":"up"}}}}"#;
        let panel = format!(
            r#"{{"kind":"Panel","spec":{{"display":{{"name":"P"}},"plugin":{{"kind":"T","spec":[5]}},"queries":[{query}]}}}}"#
        );
        let layout = r##"{"kind":"Grid","spec":{"items":[{"x":0,"y":0,"width":12,"height":6,"content":{"$ref":"#/spec/panels/p"}}]}}"##;
        for spec in [
            "{}".to_owned(),
            r#"{"duration":"1h","n":1.50}"#.to_owned(),
            format!(r#"{{"datasources":{own}}}"#),
            format!(r#"{{"duration":"1h","datasources":{own},"panels":{{}}}}"#),
            format!(
                r#"{{"display":{{"name":"My dash"}},"duration":"1h","datasources":{own},"variables":[],"panels":{{}},"layouts":[]}}"#
            ),
            format!(r#"{{"panels":{{"p":{panel},".a..b.":null}},"layouts":[{layout}]}}"#),
            r#"{"panels":{"p":{}},"links":[{"url":"u","targetBlank":true},null]}"#.to_owned(),
            r#"{"annotations":[{"display":{"name":"a"}}],"timezone":"Europe/Berlin"}"#.to_owned(),
            r#"{"duration":"","refreshInterval":"0","timezone":"local"}"#.to_owned(),
        ] {
            check(&spec, Ok(()));
        }
    }

    #[test]
    fn a_dashboard_that_clients_cannot_read_is_refused() {
        for (spec, said) in [
            ("[]", "spec must be an object"),
            (r#"{"duration":5}"#, "spec.duration must be a string"),
            (r#"{"panels":[]}"#, "spec.panels must be an object"),
            (r#"{"layouts":{}}"#, "spec.layouts must be an array"),
            (r#"{"display":3}"#, "spec.display must be an object"),
            (r#"{"display":["a","b"]}"#, "spec.display must be an object"),
            (r#"{"links":[{"targetBlank":0}]}"#, "spec.links[0].targetBlank must be true or false"),
            (
                r#"{"panels":{"a b":{}}}"#,
                r#""a b" is not a correct name. It should match the regexp: ^[a-zA-Z0-9_.-]+$"#,
            ),
            (r#"{"panels":{"":{}}}"#, "name cannot be empty"),
            (
                r#"{"panels":{"p":{"spec":{"queries":{}}}}}"#,
                r#"spec.panels["p"].spec.queries must be an array"#,
            ),
            (r#"{"panels":{"p":{"spec":{"plugin":{"spec":{}}}}}}"#, "plugin.kind cannot be empty"),
            (
                r#"{"datasources":{"a":{"plugin":["P",null,{}]}}}"#,
                r#"spec.datasources["a"].plugin must be an object"#,
            ),
            (r#"{"annotations":[{}]}"#, "annotation name cannot be empty"),
            (r#"{"variables":[{"kind":"X"}]}"#, r#"unknown variable.kind "X" used"#),
            (
                r##"{"layouts":[{"kind":"Grid","spec":{"items":[{"content":{"$ref":"#/spec/panels/p"}}]}}]}"##,
                r#"no panel found for ref "p""#,
            ),
            (
                r#"{"timezone":"Berlin"}"#,
                "spec.timezone must be local or a name of the time zone database",
            ),
        ] {
            check(spec, Err(said));
        }
    }

    #[test]
    fn a_duration_is_one_of_go() {
        for text in ["1h", "1d12h", "0", "106751d23h47m16s854ms"] {
            check(&format!(r#"{{"refreshInterval":"{text}"}}"#), Ok(()));
        }
        for text in ["5", "1h1h", "5 m", "106751d23h47m16s855ms"] {
            let said = "spec.refreshInterval must be a duration such as 1d12h or 30s";
            check(&format!(r#"{{"refreshInterval":"{text}"}}"#), Err(said));
        }
    }
}
