//! Users: oneself, and all of them for who administers the server.

mod admin;
mod form;
mod own;

use auth::{Action, Caller};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use http::Uri;
use sourcegate_core::OrgId;
use store::{Refused, Store, User};
use web::{Path, envelope};

use crate::Error;
use crate::answer::ok;
use crate::envelope::{Doing, render};
use crate::paging::{Parameters, contains};
use crate::people::{Refusal, named};
use crate::wire::account::Message;
use crate::wire::org::Membership;
use crate::wire::user::{Hit, Page, Profile, ProfileForm};

/// Makes the routes.
pub fn router(store: Store) -> Router {
    let routes = [
        ("/api/user", get(own::read).put(own::change)),
        ("/api/user/orgs", get(own::orgs)),
        ("/api/user/teams", get(own::teams)),
        ("/api/user/password", put(own::change_password)),
        ("/api/user/using/{org}", post(own::use_org)),
        ("/api/users", get(list)),
        ("/api/users/search", get(search)),
        ("/api/users/lookup", get(lookup)),
        ("/api/users/{user}", get(read).put(change)),
        ("/api/users/{user}/orgs", get(orgs)),
        ("/api/users/{user}/teams", get(teams)),
        ("/api/users/{user}/using/{org}", post(use_org)),
        ("/api/admin/stats", get(admin::stats)),
        ("/api/admin/users", post(admin::create)),
        ("/api/admin/users/{user}", axum::routing::delete(admin::remove)),
        ("/api/admin/users/{user}/password", put(admin::set_password)),
        ("/api/admin/users/{user}/permissions", put(admin::set_permissions)),
        ("/api/admin/users/{user}/disable", post(admin::disable)),
        ("/api/admin/users/{user}/enable", post(admin::enable)),
    ];
    let add = |router, (path, methods): (_, MethodRouter<_>)| {
        let told = envelope(|error, trace| render(Doing::Account, error, trace));
        crate::route(router, path, methods.layer(told))
    };
    routes.into_iter().fold(Router::new(), add).with_state(store)
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    list,
    search,
    lookup,
    read,
    change,
    orgs,
    teams,
    use_org,
    admin::stats,
    admin::create,
    admin::remove,
    admin::set_password,
    admin::set_permissions,
    admin::disable,
    admin::enable,
    own::read,
    own::change,
    own::orgs,
    own::teams,
    own::change_password,
    own::use_org
))]
pub(crate) struct Paths;

/// Lists the users, a page at a time.
#[utoipa::path(
    get,
    path = "/api/users",
    tag = "users",
    operation_id = "listUsers",
    params(
        ("query" = Option<String>, Query, description = "What login, email or name must contain."),
        ("perpage" = Option<String>, Query, description = "How many entries a page has; 1,000 unless it is said."),
        ("page" = Option<String>, Query, description = "Which page, from 1."),
    ),
    responses(
        (status = 200, description = "A page, empty after the last", body = Vec<Hit<'_>>),
        (status = 400, description = "A parameter is no number"),
    ),
)]
async fn list(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    uri: Uri,
) -> Result<Response, web::Error> {
    let (found, asked) = found(&store, &caller, &uri).await?;
    let shown: Vec<_> = asked.page()?.of(&found).iter().map(Hit::from).collect();
    Ok(ok(shown).into_response())
}

/// Lists the users, with their number.
#[utoipa::path(
    get,
    path = "/api/users/search",
    tag = "users",
    operation_id = "searchUsers",
    params(
        ("query" = Option<String>, Query, description = "What login, email or name must contain."),
        ("perpage" = Option<String>, Query, description = "How many entries a page has; 1,000 unless it is said."),
        ("page" = Option<String>, Query, description = "Which page, from 1."),
    ),
    responses(
        (status = 200, description = "A page", body = Page<'_>),
        (status = 400, description = "A parameter is no number"),
    ),
)]
async fn search(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    uri: Uri,
) -> Result<Response, web::Error> {
    let (found, asked) = found(&store, &caller, &uri).await?;
    let page = asked.page()?;
    Ok(ok(Page {
        total_count: found.len(),
        users: page.of(&found).iter().map(Hit::from).collect(),
        page: page.number,
        per_page: page.size,
    })
    .into_response())
}

/// Lists the users that a request seeks, in the order of their logins.
async fn found(
    store: &Store,
    caller: &Caller,
    uri: &Uri,
) -> Result<(Vec<store::Listed>, Parameters), web::Error> {
    caller.allow(Action::ReadUsers)?;
    let asked = Parameters::of(uri)?;
    // What is wrong with the page is told before anything is read.
    asked.page()?;
    let mut users = store.users().await?;
    users.retain(|user| contains(&[&user.login, &user.email, &user.name], asked.text("query")));
    users.sort_by_cached_key(|user| (user.login.to_lowercase(), user.id));
    Ok((users, asked))
}

