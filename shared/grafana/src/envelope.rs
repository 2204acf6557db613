//! Errors in Grafana's JSON: the contract's text for what was being done, picked by asking the error itself.

use std::borrow::Cow;

use auth::{Action, Denied, Unauthenticated};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use sourcegate_core::{Classify, Fault};
use web::{Refusal, TraceId};

use crate::answer::Answer;
use crate::error::Words;
use crate::{Error, accounts, people};

/// What a request was about. The same error has another text in each (contract 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Listing data sources.
    List,
    /// Reading one by uid.
    Read,
    /// Reading one by number.
    ReadById,
    /// Creating one.
    Add,
    /// Replacing one.
    Update,
    /// Deleting one.
    Delete,
    /// Seeing who may do what with one.
    ReadPermissions,
    /// Saying who may.
    WritePermissions,
    /// Listing correlations.
    ListCorrelations,
    /// Reading one of them.
    ReadCorrelation,
    /// Creating one.
    AddCorrelation,
    /// Changing one.
    UpdateCorrelation,
    /// Deleting one.
    DeleteCorrelation,
    /// Sending a request through one.
    Proxy,
    /// Listing service accounts.
    ListAccounts,
    /// Reading one.
    ReadAccount,
    /// Making one.
    AddAccount,
    /// Changing one.
    UpdateAccount,
    /// Deleting one.
    DeleteAccount,
    /// Listing the tokens of one.
    ListTokens,
    /// Making one of them.
    AddToken,
    /// Revoking one of them.
    DeleteToken,
    /// Telling a caller who he is and where.
    Account,
    /// Nothing that there is a route for.
    Nothing,
}

impl Doing {
    /// Tells that it failed for no reason that the caller could remove.
    fn failure(self) -> &'static str {
        match self {
            Self::List | Self::ReadById => "Failed to query datasources",
            Self::Read => "Failed to query datasource",
            Self::Add => "Failed to add datasource",
            Self::Update => "Failed to update datasource",
            Self::Delete => "Failed to delete datasource",
            Self::ReadPermissions => "Failed to get permissions",
            Self::WritePermissions => "Failed to set permissions",
            Self::ListCorrelations => "Failed to get correlations",
            Self::ReadCorrelation => "Failed to get correlation",
            Self::AddCorrelation => "Failed to add correlation",
            Self::UpdateCorrelation => "Failed to update correlation",
            Self::DeleteCorrelation => "Failed to delete correlation",
            Self::Proxy => "Unable to load datasource meta data",
            Self::ListAccounts => "Failed to get service accounts for current organization",
            Self::ReadAccount => "Failed to retrieve service account",
            Self::AddAccount => "Failed to create service account",
            Self::UpdateAccount => "Failed update service account",
            Self::DeleteAccount => "Service account deletion error",
            Self::ListTokens => "Internal server error",
            Self::AddToken => "failed to add service account token",
            Self::DeleteToken => "Failed to delete service account token",
            Self::Account | Self::Nothing => "Internal Server Error",
        }
    }

    /// Tells what a body is called that is not what it should be: with a capital B for service accounts (contract 6.3).
    fn bad_body(self) -> &'static str {
        match self {
            Self::AddAccount | Self::UpdateAccount | Self::AddToken => "Bad request data",
            _ => "bad request data",
        }
    }
}

/// Writes an error as an answer.
pub(crate) fn render(doing: Doing, error: &web::Error, trace: TraceId) -> Response {
    let (status, body) = body(doing, error, trace.to_string());
    Answer(status, body).into_response()
}

/// The body of every error. `statusCode` and `messageId` come together, `title` and `accessErrorId` too.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Error)]
pub(crate) struct Body {
    /// What support is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^ACE[0-9]{10}$")]
    access_error_id: Option<String>,
    /// The status once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status_code: Option<u16>,
    /// Grafana's word for the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "datasource.uidInvalid")]
    message_id: Option<&'static str>,
    /// A stable word for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "denied_egress")]
    cause: Option<&'static str>,
    /// What the message does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// Grafana's text, where Grafana has one.
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    title: Option<&'static str>,
    /// Under which the log has this request.
    #[serde(rename = "traceID")]
    trace: String,
}

fn body(doing: Doing, error: &web::Error, trace: String) -> (StatusCode, Body) {
    let status = web::status(error.kind());
    let origin = Origin::of(error);
    let Words { message, message_id, detail } = words(doing, &origin, error);
    let lacks = doing != Doing::Proxy
        && matches!(origin, Origin::Denied(Denied::Forbidden(_) | Denied::Ungranted(_)));
    let body = Body {
        access_error_id: lacks.then(access_error_id),
        status_code: message_id.map(|_| status.as_u16()),
        message_id,
        cause: error.cause(),
        detail: detail.or_else(|| error.detail()),
        message,
        title: lacks.then_some("Access denied"),
        trace,
    };
    (status, body)
}

