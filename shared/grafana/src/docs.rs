//! The API as a document (OpenAPI 3.1), and a page to read it and to try it on.

mod document;
mod everywhere;
mod forms;
mod parameters;

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header;
use web::{Arrival, Path, RawPath};

/// The document, written once.
static DOCUMENT: LazyLock<serde_json::Result<Bytes>> =
    LazyLock::new(|| serde_json::to_vec(&document::whole()).map(Bytes::from));

/// The page takes everything from its own origin, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Swagger UI, compressed when this was built.
const SCRIPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz"));
const STYLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz"));

#[derive(utoipa::OpenApi)]
#[openapi(paths(document, page, file))]
pub(crate) struct Paths;

/// Makes the routes, which need no credential and tell nothing that is not public.
pub fn router() -> Router {
    let router = crate::route(Router::new(), "/api/openapi.json", get(document));
    let router = crate::route(router, "/docs", get(page));
    crate::route(router, "/docs/{file}", get(file))
}

/// Gives this document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "docs",
    operation_id = "getDocument",
    responses((status = 200, description = "The document, OpenAPI 3.1.", body = Object)),
    security(())
)]
async fn document() -> Result<Response, web::Error> {
    let text = DOCUMENT.as_ref().map_err(crate::Error::NoDocument)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response())
}

/// Shows this document to a browser.
///
/// The page and its files name each other relatively, so that it works below a prefix too; with a slash at its end it
/// is sent to the path without.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "docs",
    operation_id = "getPage",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")),
    security(())
)]
async fn page(path: RawPath) -> Response {
    if path.as_str().ends_with('/') {
        return Redirect::permanent("../docs").into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, include_str!("docs/page.html")).into_response()
}

/// Gives a file of the page. What is compressed is so for everybody: every browser reads it.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    tag = "docs",
    operation_id = "getPageFile",
    responses(
        (status = 200, description = "The file.", content(
            (String = "text/javascript"),
            (String = "text/css"),
        )),
        (status = 404, description = "Not found"),
    ),
    security(())
)]
async fn file(Path(name): Path<String>, arrival: Arrival) -> Response {
    let kept = (header::CACHE_CONTROL, "public, max-age=3600");
    let gzip = (header::CONTENT_ENCODING, "gzip");
    let script = (header::CONTENT_TYPE, "text/javascript");
    let style = (header::CONTENT_TYPE, "text/css");
    match name.as_str() {
        "start.js" => ([script, kept], include_str!("docs/start.js")).into_response(),
        "swagger-ui-bundle.js" => ([script, kept, gzip], SCRIPT).into_response(),
        "swagger-ui.css" => ([style, kept, gzip], STYLE).into_response(),
        _ => crate::fallback(arrival).await,
    }
}
