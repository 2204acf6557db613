//! The tokens of a service account: listed, made with or without limits, revoked.

use auth::{Action, Caller, Limits};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use store::{Store, TokenDraft};
use web::Path;

use super::error::Error;
use super::{account_id, body, limits, name};
use crate::answer::ok;
use crate::wire::account::Message;
use crate::wire::time::LAST_SECOND;
use crate::wire::token::{Listed, Made, ShownLimits, TokenCommand};

/// Lists the tokens of a service account, without their texts.
#[utoipa::path(
    get,
    path = "/api/serviceaccounts/{account}/tokens",
    tag = "accounts",
    operation_id = "listTokens",
    responses(
        (status = 200, description = "The tokens; none of an account that is not there", body = Vec<Listed>),
        (status = 400, description = "`Service Account ID is invalid`, or `invalid service account id specified`"),
    ),
)]
pub(super) async fn list(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(id): Path<String>,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::ReadAccounts)?;
    let now = store::seconds_now();
    let tokens = store.tokens(&permit, account_id(&id)?).await?;
    Ok(ok(tokens.iter().map(|token| Listed::new(token, now)).collect::<Vec<_>>()).into_response())
}

/// Makes a token. `key` is its text, which is never shown again.
///
/// With `limits` it may do less than its account; made with a limited token, it is no less limited than that one.
#[utoipa::path(
    post,
    path = "/api/serviceaccounts/{account}/tokens",
    tag = "accounts",
    operation_id = "createToken",
    request_body = TokenCommand,
    responses(
        (status = 200, description = "The token", body = Made),
        (status = 400, description = "The name is missing, too long or taken, or a limit cannot be read; `detail` names it"),
        (status = 404, description = "`service account not found`"),
    ),
)]
pub(super) async fn create(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::WriteAccounts)?;
    let id = account_id(&id)?;
    store.account(caller.org(), id).await?;
    let command: TokenCommand = body(request).await?;
    let name = name("token", command.name.clone())?;
    let limits = asked_limits(&store, &caller, command).await?;
    let shown = ShownLimits::of(&limits);
    let made = store.create_token(&permit, id, TokenDraft { name: name.clone(), limits }).await?;
    Ok(ok(Made::new(made, name, shown)).into_response())
}

/// Reads what a token is asked to be limited to; it is no less limited than the one that it is made with.
async fn asked_limits(
    store: &Store,
    caller: &Caller,
    command: TokenCommand,
) -> Result<Limits, web::Error> {
    let now = store::seconds_now();
    let expires = end(command.seconds_to_live.unwrap_or_default(), now)?;
    let asked = match command.limits {
        Some(asked) => limits::read(store, caller, asked).await?,
        None => Limits::default(),
    };
    Ok(caller.limits().narrowed(Limits { expires, ..asked }, now)?)
}

/// Computes a token's end; 0 is none.
fn end(seconds_to_live: i64, now: i64) -> Result<Option<i64>, Error> {
    match seconds_to_live {
        0 => Ok(None),
        live => {
            let end = now.checked_add(live).filter(|end| live > 0 && *end <= LAST_SECOND);
            end.map(Some).ok_or(Error::Seconds(live))
        }
    }
}

/// Revokes a token; within 5 seconds nobody is let in with it any more.
#[utoipa::path(
    delete,
    path = "/api/serviceaccounts/{account}/tokens/{token}",
    tag = "accounts",
    operation_id = "revokeToken",
    responses(
        (status = 200, description = "`Service account token deleted`", body = Message),
        (status = 400, description = "`Token ID is invalid`, or the account's is"),
        (status = 404, description = "`service account not found`, or no such token"),
    ),
)]
pub(super) async fn revoke(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path((id, token)): Path<(String, String)>,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::WriteAccounts)?;
    let id = account_id(&id)?;
    store.account(caller.org(), id).await?;
    store.revoke_token(&permit, id, token_number(&token)?).await?;
    Ok(ok(Message::from("Service account token deleted")).into_response())
}

/// Reads the number of a token. One that none can have is as absent as one that none has.
fn token_number(text: &str) -> Result<u32, Error> {
    match text.parse::<i64>() {
        Err(_) => Err(Error::TokenId),
        Ok(0) => Err(Error::NoTokenId),
        // Numbers start at 1, so that 0 is nobody's.
        Ok(number) => Ok(u32::try_from(number).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_end_when_they_are_asked_to() {
        assert_eq!(end(0, 1_000).unwrap(), None);
        assert_eq!(end(1, 1_000).unwrap(), Some(1_001));
        assert_eq!(end(LAST_SECOND - 1_000, 1_000).unwrap(), Some(LAST_SECOND));
        for bad in [-1, i64::MIN, i64::MAX, LAST_SECOND - 999] {
            assert!(end(bad, 1_000).is_err(), "{bad}");
        }
    }
}
