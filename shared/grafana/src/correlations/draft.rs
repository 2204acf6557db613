//! The rules for correlations as they are sent: what must be there, and how long it may be.

use sourcegate_core::{
    Correlation, CorrelationKind, JsonText, Target, Transformation, TransformationKind, Uid,
};
use store::Patch;

use crate::Error;
use crate::wire::correlation::{Changes, Command, SentTransformation};

/// The longest label, field or variable, in bytes.
const LONGEST_NAME: usize = 255;

/// The longest description or expression, in bytes.
const LONGEST_TEXT: usize = 2_048;

/// The largest query, in bytes.
const LARGEST_QUERY: usize = 16 << 10;

/// How many transformations a correlation may have.
const MOST_TRANSFORMATIONS: usize = 20;

/// A new correlation whose target is yet to be found.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) target_uid: Option<String>,
    kind: CorrelationKind,
    label: String,
    description: String,
    field: String,
    query: JsonText,
    transformations: Vec<Transformation>,
}

impl Draft {
    pub(super) fn made(self, uid: Uid, target: Option<Target>) -> Correlation {
        Correlation {
            uid,
            kind: self.kind,
            target,
            label: self.label,
            description: self.description,
            field: self.field,
            query: self.query,
            transformations: self.transformations,
        }
    }
}

/// Reads a new correlation.
pub(super) fn new(command: Command) -> Result<Draft, Error> {
    let config = command.config.ok_or(Error::Required("Config"))?;
    let kind = kind(command.kind.as_deref(), config.kind.as_deref())?;
    let kind = kind.ok_or(Error::Required("Type"))?;
    let target_uid = command.target_uid.filter(|uid| !uid.is_empty());
    if kind == CorrelationKind::Query && target_uid.is_none() {
        return Err(Error::Required("TargetUID"));
    }
    let field = config.field.filter(|field| !field.is_empty());
    let query = config.target.ok_or(Error::Required("Target"))?;
    Ok(Draft {
        target_uid,
        kind,
        label: text("label", command.label.unwrap_or_default(), LONGEST_NAME)?,
        description: text("description", command.description.unwrap_or_default(), LONGEST_TEXT)?,
        field: text("config.field", field.ok_or(Error::Required("Field"))?, LONGEST_NAME)?,
        query: query_text(String::from(Box::<str>::from(query)))?,
        transformations: transformations(config.transformations.unwrap_or_default())?,
    })
}

/// Reads what is to be changed of one. Absent and null stay as they are.
pub(super) fn patch(changes: Changes) -> Result<Patch, Error> {
    let config = changes.config.unwrap_or_default();
    let field = config.field.map(|field| match field.is_empty() {
        false => text("config.field", field, LONGEST_NAME),
        true => Err(Error::Required("Field")),
    });
    let label = changes.label.map(|label| text("label", label, LONGEST_NAME));
    let description = changes.description;
    let description = description.map(|it| text("description", it, LONGEST_TEXT));
    let query = config.target.map(|raw| query_text(String::from(Box::<str>::from(raw))));
    let patch = Patch {
        label: label.transpose()?,
        description: description.transpose()?,
        kind: kind(changes.kind.as_deref(), config.kind.as_deref())?,
        field: field.transpose()?,
        query: query.transpose()?,
        transformations: config.transformations.map(transformations).transpose()?,
    };
    if patch == Patch::default() {
        return Err(Error::NothingToChange);
    }
    Ok(patch)
}

/// Reads the kind from where it is now, or from where it was up to Grafana 11.
fn kind(now: Option<&str>, before: Option<&str>) -> Result<Option<CorrelationKind>, Error> {
    let read = |text: &str| CorrelationKind::parse(text).ok_or(Error::CorrelationType);
    let sent = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(read).transpose();
    match (sent(now)?, sent(before)?) {
        (Some(now), Some(before)) if now != before => Err(Error::CorrelationType),
        (now, before) => Ok(now.or(before)),
    }
}

fn transformations(sent: Vec<SentTransformation>) -> Result<Vec<Transformation>, Error> {
    if sent.len() > MOST_TRANSFORMATIONS {
        return Err(Error::TransformationCount(sent.len()));
    }
    sent.into_iter().map(transformation).collect()
}

fn transformation(sent: SentTransformation) -> Result<Transformation, Error> {
    let kind = sent.kind.as_deref().and_then(TransformationKind::parse);
    let kind = kind.ok_or(Error::TransformationType)?;
    let expression = sent.expression.unwrap_or_default();
    if kind == TransformationKind::Regex && expression.is_empty() {
        return Err(Error::Required("Expression"));
    }
    let part = |name| format!("config.transformations.{name}");
    Ok(Transformation {
        kind,
        expression: text(&part("expression"), expression, LONGEST_TEXT)?,
        field: text(&part("field"), sent.field.unwrap_or_default(), LONGEST_NAME)?,
        map_value: text(&part("mapValue"), sent.map_value.unwrap_or_default(), LONGEST_NAME)?,
    })
}

