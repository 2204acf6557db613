//! The registry: data sources created, listed, read, replaced and deleted (contract 1).

mod list;
mod naming;
mod one;
mod place;

use std::sync::Arc;

use auth::Action;
use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use sourcegate_core::Policy;
use store::Store;
use web::envelope;

use crate::Settings;
use crate::answer::ok;
use crate::envelope::{Doing, render};
use crate::save::{self, Naming, Saving};
use crate::wire::datasource::{Command, Saved};

/// What the registry needs: where data sources are kept, where they may be, and how they are written.
#[derive(Clone)]
struct Registry {
    store: Store,
    policy: Arc<Policy>,
    settings: Settings,
}

impl FromRef<Registry> for Store {
    fn from_ref(registry: &Registry) -> Self {
        registry.store.clone()
    }
}

/// Makes the routes of the registry. The policy judges urls when they are saved; it must be the one that dials.
pub fn router(store: Store, policy: Policy, settings: Settings) -> Router {
    let list = get(list::list).layer(envelope(|e, trace| render(Doing::List, e, trace)));
    let create = post(create).layer(envelope(|e, trace| render(Doing::Add, e, trace)));
    let read = get(one::read).layer(envelope(|e, trace| render(Doing::Read, e, trace)));
    let look_up = || envelope(|e, trace| render(Doing::LookUp, e, trace));
    let routes: [(_, MethodRouter<_>); 5] = [
        ("/api/datasources", list.merge(create)),
        ("/api/datasources/uid/{uid}", read.merge(update()).merge(remove())),
        ("/api/datasources/{id}", get(one::read).layer(look_up()).merge(update()).merge(remove())),
        ("/api/datasources/name/{name}", get(one::read).layer(look_up()).merge(remove())),
        ("/api/datasources/id/{name}", get(one::read_id).layer(look_up())),
    ];
    let add = |router, (path, methods): (&str, _)| crate::route(router, path, methods);
    let router = routes.into_iter().fold(Router::new(), add);
    router.with_state(Registry { store, policy: Arc::new(policy), settings })
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list::list, create, one::read, one::read_id, one::update, one::delete))]
pub(crate) struct Paths;

fn update() -> MethodRouter<Registry> {
    put(one::update).layer(envelope(|e, trace| render(Doing::Update, e, trace)))
}

fn remove() -> MethodRouter<Registry> {
    delete(one::delete).layer(envelope(|e, trace| render(Doing::Delete, e, trace)))
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
    State(Registry { store, policy, settings }): State<Registry>,
    web::Caller(caller): web::Caller,
    request: Request,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::Create)?;
    let bound = one::bound(request).await?;
    bound.check_url(&policy, Saving::New)?;
    let (draft, naming) = bound.into_draft()?;
    let secrets = draft.secrets.clone();
    let stored = match naming {
        Naming::Asked => store.create(&permit, draft).await?,
        Naming::Free => naming::create(&store, &permit, draft).await?,
    };
    save::warn(&stored.source.uid, &stored.source.settings, &secrets, &policy);
    Ok(ok(Saved::new(&stored, "Datasource added", settings.compat)).into_response())
}
