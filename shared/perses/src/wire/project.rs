//! The `spec` of a project: kept as it is sent, if clients can read it.

use sourcegate_core::JsonText;

use super::shape::{DISPLAY, Shape};
use crate::Error;

const SPEC: Shape = Shape::Object(&[("display", DISPLAY)]);

/// Reads one; none is an empty one.
///
/// # Errors
/// What of it is not as clients read it (Perses `pkg/model/api/v1/project.go`).
pub(crate) fn read(spec: Option<&str>) -> Result<JsonText, Error> {
    let spec = spec.unwrap_or("{}");
    SPEC.check(spec).map_err(|misfit| Error::Decode(misfit.to_string()))?;
    JsonText::object(spec.to_owned()).ok_or_else(|| Error::Decode("spec is no object".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(spec: Option<&str>, expected: Result<&str, &str>) {
        let found = read(spec).map_err(|error| error.to_string());
        assert_eq!(found.as_ref().map(JsonText::as_str).map_err(String::as_str), expected);
    }

    #[test]
    fn a_project_that_clients_read_is_kept_as_it_is_sent() {
        check(None, Ok("{}"));
        for spec in [
            "{}",
            r#"{"display":null}"#,
            r#"{"newer":[1.50],"display":{"name":"P","description":"","newer":3}}"#,
        ] {
            check(Some(spec), Ok(spec));
        }
    }

    #[test]
    fn a_project_that_clients_cannot_read_is_refused() {
        for (spec, said) in [
            ("[]", "spec must be an object"),
            ("5", "spec must be an object"),
            (r#"{"display":3}"#, "spec.display must be an object"),
            (r#"{"display":["P"]}"#, "spec.display must be an object"),
            (r#"{"display":{"name":1}}"#, "spec.display.name must be a string"),
            (r#"{"Display":{"name":"P"}}"#, "spec.display must be written in these very letters"),
            (r#"{"di\u017fplay":5}"#, "spec.display must be written in these very letters"),
        ] {
            check(Some(spec), Err(said));
        }
    }
}