fn query_text(raw: String) -> Result<JsonText, Error> {
    let raw = text("config.target", raw, LARGEST_QUERY)?;
    JsonText::object(raw).ok_or(Error::CorrelationTarget)
}

fn text(field: &str, text: String, limit: usize) -> Result<String, Error> {
    if text.len() > limit {
        return Err(Error::TooLong { field: field.to_owned(), bytes: text.len(), limit });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn whole() -> Value {
        json!({
            "targetUID": "t",
            "label": "l",
            "description": "d",
            "type": "query",
            "config": {
                "field": "f",
                "target": { "expr": 1.0 },
                "transformations": [{ "type": "regex", "expression": "(a)", "mapValue": "v" }],
            },
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut body = whole();
        body.pointer_mut(parent).unwrap()[name] = value;
        body
    }

    #[track_caller]
    fn check(body: Value, expected: &str) {
        let refused = new(serde_json::from_value(body).unwrap()).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn what_must_be_there_is_asked_for() {
        assert!(new(serde_json::from_value(whole()).unwrap()).is_ok());
        for (pointer, field) in [
            ("/config", "Config"),
            ("/type", "Type"),
            ("/targetUID", "TargetUID"),
            ("/config/field", "Field"),
            ("/config/target", "Target"),
        ] {
            let text = format!("required value {field} must not be empty");
            check(with(pointer, Value::Null), &text);
        }
        check(with("/targetUID", json!("")), "required value TargetUID must not be empty");
        check(with("/config/field", json!("")), "required value Field must not be empty");
        let regex = json!([{ "type": "regex", "expression": "" }]);
        let text = "required value Expression must not be empty";
        check(with("/config/transformations", regex), text);
    }

    #[test]
    fn kinds_are_known_ones() {
        let text = "type must be query or external, and the same wherever it stands";
        for kind in ["queries", "Query"] {
            check(with("/type", json!(kind)), text);
            check(with("/config/type", json!(kind)), text);
        }
        check(with("/config/type", json!("external")), text);
        let text = "config.transformations: type must be regex or logfmt";
        check(with("/config/transformations", json!([{ "type": "json" }])), text);
        check(with("/config/transformations", json!([{}])), text);
    }

    #[test]
    fn the_kind_may_stand_where_it_was() {
        let mut body = with("/config/type", json!("query"));
        body.as_object_mut().unwrap().remove("type");
        let draft = new(serde_json::from_value(body).unwrap()).unwrap();
        assert_eq!(draft.kind, CorrelationKind::Query);
    }

    /// Checks that a text of so many bytes is kept, and one byte more is not.
    #[track_caller]
    fn check_limit(field: &str, limit: usize, body: impl Fn(String) -> Value) {
        let read =
            |bytes: usize| new(serde_json::from_str(&body("x".repeat(bytes)).to_string()).unwrap());
        assert!(read(limit).is_ok(), "{field}");
        let over = read(limit + 1).unwrap_err().to_string();
        assert_eq!(over, format!("{field} has {} bytes; at most {limit} are saved", limit + 1));
    }

    #[test]
    fn every_text_has_a_limit() {
        check_limit("label", 255, |text| with("/label", json!(text)));
        check_limit("description", 2_048, |text| with("/description", json!(text)));
        check_limit("config.field", 255, |text| with("/config/field", json!(text)));
        let target = |text: String| with("/config/target", json!({ "a": &text[8..] }));
        check_limit("config.target", 16_384, target);
        for (name, limit) in [("expression", 2_048), ("field", 255), ("mapValue", 255)] {
            let field = format!("config.transformations.{name}");
            check_limit(&field, limit, |text| {
                with("/config/transformations", json!([{ "type": "logfmt", name: text }]))
            });
        }
        let many = vec![json!({ "type": "logfmt" }); 21];
        let text = "config.transformations has 21 entries; at most 20 are saved";
        check(with("/config/transformations", json!(many)), text);
    }

    #[test]
    fn a_patch_without_anything_is_refused() {
        for body in [json!({}), json!({ "label": null, "config": {} }), json!({ "config": null })] {
            let refused = patch(serde_json::from_value(body).unwrap()).unwrap_err();
            assert!(matches!(refused, Error::NothingToChange));
        }
        let body = json!({ "label": "" });
        let empty = patch(serde_json::from_value(body).unwrap()).unwrap();
        assert_eq!(empty, Patch { label: Some(String::new()), ..Patch::default() });
        let body = json!({ "config": { "field": "" } });
        assert!(patch(serde_json::from_value(body).unwrap()).is_err());
    }
}
