//! What every operation has, so that no annotation repeats it: who may ask, for which organisation, and how it is
//! refused.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    Http, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};

use super::parameters;

/// A status, its name among the document's components, and what it means.
type Refusal = (&'static str, &'static str, &'static str);

/// Refusals that any request may meet.
const ALWAYS: &[Refusal] = &[
    ("400", "Unreadable", "The request cannot be read."),
    ("414", "TargetTooLong", "The target has more than 8 KiB or 1,000 segments."),
    ("431", "HeadersTooLarge", "The header section has more than 16 KiB or 100 headers."),
    ("500", "Internal", "It failed for no reason that the caller could remove."),
    ("508", "Loop", "The request has come through this gateway before."),
    ("503", "Unavailable", "The tables cannot be reached; `Retry-After` says when to ask again."),
];

/// Refusals where a credential is asked for.
const WITH_CREDENTIAL: &[Refusal] = &[
    (
        "401",
        "Unauthenticated",
        "No credential, a wrong or expired one, or one of another organisation.",
    ),
    ("403", "Forbidden", "Not allowed; `message` names the action that is missing."),
    ("429", "TooManyLogins", "Too many logins at once; `Retry-After` says when to try again."),
];

/// Refusals where JSON is read.
const WITH_BODY: &[Refusal] = &[
    ("408", "SlowBody", "The body did not arrive within 30 seconds."),
    ("413", "BodyTooLarge", "The body has more than 1 MiB."),
    ("415", "NotJson", "The body is said to be something else than JSON in UTF-8."),
];

/// Adds it.
pub(super) fn add(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer()));
    components.add_security_scheme("basic", SecurityScheme::Http(basic()));
    for (_, name, description) in [ALWAYS, WITH_CREDENTIAL, WITH_BODY].into_iter().flatten() {
        let mut response = Response::new(*description);
        explain(&mut response);
        components.responses.insert((*name).to_owned(), RefOr::T(response));
    }
    for (path, item) in &mut document.paths.paths {
        for (_, operation) in operations(item) {
            parameters::add_of_path(path, operation);
            complete(operation);
        }
    }
}

/// Gives the operations of a path, each with its method.
pub(super) fn operations(
    item: &mut PathItem,
) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let methods = ["get", "put", "post", "delete", "patch"];
    let all = methods.into_iter().zip([get, put, post, delete, patch]);
    all.filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn complete(operation: &mut Operation) {
    let mut refusals = ALWAYS.to_vec();
    // An operation that asks nobody who he is says so.
    if operation.security.is_none() {
        let either = ["bearer", "basic"].map(|name| SecurityRequirement::new(name, [""; 0]));
        operation.security = Some(either.to_vec());
        operation.parameters.get_or_insert_default().extend(parameters::organisation());
        refusals.extend(WITH_CREDENTIAL);
    }
    let body = operation.request_body.as_ref();
    if body.is_some_and(|body| body.content.contains_key("application/json")) {
        refusals.extend(WITH_BODY);
    }
    let responses = &mut operation.responses.responses;
    for (status, name, _) in refusals {
        let shared = || RefOr::Ref(Ref::from_response_name(name));
        responses.entry(status.to_owned()).or_insert_with(shared);
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
            && response.content.is_empty()
        {
            explain(response);
        }
    }
}

/// Gives a refusal the body that all have.
fn explain(response: &mut Response) {
    let error = Content::new(Some(Ref::from_schema_name("Error")));
    response.content.insert("application/json".to_owned(), error);
}

fn bearer() -> Http {
    HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A service account's token, `glsa_…`, or a JWT of the configured issuer.",
        ))
        .build()
}

fn basic() -> Http {
    HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("A user's login and password, or `api_key` and a token."))
        .build()
}