/// The crate's own error, whichever error it came in.
enum Origin<'a> {
    Denied(&'a Denied),
    Unauthenticated(Unauthenticated),
    Store(&'a store::Error),
    Dialect(&'a Error),
    People(&'a people::Refusal),
    Accounts(&'a accounts::error::Error),
    Web(&'a Refusal),
    Other,
}

impl<'a> Origin<'a> {
    fn of(error: &'a web::Error) -> Self {
        use gateway::Error as Gateway;
        match error.downcast_ref::<Gateway>() {
            Some(Gateway::Store(store)) => return Self::of_store(store),
            Some(Gateway::Denied(denied)) => return Self::Denied(denied),
            Some(_) => return Self::Other,
            None => {}
        }
        error
            .downcast_ref()
            .map(Self::of_store)
            .or_else(|| error.downcast_ref().map(Self::Denied))
            .or_else(|| error.downcast_ref().copied().map(Self::Unauthenticated))
            .or_else(|| error.downcast_ref().map(Self::Dialect))
            .or_else(|| error.downcast_ref().map(Self::People))
            .or_else(|| error.downcast_ref().map(Self::Accounts))
            .or_else(|| error.downcast_ref().map(Self::Web))
            .unwrap_or(Self::Other)
    }

    fn of_store(error: &'a store::Error) -> Self {
        match error {
            store::Error::Unauthenticated(error) => Self::Unauthenticated(*error),
            error => Self::Store(error),
        }
    }
}

fn words(doing: Doing, origin: &Origin<'_>, error: &web::Error) -> Words {
    match origin {
        Origin::Unauthenticated(error) => {
            Words { message_id: error.message_id(), ..plain(error.to_string()) }
        }
        // What no data source can be called is as absent as what none is.
        Origin::Dialect(Error::NotFound) => plain(absent(doing)),
        Origin::Dialect(error) if error.kind().fault() == Fault::Caller => error.words(),
        Origin::People(refusal) => refusal.words(),
        Origin::Accounts(error) => error.words(),
        Origin::Denied(Denied::Forbidden(action)) => forbidden(doing, *action),
        Origin::Denied(limited @ Denied::Ungranted(action)) => {
            Words { detail: Some(limited.to_string()), ..forbidden(doing, *action) }
        }
        Origin::Denied(Denied::Absent(_)) => plain(absent(doing)),
        Origin::Denied(limited) => plain(limited.to_string()),
        Origin::Store(error) => stored(doing, error),
        Origin::Web(Refusal::UnknownRoute) => plain("Not found"),
        Origin::Web(Refusal::Json(_)) => plain(doing.bad_body()),
        _ if error.kind().fault() == Fault::Ours => plain(doing.failure()),
        _ => plain(error.message().to_owned()),
    }
}

fn stored(doing: Doing, error: &store::Error) -> Words {
    use store::Error as Store;
    const NAME_TAKEN: &str = "data source with the same name already exists";
    match (error, doing) {
        (Store::NameTaken(_), Doing::Update) => plain(format!("{}: {NAME_TAKEN}", doing.failure())),
        (Store::NameTaken(_), _) => plain(NAME_TAKEN),
        (Store::UidTaken(_), _) => plain("data source with the same uid already exists"),
        (Store::Stale { .. }, _) => plain(
            "Datasource has already been updated by someone else. Please reload and try again",
        ),
        (
            Store::ReadOnly(_),
            Doing::AddCorrelation | Doing::UpdateCorrelation | Doing::DeleteCorrelation,
        ) => plain("Data source is read only"),
        (Store::ReadOnly(_), Doing::Delete) => plain("Cannot delete read-only data source"),
        (Store::ReadOnly(_), _) => plain("Cannot update read-only data source"),
        (Store::Gone(_), _) => plain(absent(doing)),
        (Store::NoCorrelation(_), _) => plain("Correlation not found"),
        (Store::NoTarget, _) => {
            Words { detail: Some(error.to_string()), ..plain("bad request data") }
        }
        (Store::Refused(refused), _) => plain(people::text(refused)),
        (Store::AccountTaken(_), _) => {
            coded("serviceaccounts.ErrAlreadyExists", "service account already exists")
        }
        (Store::NoAccount(_), _) => {
            coded("serviceaccounts.ErrNotFound", "service account not found")
        }
        (Store::TokenTaken(_), _) => coded(
            "serviceaccounts.ErrTokenAlreadyExists",
            "service account token with given name already exists in the organization",
        ),
        (Store::NoToken(_), _) => {
            coded("serviceaccounts.ErrTokenNotFound", "service account token not found")
        }
        (error, _) if error.kind().fault() == Fault::Ours => plain(doing.failure()),
        (error, _) => plain(error.public()),
    }
}

fn forbidden(doing: Doing, action: Action) -> Words {
    if doing == Doing::Proxy {
        return plain("Access denied to datasource");
    }
    plain(format!(
        "You'll need additional permissions to perform this action. Permissions needed: {action}"
    ))
}

fn absent(doing: Doing) -> &'static str {
    match doing {
        Doing::Proxy => "Unable to find datasource",
        Doing::ListCorrelations | Doing::ReadCorrelation => "Source data source not found",
        _ => "Data source not found",
    }
}

fn plain(message: impl Into<Cow<'static, str>>) -> Words {
    let message = message.into();
    let message = if message.is_empty() { Cow::Borrowed("Not Found") } else { message };
    Words { message, message_id: None, detail: None }
}

fn coded(message_id: &'static str, message: &'static str) -> Words {
    Words { message_id: Some(message_id), ..plain(message) }
}

/// Draws what support is told: `ACE` and ten digits (contract 0.3). Without randomness the trace has to do.
fn access_error_id() -> String {
    format!("ACE{:010}", getrandom::u64().unwrap_or_default() % 10_000_000_000)
}

#[cfg(test)]
mod tests;
