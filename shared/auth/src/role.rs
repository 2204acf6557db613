//! Grafana's basic roles and what they may do (contract 6.2).

use std::fmt;

/// What can be done with data sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// See settings.
    Read,
    /// Send requests through it.
    Query,
    /// Register a new one.
    Create,
    /// Change settings.
    Write,
    /// Remove it.
    Delete,
}

impl Action {
    /// Gives Grafana's name of the permission.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "datasources:read",
            Self::Query => "datasources:query",
            Self::Create => "datasources:create",
            Self::Write => "datasources:write",
            Self::Delete => "datasources:delete",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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

    /// Tells whether the role may do this with every data source of its organisation.
    #[must_use]
    pub fn allows(self, action: Action) -> bool {
        match action {
            Action::Read | Action::Query => self >= Self::Viewer,
            Action::Create | Action::Write | Action::Delete => self >= Self::Admin,
        }
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

    #[track_caller]
    fn check(role: Role, may: &[Action]) {
        let all = [Action::Read, Action::Query, Action::Create, Action::Write, Action::Delete];
        let allowed: Vec<_> = all.into_iter().filter(|action| role.allows(*action)).collect();
        assert_eq!(allowed, may, "{role}");
    }

    #[test]
    fn roles_may_what_contract_6_2_says() {
        check(Role::None, &[]);
        check(Role::Viewer, &[Action::Read, Action::Query]);
        check(Role::Editor, &[Action::Read, Action::Query]);
        let all = [Action::Read, Action::Query, Action::Create, Action::Write, Action::Delete];
        check(Role::Admin, &all);
    }

    #[test]
    fn roles_are_read_in_any_case() {
        assert_eq!(Role::parse("viewer"), Some(Role::Viewer));
        assert_eq!(Role::parse("Admin"), Some(Role::Admin));
        assert_eq!(Role::parse("root"), None);
    }
}
