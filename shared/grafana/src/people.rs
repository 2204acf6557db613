//! What is refused of organisations and users, with Grafana's texts (`pkg/api/org.go`, `org_users.go`, `user.go`,
//! `admin_users.go`, and what its clients' tests expect of version 12 and later).

use sourcegate_core::{BadLabel, Classify, Kind};
use store::Refused;

use crate::error::Words;

/// A refusal of a request about organisations or users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// A field that must be there is absent, null or empty.
    #[error("required value {0} must not be empty")]
    Required(&'static str),
    /// A text is none that is kept.
    #[error(transparent)]
    Label(#[from] BadLabel),
    /// A parameter of the query is no number.
    #[error("{0} must be a whole number, not below zero")]
    NotANumber(&'static str),
    /// The query cannot be read.
    #[error("the query must be pairs of names and values, percent-encoded")]
    Query,
    /// A path names no organisation.
    #[error("orgId is invalid")]
    OrgId,
    /// A path names no member.
    #[error("userId is invalid")]
    UserId,
    /// There is no such organisation, or it is not the caller's.
    #[error("Organization not found")]
    NoOrg,
    /// There is no such organisation to be deleted.
    #[error("Failed to delete organization. ID not found")]
    NoOrgToDelete,
    /// The organisation that a new user is to be in does not exist.
    #[error("organization not found")]
    NoOrgOfUser,
    /// A new organisation has the name of another.
    #[error("Organization name taken")]
    OrgNameTaken,
    /// A renamed one does: Grafana answers 400 here.
    #[error("Organization name taken")]
    NewNameTaken,
    /// The request is about the organisation that it would delete.
    #[error("Cannot delete your active organization")]
    ActiveOrg,
    /// There is no such role.
    #[error("Invalid role specified")]
    Role,
    /// There is no such user.
    #[error("user not found")]
    NoUser,
    /// There is no such member, or nobody of that login or email.
    #[error("User not found")]
    NoMember,
    /// Without him the organisation would have no administrator: he may not be less.
    #[error("Cannot change role so that there is no organization admin left")]
    LastAdminLess,
    /// Nor be put out.
    #[error("Cannot remove last organization admin")]
    LastAdminOut,
    /// A new user has the login or the email of another.
    #[error("User with email '{email}' or username '{login}' already exists")]
    Taken {
        /// The email.
        email: String,
        /// The login.
        login: String,
    },
    /// A changed one does.
    #[error("Update would result in user login conflict")]
    LoginConflict,
    /// Neither login nor email came.
    #[error("Need to specify either username or email")]
    Nameless,
    /// A password is too short.
    #[error("New password is too short")]
    ShortPassword,
    /// A password is longer than a login could send.
    #[error("{field} has {bytes} bytes; at most {limit} are saved")]
    LongPassword {
        /// Which field.
        field: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The new password came twice, and differs.
    #[error("confirmNew must be the same as newPassword, or be left out")]
    Unconfirmed,
    /// Programs have no profile and no password.
    #[error("Endpoint only available for users")]
    OnlyUsers,
}

impl Refusal {
    /// Gives Grafana's text; what it does not tell goes into the detail.
    pub(crate) fn words(&self) -> Words {
        let message = match self {
            Self::Required(_) => "bad request data".to_owned(),
            other => other.to_string(),
        };
        let (message_id, detail) = match self {
            Self::Required(_) => (None, Some(self.to_string())),
            Self::Nameless => (Some("user.empty-username-and-email"), None),
            Self::ShortPassword => (
                Some("password.password-policy-too-short"),
                Some("it must have at least 4 bytes".to_owned()),
            ),
            Self::ActiveOrg => (None, Some("switch to another organisation first".to_owned())),
            Self::Role => (None, Some("role must be None, Viewer, Editor or Admin".to_owned())),
            Self::NoOrgOfUser => (None, Some("orgId names no organisation".to_owned())),
            _ => (None, None),
        };
        Words { message: message.into(), message_id, detail }
    }
}

impl Classify for Refusal {
    fn kind(&self) -> Kind {
        match self {
            Self::NoOrg | Self::NoOrgToDelete | Self::NoUser | Self::NoMember => Kind::NotFound,
            Self::OrgNameTaken | Self::LoginConflict => Kind::Conflict,
            Self::Taken { .. } => Kind::PreconditionFailed,
            Self::OnlyUsers => Kind::Forbidden,
            _ => Kind::Invalid,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Label(BadLabel::TooLong { .. }) => Some("limit_characters"),
            Self::Label(_) => Some("bad_text"),
            Self::LongPassword { .. } => Some("limit_bytes"),
            _ => None,
        }
    }
}

/// Gives what the store refused by another name, where a route has its own.
pub(crate) fn named(error: store::Error, name: impl Fn(&Refused) -> Option<Refusal>) -> web::Error {
    if let store::Error::Refused(refused) = &error
        && let Some(refusal) = name(refused)
    {
        return refusal.into();
    }
    error.into()
}

/// Gives the text of what no route has a name of its own for.
pub(crate) fn text(refused: &Refused) -> String {
    match refused {
        Refused::NoOrg(_) => Refusal::NoOrg.to_string(),
        Refused::OrgName(_) => Refusal::OrgNameTaken.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_in_the_detail() {
        let words = Refusal::Required("Name").words();
        assert_eq!(words.message, "bad request data");
        assert_eq!(words.detail.as_deref(), Some("required value Name must not be empty"));
    }

    #[test]
    fn a_name_taken_is_a_conflict_for_a_new_organisation_and_else_a_bad_request() {
        assert_eq!(Refusal::OrgNameTaken.kind(), Kind::Conflict);
        assert_eq!(Refusal::NewNameTaken.kind(), Kind::Invalid);
        assert_eq!(Refusal::OrgNameTaken.words().message, Refusal::NewNameTaken.words().message);
    }
}
