//! The registry: data sources created, read, updated and deleted (contract 1).

mod naming;

use std::sync::Arc;

use auth::{Action, Caller};
use axum::Router;
use axum::extract::{FromRef, FromRequest, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use sourcegate_core::{Policy, Reference};
use store::{Store, Stored};
use web::{Json, Path, envelope};

use crate::Error;
use crate::answer::ok;
use crate::envelope::{Doing, render};
use crate::mask;
use crate::reference::{self, Found, locate};
use crate::save::{self, Bound, Naming, Saving};
use crate::wire::datasource::{Command, Deleted, Listed, Saved, Single};

/// What the registry needs: where data sources are kept, and where they may be.
#[derive(Clone)]
struct Registry {
    store: Store,
    policy: Arc<Policy>,
}

impl FromRef<Registry> for Store {
    fn from_ref(registry: &Registry) -> Self {
        registry.store.clone()
    }
}

/// Makes the routes of the registry. The policy judges urls when they are saved; it must be the one that dials.
pub fn router(store: Store, policy: Policy) -> Router {
    let list = get(list).layer(envelope(|e, trace| render(Doing::List, e, trace)));
    let create = post(create).layer(envelope(|e, trace| render(Doing::Add, e, trace)));
    let read_by_id = get(by_id).layer(envelope(|e, trace| render(Doing::ReadById, e, trace)));
    let read = get(by_uid).layer(envelope(|e, trace| render(Doing::Read, e, trace)));
    let update = put(update).layer(envelope(|e, trace| render(Doing::Update, e, trace)));
    let remove = delete(remove).layer(envelope(|e, trace| render(Doing::Delete, e, trace)));
    let router = crate::route(Router::new(), "/api/datasources", list.merge(create));
    let router = crate::route(router, "/api/datasources/{id}", read_by_id);
    let by_uid = read.merge(update).merge(remove);
    let router = crate::route(router, "/api/datasources/uid/{uid}", by_uid);
    router.with_state(Registry { store, policy: Arc::new(policy) })
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list, create, by_id, by_uid, update, remove))]
pub(crate) struct Paths;

/// Lists the data sources that the caller may read, by name.
#[utoipa::path(
    get,
    path = "/api/datasources",
    tag = "datasources",
    operation_id = "listDatasources",
    responses((status = 200, description = "The list", body = Vec<Listed<'_>>)),
)]
async fn list(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    let permit = caller.browse(Action::Read)?;
    let stored = store.list(&permit).await?;
    let readable = stored.into_iter().filter(|one| caller.may(Action::Read, &one.source));
    let stored: Vec<_> = readable.map(|one| mask::for_caller(one, &caller)).collect();
    if stored.is_empty() {
        // Who may read none is told so, and not that there are none.
        caller.allow(Action::Read)?;
    }
    Ok(ok(stored.iter().map(Listed::from).collect::<Vec<_>>()).into_response())
}

/// Registers a data source.
///
/// The first one of an organisation becomes its default.
#[utoipa::path(
    post,
    path = "/api/datasources",
    tag = "datasources",
    operation_id = "createDatasource",
    request_body = Command,
    responses(
        (status = 200, description = "`Datasource added`", body = Saved<'_>),
        (status = 400, description = "`bad request data`, or a field that cannot be what was sent; `detail` names it"),
        (status = 409, description = "Another one has this name or uid"),
    ),
)]
async fn create(
    State(Registry { store, policy }): State<Registry>,
    web::Caller(caller): web::Caller,
    request: Request,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::Create)?;
    let bound = bound(request).await?;
    bound.check_url(&policy, Saving::New)?;
    let (draft, naming) = bound.into_draft()?;
    let secrets = draft.secrets.clone();
    let stored = match naming {
        Naming::Asked => store.create(&permit, draft).await?,
        Naming::Free => naming::create(&store, &permit, draft).await?,
    };
    save::warn(&stored.source.uid, &stored.source.settings, &secrets, &policy);
    Ok(ok(Saved::new(&stored, "Datasource added")).into_response())
}

/// Reads a data source by its number.
#[utoipa::path(
    get,
    path = "/api/datasources/{id}",
    tag = "datasources",
    operation_id = "getDatasourceById",
    params(
        ("accesscontrol" = Option<String>, Query, description = "`true` adds what the caller may do with it."),
    ),
    responses(
        (status = 200, description = "The data source", body = Single<'_>),
        (status = 400, description = "`id is invalid`"),
        (status = 404, description = "`Data source not found`"),
    ),
)]
async fn by_id(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, web::Error> {
    read(&store, &caller, reference::id(&id), query.as_deref()).await
}

/// Reads a data source by its uid.
#[utoipa::path(
    get,
    path = "/api/datasources/uid/{uid}",
    tag = "datasources",
    operation_id = "getDatasourceByUid",
    params(
        ("accesscontrol" = Option<String>, Query, description = "`true` adds what the caller may do with it."),
    ),
    responses(
        (status = 200, description = "The data source", body = Single<'_>),
        (status = 404, description = "`Data source not found`"),
    ),
)]
async fn by_uid(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, web::Error> {
    read(&store, &caller, reference::uid(&uid), query.as_deref()).await
}

async fn read(
    store: &Store,
    caller: &Caller,
    wanted: Result<Reference, Error>,
    query: Option<&str>,
) -> Result<Response, web::Error> {
    let Found { granted, is_default } = locate(store, caller, Action::Read, wanted).await??;
    let stored = Stored { source: Arc::clone(granted.source()), is_default };
    let stored = mask::for_caller(stored, caller);
    let shown = Single::with_logo(&stored);
    let asks_for_access =
        query.is_some_and(|query| query.split('&').any(|pair| pair == "accesscontrol=true"));
    let shown = if asks_for_access { shown.with_access(caller, &stored.source) } else { shown };
    Ok(ok(shown).into_response())
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
        (status = 409, description = "Another one has this name, or somebody else has changed it meanwhile"),
    ),
)]
async fn update(
    State(Registry { store, policy }): State<Registry>,
    web::Caller(caller): web::Caller,
    Path(uid): Path<String>,
    request: Request,
) -> Result<Response, web::Error> {
    let found = locate(&store, &caller, Action::Write, reference::uid(&uid)).await?;
    let bound = bound(request).await?;
    bound.check_url(&policy, Saving::Again)?;
    let granted = found?.granted;
    let change = bound.into_change(granted.source())?;
    let secrets = change.secrets.clone();
    let stored = store.update(&granted, change).await?;
    save::warn(&stored.source.uid, &stored.source.settings, &secrets, &policy);
    Ok(ok(Saved::new(&stored, "Datasource updated")).into_response())
}

/// Deletes a data source and its secrets.
#[utoipa::path(
    delete,
    path = "/api/datasources/uid/{uid}",
    tag = "datasources",
    operation_id = "deleteDatasourceByUid",
    responses(
        (status = 200, description = "`Data source deleted`", body = Deleted),
        (status = 403, description = "Not allowed, or `Cannot delete read-only data source`"),
        (status = 404, description = "`Data source not found`"),
    ),
)]
async fn remove(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(uid): Path<String>,
) -> Result<Response, web::Error> {
    let found = locate(&store, &caller, Action::Delete, reference::uid(&uid)).await?;
    let granted = found?.granted;
    store.delete(&granted).await?;
    Ok(ok(Deleted::from(granted.source().id)).into_response())
}

/// Reads a command; its rights were checked before.
async fn bound(request: Request) -> Result<Bound, web::Error> {
    let Json(command) = Json::from_request(request, &()).await?;
    Ok(Bound::of(command)?)
}
