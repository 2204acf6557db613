//! A verified JWT: what its issuer says of the caller.

use sourcegate_core::OrgId;

use super::BadJwt;
use crate::{Caller, Identity, Role, Unauthenticated};

/// Who a JWT that was verified stands for. Only [`verify`](super::verify) makes one; of the token's text it keeps the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    pub(super) subject: String,
    pub(super) login: String,
    /// In the order of the rules; never empty.
    pub(super) roles: Vec<(OrgId, Role)>,
    pub(super) ends: i64,
    pub(super) fingerprint: [u8; 32],
}

impl Assertion {
    /// Gives the second since 1970 from which on it is over: `exp` and the leeway.
    #[must_use]
    pub fn expires(&self) -> i64 {
        self.ends
    }

    /// Decides whether it still holds at a time, in seconds since 1970. To be asked wherever it was kept.
    ///
    /// # Errors
    /// [`BadJwt::Expired`].
    pub fn check(&self, now: i64) -> Result<(), Unauthenticated> {
        if now < self.ends { Ok(()) } else { Err(BadJwt::Expired.into()) }
    }

    /// Gives the SHA-256 of the token's text: what it is remembered under.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Picks the organisation: the one that a request names, if a rule gives a role there; the first rule's otherwise.
    ///
    /// # Errors
    /// [`Unauthenticated::NotAMember`].
    pub fn org(&self, wanted: Option<i64>) -> Result<OrgId, Unauthenticated> {
        let mut orgs = self.roles.iter().map(|(org, _)| *org);
        let org = match wanted {
            None => orgs.next(),
            Some(wanted) => orgs.find(|org| i64::from(org.get()) == wanted),
        };
        org.ok_or(Unauthenticated::NotAMember)
    }

    /// Makes the caller that it stands for in an organisation, once that is known to be open.
    ///
    /// # Errors
    /// [`Unauthenticated::NotAMember`] where no rule gives a role.
    pub fn caller(&self, org: OrgId) -> Result<Caller, Unauthenticated> {
        let role = self.roles.iter().find(|(of, _)| *of == org).map(|(_, role)| *role);
        let role = role.ok_or(Unauthenticated::NotAMember)?;
        let identity = Identity::Jwt { subject: self.subject.clone(), login: self.login.clone() };
        Ok(Caller::new(identity, org, role))
    }
}
