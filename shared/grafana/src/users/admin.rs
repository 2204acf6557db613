//! What who administers the server does to users.

use auth::{Action, Role};
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use sourcegate_core::{Label, Login, OrgId};
use store::{NewUser, Refused, Rights, Store};
use web::{Json, Path};

use super::{form, id};
use crate::answer::ok;
use crate::people::{Refusal, named};
use crate::wire::account::Message;
use crate::wire::user::{Created, PasswordForm, PermissionsForm, Stats, UserForm};

/// What a new user is in his organisation, as Grafana's `auto_assign_org_role`.
const NEW: Role = Role::Viewer;

/// Makes a user.
#[utoipa::path(
    post,
    path = "/api/admin/users",
    tag = "users",
    operation_id = "createUser",
    request_body = UserForm,
    responses(
        (status = 200, description = "`User created`", body = Created),
        (status = 400, description = "Neither login nor email came, the password is too short, a text cannot be kept, or `organization not found`"),
        (status = 412, description = "Somebody else has this login or email"),
    ),
)]
pub(super) async fn create(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    request: Request,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::CreateUsers)?;
    let Json(form): Json<UserForm> = Json::from_request(request, &()).await?;
    let (login, email) = (form::text(form.login), form::text(form.email));
    // Grafana lets either stand for the other.
    let login = login.or_else(|| email.clone()).ok_or(Refusal::Nameless)?;
    let email = email.unwrap_or_else(|| login.clone());
    let org = match form.org.unwrap_or_default() {
        0 => OrgId::MAIN,
        id => OrgId::new(id).map_err(|_| Refusal::NoOrgOfUser)?,
    };
    let new = NewUser {
        login: Login::parse(&login).map_err(Refusal::from)?,
        email: Label::parse("email", &email).map_err(Refusal::from)?,
        name: Label::parse("name", &form.name.unwrap_or_default()).map_err(Refusal::from)?,
        org,
        rights: Rights::from(NEW),
    };
    let password = form::password("password", form.password)?;
    let made = store.create_user(&permit, &new, &password).await.map_err(|error| {
        named(error, |refused| match refused {
            Refused::UserTaken => {
                Some(Refusal::Taken { email: email.clone(), login: login.clone() })
            }
            Refused::NoOrg(_) => Some(Refusal::NoOrgOfUser),
            _ => None,
        })
    })?;
    Ok(ok(Created::from(&made)).into_response())
}

/// Deletes a user.
#[utoipa::path(
    delete,
    path = "/api/admin/users/{user}",
    tag = "users",
    operation_id = "deleteUser",
    responses(
        (status = 200, description = "`User deleted`", body = Message),
        (status = 404, description = "`user not found`"),
    ),
)]
pub(super) async fn remove(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(user): Path<String>,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::DeleteUsers)?;
    store.delete_user(&permit, id(&user)?).await?;
    Ok(ok(Message::from("User deleted")).into_response())
}

/// Gives a user another password.
#[utoipa::path(
    put,
    path = "/api/admin/users/{user}/password",
    tag = "users",
    operation_id = "setPassword",
    request_body = PasswordForm,
    responses(
        (status = 200, description = "`User password updated`", body = Message),
        (status = 400, description = "`New password is too short`, or it is longer than a request could bring"),
        (status = 404, description = "`user not found`"),
    ),
)]
pub(super) async fn set_password(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(user): Path<String>,
    request: Request,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::WritePasswords)?;
    let Json(form): Json<PasswordForm> = Json::from_request(request, &()).await?;
    let id = id(&user)?;
    let password = form::password("password", form.password)?;
    store.set_password(&permit, id, &password).await?;
    Ok(ok(Message::from("User password updated")).into_response())
}

/// Says whether a user administers the server.
#[utoipa::path(
    put,
    path = "/api/admin/users/{user}/permissions",
    tag = "users",
    operation_id = "setServerAdmin",
    request_body = PermissionsForm,
    responses(
        (status = 200, description = "`User permissions updated`", body = Message),
        (status = 400, description = "`bad request data`, or the last administrator"),
        (status = 404, description = "`user not found`"),
    ),
)]
pub(super) async fn set_permissions(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(user): Path<String>,
    request: Request,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::WriteUsers)?;
    let Json(form): Json<PermissionsForm> = Json::from_request(request, &()).await?;
    let is_admin = form.is_grafana_admin.unwrap_or_default();
    store.set_server_admin(&permit, id(&user)?, is_admin).await?;
    Ok(ok(Message::from("User permissions updated")).into_response())
}

/// Lets a user in no more.
#[utoipa::path(
    post,
    path = "/api/admin/users/{user}/disable",
    tag = "users",
    operation_id = "disableUser",
    responses(
        (status = 200, description = "`User disabled`", body = Message),
        (status = 404, description = "`user not found`"),
    ),
)]
pub(super) async fn disable(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(user): Path<String>,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::WriteUsers)?;
    store.set_disabled(&permit, id(&user)?, true).await?;
    Ok(ok(Message::from("User disabled")).into_response())
}

/// Lets a user in again.
#[utoipa::path(
    post,
    path = "/api/admin/users/{user}/enable",
    tag = "users",
    operation_id = "enableUser",
    responses(
        (status = 200, description = "`User enabled`", body = Message),
        (status = 404, description = "`user not found`"),
    ),
)]
pub(super) async fn enable(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(user): Path<String>,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::WriteUsers)?;
    store.set_disabled(&permit, id(&user)?, false).await?;
    Ok(ok(Message::from("User enabled")).into_response())
}

/// Counts what there is. Nothing is counted that would take a look into every organisation.
#[utoipa::path(
    get,
    path = "/api/admin/stats",
    tag = "users",
    operation_id = "getStats",
    responses(
        (status = 200, description = "The numbers", body = Stats),
    ),
)]
pub(super) async fn stats(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::ReadUsers)?;
    let (orgs, users) = (store.orgs(&permit).await?, store.users().await?);
    let admins = users.iter().filter(|user| user.is_server_admin).count();
    Ok(ok(Stats::new(orgs.len(), users.len(), admins)).into_response())
}
