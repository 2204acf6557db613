//! Grafana's basic roles and what they may do (contract 6.2).

use std::fmt;

use crate::Action;

/// A role within an organisation; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Nothing.
    None,
    /// Reads and queries.
    Viewer,
    /// As a viewer, and the writing routes of data sources that ask for it.
    Editor,
    /// Everything within the organisation.
    Admin,
}

impl Role {
    /// Reads a role as Grafana writes it, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Viewer, Self::Editor, Self::Admin]
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(text))
    }

    /// Gives Grafana's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Viewer => "Viewer",
            Self::Editor => "Editor",
            Self::Admin => "Admin",
        }
    }

    /// Tells whether the role may do this within its organisation: with every data source that says nothing else.
    #[must_use]
    pub fn allows(self, action: Action) -> bool {
        action.role().is_some_and(|least| self >= least)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_may_what_contract_6_2_says() {
        let allowed = |role: Role| -> Vec<_> {
            Action::all().filter(|action| role.allows(*action)).collect()
        };
        let viewer = [Action::Read, Action::Query, Action::ReadId];
        assert_eq!(allowed(Role::None), []);
        assert_eq!(allowed(Role::Viewer), viewer);
        assert_eq!(allowed(Role::Editor), viewer);
        let admin: Vec<_> = Action::all().filter(|action| !action.is_of_server()).collect();
        assert_eq!(allowed(Role::Admin), admin);
    }

    #[test]
    fn roles_are_read_in_any_case() {
        assert_eq!(Role::parse("viewer"), Some(Role::Viewer));
        assert_eq!(Role::parse("Admin"), Some(Role::Admin));
        assert_eq!(Role::parse("root"), None);
    }
}
