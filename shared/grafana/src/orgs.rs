//! Organisations: made, listed, renamed and deleted by who administers the server, read by their members; and who belongs
//! to them.

mod members;
mod scope;

use std::sync::Arc;

use auth::Action;
use axum::Router;
use axum::extract::{FromRef, FromRequest, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, patch, post};
use http::Uri;
use sourcegate_core::OrgName;
use store::{Keyring, Org, Refused, Store};
use web::{Json, Path, envelope};

use crate::answer::ok;
use crate::envelope::{Doing, render};
use crate::paging::{Parameters, contains};
use crate::people::{Refusal, named};
use crate::walks::{Walk, Walks};
use crate::wire::account::{self, Message};
use crate::wire::org::{Created, Listed, OrgForm};

use scope::Place;

/// What the routes need: where organisations are kept, who makes their keys, and who is on his way through their list.
#[derive(Clone)]
struct Orgs {
    store: Store,
    keyring: Arc<Keyring>,
    walks: Arc<Walks>,
}

impl FromRef<Orgs> for Store {
    fn from_ref(orgs: &Orgs) -> Self {
        orgs.store.clone()
    }
}

/// Makes the routes. The keyring makes the key pairs of new organisations and unwraps none.
pub fn router(store: Store, keyring: impl Into<Arc<Keyring>>) -> Router {
    let routes = [
        ("/api/orgs", post(create).merge(get(list))),
        ("/api/orgs/{org}", get(read).put(rename).delete(remove)),
        ("/api/orgs/name/{name}", get(by_name)),
        ("/api/orgs/{org}/users", get(members::list).merge(post(members::add))),
        ("/api/orgs/{org}/users/search", get(members::search)),
        ("/api/orgs/{org}/users/{user}", patch(members::change).delete(members::remove)),
        ("/api/org", get(current).put(rename)),
        ("/api/org/users", get(members::list).merge(post(members::add))),
        ("/api/org/users/lookup", get(members::lookup)),
        ("/api/org/users/search", get(members::search)),
        ("/api/org/users/{user}", patch(members::change).delete(members::remove)),
    ];
    let orgs =
        Orgs { store: store.clone(), keyring: keyring.into(), walks: Arc::new(Walks::new()) };
    let swept = middleware::from_fn_with_state(store, sweeping);
    let add = |router, (path, methods): (_, MethodRouter<_>)| {
        let told = envelope(|error, trace| render(Doing::Account, error, trace));
        crate::route(router, path, methods.layer(told).layer(swept.clone()))
    };
    routes.into_iter().fold(Router::new(), add).with_state(orgs)
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    create,
    list,
    current,
    read,
    by_name,
    rename,
    remove,
    members::list,
    members::search,
    members::lookup,
    members::add,
    members::change,
    members::remove
))]
pub(crate) struct Paths;

/// Sweeps what deleted organisations left, after the answer is made: a process of the platform is asleep between requests.
async fn sweeping(State(store): State<Store>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    store.sweep_if_due().await;
    response
}

/// Makes an organisation; who makes it is its first administrator.
#[utoipa::path(
    post,
    path = "/api/orgs",
    tag = "orgs",
    operation_id = "createOrg",
    request_body = OrgForm,
    responses(
        (status = 200, description = "`Organization created`", body = Created),
        (status = 400, description = "The name is missing or cannot be one"),
        (status = 409, description = "`Organization name taken`"),
    ),
)]
async fn create(
    State(Orgs { store, keyring, .. }): State<Orgs>,
    web::Caller(caller): web::Caller,
    request: Request,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::CreateOrgs)?;
    let name = name(request).await?;
    let made = store.create_org(&permit, &keyring, &name).await.map_err(|error| {
        named(error, |refused| {
            matches!(refused, Refused::OrgName(_)).then_some(Refusal::OrgNameTaken)
        })
    })?;
    Ok(ok(Created::from(made.id)).into_response())
}

/// Lists the organisations, a page at a time.
#[utoipa::path(
    get,
    path = "/api/orgs",
    tag = "orgs",
    operation_id = "listOrgs",
    params(
        ("perpage" = Option<String>, Query, description = "How many entries a page has; 1,000 unless it is said."),
        ("page" = Option<String>, Query, description = "Which page, from 1."),
        ("name" = Option<String>, Query, description = "The name, exactly."),
        ("query" = Option<String>, Query, description = "What the name must contain."),
    ),
    responses(
        (status = 200, description = "A page, empty after the last", body = Vec<Listed<'_>>),
        (status = 400, description = "A parameter is no number"),
    ),
)]
async fn list(
    State(Orgs { store, walks, .. }): State<Orgs>,
    web::Caller(caller): web::Caller,
    uri: Uri,
) -> Result<Response, web::Error> {
    let permit = scope::at_large(&caller, Action::ReadOrgs)?;
    let asked = Parameters::of(&uri)?;
    let filters = ["name", "query"].map(|name| asked.text(name).map(str::to_owned));
    let walk = Walk { who: caller.identity().to_string(), size: asked.per_page()?, filters };
    let number = asked.number("page")?;
    let [name, query] = &walk.filters;
    let mut all = store.orgs(&permit).await?;
    all.retain(|(_, own)| {
        name.as_ref().is_none_or(|name| name == own.as_str())
            && contains(&[own.as_str()], query.as_deref())
    });
    let shown: Vec<_> = walks.page(&walk, number).of(&all).iter().map(Listed::from).collect();
    if shown.is_empty() {
        walks.end(&walk);
    }
    Ok(ok(shown).into_response())
}

