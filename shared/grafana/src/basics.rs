//! The small endpoints that clients call before anything else (`/api/health`, who am I, where am I).

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use store::Store;
use web::{Path, envelope};

use crate::Error;
use crate::answer::{Answer, ok};
use crate::envelope::{Doing, render};
use crate::wire::account::{FrontendSettings, Health, Message, Org, User};

/// Makes the routes.
pub fn router(store: Store) -> Router {
    let health = get(health).layer(envelope(|_, _| failing()));
    let routes = [
        ("/api/health", health),
        ("/api/frontend/settings", get(frontend_settings)),
        ("/api/org", get(org)),
        ("/api/user", get(user)),
        ("/api/user/using/{org}", post(use_org)),
    ];
    let add = |router, (path, methods): (_, axum::routing::MethodRouter<_>)| {
        let told = envelope(|error, trace| render(Doing::Account, error, trace));
        crate::route(router, path, methods.layer(told))
    };
    routes.into_iter().fold(Router::new(), add).with_state(store)
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(health, frontend_settings, org, user, use_org))]
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

/// Tells the caller which organisation his request is about.
#[utoipa::path(
    get,
    path = "/api/org",
    tag = "basics",
    operation_id = "getCurrentOrg",
    responses((status = 200, description = "The organisation", body = Org)),
)]
async fn org(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    let name = store.org_name(caller.org()).await?.ok_or(Error::NoOrg)?;
    Ok(ok(Org::new(caller.org(), name)).into_response())
}

/// Tells the caller who he is.
#[utoipa::path(
    get,
    path = "/api/user",
    tag = "basics",
    operation_id = "getSignedInUser",
    responses((status = 200, description = "The caller", body = User<'_>)),
)]
async fn user(web::Caller(caller): web::Caller) -> Response {
    ok(User::from(&caller)).into_response()
}

/// Switches to an organisation. A request is about the organisation that it names, so there is nothing to remember;
/// switching to another one than that is refused rather than pretended.
#[utoipa::path(
    post,
    path = "/api/user/using/{org}",
    tag = "basics",
    operation_id = "switchOrg",
    params(("org" = i64, Path, description = "The organisation's number.")),
    responses(
        (status = 200, description = "`Active organization changed`", body = Message),
        (status = 400, description = "`id is invalid`"),
    ),
)]
async fn use_org(
    web::Caller(caller): web::Caller,
    Path(org): Path<String>,
) -> Result<Response, web::Error> {
    let asked: i64 = org.parse().map_err(|_| Error::Id)?;
    if asked != i64::from(caller.org().get()) {
        return Err(Error::OtherOrg.into());
    }
    Ok(ok(Message::from("Active organization changed")).into_response())
}
