//! What stands where Grafana had something else before: keys, which service accounts replaced, and dashboards, which are not
//! kept here. Clients ask before they do what they came for (clients: grafana-backup, grafana-wtf).

use auth::Action;
use axum::response::{IntoResponse, Response};
use web::Path;

use super::error::Error;
use crate::answer::ok;

/// Nothing, as JSON.
const NONE: [(); 0] = [];

/// Lists keys of Grafana's old form: there are none.
#[utoipa::path(
    get,
    path = "/api/auth/keys",
    tag = "accounts",
    operation_id = "listKeys",
    responses(
        (status = 200, description = "None", body = Vec<String>),
    ),
)]
pub(super) async fn keys(web::Caller(caller): web::Caller) -> Result<Response, web::Error> {
    caller.allow(Action::ReadAccounts)?;
    Ok(ok(NONE).into_response())
}

/// Says what keys are made by now.
#[utoipa::path(
    post,
    path = "/api/auth/keys",
    tag = "accounts",
    operation_id = "createKey",
    responses(
        (status = 410, description = "Tokens of service accounts replace keys"),
    ),
)]
pub(super) async fn add_key(web::Caller(_): web::Caller) -> Result<Response, web::Error> {
    Err(Error::OldKeys.into())
}

/// Deletes a key of Grafana's old form: there is none.
#[utoipa::path(
    delete,
    path = "/api/auth/keys/{key}",
    tag = "accounts",
    operation_id = "deleteKey",
    responses(
        (status = 400, description = "`id is invalid`"),
        (status = 404, description = "There is no such key"),
    ),
)]
pub(super) async fn delete_key(
    web::Caller(caller): web::Caller,
    Path(id): Path<String>,
) -> Result<Response, web::Error> {
    caller.allow(Action::WriteAccounts)?;
    id.parse::<i64>().map_err(|_| Error::OldKeyId)?;
    Err(Error::NoOldKey.into())
}

/// Searches dashboards: there are none.
#[utoipa::path(
    get,
    path = "/api/search",
    tag = "accounts",
    operation_id = "searchDashboards",
    responses(
        (status = 200, description = "None", body = Vec<String>),
    ),
)]
pub(super) async fn search(web::Caller(_): web::Caller) -> Response {
    ok(NONE).into_response()
}
