//! Oneself: who, where, and one's own password.

use auth::{Caller, Identity};
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use store::Store;
use web::{Arrival, Json, Path};

use super::{conflict, form, orgs_of, switch};
use crate::Error;
use crate::answer::ok;
use crate::people::{Refusal, named};
use crate::wire::account::{self, Message};
use crate::wire::datasource::SecretText;
use crate::wire::org::Membership;
use crate::wire::user::{OwnPasswordForm, Profile, ProfileForm};

/// Tells a caller who he is: all that is known of a user, and what there is to know of others.
#[utoipa::path(
    get,
    path = "/api/user",
    tag = "users",
    operation_id = "getSignedInUser",
    responses(
        (status = 200, description = "The caller", body = account::User<'_>),
        (status = 404, description = "`user not found`"),
    ),
)]
pub(super) async fn read(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    let Identity::User { id, .. } = caller.identity() else {
        return Ok(ok(account::User::from(&caller)).into_response());
    };
    let user = store.user(*id).await?.ok_or(Refusal::NoUser)?;
    Ok(ok(Profile::new(&user, caller.org())).into_response())
}

/// Changes what the caller is called.
#[utoipa::path(
    put,
    path = "/api/user",
    tag = "users",
    operation_id = "updateSignedInUser",
    request_body = ProfileForm,
    responses(
        (status = 200, description = "`User updated`", body = Message),
        (status = 400, description = "Neither login nor email came, or a text cannot be kept"),
        (status = 404, description = "`user not found`"),
        (status = 409, description = "`Update would result in user login conflict`"),
    ),
)]
pub(super) async fn change(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    request: Request,
) -> Result<Response, web::Error> {
    let id = user(&caller)?;
    let profile = form::profile(request).await?;
    store.call_user(id, &profile).await.map_err(|error| named(error, conflict))?;
    Ok(ok(Message::from("User updated")).into_response())
}

/// Lists what the caller is in which organisation.
#[utoipa::path(
    get,
    path = "/api/user/orgs",
    tag = "users",
    operation_id = "listOwnOrgs",
    responses(
        (status = 200, description = "The list", body = Vec<Membership<'_>>),
        (status = 404, description = "`user not found`"),
    ),
)]
pub(super) async fn orgs(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    let user = store.user(user(&caller)?).await?.ok_or(Refusal::NoUser)?;
    orgs_of(&store, &user).await
}

/// Lists the teams of the caller: there are none.
#[utoipa::path(
    get,
    path = "/api/user/teams",
    tag = "users",
    operation_id = "listOwnTeams",
    responses(
        (status = 200, description = "An empty list", body = Vec<Object>),
    ),
)]
pub(super) async fn teams(web::Caller(caller): web::Caller) -> Result<Response, web::Error> {
    user(&caller)?;
    Ok(ok([(); 0]).into_response())
}

/// Changes the password of the caller.
#[utoipa::path(
    put,
    path = "/api/user/password",
    tag = "users",
    operation_id = "changeOwnPassword",
    request_body = OwnPasswordForm,
    responses(
        (status = 200, description = "`User password changed`", body = Message),
        (status = 400, description = "The new password is too short or too long, or came twice and differs"),
        (status = 404, description = "`user not found`"),
    ),
)]
pub(super) async fn change_password(
    State(store): State<Store>,
    arrival: Arrival,
    web::Caller(caller): web::Caller,
    request: Request,
) -> Result<Response, web::Error> {
    let id = user(&caller)?;
    let Json(form): Json<OwnPasswordForm> = Json::from_request(request, &()).await?;
    let confirmed = form.confirm_new.as_ref().map(plain);
    if confirmed.is_some_and(|text| form.new_password.as_ref().map(plain) != Some(text)) {
        return Err(Refusal::Unconfirmed.into());
    }
    let new = form::password("newPassword", form.new_password)?;
    let old = form.old_password.map_or_else(SecretString::default, |SecretText(old)| old);
    store.change_password(id, (&old, &new), arrival.peer).await?;
    Ok(ok(Message::from("User password changed")).into_response())
}

fn plain(SecretText(text): &SecretText) -> &str {
    text.expose_secret()
}

/// Switches to an organisation for all requests that name none. A program's is its own for ever, and somebody whom only a
/// token vouches for has no user to remember it.
#[utoipa::path(
    post,
    path = "/api/user/using/{org}",
    tag = "users",
    operation_id = "switchOrg",
    responses(
        (status = 200, description = "`Active organization changed`", body = Message),
        (status = 400, description = "`id is invalid`"),
    ),
)]
pub(super) async fn use_org(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(org): Path<String>,
) -> Result<Response, web::Error> {
    let org: i64 = org.parse().map_err(|_| Error::Id)?;
    if let Identity::User { id, .. } = caller.identity() {
        return switch(&store, *id, org).await;
    }
    if org != i64::from(caller.org().get()) {
        return Err(Error::OtherOrg.into());
    }
    Ok(ok(Message::from("Active organization changed")).into_response())
}

/// Gives the number of a caller who is a user.
fn user(caller: &Caller) -> Result<u32, Refusal> {
    if let Identity::User { id, .. } = caller.identity() {
        return Ok(*id);
    }
    Err(Refusal::OnlyUsers)
}
