//! JSON as Perses writes it: `<`, `>` and `&` escaped as Go does, indented where the query has `pretty`, a line end after.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use std::convert::Infallible;

/// Whether an answer is indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Compact,
    Pretty,
}

impl Form {
    /// Reads it off a query: `pretty` with any value, or none.
    pub(crate) fn of(query: Option<&str>) -> Self {
        let mut names = query.unwrap_or_default().split('&').map(|pair| pair.split('=').next());
        if names.any(|name| name == Some("pretty")) { Self::Pretty } else { Self::Compact }
    }
}

impl<S: Sync> FromRequestParts<S> for Form {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts.uri.query()))
    }
}

/// Writes a value. Only what cannot be written fails, and no document is.
pub(crate) fn write(value: &impl Serialize, form: Form) -> String {
    let written = match form {
        Form::Compact => serde_json::to_string(value),
        // Parts that are kept as text are indented too.
        Form::Pretty => serde_json::to_value(value)
            .and_then(|value: Value| serde_json::to_string_pretty(&value)),
    };
    let written = written.unwrap_or_else(|_| "null".to_owned());
    if !written.contains(['<', '>', '&']) {
        return written;
    }
    // Outside of texts JSON has none of them.
    written.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Answers with a value.
pub(crate) fn json(status: StatusCode, value: &impl Serialize, form: Form) -> Response {
    streamed(status, Body::from(write(value, form) + "\n"))
}

/// Answers with JSON that is written elsewhere.
pub(crate) fn streamed(status: StatusCode, body: Body) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body).into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn perses_0_3_texts_are_escaped_as_by_go() {
        let value = json!({ "message": "<secret> & \"x\"" });
        let written = write(&value, Form::Compact);
        assert_eq!(written, r#"{"message":"\u003csecret\u003e \u0026 \"x\""}"#);
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
    }

    #[test]
    fn perses_case_73_pretty_indents() {
        for query in ["pretty", "a=1&pretty=false", "pretty="] {
            assert_eq!(Form::of(Some(query)), Form::Pretty, "{query}");
        }
        assert_eq!(Form::of(Some("prettyx&a=pretty")), Form::Compact);
        assert_eq!(write(&json!({ "a": [1] }), Form::Pretty), "{\n  \"a\": [\n    1\n  ]\n}");
    }
}
