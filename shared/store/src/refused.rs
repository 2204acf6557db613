//! Why an organisation or a user could not be changed as asked. The dialects have texts of their own for each.

use sourcegate_core::{BadLabel, Classify, Kind, OrgId, OrgName};

/// Says what stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another organisation has the name.
    #[error("an organisation is already called `{0}`")]
    OrgName(OrgName),
    /// A text of it is none.
    #[error(transparent)]
    Label(#[from] BadLabel),
    /// The organisation does not exist, or is being deleted.
    #[error("organisation {0} does not exist")]
    NoOrg(OrgId),
    /// New users join it, and every deployment starts with it.
    #[error("the main organisation cannot be deleted; rename it instead")]
    MainOrg,
    /// The user does not exist.
    #[error("user not found")]
    NoUser,
    /// Another user has the login or the email, as either of the two.
    #[error("another user has this login or email")]
    UserTaken,
    /// The user is in the organisation.
    #[error("the user is already a member of organisation {0}")]
    Member(OrgId),
    /// The user is not in the organisation.
    #[error("the user is not a member of organisation {0}")]
    NotAMember(OrgId),
    /// Without him the organisation would have no administrator.
    #[error("organisation {0} would have no administrator left")]
    LastAdmin(OrgId),
    /// Without him the server would have no administrator.
    #[error("cannot remove last grafana admin")]
    LastServerAdmin,
    /// The password that he gave as his own is not.
    #[error("Invalid old password")]
    OldPassword,
    /// He belongs to more organisations than can be written at once or kept.
    #[error("a user of more than {limit} organisations cannot {what}")]
    TooManyOrgs {
        /// How many may be.
        limit: usize,
        /// What cannot be done.
        what: &'static str,
    },
}

impl Classify for Refused {
    fn kind(&self) -> Kind {
        match self {
            Self::OrgName(_) | Self::UserTaken | Self::Member(_) => Kind::Conflict,
            Self::NoOrg(_) | Self::NoUser | Self::NotAMember(_) => Kind::NotFound,
            Self::Label(_)
            | Self::MainOrg
            | Self::LastAdmin(_)
            | Self::LastServerAdmin
            | Self::OldPassword
            | Self::TooManyOrgs { .. } => Kind::Invalid,
        }
    }
}
