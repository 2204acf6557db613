//! Service accounts and their tokens, and what stands where Grafana had keys before them (contract 6.3).

pub(crate) mod error;
mod former;
mod limits;
mod search;
mod tokens;

use auth::{Action, Caller, OwnerId, Role};
use axum::Router;
use axum::extract::{FromRequest, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post};
use http::StatusCode;
use serde::de::DeserializeOwned;
use store::{AccountChange, AccountDraft, Store};
use web::{Json, Path, envelope};

use crate::answer::{Answer, ok};
use crate::envelope::{Doing, render};
use crate::wire::account::Message;
use crate::wire::service_account::{AccountCommand, Listed, Profile, Updated, access, digits_of};

use error::Error;

/// How long a name of a service account or of a token may be, in bytes, as the columns of Grafana's tables.
const LONGEST_NAME: usize = 190;

/// Makes the routes.
pub fn router(store: Store) -> Router {
    let find = get(search::search);
    let find = find.layer(envelope(|e, trace| render(Doing::ListAccounts, e, trace)));
    let add = post(create).layer(envelope(|e, trace| render(Doing::AddAccount, e, trace)));
    let read = get(read).layer(envelope(|e, trace| render(Doing::ReadAccount, e, trace)));
    let update = patch(update).layer(envelope(|e, trace| render(Doing::UpdateAccount, e, trace)));
    let remove = delete(remove).layer(envelope(|e, trace| render(Doing::DeleteAccount, e, trace)));
    let list = get(tokens::list).layer(envelope(|e, trace| render(Doing::ListTokens, e, trace)));
    let make = post(tokens::create).layer(envelope(|e, trace| render(Doing::AddToken, e, trace)));
    let revoke = delete(tokens::revoke);
    let revoke = revoke.layer(envelope(|e, trace| render(Doing::DeleteToken, e, trace)));
    let routes = [
        ("/api/serviceaccounts", add),
        ("/api/serviceaccounts/search", find),
        ("/api/serviceaccounts/{account}", read.merge(update).merge(remove)),
        ("/api/serviceaccounts/{account}/tokens", list.merge(make)),
        ("/api/serviceaccounts/{account}/tokens/{token}", revoke),
    ];
    let add = |router, (path, methods): (_, _)| crate::route(router, path, methods);
    routes.into_iter().fold(former(), add).with_state(store)
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    create,
    search::search,
    read,
    update,
    remove,
    tokens::list,
    tokens::create,
    tokens::revoke,
    former::keys,
    former::add_key,
    former::delete_key,
    former::search
))]
pub(crate) struct Paths;

/// Makes the routes of what is no more.
fn former() -> Router<Store> {
    let routes = [
        ("/api/auth/keys", get(former::keys).post(former::add_key)),
        ("/api/auth/keys/{key}", delete(former::delete_key)),
        ("/api/search", get(former::search)),
    ];
    let add = |router, (path, methods): (_, MethodRouter<Store>)| {
        let told = envelope(|e, trace| render(Doing::Account, e, trace));
        crate::route(router, path, methods.layer(told))
    };
    routes.into_iter().fold(Router::new(), add)
}

/// Makes a service account, of a role that is not above the caller's own.
#[utoipa::path(
    post,
    path = "/api/serviceaccounts",
    tag = "accounts",
    operation_id = "createServiceAccount",
    request_body = AccountCommand,
    responses(
        (status = 201, description = "The service account", body = Listed),
        (status = 400, description = "The name is missing, too long or taken, or the role is none or too high"),
    ),
)]
async fn create(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    request: Request,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::CreateAccounts)?;
    let command: AccountCommand = body(request).await?;
    let name = name("service account", command.name)?;
    let role = command.role.as_deref().map(|text| role(&caller, text)).transpose()?;
    let role = match role {
        Some(role) => role,
        None => checked_role(&caller, Role::Viewer)?,
    };
    let disabled = command.is_disabled.unwrap_or_default();
    let account = store.create_account(&permit, AccountDraft { name, role, disabled }).await?;
    Ok(Answer(StatusCode::CREATED, Listed::new(&account, None)).into_response())
}

/// Reads a service account.
#[utoipa::path(
    get,
    path = "/api/serviceaccounts/{account}",
    tag = "accounts",
    operation_id = "getServiceAccount",
    params(
        ("accesscontrol" = Option<String>, Query, description = "`true` adds what the caller may do with it."),
    ),
    responses(
        (status = 200, description = "The service account", body = Profile),
        (status = 400, description = "`Service Account ID is invalid`, or `invalid service account id specified`"),
        (status = 404, description = "`service account not found`"),
    ),
)]
async fn read(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::ReadAccounts)?;
    let account = store.account(permit.caller().org(), account_id(&id)?).await?;
    let access = search::asks_for_access(query.as_deref()).then(|| access(&caller));
    Ok(ok(Profile::new(&account, access)).into_response())
}

