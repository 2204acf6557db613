//! What a document's fields must be for Perses' clients, which read every one of them or none of a list.

use serde_json::Value;
use sourcegate_core::json;

/// What a value must be. Absent and `null` are the same, as in Go.
pub(super) enum Shape {
    /// Anything: what belongs to a plugin.
    Any,
    Text,
    Flag,
    /// A whole number, however it is written: Perses reads `1.0` as 1 where it has whole numbers.
    Whole,
    List(&'static Self),
    /// Values under names of the author's choice.
    Map(&'static Self),
    /// Fields. Others may be beside them: newer versions have more.
    Object(&'static [(&'static str, Self)]),
    /// What more than a type is asked of, `null` too if it is there.
    Judged(&'static Self, fn(&Value) -> Result<(), Misfit>),
}

/// What most things are called to people.
pub(super) const DISPLAY: Shape =
    Shape::Object(&[("name", Shape::Text), ("description", Shape::Text)]);

/// Says where a document is not what clients read. Of what is there it shows names and references alone, as Perses does.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    /// It is of another type, or of other words.
    #[error("{path} must be {wanted}")]
    Type {
        /// Where, from the document down.
        path: String,
        /// What is to be there.
        wanted: &'static str,
    },
    /// It breaks a rule, mostly in Perses' words.
    #[error("{0}")]
    Rule(String),
}

impl Misfit {
    /// Says what the value itself must be.
    pub(super) fn wanted(wanted: &'static str) -> Self {
        Self::Type { path: String::new(), wanted }
    }

    /// Says which rule is broken.
    pub(super) fn rule(said: impl Into<String>) -> Self {
        Self::Rule(said.into())
    }

    /// Puts the place of the value before the place in it.
    pub(super) fn within(self, place: &str) -> Self {
        match self {
            Self::Type { path, wanted } => {
                let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
                Self::Type { path: format!("{place}{dot}{path}"), wanted }
            }
            rule @ Self::Rule(_) => rule,
        }
    }
}

impl Shape {
    /// Judges a document's `spec`.
    ///
    /// # Errors
    /// What of it is not as clients read it.
    pub(super) fn check(&self, spec: &str) -> Result<(), Misfit> {
        let spec: Value =
            json::read(spec).map_err(|fault| Misfit::rule(format!("spec: {fault}")))?;
        self.judge(&spec).map_err(|misfit| misfit.within("spec"))
    }

    /// Judges a value.
    ///
    /// # Errors
    /// What of it is not as clients read it, and where.
    pub(super) fn judge(&self, value: &Value) -> Result<(), Misfit> {
        match (self, value) {
            (Self::Judged(shape, rule), _) => shape.judge(value).and_then(|()| rule(value)),
            (Self::Any, _) | (_, Value::Null) => Ok(()),
            (Self::Text, Value::String(_)) | (Self::Flag, Value::Bool(_)) => Ok(()),
            (Self::Whole, Value::Number(number)) if number.as_f64().is_some_and(is_whole) => Ok(()),
            (Self::List(each), Value::Array(values)) => {
                values.iter().enumerate().try_for_each(|(at, value)| {
                    each.judge(value).map_err(|misfit| misfit.within(&format!("[{at}]")))
                })
            }
            (Self::Map(each), Value::Object(values)) => {
                values.iter().try_for_each(|(name, value)| {
                    let place = || format!("[{}]", sourcegate_core::quoted(name));
                    each.judge(value).map_err(|misfit| misfit.within(&place()))
                })
            }
            (Self::Object(fields), Value::Object(values)) => {
                values.iter().try_for_each(|(name, value)| judge_field(fields, name, value))
            }
            _ => Err(Misfit::wanted(self.name())),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Text => "a string",
            Self::Flag => "true or false",
            Self::Whole => "a whole number",
            Self::List(_) => "an array",
            Self::Map(_) | Self::Object(_) => "an object",
            Self::Judged(shape, _) => shape.name(),
        }
    }
}

