//! What stands where Grafana had something else before: keys, which service accounts replaced, and dashboards, which are not
//! kept here. Clients ask before they do what they came for (clients: grafana-backup, grafana-wtf).

use auth::Action;
use axum::response::{IntoResponse, Response};
use web::Path;

use super::error::Error;
use crate::answer::ok;

/// Nothing, as JSON.
const NONE: [(); 0] = [];

/// There are no keys.
pub(super) async fn keys(web::Caller(caller): web::Caller) -> Result<Response, web::Error> {
    caller.allow(Action::ReadAccounts)?;
    Ok(ok(NONE).into_response())
}

/// Says what keys are made by now.
pub(super) async fn add_key(web::Caller(_): web::Caller) -> Result<Response, web::Error> {
    Err(Error::OldKeys.into())
}

pub(super) async fn delete_key(
    web::Caller(caller): web::Caller,
    Path(id): Path<String>,
) -> Result<Response, web::Error> {
    caller.allow(Action::WriteAccounts)?;
    id.parse::<i64>().map_err(|_| Error::OldKeyId)?;
    Err(Error::NoOldKey.into())
}

/// There are no dashboards.
pub(super) async fn search(web::Caller(_): web::Caller) -> Response {
    ok(NONE).into_response()
}
