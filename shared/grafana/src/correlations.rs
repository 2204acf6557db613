//! Correlations: links from one data source's answers to another data source, or to an address (contract 1.11).
//!
//! Who may read both ends sees a correlation; to all others it does not exist, whatever they may do with its source.

mod draft;
mod page;

use std::sync::Arc;

use auth::{Action, Caller, Granted};
use axum::Router;
use axum::extract::{FromRequest, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use sourcegate_core::{Target, Uid};
use store::{Edit, Link, Store};
use web::{Json, Path, envelope};

use crate::Error;
use crate::answer::ok;
use crate::correlations::page::{Page, Wanted};
use crate::envelope::{Doing, render};
use crate::reference::{self, locate};
use crate::wire::account::Message;
use crate::wire::correlation::{Changes, Command, Done, Listed, Shown};

/// Makes the routes.
pub fn router(store: Store) -> Router {
    let listing = || envelope(|e, trace| render(Doing::ListCorrelations, e, trace));
    let reading = envelope(|e, trace| render(Doing::ReadCorrelation, e, trace));
    let adding = envelope(|e, trace| render(Doing::AddCorrelation, e, trace));
    let updating = envelope(|e, trace| render(Doing::UpdateCorrelation, e, trace));
    let deleting = envelope(|e, trace| render(Doing::DeleteCorrelation, e, trace));
    let all = get(list).layer(listing());
    let from = get(list_from).layer(listing()).merge(post(create).layer(adding));
    let one = get(read).layer(reading).merge(patch(update).layer(updating));
    let one = one.merge(delete(remove).layer(deleting));
    let router = crate::route(Router::new(), "/api/datasources/correlations", all);
    let router = crate::route(router, "/api/datasources/uid/{uid}/correlations", from);
    let path = "/api/datasources/uid/{uid}/correlations/{correlation}";
    crate::route(router, path, one).with_state(store)
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list, list_from, read, create, update, remove))]
pub(crate) struct Paths;

/// Lists all correlations that the caller may see, a page at a time.
#[utoipa::path(
    get,
    path = "/api/datasources/correlations",
    tag = "correlations",
    operation_id = "listCorrelations",
    params(
        ("limit" = Option<String>, Query, description = "How many a page has; 100 unless it is said, at most 1,000."),
        ("page" = Option<String>, Query, description = "Which page, from 1."),
        ("sourceUID" = Option<String>, Query, description = "Only those of this data source; may come several times."),
    ),
    responses(
        (status = 200, description = "A page", body = Listed<'_>),
        (status = 400, description = "A parameter is no number"),
        (status = 404, description = "`No correlation found`"),
    ),
)]
async fn list(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, web::Error> {
    let permit = caller.browse(Action::Read)?;
    let wanted = Wanted::parse(query.as_deref().unwrap_or_default());
    if wanted.is_err() {
        caller.allow(Action::Read)?;
    }
    let mut page = Page::of(wanted?);
    let mut links = store.correlations(&permit);
    while let Some(some) = links.next().await? {
        let seen = some.into_iter().filter(|link| caller.may(Action::Read, &link.source));
        page.extend(seen.filter(|link| sees_target(&caller, link)));
    }
    if page.total() == 0 {
        // Who may read no data source is told so, and not that there are none.
        caller.allow(Action::Read)?;
        return Err(Error::NoCorrelations.into());
    }
    Ok(ok(page.shown()).into_response())
}

/// Lists the correlations of a data source.
#[utoipa::path(
    get,
    path = "/api/datasources/uid/{uid}/correlations",
    tag = "correlations",
    operation_id = "listCorrelationsOfDatasource",
    responses(
        (status = 200, description = "The list", body = Vec<Shown<'_>>),
        (status = 404, description = "`No correlation found`, or no such data source"),
    ),
)]
async fn list_from(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(uid): Path<String>,
) -> Result<Response, web::Error> {
    let found = locate(&store, &caller, Action::Read, reference::uid(&uid)).await??;
    let links = seen(&store, &found).await?;
    if links.is_empty() {
        return Err(Error::NoCorrelations.into());
    }
    Ok(ok(links.iter().map(Shown::from).collect::<Vec<_>>()).into_response())
}

/// Reads a correlation.
#[utoipa::path(
    get,
    path = "/api/datasources/uid/{uid}/correlations/{correlation}",
    tag = "correlations",
    operation_id = "getCorrelation",
    responses(
        (status = 200, description = "The correlation", body = Shown<'_>),
        (status = 404, description = "`Correlation not found`, or no such data source"),
    ),
)]
async fn read(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path((uid, correlation)): Path<(String, String)>,
) -> Result<Response, web::Error> {
    let found = locate(&store, &caller, Action::Read, reference::uid(&uid)).await??;
    let link = one(&store, &found, &correlation).await?;
    Ok(ok(Shown::from(&link)).into_response())
}

