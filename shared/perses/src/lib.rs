//! The Perses dialect: paths, documents and texts. What they mean is decided elsewhere.
//!
//! | method | path | group |
//! |---|---|---|
//! | GET, POST | `/api/v1/globaldatasources`, `/api/v1/globalsecrets`, `/api/v1/projects` | [`documents`] |
//! | GET, POST | `/api/v1/datasources`, `/api/v1/secrets`, `/api/v1/dashboards` | [`documents`] |
//! | GET, POST | `/api/v1/projects/{project}/datasources`, `/api/v1/projects/{project}/secrets` | [`documents`] |
//! | GET, POST | `/api/v1/projects/{project}/dashboards` | [`documents`] |
//! | GET, PUT, DELETE | `/api/v1/globaldatasources/{name}`, `/api/v1/globalsecrets/{name}` | [`documents`] |
//! | GET, PUT, DELETE | `/api/v1/projects/{project}` | [`documents`] |
//! | GET, PUT, DELETE | `/api/v1/projects/{project}/datasources/{name}` | [`documents`] |
//! | GET, PUT, DELETE | `/api/v1/projects/{project}/secrets/{name}` | [`documents`] |
//! | GET, PUT, DELETE | `/api/v1/projects/{project}/dashboards/{name}` | [`documents`] |
//! | GET, POST | `/api/v1/globalroles`, `/api/v1/globalrolebindings`, `/api/v1/roles`, `/api/v1/rolebindings` | [`roles`] |
//! | GET, POST | `/api/v1/projects/{project}/roles`, `/api/v1/projects/{project}/rolebindings` | [`roles`] |
//! | GET, PUT, DELETE | `/api/v1/globalroles/{name}`, `/api/v1/globalrolebindings/{name}` | [`roles`] |
//! | GET, PUT, DELETE | `/api/v1/projects/{project}/roles/{name}` | [`roles`] |
//! | GET, PUT, DELETE | `/api/v1/projects/{project}/rolebindings/{name}` | [`roles`] |
//! | POST | `/api/validate/globaldatasources`, `/api/validate/datasources`, `/api/validate/dashboards` | [`documents`] |
//! | GET | `/api/config`, `/api/v1/health`, `/api/v1/plugins` | [`basics`] |
//! | GET, POST | `/api/v1/users` | [`users`] |
//! | GET, PUT, DELETE | `/api/v1/users/{name}` | [`users`] |
//! | GET | `/api/v1/users/{name}/permissions`, `/api/v1/user/whoami` | [`users`] |
//! | POST | `/api/auth/providers/native/login`, `/api/auth/refresh` | [`login`] |
//! | GET | `/api/auth/logout` | [`login`] |
//! | any | `/proxy/globaldatasources/{name}`, `…/*` | [`proxy`] |
//! | any | `/proxy/projects/{project}/datasources/{name}`, `…/*` | [`proxy`] |
//! | any | `/proxy/projects/{project}/dashboards/{dashboard}/datasources/{name}`, `…/*` | [`proxy`] |
//! | POST | `/proxy/globaldatasources/{name}`, `/proxy/projects/{project}/datasources/{name}` | [`sql`] |
//! | POST | `/proxy/projects/{project}/dashboards/{dashboard}/datasources/{name}` | [`sql`] |
//! | POST | `/proxy/unsaved/globaldatasources`, `/proxy/unsaved/projects/{project}/datasources` | [`unsaved`] |
//! | POST | `/proxy/unsaved/projects/{project}/dashboards/{dashboard}/datasources` | [`unsaved`] |
//! | POST | `/proxy/unsaved/globaldatasources/{path}` | [`unsaved`] |
//! | POST | `/proxy/unsaved/projects/{project}/datasources/{path}` | [`unsaved`] |
//! | POST | `/proxy/unsaved/projects/{project}/dashboards/{dashboard}/datasources/{path}` | [`unsaved`] |
//!
//! One slash at the end of a path is tolerated. A method that a path does not have is 405, and `OPTIONS` 204.

mod accept;
mod answer;
pub mod basics;
pub mod documents;
mod envelope;
mod error;
pub mod login;
mod mask;
mod place;
pub mod proxy;
pub mod roles;
mod settings;
pub mod sql;
pub mod unsaved;
pub mod users;
mod wire;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use http::{Method, StatusCode, header};

use web::{Arrival, Refusal};

use crate::error::Error;

pub use documents::{BadDocument, draft};
pub use settings::{BadSetting, Settings, SqlFormat};

/// Answers what no route serves.
pub async fn fallback(arrival: Arrival) -> Response {
    envelope::render(&Refusal::UnknownRoute.into(), arrival.trace)
}

/// Tells whether what no route serves is answered by [`fallback`], where another dialect has one too.
#[must_use]
pub fn is_near(path: &str) -> bool {
    ["/api/v1/", "/api/validate/", "/proxy/"].iter().any(|start| path.starts_with(start))
}

/// Adds routes of one path, with and without a slash at its end, in this dialect's envelope.
fn route<S>(
    router: Router<S>,
    path: &str,
    allowed: &'static str,
    methods: MethodRouter<S>,
) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let methods = answered(allowed, methods);
    router.route(&format!("{path}/"), methods.clone()).route(path, methods)
}

/// Puts methods into this dialect's envelope, and answers the others.
fn answered<S>(allowed: &'static str, methods: MethodRouter<S>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let other = move |method: Method| async move { other_method(&method, allowed) };
    // As a fallback, axum would write another `Allow`.
    any(other).merge(methods).layer(web::envelope(envelope::render))
}

/// Answers a method that a path does not have (contract/perses.md 0.3).
fn other_method(method: &Method, allowed: &'static str) -> Response {
    match *method {
        Method::OPTIONS => (StatusCode::NO_CONTENT, [(header::ALLOW, allowed)]).into_response(),
        _ => web::Error::from(Error::MethodNotAllowed(allowed)).into_response(),
    }
}
