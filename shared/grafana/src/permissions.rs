//! Who may do what with one data source (contract 1.1, row 24): read, and said for everybody who is named or for one.

mod assignment;

use auth::{Action, Caller, Granted};
use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use sourcegate_core::Permissions;
use store::{Assignment, Store};
use web::{Json, Path, envelope};

use crate::Error;
use crate::answer::ok;
use crate::envelope::{Doing, render};
use crate::reference::{self, locate};
use crate::wire::account::Message;
use crate::wire::permission::{Change, Changes, Description, Shown};

pub(crate) use assignment::BadAssignment;
use assignment::{To, account};

/// Makes the routes.
pub fn router(store: Store) -> Router {
    let reading = || envelope(|e, trace| render(Doing::ReadPermissions, e, trace));
    let writing = || envelope(|e, trace| render(Doing::WritePermissions, e, trace));
    let description = get(describe).layer(reading());
    let all = get(read).layer(reading()).merge(post(set_all).layer(writing()));
    let routes = [
        ("/api/access-control/datasources/description", description),
        ("/api/access-control/datasources/{uid}", all),
        ("/api/access-control/datasources/{uid}/users/{user}", post(set_user).layer(writing())),
        ("/api/access-control/datasources/{uid}/teams/{team}", post(set_team).layer(writing())),
        (
            "/api/access-control/datasources/{uid}/builtInRoles/{role}",
            post(set_role).layer(writing()),
        ),
    ];
    let add = |router, (path, methods)| crate::route(router, path, methods);
    routes.into_iter().fold(Router::new(), add).with_state(store)
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(describe, read, set_all, set_user, set_team, set_role))]
pub(crate) struct Paths;

/// Tells what can be given to whom, to those who may see it of some data source.
#[utoipa::path(
    get,
    path = "/api/access-control/datasources/description",
    tag = "permissions",
    operation_id = "describePermissions",
    responses(
        (status = 200, description = "What can be given to whom", body = Description),
    ),
)]
async fn describe(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    let action = Action::ReadPermissions;
    let permit = caller.browse(action)?;
    if !caller.may_all(action) {
        let mut listing = store.list(&permit, usize::MAX).await?;
        let mut may_some = false;
        while !may_some && let Some(page) = listing.next_page().await? {
            may_some = page.iter().any(|stored| caller.may(action, &stored.source));
        }
        if !may_some {
            caller.allow(action)?;
        }
    }
    Ok(ok(Description::new()).into_response())
}

/// Tells who may do what with a data source.
#[utoipa::path(
    get,
    path = "/api/access-control/datasources/{uid}",
    tag = "permissions",
    operation_id = "getPermissions",
    responses(
        (status = 200, description = "Who was given what", body = Vec<Shown<'_>>),
        (status = 404, description = "`Data source not found`, or nobody whom the path or the body names"),
    ),
)]
async fn read(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(uid): Path<String>,
) -> Result<Response, web::Error> {
    let wanted = reference::uid(&uid);
    let found = locate(&store, &caller, Action::ReadPermissions, wanted).await??;
    let permissions = found.source().permissions.clone().unwrap_or_default();
    let ids = permissions.iter().filter_map(|(assignee, _)| account(assignee)).collect();
    let accounts = store.assignees(caller.org(), &ids).await?;
    Ok(ok(Shown::all(&permissions, &accounts)).into_response())
}

/// Gives and takes away several permissions at once.
#[utoipa::path(
    post,
    path = "/api/access-control/datasources/{uid}",
    tag = "permissions",
    operation_id = "setPermissions",
    request_body = Changes,
    responses(
        (status = 200, description = "`Permissions updated`", body = Message),
        (status = 400, description = "A level, role or user that there is not; `message` names it"),
        (status = 404, description = "`Data source not found`, or nobody whom the path or the body names"),
    ),
)]
async fn set_all(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(uid): Path<String>,
    request: Request,
) -> Result<Response, web::Error> {
    let found = locate(&store, &caller, Action::WritePermissions, reference::uid(&uid)).await?;
    let Json(Changes { permissions }) = Json::from_request(request, &()).await?;
    let changes = assignment::all(permissions.unwrap_or_default())?;
    let granted = found?;
    assign(&store, &granted, &changes).await?;
    Ok(ok(Message::from("Permissions updated")).into_response())
}

