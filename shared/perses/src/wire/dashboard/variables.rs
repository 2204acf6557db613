//! What Perses' clients read of a dashboard's variables (`go/dashboard/variable.go` of perses/spec v0.2.0).

use std::collections::BTreeSet;

use serde_json::Value;
use sourcegate_core::quoted;

use super::model::{PLUGIN, check_id};
use crate::wire::shape::Shape::{Any, Flag, Judged, Object, Text};
use crate::wire::shape::{Misfit, Shape, text};

/// How the values of a list may be sorted; no word is one too.
const SORTS: [&str; 8] = [
    "",
    "none",
    "alphabetical-asc",
    "alphabetical-desc",
    "numerical-asc",
    "numerical-desc",
    "alphabetical-ci-asc",
    "alphabetical-ci-desc",
];

/// A variable, whose kind says what is in its `spec`.
pub(super) const VARIABLE: Shape = Judged(&Object(&[("kind", Text), ("spec", Any)]), |variable| {
    let shape = match text(variable, "kind") {
        "ListVariable" => LIST,
        "TextVariable" => TEXT,
        "" => return Err(Misfit::rule("variable.kind cannot be empty")),
        other => return Err(Misfit::rule(format!("unknown variable.kind {} used", quoted(other)))),
    };
    let spec = variable.get("spec").unwrap_or(&Value::Null);
    shape.judge(spec).map_err(|misfit| misfit.within("spec"))
});

const DISPLAY: Shape = Object(&[("name", Text), ("description", Text), ("hidden", Flag)]);

const TEXT: Shape = Judged(
    &Object(&[("name", Text), ("display", DISPLAY), ("value", Text), ("constant", Flag)]),
    |spec| {
        let name = text(spec, "name");
        check_id(name)?;
        if name.parse::<i64>().is_ok() {
            return Err(Misfit::rule(
                "variable name cannot contain only digits. That's not a meaningful name for a variable",
            ));
        }
        if is_set(spec, "constant") && text(spec, "value").is_empty() {
            return Err(Misfit::rule("value for a constant text variable cannot be empty"));
        }
        Ok(())
    },
);

const LIST: Shape = Judged(
    &Object(&[
        ("name", Text),
        ("display", DISPLAY),
        ("defaultValue", Judged(&Any, check_default)),
        ("allowAllValue", Flag),
        ("allowMultiple", Flag),
        ("customAllValue", Text),
        ("capturingRegexp", Text),
        ("sort", Judged(&Text, check_sort)),
        ("plugin", PLUGIN),
    ]),
    |spec| {
        check_id(text(spec, "name"))?;
        if !text(spec, "customAllValue").is_empty() && !is_set(spec, "allowAllValue") {
            return Err(Misfit::rule(
                "customAllValue cannot be set if allowAllValue is not set to true",
            ));
        }
        let defaults = spec.get("defaultValue").and_then(Value::as_array);
        // Perses takes a list of one for the one.
        if defaults.is_some_and(|values| values.len() > 1) && !is_set(spec, "allowMultiple") {
            return Err(Misfit::rule(
                "you can not use a list of default values if allowMultiple is set to false",
            ));
        }
        Ok(())
    },
);

/// Judges that no two variables of a dashboard have one name.
///
/// # Errors
/// The second of two.
pub(super) fn check_names(spec: &Value) -> Result<(), Misfit> {
    let mut names = BTreeSet::new();
    let variables = spec.get("variables").and_then(Value::as_array);
    for (at, variable) in variables.into_iter().flatten().enumerate() {
        let name = variable.get("spec").map_or("", |spec| text(spec, "name"));
        if !names.insert(name) {
            return Err(Misfit::rule(format!(
                "variable {} (index {at}) already exists",
                quoted(name)
            )));
        }
    }
    Ok(())
}

fn check_default(value: &Value) -> Result<(), Misfit> {
    let is_text = |value: &Value| value.is_string() || value.is_null();
    match value {
        Value::Array(values) if values.iter().all(is_text) => Ok(()),
        value if is_text(value) => Ok(()),
        _ => Err(Misfit::rule(
            "unable to unmarshal defaultValue. Only string or array of string can be used",
        )),
    }
}

fn check_sort(value: &Value) -> Result<(), Misfit> {
    if SORTS.contains(&value.as_str().unwrap_or_default()) {
        return Ok(());
    }
    let said =
        "none, or one of alphabetical, alphabetical-ci and numerical with -asc or -desc after it";
    Err(Misfit::wanted(said))
}

