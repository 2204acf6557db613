//! One data source, whichever way it is named: read, replaced, deleted (contract 1.3, 1.4, 1.9, 1.10).

use std::sync::Arc;

use auth::{Action, Caller, Granted};
use axum::extract::{FromRequest, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use sourcegate_core::{Kind, Reference};
use store::{Store, Stored};
use web::{Json, Path};

use super::Registry;
use super::place::{Parameter, wanted};
use crate::answer::ok;
use crate::save::{self, Bound, Saving};
use crate::wire::datasource::{Command, Deleted, Numbered, Saved, Single};
use crate::{Settings, mask};

/// Reads a data source.
#[utoipa::path(
    get,
    path = "/api/datasources/uid/{uid}",
    tag = "datasources",
    operation_id = "getDatasourceByUid",
    params(
        ("accesscontrol" = Option<String>, Query, description = "`true` adds what the caller may do with it; not by name."),
    ),
    responses(
        (status = 200, description = "The data source", body = Single<'_>),
        (status = 400, description = "`id is invalid`"),
        (status = 404, description = "`Data source not found`"),
    ),
)]
pub(super) async fn read(
    State(Registry { store, settings, .. }): State<Registry>,
    web::Caller(caller): web::Caller,
    parameter: Result<Path<Parameter>, web::Error>,
    RawQuery(query): RawQuery,
) -> Result<Response, web::Error> {
    let wanted = wanted(&caller, Action::Read, parameter)?;
    let (granted, is_default) = find(&store, &caller, Action::Read, &wanted).await?;
    let stored = Stored { source: Arc::clone(granted.source()), is_default };
    let stored = mask::for_caller(stored, &caller);
    let shown = Single::new(&stored, settings.compat).with_logo();
    let asks_for_access = !matches!(wanted, Reference::Name(_))
        && query.is_some_and(|query| query.split('&').any(|pair| pair == "accesscontrol=true"));
    let shown = if asks_for_access { shown.with_access(&caller, &stored.source) } else { shown };
    Ok(ok(shown).into_response())
}

/// Tells the number of the data source that has a name.
#[utoipa::path(
    get,
    path = "/api/datasources/id/{name}",
    tag = "datasources",
    operation_id = "getDatasourceIdByName",
    responses(
        (status = 200, description = "The number", body = Numbered),
        (status = 404, description = "`Data source not found`"),
    ),
)]
pub(super) async fn read_id(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    parameter: Result<Path<Parameter>, web::Error>,
) -> Result<Response, web::Error> {
    let wanted = wanted(&caller, Action::ReadId, parameter)?;
    let (granted, _) = find(&store, &caller, Action::ReadId, &wanted).await?;
    Ok(ok(Numbered::from(granted.source().id)).into_response())
}

/// Replaces a data source, but for the secrets that are not sent.
///
/// A `version` below the stored one is refused; none, or 0, is not compared. An empty secret is removed. A data source
/// that moves to another host, port or type, or checks certificates less, needs its secrets sent again.
#[utoipa::path(
    put,
    path = "/api/datasources/uid/{uid}",
    tag = "datasources",
    operation_id = "updateDatasourceByUid",
    request_body = Command,
    responses(
        (status = 200, description = "`Datasource updated`", body = Saved<'_>),
        (status = 400, description = "`bad request data`, or a field that cannot be what was sent; `detail` names it"),
        (status = 403, description = "Not allowed, or `Cannot update read-only data source`"),
        (status = 404, description = "`Data source not found`"),
        (status = 409, description = "Another one has this name or uid, or somebody else has changed it meanwhile"),
    ),
)]
pub(super) async fn update(
    State(Registry { store, policy, settings }): State<Registry>,
    web::Caller(caller): web::Caller,
    parameter: Result<Path<Parameter>, web::Error>,
    request: Request,
) -> Result<Response, web::Error> {
    let found = match wanted(&caller, Action::Write, parameter) {
        Ok(wanted) => {
            let found = find(&store, &caller, Action::Write, &wanted).await;
            found.map(|(granted, _)| (granted, wanted))
        }
        Err(refusal) => Err(refusal),
    };
    // Who may, is told of his body before he is told of what he named (contract 1.9).
    let found = match found {
        Err(error) if !matches!(error.kind(), Kind::Invalid | Kind::NotFound) => return Err(error),
        found => found,
    };
    let bound = bound(request).await?;
    bound.check_url(&policy, Saving::Again)?;
    let (granted, wanted) = found?;
    let change = bound.into_change(granted.source())?;
    let secrets = change.secrets.clone();
    let stored = store.update(&granted, &wanted, change).await?;
    save::warn(&stored.source.uid, &stored.source.settings, &secrets, &policy);
    Ok(ok(Saved::new(&stored, "Datasource updated", settings.compat)).into_response())
}

/// Deletes a data source and its secrets.
#[utoipa::path(
    delete,
    path = "/api/datasources/uid/{uid}",
    tag = "datasources",
    operation_id = "deleteDatasourceByUid",
    responses(
        (status = 200, description = "`Data source deleted`", body = Deleted),
        (status = 400, description = "`id is invalid`, or `Missing valid datasource id`"),
        (status = 403, description = "Not allowed, or `Cannot delete read-only data source`"),
        (status = 404, description = "`Data source not found`"),
    ),
)]
pub(super) async fn delete(
    State(Registry { store, settings, .. }): State<Registry>,
    web::Caller(caller): web::Caller,
    parameter: Result<Path<Parameter>, web::Error>,
) -> Result<Response, web::Error> {
    let wanted = wanted(&caller, Action::Delete, parameter)?;
    let id = match find(&store, &caller, Action::Delete, &wanted).await {
        Ok((granted, _)) => {
            store.delete(&granted, &wanted).await?;
            Some(granted.source().id)
        }
        Err(error) if is_damage(&error) => {
            // Who may delete any may delete one of which nothing is known any more.
            let permit = caller.allow(Action::Delete)?;
            store.delete_damaged(&permit, &wanted).await?
        }
        Err(error) => return Err(error),
    };
    Ok(ok(Deleted::new(id.filter(|_| tells_id(&wanted, settings)))).into_response())
}

/// The three answers to DELETE differ in this (contract 1.10).
fn tells_id(wanted: &Reference, settings: Settings) -> bool {
    match wanted {
        Reference::Id(_) => false,
        Reference::Uid(_) => settings.compat.tells_deleted_id(),
        Reference::Name(_) => true,
    }
}

/// Finds a data source and decides; tells whether it is the default. What is absent, damaged and forbidden is the same to
/// who may not do this to every data source.
async fn find(
    store: &Store,
    caller: &Caller,
    action: Action,
    wanted: &Reference,
) -> Result<(Granted, bool), web::Error> {
    let found = match store.find(caller.org(), wanted).await.map_err(web::Error::from) {
        Err(error) if is_damage(&error) => {
            caller.allow(action)?;
            return Err(error);
        }
        found => found?,
    };
    let is_default = found.as_ref().is_some_and(|stored| stored.is_default);
    let granted = caller.authorize(action, wanted, found.map(|stored| stored.source))?;
    Ok((granted, is_default))
}

fn is_damage(error: &web::Error) -> bool {
    matches!(error.downcast_ref(), Some(store::Error::BadRecord { .. }))
}

/// Reads a command; its rights were checked before.
pub(super) async fn bound(request: Request) -> Result<Bound, web::Error> {
    let Json(command) = Json::from_request(request, &()).await?;
    Ok(Bound::of(command)?)
}