/// Changes what is sent of a service account.
#[utoipa::path(
    patch,
    path = "/api/serviceaccounts/{account}",
    tag = "accounts",
    operation_id = "updateServiceAccount",
    request_body = AccountCommand,
    responses(
        (status = 200, description = "`Service account updated`", body = Updated),
        (status = 400, description = "`Service Account ID is invalid`, or `invalid service account id specified`, or a field cannot be what was sent"),
        (status = 404, description = "`service account not found`"),
    ),
)]
async fn update(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::WriteAccounts)?;
    let id = account_id(&id)?;
    let command: AccountCommand = body(request).await?;
    check_unlimited(&caller, &command)?;
    let change = AccountChange {
        name: command.name.map(|text| name("service account", Some(text))).transpose()?,
        role: command.role.as_deref().map(|text| role(&caller, text)).transpose()?,
        disabled: command.is_disabled,
    };
    let account = store.update_account(&permit, id, &change).await?;
    Ok(ok(Updated::from(&account)).into_response())
}

/// Deletes a service account with its tokens.
#[utoipa::path(
    delete,
    path = "/api/serviceaccounts/{account}",
    tag = "accounts",
    operation_id = "deleteServiceAccount",
    responses(
        (status = 200, description = "`Service account deleted`", body = Message),
        (status = 400, description = "`Service Account ID is invalid`, or `invalid service account id specified`"),
        (status = 404, description = "`service account not found`"),
    ),
)]
async fn remove(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(id): Path<String>,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::DeleteAccounts)?;
    store.delete_account(&permit, account_id(&id)?).await?;
    Ok(ok(Message::from("Service account deleted")).into_response())
}

/// Reads a command; its rights were checked before.
async fn body<T: DeserializeOwned>(request: Request) -> Result<T, web::Error> {
    let Json(command) = Json::from_request(request, &()).await?;
    Ok(command)
}

/// Reads the number of a service account, or a uid that is made of it. One that none can have is as absent as one that
/// none has.
fn account_id(text: &str) -> Result<OwnerId, web::Error> {
    let id: i64 = digits_of(text).parse().map_err(|_| Error::Id)?;
    if id == 0 {
        return Err(Error::NoId.into());
    }
    // The largest stands for all that are larger still: it is never given.
    let id = u32::try_from(id).ok().and_then(OwnerId::new).or(OwnerId::new(i32::MAX as u32));
    Ok(id.ok_or(Error::Id)?)
}

fn name(what: &'static str, text: Option<String>) -> Result<String, Error> {
    let text = text.filter(|text| !text.is_empty()).ok_or(Error::Required("Name"))?;
    if text.len() > LONGEST_NAME {
        return Err(Error::NameTooLong { what, bytes: text.len(), limit: LONGEST_NAME });
    }
    if text.chars().any(char::is_control) {
        return Err(Error::NameCharacters(what));
    }
    Ok(text)
}

/// Reads a role that a caller may give; an empty text is Grafana's default.
fn role(caller: &Caller, text: &str) -> Result<Role, Error> {
    let role = match text {
        "" => Some(Role::Viewer),
        text => Role::parse(text),
    };
    checked_role(caller, role.ok_or_else(|| Error::Role(text.chars().take(64).collect()))?)
}

fn checked_role(caller: &Caller, asked: Role) -> Result<Role, Error> {
    let own = caller.role();
    if asked > own { Err(Error::RoleTooHigh { asked, own }) } else { Ok(asked) }
}

/// Refuses what would change what an account may do, where the caller's own token is limited.
fn check_unlimited(caller: &Caller, command: &AccountCommand) -> Result<(), Error> {
    let field = if command.role.is_some() {
        Some("role")
    } else {
        command.is_disabled.map(|_| "isDisabled")
    };
    match field.filter(|_| caller.limits().are_any()) {
        Some(field) => Err(Error::Limited(field)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use auth::Identity;
    use sourcegate_core::OrgId;

    use super::*;

    #[test]
    fn no_role_above_the_callers_own_is_given() {
        let roles = [Role::None, Role::Viewer, Role::Editor, Role::Admin];
        for own in roles {
            let who = Identity::User { id: 7, stay: 0, login: "bob".to_owned() };
            let caller = Caller::new(who, OrgId::MAIN, own);
            for asked in roles {
                let given = role(&caller, asked.as_str());
                assert_eq!(given.is_ok(), asked <= own, "{own} gives {asked}");
            }
        }
    }
}