fn is_set(spec: &Value, flag: &str) -> bool {
    spec.get(flag) == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::shape::Shape::List;

    #[track_caller]
    fn check(variables: &str, expected: Result<(), &str>) {
        const SPEC: Shape = Judged(&Object(&[("variables", List(&VARIABLE))]), check_names);
        let found = SPEC.check(&format!(r#"{{"variables":[{variables}]}}"#));
        let found = found.map_err(|misfit| misfit.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{variables}");
    }

    #[track_caller]
    fn check_text(spec: &str, expected: Result<(), &str>) {
        check(&format!(r#"{{"kind":"TextVariable","spec":{spec}}}"#), expected);
    }

    #[track_caller]
    fn check_list(fields: &str, expected: Result<(), &str>) {
        let spec = format!(r#"{{"name":"a"{fields}}}"#);
        check(&format!(r#"{{"kind":"ListVariable","spec":{spec}}}"#), expected);
    }

    #[test]
    fn a_variable_is_a_text_or_a_list() {
        let said = "variable.kind cannot be empty";
        for variable in ["null", "{}", r#"{"kind":null,"spec":{"name":"a"}}"#] {
            check(variable, Err(said));
        }
        check(r#"{"kind":"Text"}"#, Err(r#"unknown variable.kind "Text" used"#));
        check(r#"{"kind":1}"#, Err("spec.variables[0].kind must be a string"));
        check(r#"["TextVariable"]"#, Err("spec.variables[0] must be an object"));
        let said = "spec.variables[0].spec must be an object";
        check(r#"{"kind":"ListVariable","spec":["a"]}"#, Err(said));
        check(r#"{"kind":"ListVariable"}"#, Err("name cannot be empty"));
    }

    #[test]
    fn a_text_has_a_name_and_a_value_if_it_is_constant() {
        check_text(r#"{"name":"a.b-c","value":"","display":{"hidden":true},"newer":1}"#, Ok(()));
        check_text(r#"{"name":"a","value":"v","constant":true}"#, Ok(()));
        // More digits than a number of Go's has.
        check_text(r#"{"name":"99999999999999999999"}"#, Ok(()));
        let said = "value for a constant text variable cannot be empty";
        check_text(r#"{"name":"a","constant":true}"#, Err(said));
        let said =
            "variable name cannot contain only digits. That's not a meaningful name for a variable";
        check_text(r#"{"name":"12"}"#, Err(said));
        check_text(r#"{"name":"-5"}"#, Err(said));
        let said = r#""a b" is not a correct name. It should match the regexp: ^[a-zA-Z0-9_.-]+$"#;
        check_text(r#"{"name":"a b"}"#, Err(said));
        let said = "spec.variables[0].spec.display.hidden must be true or false";
        check_text(r#"{"name":"a","display":{"hidden":"no"}}"#, Err(said));
    }

    #[test]
    fn a_list_has_defaults_as_it_allows() {
        check_list("", Ok(()));
        check_list(r#","defaultValue":null,"sort":null,"plugin":{"kind":"P","spec":[1]}"#, Ok(()));
        check_list(r#","defaultValue":"x","sort":"numerical-desc""#, Ok(()));
        check_list(r#","defaultValue":["x"],"sort":"""#, Ok(()));
        check_list(r#","defaultValue":["x",null],"allowMultiple":true"#, Ok(()));
        check_list(r#","customAllValue":".*","allowAllValue":true"#, Ok(()));
        let said = "you can not use a list of default values if allowMultiple is set to false";
        check_list(r#","defaultValue":["x","y"]"#, Err(said));
        let said = "customAllValue cannot be set if allowAllValue is not set to true";
        check_list(r#","customAllValue":".*""#, Err(said));
        let said = "unable to unmarshal defaultValue. Only string or array of string can be used";
        check_list(r#","defaultValue":5"#, Err(said));
        check_list(r#","defaultValue":["x",5]"#, Err(said));
        check_list(r#","plugin":null"#, Err("plugin.kind cannot be empty"));
        let said = "spec.variables[0].spec.sort must be none, or one of alphabetical, \
                    alphabetical-ci and numerical with -asc or -desc after it";
        check_list(r#","sort":"up""#, Err(said));
    }

    #[test]
    fn no_two_variables_have_one_name() {
        let named = |name: &str| format!(r#"{{"kind":"TextVariable","spec":{{"name":"{name}"}}}}"#);
        check(&[named("a"), named("A")].join(","), Ok(()));
        let said = r#"variable "a" (index 2) already exists"#;
        check(&[named("a"), named("b"), named("a")].join(","), Err(said));
    }
}