/// Adds a correlation to a data source.
#[utoipa::path(
    post,
    path = "/api/datasources/uid/{uid}/correlations",
    tag = "correlations",
    operation_id = "createCorrelation",
    request_body = Command,
    responses(
        (status = 200, description = "`Correlation created`", body = Done<'_>),
        (status = 400, description = "`bad request data`; `detail` names the field"),
        (status = 403, description = "Not allowed, or `Data source is read only`"),
        (status = 404, description = "No such data source"),
    ),
)]
async fn create(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(uid): Path<String>,
    request: Request,
) -> Result<Response, web::Error> {
    let found = locate(&store, &caller, Action::Write, reference::uid(&uid)).await?;
    let Json(command) = Json::from_request(request, &()).await?;
    let draft = draft::new(command)?;
    let granted = writable(found?)?;
    let target = match &draft.target_uid {
        Some(uid) => {
            let found = locate(&store, &caller, Action::Read, reference::uid(uid)).await??;
            Some(Arc::clone(found.source()))
        }
        None => None,
    };
    let to = target.as_deref();
    let to = to.map(|to| Target { id: to.id, incarnation: to.incarnation });
    let edit = Edit::Add(draft.made(Uid::generate(), to));
    let correlation = store.edit_correlations(&granted, &edit).await?;
    let link = Link { source: Arc::clone(granted.source()), target, correlation };
    Ok(ok(Done::new(&link, "Correlation created")).into_response())
}

/// Changes what is sent of a correlation.
#[utoipa::path(
    patch,
    path = "/api/datasources/uid/{uid}/correlations/{correlation}",
    tag = "correlations",
    operation_id = "updateCorrelation",
    request_body = Changes,
    responses(
        (status = 200, description = "`Correlation updated`", body = Done<'_>),
        (status = 400, description = "Nothing is sent that could be changed, or a field cannot be what was sent"),
        (status = 403, description = "Not allowed, or `Data source is read only`"),
        (status = 404, description = "`Correlation not found`, or no such data source"),
    ),
)]
async fn update(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path((uid, correlation)): Path<(String, String)>,
    request: Request,
) -> Result<Response, web::Error> {
    let found = locate(&store, &caller, Action::Write, reference::uid(&uid)).await?;
    let Json(command) = Json::from_request(request, &()).await?;
    let patch = draft::patch(command)?;
    let granted = writable(found?)?;
    let link = one(&store, &granted, &correlation).await?;
    let edit = Edit::Change(link.correlation.uid.clone(), patch);
    let correlation = store.edit_correlations(&granted, &edit).await?;
    let link = Link { correlation, ..link };
    Ok(ok(Done::new(&link, "Correlation updated")).into_response())
}

/// Deletes a correlation.
#[utoipa::path(
    delete,
    path = "/api/datasources/uid/{uid}/correlations/{correlation}",
    tag = "correlations",
    operation_id = "deleteCorrelation",
    responses(
        (status = 200, description = "`Correlation deleted`", body = Message),
        (status = 403, description = "Not allowed, or `Data source is read only`"),
        (status = 404, description = "`Correlation not found`, or no such data source"),
    ),
)]
async fn remove(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path((uid, correlation)): Path<(String, String)>,
) -> Result<Response, web::Error> {
    let found = locate(&store, &caller, Action::Write, reference::uid(&uid)).await??;
    let granted = writable(found)?;
    let link = one(&store, &granted, &correlation).await?;
    store.edit_correlations(&granted, &Edit::Remove(link.correlation.uid)).await?;
    Ok(ok(Message::from("Correlation deleted")).into_response())
}

fn writable(granted: Granted) -> Result<Granted, store::Error> {
    if granted.source().read_only {
        return Err(store::Error::ReadOnly(granted.source().uid.clone()));
    }
    Ok(granted)
}

/// Reads those that start from a data source and lead to what the caller may read.
async fn seen(store: &Store, granted: &Granted) -> Result<Vec<Link>, web::Error> {
    let links = store.correlations_from(granted).await?;
    Ok(links.into_iter().filter(|link| sees_target(granted.caller(), link)).collect())
}

async fn one(store: &Store, granted: &Granted, uid: &str) -> Result<Link, web::Error> {
    let seen = seen(store, granted).await?;
    let found = seen.into_iter().find(|link| link.correlation.uid.as_str() == uid);
    Ok(found.ok_or(Error::NoCorrelation)?)
}

fn sees_target(caller: &Caller, link: &Link) -> bool {
    link.target.as_ref().is_none_or(|target| caller.may(Action::Read, target))
}
