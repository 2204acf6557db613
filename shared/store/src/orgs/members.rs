//! Who belongs to an organisation, and as what.

use auth::{Permit, Role};
use sourcegate_core::OrgId;

use crate::users::Edit;
use crate::{Error, Store, User};

impl Store {
    /// Lets a user into an organisation.
    ///
    /// # Errors
    /// [`Refused::Member`](crate::Refused), [`Refused::NoOrg`](crate::Refused), [`Refused::NoUser`](crate::Refused).
    pub async fn add_member(
        &self,
        _permit: &Permit,
        org: OrgId,
        user: &User,
        role: Role,
    ) -> Result<(), Error> {
        self.edit(user.id, &Edit::Join(org, role)).await.map(drop)
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`Refused::NotAMember`](crate::Refused), [`Refused::LastAdmin`](crate::Refused).
    pub async fn set_role(
        &self,
        _permit: &Permit,
        org: OrgId,
        user: u32,
        role: Role,
    ) -> Result<(), Error> {
        self.edit(user, &Edit::Role(org, role)).await.map(drop)
    }

    /// Puts a member out. He stays a user, even if he is in no organisation then.
    ///
    /// # Errors
    /// [`Refused::NotAMember`](crate::Refused), [`Refused::LastAdmin`](crate::Refused).
    pub async fn remove_member(
        &self,
        _permit: &Permit,
        org: OrgId,
        user: u32,
    ) -> Result<(), Error> {
        self.edit(user, &Edit::Leave(org)).await.map(drop)
    }
}
