//! Paths that a handler serves beside the one that it is annotated with.

use utoipa::openapi::path::PathItem;
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::{Content, OpenApi, RefOr, Schema};

use super::everywhere::operations;

/// The path that the proxy's handler is annotated with.
const PROXY: &str = "/api/datasources/proxy/uid/{uid}/{path}";

/// Every form of it, and what the names of its operations end with.
const PROXIES: [(&str, &str); 4] = [
    ("/api/datasources/proxy/uid/{uid}", "ProxyByUid"),
    (PROXY, "ProxyBelowUid"),
    ("/api/datasources/proxy/{id}", "ProxyById"),
    ("/api/datasources/proxy/{id}/{path}", "ProxyBelowId"),
];

/// Operations on the organisation that a path names, which are there for that of the request too.
const CURRENT: [&str; 6] =
    ["renameOrg", "listOrgUsers", "addOrgUser", "searchOrgUsers", "updateOrgUser", "removeOrgUser"];

/// Puts all forms where one was.
pub(super) fn add(document: &mut OpenApi) {
    let paths = &mut document.paths.paths;
    if let Some(annotated) = paths.remove(PROXY) {
        let form = |(path, name): (&str, &str)| (path.to_owned(), proxy(annotated.clone(), name));
        paths.extend(PROXIES.map(form));
    }
    let mut current = Vec::new();
    for (path, item) in paths.iter_mut() {
        for (method, operation) in operations(item) {
            let name = operation.operation_id.clone().unwrap_or_default();
            if CURRENT.contains(&name.as_str()) {
                let path = path.replace("/api/orgs/{org}", "/api/org");
                let mut operation = operation.clone();
                operation.operation_id = Some(name.replace("Org", "CurrentOrg"));
                current.push((path, method, operation));
            }
        }
    }
    for (path, method, operation) in current {
        let item = paths.entry(path).or_default();
        match method {
            "get" => item.get = Some(operation),
            "post" => item.post = Some(operation),
            "put" => item.put = Some(operation),
            "patch" => item.patch = Some(operation),
            _ => item.delete = Some(operation),
        }
    }
}

/// Names the operations of a form. What a request may carry depends on the method, which no annotation can say.
fn proxy(mut item: PathItem, name: &str) -> PathItem {
    for (method, operation) in operations(&mut item) {
        operation.operation_id = Some(format!("{method}{name}"));
        operation.request_body = matches!(method, "put" | "post" | "patch").then(any_body);
    }
    item
}

fn any_body() -> RequestBody {
    let bytes = Content::new(None::<RefOr<Schema>>);
    RequestBodyBuilder::new().content("application/octet-stream", bytes).build()
}
