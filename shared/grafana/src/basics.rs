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

/// Tells everybody whether the tables answer; why they do not is for the log.
async fn health(State(store): State<Store>) -> Result<Response, web::Error> {
    store.ping().await?;
    Ok(ok(Health::new("ok")).into_response())
}

fn failing() -> Response {
    Answer(StatusCode::SERVICE_UNAVAILABLE, Health::new("failing")).into_response()
}

async fn frontend_settings() -> Response {
    ok(FrontendSettings::new()).into_response()
}

async fn org(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    let name = store.org_name(caller.org()).await?.ok_or(Error::NoOrg)?;
    Ok(ok(Org::new(caller.org(), name)).into_response())
}

async fn user(web::Caller(caller): web::Caller) -> Response {
    ok(User::from(&caller)).into_response()
}

/// Switches to an organisation. A request is about the organisation that it names, so there is nothing to remember;
/// switching to another one than that is refused rather than pretended.
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
