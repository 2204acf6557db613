//! Users in Perses' form: those of the caller's organisation, and oneself (contract/perses.md 4.2, 4.5).
//!
//! A user is the whole server's, so that making, changing and removing one is for its administrators; no role of an
//! organisation gives it. Who is made here is in the caller's organisation without a role: what he may do, bindings say.

use std::collections::BTreeMap;

use auth::{Caller, Identity, Role, Verb};
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use sourcegate_core::{DocumentKind, Label, Login, RoleAction, RolePermission, RoleScope};
use store::{NewUser, Profile, Realm, Refused, Rights, Store, User};
use web::Path;

use crate::answer::{Form, json as answer};
use crate::documents::go_bool;
use crate::wire::user::{IncomingUser, OutgoingUser};
use crate::{Error, route};

/// Makes the routes.
pub fn router(store: Store) -> Router {
    let all = get(list).post(create);
    let router = route(Router::new(), "/api/v1/users", "OPTIONS, GET, POST", all);
    let one = get(read).put(update).delete(delete);
    let router = route(router, "/api/v1/users/{name}", "OPTIONS, DELETE, GET, PUT", one);
    let only = "OPTIONS, GET";
    let router = route(router, "/api/v1/users/{name}/permissions", only, get(permissions));
    let router = route(router, "/api/v1/user/whoami", only, get(whoami));
    router.with_state(store)
}

async fn list(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    form: Form,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, web::Error> {
    let caller = store.with_roles(caller, Realm::Org).await?;
    caller.allow_users(Verb::Read)?;
    let (mut beginning, mut metadata_only) = (String::new(), false);
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "name" => beginning = value.to_lowercase(),
            "metadata_only" => metadata_only = go_bool(value)?,
            _ => {}
        }
    }
    let members = store.members(caller.org()).await?;
    let fits = |user: &&User| user.login.to_lowercase().starts_with(&beginning);
    let shown = members.iter().map(|(user, _)| user).filter(fits);
    let shown: Vec<_> = match metadata_only {
        true => shown.map(OutgoingUser::metadata_of).collect(),
        false => shown.map(OutgoingUser::of).collect(),
    };
    Ok(answer(StatusCode::OK, &shown, form))
}

async fn create(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    form: Form,
    request: web::Json<IncomingUser>,
) -> Result<Response, web::Error> {
    let permit = caller.allow_users(Verb::Create)?;
    let web::Json(incoming) = request;
    let sent = incoming.judged(None)?;
    let none = || Error::Bad("password cannot be empty".to_owned());
    let password = sent.password.as_ref().ok_or_else(none)?;
    let new = NewUser {
        login: Login::parse(&sent.login).map_err(Refused::from).map_err(store::Error::from)?,
        email: Label::default(),
        name: label(&sent.name)?,
        org: caller.org(),
        rights: Rights::from(Role::None),
    };
    let [permit, ..] = permit.permits() else { return Err(Error::NoUser.into()) };
    let made = store.create_user(permit, &new, password).await;
    let made = made.map_err(|error| match error {
        store::Error::Refused(Refused::UserTaken) => Error::UserTaken.into(),
        error => web::Error::from(error),
    })?;
    Ok(answer(StatusCode::OK, &OutgoingUser::of(&made), form))
}

async fn read(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, web::Error> {
    let caller = store.with_roles(caller, Realm::Org).await?;
    caller.allow_users(Verb::Read)?;
    let user = member(&store, &caller, &name).await?;
    Ok(answer(StatusCode::OK, &OutgoingUser::of(&user), form))
}

async fn update(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(name): Path<String>,
    form: Form,
    request: web::Json<IncomingUser>,
) -> Result<Response, web::Error> {
    let permit = caller.allow_users(Verb::Update)?;
    let web::Json(incoming) = request;
    let sent = incoming.judged(Some(&name))?;
    let user = member(&store, &caller, &name).await?;
    let name = Some(label(&sent.name)?);
    let user = store.call_user(user.id, &Profile { name, ..Profile::default() }).await?;
    if let (Some(password), Some(permit)) = (&sent.password, permit.permits().last()) {
        store.set_password(permit, user.id, password).await?;
    }
    Ok(answer(StatusCode::OK, &OutgoingUser::of(&user), form))
}

async fn delete(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(name): Path<String>,
) -> Result<Response, web::Error> {
    let permit = caller.allow_users(Verb::Delete)?;
    let user = member(&store, &caller, &name).await?;
    let [permit, ..] = permit.permits() else { return Err(Error::NoUser.into()) };
    store.delete_user(permit, user.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Finds a user of the caller's organisation by his login; nobody else is there.
async fn member(store: &Store, caller: &Caller, name: &str) -> Result<User, web::Error> {
    let found = store.user_named(name).await?;
    let is_it = |user: &User| {
        user.login.to_lowercase() == name.to_lowercase() && user.assignee(caller.org()).is_some()
    };
    Ok(found.filter(is_it).ok_or(Error::NoUser)?)
}

fn label(name: &str) -> Result<Label, store::Error> {
    Ok(Label::parse("name", name).map_err(Refused::from)?)
}

async fn whoami(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    form: Form,
) -> Result<Response, web::Error> {
    if let Identity::User { id, .. } = caller.identity()
        && let Some(user) = store.user(*id).await?
    {
        return Ok(answer(StatusCode::OK, &OutgoingUser::of(&user), form));
    }
    let name = name_of(&caller);
    Ok(answer(StatusCode::OK, &OutgoingUser::called(&name), form))
}

/// Tells what one may do by role in the organisation and by roles of this dialect together.
async fn permissions(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, web::Error> {
    if name.to_lowercase() != name_of(&caller).to_lowercase() {
        return Err(Error::NotYours.into());
    }
    let caller = store.with_roles(caller, Realm::Anywhere).await?;
    let mut everywhere = by_role(&caller);
    everywhere.extend(caller.held().everywhere().iter().cloned());
    let mut all = BTreeMap::from([("*", everywhere)]);
    for (project, permissions) in caller.held().in_projects() {
        all.insert(project.as_str(), permissions.clone());
    }
    Ok(answer(StatusCode::OK, &all, form))
}

/// What a caller's role in the organisation lets him do, and what he may do to users.
fn by_role(caller: &Caller) -> Vec<RolePermission> {
    let kinds = || DocumentKind::ALL.into_iter().map(RoleScope::Kind).collect();
    let documents = match caller.role() {
        Role::Admin => Some(RoleAction::All),
        Role::Editor | Role::Viewer => Some(RoleAction::Read),
        Role::None => None,
    };
    let documents =
        documents.map(|action| RolePermission { actions: vec![action], scopes: kinds() });
    let verbs = [
        (Verb::Read, RoleAction::Read),
        (Verb::Create, RoleAction::Create),
        (Verb::Update, RoleAction::Update),
        (Verb::Delete, RoleAction::Delete),
    ];
    let actions = verbs.into_iter().filter(|(verb, _)| caller.allow_users(*verb).is_ok());
    let actions: Vec<_> = actions.map(|(_, action)| action).collect();
    let users =
        (!actions.is_empty()).then(|| RolePermission { actions, scopes: vec![RoleScope::User] });
    documents.into_iter().chain(users).collect()
}

fn name_of(caller: &Caller) -> String {
    caller.login().map_or_else(|| caller.identity().to_string().replace(':', "-"), str::to_owned)
}
