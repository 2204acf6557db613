//! What is refused of service accounts and their tokens, with the contract's texts (6.3).

use auth::{Action, Role};
use sourcegate_core::{BadCidr, Classify, Kind};

use crate::error::Words;

/// A refusal of a request about service accounts. `Display` tells what is wrong; [`Error::words`] is what the contract
/// says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A field that must be there is absent, null or empty.
    #[error("required value {0} must not be empty")]
    Required(&'static str),
    /// A name is longer than what is kept.
    #[error("{what} name of {bytes} bytes must have 1 to {limit}")]
    NameTooLong {
        /// Whose name.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A name has a control character.
    #[error("{0} name has a control character")]
    NameCharacters(&'static str),
    /// A path names no service account.
    #[error("Service Account ID is invalid")]
    Id,
    /// A path names service account 0.
    #[error("invalid service account id specified")]
    NoId,
    /// A path names no token.
    #[error("Token ID is invalid")]
    TokenId,
    /// A path names token 0.
    #[error("invalid service account token id specified")]
    NoTokenId,
    /// There is no such role.
    #[error("role `{0}` is none of None, Viewer, Editor and Admin")]
    Role(String),
    /// The role is above the caller's.
    #[error("role {asked} is higher than your own, {own}")]
    RoleTooHigh {
        /// The role asked for.
        asked: Role,
        /// The caller's.
        own: Role,
    },
    /// A limited token would change what an account may do.
    #[error("a limited token cannot set `{0}`; use one without limits, or a user's password")]
    Limited(&'static str),
    /// A token would end before it begins, or after the last year that can be written.
    #[error("secondsToLive {0} must be 0 or absent for ever, or end before the year 10000")]
    Seconds(i64),
    /// The limits of a token cannot be read.
    #[error(transparent)]
    Limits(#[from] BadLimits),
    /// Keys of Grafana's old form are not made any more.
    #[error(
        "this endpoint has been removed, please use POST /api/serviceaccounts and POST /api/serviceaccounts/{{id}}/tokens instead"
    )]
    OldKeys,
    /// A path names no key of Grafana's old form.
    #[error("id is invalid")]
    OldKeyId,
    /// There are no keys of Grafana's old form.
    #[error("Failed to delete API key")]
    NoOldKey,
}

/// Says what is wrong with the limits that a token is asked to have. Texts name the field, the value and what is accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadLimits {
    /// A list is there and empty: a token that may do nothing, or one that is not limited?
    #[error("limits.{0} must not be empty; leave it out to limit nothing by it")]
    Empty(&'static str),
    /// A list is longer than what is kept.
    #[error("limits.{what} has {count} entries; at most {limit} are kept")]
    TooMany {
        /// Which list.
        what: &'static str,
        /// How long it is.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// There is no such action, or no limited token may ever do it.
    #[error("limits.permissions[{at}].action `{value}` is unknown; accepted are {}", actions())]
    Action {
        /// Which entry.
        at: usize,
        /// What stands there.
        value: String,
    },
    /// There is no such scope.
    #[error(
        "limits.permissions[{at}].scope `{value}` is unknown; accepted are datasources:uid:<uid>, datasources:id:<id>, datasources:name:<name>, datasources:* and *"
    )]
    Scope {
        /// Which entry.
        at: usize,
        /// What stands there.
        value: String,
    },
    /// The action needs a scope, or cannot have this one.
    #[error("limits.permissions[{at}].scope `{value}` does not go with {action}; accepted {}", scopes(*.action))]
    ScopeOfAction {
        /// Which entry.
        at: usize,
        /// What stands there.
        value: String,
        /// The action beside it.
        action: Action,
    },
    /// The scope names a data source that does not exist, or that the caller may not see.
    #[error("limits.permissions[{at}].scope `{value}` names no data source that you can see")]
    NoSource {
        /// Which entry.
        at: usize,
        /// What stands there.
        value: String,
    },
    /// A network is none.
    #[error("limits.networks[{at}]: {fault}")]
    Network {
        /// Which entry.
        at: usize,
        /// What is wrong with it.
        fault: BadCidr,
    },
}

/// Tells whether a limited token can ever do it: what a role gives, and gives nobody rights.
pub(super) fn is_grantable(action: Action) -> bool {
    action.role().is_some() && !action.gives_rights()
}

fn actions() -> String {
    let all = Action::all().filter(|action| is_grantable(*action));
    all.map(Action::as_str).collect::<Vec<_>>().join(", ")
}

fn scopes(action: Action) -> &'static str {
    if action.is_of_source() {
        "are datasources:uid:<uid>, datasources:id:<id>, datasources:name:<name>, datasources:* and *"
    } else {
        "is none, or *"
    }
}

impl Error {
    /// Gives the contract's text; what it does not tell goes into the detail.
    pub(crate) fn words(&self) -> Words {
        let (message, message_id) = match self {
            Self::Required(_) => ("Bad request data", None),
            Self::NoId => {
                ("invalid service account id specified", Some("serviceaccounts.ErrInvalidId"))
            }
            Self::NoTokenId => (
                "invalid service account token id specified",
                Some("serviceaccounts.ErrInvalidTokenId"),
            ),
            Self::Role(_) => {
                ("invalid role specified", Some("serviceaccounts.ErrInvalidRoleSpecified"))
            }
            Self::RoleTooHigh { .. } => (
                "can not assign a role higher than user's role",
                Some("serviceaccounts.ErrRoleForbidden"),
            ),
            Self::Seconds(_) => {
                ("invalid SecondsToLive value", Some("serviceaccounts.ErrInvalidInput"))
            }
            _ => return Words { message: self.to_string().into(), message_id: None, detail: None },
        };
        let told = self.to_string();
        let detail = (told != message).then_some(told);
        Words { message: message.into(), message_id, detail }
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::RoleTooHigh { .. } | Self::Limited(_) => Kind::Forbidden,
            Self::NoOldKey => Kind::NotFound,
            Self::OldKeys => Kind::Gone,
            _ => Kind::Invalid,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::NameTooLong { .. } => Some("limit_bytes"),
            Self::NameCharacters(_) => Some("bad_text"),
            Self::Limited(_) => Some("token_limits"),
            Self::Limits(_) => Some("bad_limits"),
            _ => None,
        }
    }
}
