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
use crate::wire::user::{OwnPasswordForm, Profile};

/// Tells a caller who he is: all that is known of a user, and what there is to know of others.
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

pub(super) async fn orgs(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    let user = store.user(user(&caller)?).await?.ok_or(Refusal::NoUser)?;
    orgs_of(&store, &user).await
}

pub(super) async fn teams(web::Caller(caller): web::Caller) -> Result<Response, web::Error> {
    user(&caller)?;
    Ok(ok([(); 0]).into_response())
}

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