/// Gives a user or service account a permission, or takes it away.
#[utoipa::path(
    post,
    path = "/api/access-control/datasources/{uid}/users/{user}",
    tag = "permissions",
    operation_id = "setUserPermission",
    request_body = Change,
    responses(
        (status = 200, description = "`Permission updated` or `Permission removed`", body = Message),
        (status = 400, description = "A level, role or user that there is not; `message` names it"),
        (status = 404, description = "`Data source not found`, or nobody whom the path or the body names"),
    ),
)]
async fn set_user(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path((uid, user)): Path<(String, String)>,
    request: Request,
) -> Result<Response, web::Error> {
    set((&store, &caller), &uid, To::user(&user), request).await
}

/// Refuses: there are no teams.
#[utoipa::path(
    post,
    path = "/api/access-control/datasources/{uid}/teams/{team}",
    tag = "permissions",
    operation_id = "setTeamPermission",
    request_body = Change,
    responses(
        (status = 200, description = "`Permission updated` or `Permission removed`", body = Message),
        (status = 400, description = "A level, role or user that there is not; `message` names it"),
        (status = 404, description = "`Data source not found`, or nobody whom the path or the body names"),
    ),
)]
async fn set_team(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path((uid, team)): Path<(String, String)>,
    request: Request,
) -> Result<Response, web::Error> {
    set((&store, &caller), &uid, To::team(&team), request).await
}

/// Gives everybody of a role a permission, or takes it away.
#[utoipa::path(
    post,
    path = "/api/access-control/datasources/{uid}/builtInRoles/{role}",
    tag = "permissions",
    operation_id = "setRolePermission",
    request_body = Change,
    responses(
        (status = 200, description = "`Permission updated` or `Permission removed`", body = Message),
        (status = 400, description = "A level, role or user that there is not; `message` names it"),
        (status = 404, description = "`Data source not found`, or nobody whom the path or the body names"),
    ),
)]
async fn set_role(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path((uid, role)): Path<(String, String)>,
    request: Request,
) -> Result<Response, web::Error> {
    set((&store, &caller), &uid, To::role(&role), request).await
}

async fn set(
    (store, caller): (&Store, &Caller),
    uid: &str,
    to: Result<To, Error>,
    request: Request,
) -> Result<Response, web::Error> {
    let found = locate(store, caller, Action::WritePermissions, reference::uid(uid)).await?;
    let to = to?;
    let Json(Change { permission }) = Json::from_request(request, &()).await?;
    let level = assignment::level(permission.as_deref())?;
    let granted = found?;
    let change = to.given(level)?;
    assign(store, &granted, change.as_slice()).await?;
    let done = if level.is_some() { "Permission updated" } else { "Permission removed" };
    Ok(ok(Message::from(done)).into_response())
}

/// Writes the changes. Who is given something must be in the organisation; taken away it may be from everybody. Who was
/// named and is there no more, or came again, is named no more.
async fn assign(
    store: &Store,
    granted: &Granted,
    changes: &[Assignment],
) -> Result<(), web::Error> {
    let named = granted.source().permissions.iter().flat_map(Permissions::iter);
    let named: Vec<_> = named.map(|(assignee, _)| assignee).collect();
    let changed = changes.iter().map(|(assignee, _)| assignee);
    let ids = named.iter().chain(changed).filter_map(|assignee| account(*assignee)).collect();
    let mut accounts = store.assignees(granted.source().org, &ids).await?;
    // Whose item is damaged is given nothing; others are.
    let mut given = changes.iter().filter(|(_, level)| level.is_some());
    let is_damaged = |id: &u32| matches!(accounts.get(id), Some(Err(_)));
    let damaged = given.find_map(|(assignee, _)| account(*assignee).filter(is_damaged));
    damaged.and_then(|id| accounts.remove(&id)).transpose()?;
    let changes = assignment::among(&accounts, &named, changes).map_err(Error::from)?;
    Ok(store.assign(granted, &changes).await?)
}
