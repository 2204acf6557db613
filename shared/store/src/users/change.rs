//! Changing a user: what he is called, his password, whether he is shut out, where his requests go.

use std::net::IpAddr;

use auth::Permit;
use secrecy::SecretString;
use sourcegate_core::OrgId;

use super::{Edit, Profile, User};
use crate::floods::Attempt;
use crate::{Error, Refused, Store};

impl Store {
    /// Calls a user otherwise: himself by himself, others by who may.
    ///
    /// # Errors
    /// [`Refused::UserTaken`], [`Refused::NoUser`], [`Refused::TooManyOrgs`].
    pub async fn call_user(&self, id: u32, profile: &Profile) -> Result<User, Error> {
        self.edit(id, &Edit::Profile(profile)).await
    }

    /// Sets a user's password. The old one ends at once: what is remembered of it is remembered with its hash.
    ///
    /// # Errors
    /// [`Refused::NoUser`]; [`auth::Unauthenticated::Busy`] while too many are hashed.
    pub async fn set_password(
        &self,
        _permit: &Permit,
        id: u32,
        password: &SecretString,
    ) -> Result<(), Error> {
        self.kept(id).await?.ok_or(Refused::NoUser)?;
        let hash = self.0.passwords.hash(password).await?;
        self.edit(id, &Edit::Password { from: None, to: &hash }).await.map(drop)
    }

    /// Changes a user's password for himself, who must know the old one.
    ///
    /// # Errors
    /// [`Refused::OldPassword`]; [`auth::Unauthenticated::Busy`] while too many are hashed, and
    /// [`auth::Unauthenticated::TooManyFailures`] as for a login from where the request came from.
    pub async fn change_password(
        &self,
        id: u32,
        (old, new): (&SecretString, &SecretString),
        peer: Option<IpAddr>,
    ) -> Result<(), Error> {
        let kept = self.kept(id).await?.ok_or(Refused::NoUser)?;
        let login = &kept.user.login;
        let attempt = Attempt::new(self, login, peer);
        if !self.0.passwords.check((login, old), &kept.hash, Some(&attempt)).await? {
            return Err(Refused::OldPassword.into());
        }
        let hash = self.0.passwords.hash(new).await?;
        let edit = Edit::Password { from: Some(&kept.hash), to: &hash };
        self.edit(id, &edit).await.map(drop)
    }

    /// Makes a user administrator of the server, or makes him none.
    ///
    /// # Errors
    /// [`Refused::LastServerAdmin`], [`Refused::NoUser`].
    pub async fn set_server_admin(
        &self,
        _permit: &Permit,
        id: u32,
        is: bool,
    ) -> Result<User, Error> {
        self.edit(id, &Edit::ServerAdmin(is)).await
    }

    /// Shuts a user out, or lets him in again.
    ///
    /// # Errors
    /// [`Refused::LastServerAdmin`], [`Refused::NoUser`].
    pub async fn set_disabled(&self, _permit: &Permit, id: u32, is: bool) -> Result<User, Error> {
        self.edit(id, &Edit::Disabled(is)).await
    }

    /// Lets a user's requests be about another of his organisations: himself by himself, others by who may.
    ///
    /// # Errors
    /// [`Refused::NotAMember`], [`Refused::NoOrg`], [`Refused::NoUser`].
    pub async fn use_org(&self, id: u32, org: OrgId) -> Result<(), Error> {
        let user = self.edit(id, &Edit::Use(org)).await?;
        self.0.places.note(&user.login, org);
        Ok(())
    }
}