/// Reads a user by his login or email.
#[utoipa::path(
    get,
    path = "/api/users/lookup",
    tag = "users",
    operation_id = "lookUpUser",
    params(
        ("loginOrEmail" = Option<String>, Query, description = "His login or email."),
    ),
    responses(
        (status = 200, description = "The user", body = Profile<'_>),
        (status = 404, description = "`user not found`"),
    ),
)]
async fn lookup(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    uri: Uri,
) -> Result<Response, web::Error> {
    caller.allow(Action::ReadUsers)?;
    let asked = Parameters::of(&uri)?;
    let sought = asked.text("loginOrEmail").unwrap_or_default();
    let user = store.user_named(sought).await?.ok_or(Refusal::NoUser)?;
    Ok(ok(Profile::new(&user, user.org)).into_response())
}

/// Reads a user.
#[utoipa::path(
    get,
    path = "/api/users/{user}",
    tag = "users",
    operation_id = "getUser",
    responses(
        (status = 200, description = "The user", body = Profile<'_>),
        (status = 404, description = "`user not found`"),
    ),
)]
async fn read(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(user): Path<String>,
) -> Result<Response, web::Error> {
    caller.allow(Action::ReadUsers)?;
    let user = user_of(&store, &user).await?;
    Ok(ok(Profile::new(&user, user.org)).into_response())
}

/// Changes what a user is called.
#[utoipa::path(
    put,
    path = "/api/users/{user}",
    tag = "users",
    operation_id = "updateUser",
    request_body = ProfileForm,
    responses(
        (status = 200, description = "`User updated`", body = Message),
        (status = 400, description = "Neither login nor email came, or a text cannot be kept"),
        (status = 404, description = "`user not found`"),
        (status = 409, description = "`Update would result in user login conflict`"),
    ),
)]
async fn change(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(user): Path<String>,
    request: Request,
) -> Result<Response, web::Error> {
    caller.allow(Action::WriteUsers)?;
    let (id, profile) = (id(&user)?, form::profile(request).await?);
    store.call_user(id, &profile).await.map_err(|error| named(error, conflict))?;
    Ok(ok(Message::from("User updated")).into_response())
}

/// Lists what a user is in which organisation.
#[utoipa::path(
    get,
    path = "/api/users/{user}/orgs",
    tag = "users",
    operation_id = "listOrgsOfUser",
    responses(
        (status = 200, description = "The list", body = Vec<Membership<'_>>),
        (status = 404, description = "`user not found`"),
    ),
)]
async fn orgs(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(user): Path<String>,
) -> Result<Response, web::Error> {
    caller.allow(Action::ReadUsers)?;
    let user = user_of(&store, &user).await?;
    orgs_of(&store, &user).await
}

/// Lists the teams of a user: there are none.
#[utoipa::path(
    get,
    path = "/api/users/{user}/teams",
    tag = "users",
    operation_id = "listTeamsOfUser",
    responses(
        (status = 200, description = "An empty list", body = Vec<Object>),
        (status = 404, description = "`user not found`"),
    ),
)]
async fn teams(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(user): Path<String>,
) -> Result<Response, web::Error> {
    caller.allow(Action::ReadUsers)?;
    user_of(&store, &user).await?;
    Ok(ok([(); 0]).into_response())
}

/// Switches a user to one of his organisations.
#[utoipa::path(
    post,
    path = "/api/users/{user}/using/{org}",
    tag = "users",
    operation_id = "switchOrgOfUser",
    responses(
        (status = 200, description = "`Active organization changed`", body = Message),
        (status = 400, description = "`orgId is invalid`"),
        (status = 404, description = "`user not found`"),
    ),
)]
async fn use_org(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path((user, org)): Path<(String, String)>,
) -> Result<Response, web::Error> {
    caller.allow(Action::WriteUsers)?;
    let user = id(&user)?;
    let org: i64 = org.parse().map_err(|_| Refusal::OrgId)?;
    switch(&store, user, org).await
}

/// Lists what a user is where.
async fn orgs_of(store: &Store, user: &User) -> Result<Response, web::Error> {
    let roles = store.orgs_of(user).await?;
    Ok(ok(roles.iter().map(Membership::from).collect::<Vec<_>>()).into_response())
}

/// Switches a user to one of his organisations; any other number is none of them.
async fn switch(store: &Store, user: u32, org: i64) -> Result<Response, web::Error> {
    let org = OrgId::new(org).map_err(|_| Error::OtherOrg)?;
    match store.use_org(user, org).await {
        Ok(()) => Ok(ok(Message::from("Active organization changed")).into_response()),
        Err(store::Error::Refused(
            Refused::NotAMember(_) | Refused::NoOrg(_) | Refused::NoUser,
        )) => Err(Error::OtherOrg.into()),
        Err(error) => Err(error.into()),
    }
}

/// Reads the number of a path. What is no number may be the text that stands for one; no other text is anybody's.
fn id(text: &str) -> Result<u32, Refusal> {
    let digits = text.strip_prefix("user:").unwrap_or(text);
    digits.parse().map_err(|_| Refusal::NoUser)
}

async fn user_of(store: &Store, text: &str) -> Result<User, web::Error> {
    Ok(store.user(id(text)?).await?.ok_or(Refusal::NoUser)?)
}

fn conflict(refused: &Refused) -> Option<Refusal> {
    matches!(refused, Refused::UserTaken).then_some(Refusal::LoginConflict)
}
