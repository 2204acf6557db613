//! Making a user.

use std::collections::BTreeMap;

use auth::Permit;
use secrecy::SecretString;
use sourcegate_core::{Label, Login, OrgId, Rev};

use super::changes::changes;
use super::edit::open;
use super::{Kept, User};
use crate::admin::Rights;
use crate::entry::seconds_now;
use crate::{Error, Store};

/// How often another number is drawn before giving up.
const MOST_DRAWS: u32 = 3;

/// What a new user is made of.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// What he logs in as.
    pub login: Login,
    /// Where mail reaches him.
    pub email: Label,
    /// What he is called.
    pub name: Label,
    /// The organisation that he belongs to.
    pub org: OrgId,
    /// What he may do.
    pub rights: Rights,
}

impl Store {
    /// Makes a user.
    ///
    /// # Errors
    /// [`Refused::UserTaken`](crate::Refused), [`Refused::NoOrg`](crate::Refused).
    pub async fn create_user(
        &self,
        _permit: &Permit,
        new: &NewUser,
        password: &SecretString,
    ) -> Result<User, Error> {
        let hash = self.0.passwords.hash(password).await?;
        self.insert_user(new, hash).await
    }

    /// Makes a user whose password has been hashed.
    pub(crate) async fn insert_user(&self, new: &NewUser, hash: String) -> Result<User, Error> {
        let now = seconds_now();
        let user = User {
            id: 0,
            login: new.login.to_string(),
            name: new.name.to_string(),
            email: new.email.to_string(),
            disabled: false,
            is_server_admin: new.rights.is_server_admin,
            orgs: [(new.org, new.rights.role)].into(),
            org: new.org,
            left: BTreeMap::new(),
            created: now,
            updated: now,
            rev: Rev::new(),
        };
        let mut kept = Kept { user, hash };
        for _ in 0..MOST_DRAWS {
            kept.user.id = self.draw_account().await?;
            let mut writes = changes(None, Some(&kept));
            writes.push(open(new.org));
            if self.written(&writes, Some(&kept.user)).await? {
                return Ok(kept.user);
            }
        }
        Err(Error::Busy)
    }
}