/// Tells the caller which organisation his request is about.
#[utoipa::path(
    get,
    path = "/api/org",
    tag = "orgs",
    operation_id = "getCurrentOrg",
    responses(
        (status = 200, description = "The organisation", body = account::Org),
        (status = 404, description = "`Organization not found`"),
    ),
)]
async fn current(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    Ok(shown(store.org(caller.org()).await?)?)
}

/// Reads an organisation.
#[utoipa::path(
    get,
    path = "/api/orgs/{org}",
    tag = "orgs",
    operation_id = "getOrg",
    responses(
        (status = 200, description = "The organisation", body = account::Org),
        (status = 400, description = "`orgId is invalid`"),
        (status = 404, description = "`Organization not found`"),
    ),
)]
async fn read(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(place): Path<Place>,
) -> Result<Response, web::Error> {
    let (_, org) = place.permit(&caller, Action::ReadOrgs)?;
    Ok(shown(store.org(org).await?)?)
}

/// Reads an organisation by its name.
#[utoipa::path(
    get,
    path = "/api/orgs/name/{name}",
    tag = "orgs",
    operation_id = "getOrgByName",
    responses(
        (status = 200, description = "The organisation", body = account::Org),
        (status = 404, description = "`Organization not found`"),
    ),
)]
async fn by_name(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(name): Path<String>,
) -> Result<Response, web::Error> {
    scope::at_large(&caller, Action::ReadOrgs)?;
    // What no organisation can be called, none is.
    let name = OrgName::parse(&name).map_err(|_| Refusal::NoOrg)?;
    Ok(shown(store.org_named(&name).await?)?)
}

/// Renames an organisation.
#[utoipa::path(
    put,
    path = "/api/orgs/{org}",
    tag = "orgs",
    operation_id = "renameOrg",
    request_body = OrgForm,
    responses(
        (status = 200, description = "`Organization updated`", body = Message),
        (status = 400, description = "`orgId is invalid`, or a name that cannot be one or is taken"),
        (status = 404, description = "`Organization not found`"),
    ),
)]
async fn rename(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(place): Path<Place>,
    request: Request,
) -> Result<Response, web::Error> {
    let (permit, org) = place.permit(&caller, Action::WriteOrgs)?;
    let name = name(request).await?;
    store.rename_org(&permit, org, &name).await.map_err(|error| {
        named(error, |refused| {
            matches!(refused, Refused::OrgName(_)).then_some(Refusal::NewNameTaken)
        })
    })?;
    Ok(ok(Message::from("Organization updated")).into_response())
}

/// Deletes an organisation with everything in it, but never the one that the request is about.
#[utoipa::path(
    delete,
    path = "/api/orgs/{org}",
    tag = "orgs",
    operation_id = "deleteOrg",
    responses(
        (status = 200, description = "`Organization deleted`", body = Message),
        (status = 400, description = "`orgId is invalid`, or `Cannot delete your active organization`"),
        (status = 404, description = "`Failed to delete organization. ID not found`"),
    ),
)]
async fn remove(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(place): Path<Place>,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::DeleteOrgs)?;
    let org = match place.permit(&caller, Action::DeleteOrgs) {
        Ok((_, org)) => org,
        Err(error) if error.downcast_ref() == Some(&Refusal::NoOrg) => {
            return Err(Refusal::NoOrgToDelete.into());
        }
        Err(error) => return Err(error),
    };
    if org == caller.org() {
        return Err(Refusal::ActiveOrg.into());
    }
    store.delete_org(&permit, org).await.map_err(|error| {
        named(error, |refused| {
            matches!(refused, Refused::NoOrg(_)).then_some(Refusal::NoOrgToDelete)
        })
    })?;
    Ok(ok(Message::from("Organization deleted")).into_response())
}

fn shown(org: Option<Org>) -> Result<Response, Refusal> {
    let org = org.ok_or(Refusal::NoOrg)?;
    Ok(ok(account::Org::new(org.id, org.name.to_string())).into_response())
}

/// Reads the name of an organisation; rights were checked before.
async fn name(request: Request) -> Result<OrgName, web::Error> {
    let Json(form): Json<OrgForm> = Json::from_request(request, &()).await?;
    let name = form.name.filter(|name| !name.is_empty()).ok_or(Refusal::Required("Name"))?;
    Ok(OrgName::parse(&name).map_err(Refusal::from)?)
}
