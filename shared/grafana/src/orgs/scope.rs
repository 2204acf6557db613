//! Which organisation a path means, and whether its caller may do there what he asks.

use auth::{Action, Caller, Denied, Permit};
use serde::Deserialize;
use sourcegate_core::OrgId;

use crate::people::Refusal;

/// The parameters of a path: without an organisation it means the one that the request is about.
#[derive(Deserialize)]
pub(super) struct Place {
    org: Option<String>,
    user: Option<String>,
}

impl Place {
    /// Proves that the caller may do this in the organisation. Who administers only his own is refused every other number
    /// alike, those that do not exist and those that are none included.
    pub(super) fn permit(
        &self,
        caller: &Caller,
        action: Action,
    ) -> Result<(Permit, OrgId), web::Error> {
        let Some(text) = &self.org else { return Ok((caller.allow(action)?, caller.org())) };
        let number: Option<i64> = text.parse().ok();
        let org = number.map(OrgId::new).and_then(Result::ok);
        if !caller.is_server_admin() && org != Some(caller.org()) {
            return Err(Denied::Forbidden(action).into());
        }
        let permit = caller.allow(action)?;
        number.ok_or(Refusal::OrgId)?;
        Ok((permit, org.ok_or(Refusal::NoOrg)?))
    }

    /// Gives the number of the member that the path names; one that no user can have is absent.
    pub(super) fn member(&self) -> Result<u32, Refusal> {
        let text = self.user.as_deref().unwrap_or_default();
        let number: i64 = text.parse().map_err(|_| Refusal::UserId)?;
        u32::try_from(number).map_err(|_| Refusal::NoMember)
    }
}

/// Proves that the caller may do this to all organisations.
pub(super) fn at_large(caller: &Caller, action: Action) -> Result<Permit, Denied> {
    if caller.is_server_admin() { caller.allow(action) } else { Err(Denied::Forbidden(action)) }
}

#[cfg(test)]
mod tests {
    use auth::{Identity, Role};

    use super::*;

    fn caller(role: Role) -> Caller {
        let org = OrgId::new(2).unwrap();
        Caller::new(Identity::User { id: 7, stay: 0, login: "bob".to_owned() }, org, role)
    }

    #[track_caller]
    fn check(caller: &Caller, org: Option<&str>, expected: Result<u32, u16>) {
        let place = Place { org: org.map(str::to_owned), user: None };
        let permit = place.permit(caller, Action::ReadMembers);
        let found = permit.map(|(_, org)| org.get());
        let found = found.map_err(|error| web::status(error.kind()).as_u16());
        assert_eq!(found, expected, "{org:?}");
    }

    #[test]
    fn an_organisation_s_administrator_runs_his_own_and_learns_of_no_other() {
        let admin = caller(Role::Admin);
        check(&admin, None, Ok(2));
        check(&admin, Some("2"), Ok(2));
        for other in ["1", "3", "0", "-1", "x", "", "9223372036854775808", "4294967298"] {
            check(&admin, Some(other), Err(403));
        }
    }

    #[test]
    fn a_member_runs_nothing() {
        for org in [None, Some("2"), Some("3"), Some("x")] {
            check(&caller(Role::Editor), org, Err(403));
        }
    }

    #[test]
    fn who_administers_the_server_runs_all() {
        let root = caller(Role::None).as_server_admin();
        check(&root, None, Ok(2));
        check(&root, Some("3"), Ok(3));
        for none in ["0", "-1", "2147483648", "9223372036854775807"] {
            check(&root, Some(none), Err(404));
        }
        for bad in ["x", "", "1.0", "9223372036854775808"] {
            check(&root, Some(bad), Err(400));
        }
    }
}