/// Gives a field's text, empty if there is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn judge_field(fields: &[(&str, Shape)], name: &str, value: &Value) -> Result<(), Misfit> {
    let as_go_reads = folded(name);
    match fields.iter().find(|(known, _)| folded(known) == as_go_reads) {
        Some((known, shape)) if *known == name => {
            shape.judge(value).map_err(|misfit| misfit.within(name))
        }
        // Go takes it for the field. Unjudged, it could be what no client can read.
        Some((known, _)) => Err(Misfit::wanted("written in these very letters").within(known)),
        None => Ok(()),
    }
}

/// Writes a field's name as Go compares it: without case, also of the two letters beyond ASCII that fold into it.
fn folded(name: &str) -> String {
    let fold = |char| match char {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        char => char.to_ascii_lowercase(),
    };
    name.chars().map(fold).collect()
}

/// Tells whether a number is one of Go's `int`.
fn is_whole(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_808.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape::Object(&[
        ("text", Shape::Text),
        ("flag", Shape::Flag),
        ("whole", Shape::Whole),
        ("texts", Shape::List(&Shape::Text)),
        ("named", Shape::Map(&Shape::Object(&[("task", Shape::Text)]))),
        ("any", Shape::Any),
    ]);

    #[track_caller]
    fn check(spec: &str, expected: Result<(), &str>) {
        let found = SHAPE.check(spec).map_err(|misfit| misfit.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{spec}");
    }

    #[test]
    fn what_is_absent_or_null_or_unknown_fits() {
        check("{}", Ok(()));
        check("null", Ok(()));
        check(r#"{"text":null,"flag":null,"whole":null,"texts":null,"named":null}"#, Ok(()));
        check(
            r#"{"text":"","texts":[null,"a"],"named":{"":{"task":"","newer":1},"b":null}}"#,
            Ok(()),
        );
        check(r#"{"newer":[{"text":5}],"any":[{"text":5,"Text":5}]}"#, Ok(()));
    }

    #[test]
    fn every_type_is_asked_for_in_its_place() {
        check("[]", Err("spec must be an object"));
        check(r#"{"text":5}"#, Err("spec.text must be a string"));
        check(r#"{"flag":"true"}"#, Err("spec.flag must be true or false"));
        check(r#"{"texts":{}}"#, Err("spec.texts must be an array"));
        check(r#"{"texts":["a",["b"]]}"#, Err("spec.texts[1] must be a string"));
        check(r#"{"named":[]}"#, Err("spec.named must be an object"));
        check(r#"{"named":{"a b":["x"]}}"#, Err(r#"spec.named["a b"] must be an object"#));
        check(r#"{"named":{"a":{"task":1}}}"#, Err(r#"spec.named["a"].task must be a string"#));
    }

    #[test]
    fn whole_numbers_are_those_of_go() {
        for whole in ["0", "-3", "1.0", "1e2", "-0.0", "9007199254740993"] {
            check(&format!(r#"{{"whole":{whole}}}"#), Ok(()));
        }
        for other in ["1.5", "9223372036854775807", "-9223372036854775808", "1e300", "\"1\""] {
            check(&format!(r#"{{"whole":{other}}}"#), Err("spec.whole must be a whole number"));
        }
    }

    #[test]
    fn a_field_that_go_takes_for_a_known_one_is_not_unknown() {
        for name in ["Text", "TEXT"] {
            let said = "spec.text must be written in these very letters";
            check(&format!(r#"{{"{name}":"a"}}"#), Err(said));
        }
        let said = r#"spec.named["a"].task must be written in these very letters"#;
        check(r#"{"named":{"a":{"ta\u017f\u212a":"a"}}}"#, Err(said));
        // Names of the author's choice differ in case.
        check(r#"{"named":{"a":{},"A":{}}}"#, Ok(()));
    }
}
