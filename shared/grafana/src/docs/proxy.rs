//! The forms of the proxy's path. One handler serves them all and is annotated once, with the parameters of each.
//! What a request may carry depends on the method, which the annotation cannot say either.

use utoipa::openapi::path::{ParameterIn, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::{Content, OpenApi, RefOr, Schema};

use super::everywhere::operations;

/// The path that the handler is annotated with.
const ANNOTATED: &str = "/api/datasources/proxy/uid/{uid}/{path}";

/// Every form, and what the names of its operations end with.
const FORMS: [(&str, &str); 4] = [
    ("/api/datasources/proxy/uid/{uid}", "ProxyByUid"),
    (ANNOTATED, "ProxyBelowUid"),
    ("/api/datasources/proxy/{id}", "ProxyById"),
    ("/api/datasources/proxy/{id}/{path}", "ProxyBelowId"),
];

/// Puts all forms where one was.
pub(super) fn add_forms(document: &mut OpenApi) {
    let paths = &mut document.paths.paths;
    if let Some(annotated) = paths.remove(ANNOTATED) {
        paths.extend(
            FORMS.map(|(path, name)| (path.to_owned(), form(annotated.clone(), path, name))),
        );
    }
}

fn form(mut item: PathItem, path: &str, name: &str) -> PathItem {
    for (method, operation) in operations(&mut item) {
        operation.operation_id = Some(format!("{method}{name}"));
        operation.request_body = matches!(method, "put" | "post" | "patch").then(any_body);
        if let Some(parameters) = &mut operation.parameters {
            parameters.retain(|parameter| {
                parameter.parameter_in != ParameterIn::Path
                    || path.contains(&format!("{{{}}}", parameter.name))
            });
        }
    }
    item
}

fn any_body() -> RequestBody {
    let bytes = Content::new(None::<RefOr<Schema>>);
    RequestBodyBuilder::new().content("application/octet-stream", bytes).build()
}
