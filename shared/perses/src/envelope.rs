//! Errors in Perses' JSON: the contract's text, picked by asking the error itself (contract/perses.md 0.3, 1.10).

use auth::Unauthenticated;
use axum::response::Response;
use http::{HeaderValue, header};
use serde::Serialize;
use sourcegate_core::{Fault, Kind};
use web::{Refusal, TraceId};

use crate::Error;
use crate::answer::{Form, json};

/// The body of every error.
#[derive(Serialize)]
struct Body {
    message: String,
    /// What the message does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// A stable word for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    /// Under which the log has this request.
    #[serde(rename = "traceID")]
    trace: String,
}

/// Writes an error as an answer.
pub(crate) fn render(error: &web::Error, trace: TraceId) -> Response {
    // Perses has two texts for all that a credential can be.
    let detail = unauthenticated(error).map(|error| error.to_string());
    let detail = detail.or_else(|| refused(error).then(|| error.message().to_owned()));
    let body =
        Body { message: message(error), detail, cause: error.cause(), trace: trace.to_string() };
    let mut response = json(web::status(error.kind()), &body, Form::Compact);
    let allowed = match error.downcast_ref() {
        Some(Error::MethodNotAllowed(allowed)) => Some(*allowed),
        Some(Error::NotPost { .. }) => Some("POST"),
        _ => None,
    };
    if let Some(allowed) = allowed {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    }
    response
}

fn message(error: &web::Error) -> String {
    if let Some(error) = unauthenticated(error) {
        return match error {
            Unauthenticated::Missing | Unauthenticated::MalformedBasic => {
                "missing or malformed jwt".to_owned()
            }
            Unauthenticated::Busy
            | Unauthenticated::TooManyFailures
            | Unauthenticated::Uncounted => error.to_string(),
            _ => "invalid or expired jwt".to_owned(),
        };
    }
    if refused(error) {
        return "bad request: only SELECT queries are allowed through the SQL proxy".to_owned();
    }
    if let Some(own) = error.downcast_ref::<Error>() {
        let said = own.to_string();
        return match own {
            Error::MethodNotAllowed(_)
            | Error::NotPost { .. }
            | Error::Unsaved(_)
            | Error::UserTaken
            | Error::NoUser => said,
            own if own.is_of_decoding() => {
                format!("bad request: code=400, message={said}, internal={said}")
            }
            _ => prefixed(error.kind(), &said),
        };
    }
    match error.downcast_ref::<Refusal>() {
        Some(Refusal::UnknownRoute) => return "Not Found".to_owned(),
        Some(Refusal::ContentType(_)) => return "unsupported media type".to_owned(),
        Some(Refusal::Json(fault)) => {
            return format!("bad request: code=400, message={fault}, internal={fault}");
        }
        _ => {}
    }
    match error.downcast_ref::<store::Error>() {
        Some(error @ (store::Error::NoDocument(_) | store::Error::DocumentTaken(_))) => {
            return error.to_string();
        }
        Some(store::Error::MustResend(names)) => {
            let names = names.join(", ");
            return format!(
                "bad request: {names} was saved for another destination; send the value again"
            );
        }
        _ => {}
    }
    match error.kind().fault() {
        Fault::Ours if is_full(error) => error.message().to_owned(),
        Fault::Ours => "internal server error".to_owned(),
        Fault::Caller | Fault::Upstream => prefixed(error.kind(), error.message()),
    }
}

/// What Perses puts before the texts of its handlers.
fn prefixed(kind: Kind, text: &str) -> String {
    let prefix = match kind {
        Kind::Invalid => "bad request",
        Kind::NotFound => "document not found",
        Kind::Forbidden => "forbidden access",
        Kind::Unauthenticated => "unauthorized",
        _ => return text.to_owned(),
    };
    format!("{prefix}: {text}")
}

/// Tells whether it is what Perses says of every statement that it refuses.
fn refused(error: &web::Error) -> bool {
    matches!(error.downcast_ref(), Some(gateway::Error::Sql(_)))
        && matches!(error.cause(), Some("empty_query" | "not_reading"))
}

/// Tells whether a database has no turn or no room: what the engine says of that is for callers.
fn is_full(error: &web::Error) -> bool {
    matches!(error.downcast_ref(), Some(gateway::Error::Sql(_)))
        && matches!(error.cause(), Some("busy" | "connections"))
}

fn unauthenticated(error: &web::Error) -> Option<Unauthenticated> {
    let of_store = |error: &store::Error| match error {
        store::Error::Unauthenticated(error) => Some(*error),
        _ => None,
    };
    if let Some(gateway::Error::Store(error)) = error.downcast_ref() {
        return of_store(error);
    }
    let of_store = error.downcast_ref().and_then(of_store);
    of_store.or_else(|| error.downcast_ref().copied())
}

#[cfg(test)]
mod tests {
    use auth::NotAllowed;
    use sourcegate_core::{DocumentKind, DocumentName};

    use super::*;

    #[track_caller]
    fn check(error: impl Into<web::Error>, status: u16, expected: &str) {
        let error = error.into();
        assert_eq!((web::status(error.kind()).as_u16(), &*message(&error)), (status, expected));
    }

    #[test]
    fn perses_0_3_texts_have_the_prefixes_of_their_class() {
        let project = DocumentName::parse("nope").unwrap();
        let said = r#"bad request: metadata.project "nope" doesn't exist"#;
        check(store::Error::NoProject(project), 400, said);
        let kind = DocumentKind::GlobalDatasource;
        let said =
            "forbidden access: missing 'create' global permission for 'GlobalDatasource' kind";
        check(NotAllowed::Globally { verb: auth::Verb::Create, kind }, 403, said);
        let said = r#"bad request: code=400, message=invalid kind: "x" for a GlobalDatasource type, internal=invalid kind: "x" for a GlobalDatasource type"#;
        check(Error::OtherKind { sent: "x".to_owned(), wanted: kind }, 400, said);
        check(Error::MethodNotAllowed("GET"), 405, "Method Not Allowed");
        check(Refusal::UnknownRoute, 404, "Not Found");
        check(Refusal::ContentType("text/plain".to_owned()), 415, "unsupported media type");
        check(store::Error::Busy, 503, "internal server error");
        check(Unauthenticated::Missing, 401, "missing or malformed jwt");
    }
}
