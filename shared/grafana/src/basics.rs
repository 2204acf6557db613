//! The small endpoints that clients call before anything else.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use store::Store;
use web::envelope;

use crate::answer::{Answer, ok};
use crate::envelope::{Doing, render};
use crate::wire::account::{FrontendSettings, Health};

/// Makes the routes.
pub fn router(store: Store) -> Router {
    let health = get(health).layer(envelope(|_, _| failing()));
    let routes = [("/api/health", health), ("/api/frontend/settings", get(frontend_settings))];
    let add = |router, (path, methods): (_, axum::routing::MethodRouter<_>)| {
        let told = envelope(|error, trace| render(Doing::Account, error, trace));
        crate::route(router, path, methods.layer(told))
    };
    routes.into_iter().fold(Router::new(), add).with_state(store)
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(health, frontend_settings))]
pub(crate) struct Paths;

/// Tells everybody whether the tables answer; why they do not is for the log.
#[utoipa::path(
    get,
    path = "/api/health",
    tag = "basics",
    operation_id = "getHealth",
    responses(
        (status = 200, description = "They do", body = Health),
        (status = 503, description = "They do not: `database` is `failing`", body = Health),
    ),
    security(())
)]
async fn health(State(store): State<Store>) -> Result<Response, web::Error> {
    store.ping().await?;
    Ok(ok(Health::new("ok")).into_response())
}

fn failing() -> Response {
    Answer(StatusCode::SERVICE_UNAVAILABLE, Health::new("failing")).into_response()
}

/// Tells everybody which version of Grafana's API this is.
#[utoipa::path(
    get,
    path = "/api/frontend/settings",
    tag = "basics",
    operation_id = "getFrontendSettings",
    responses((status = 200, description = "The settings", body = FrontendSettings)),
    security(())
)]
async fn frontend_settings() -> Response {
    ok(FrontendSettings::new()).into_response()
}
