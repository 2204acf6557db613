//! A route that shows a text of its own.

use axum::{Router, routing::get};
use http::header::CONTENT_TYPE;

/// Makes a router that answers `GET path` with what `text` gives.
pub fn page(
    path: &str,
    content_type: &'static str,
    text: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> Router {
    Router::new().route(path, get(async move || ([(CONTENT_TYPE, content_type)], text())))
}
