//! What can be done, by Grafana's names of permissions (contract 6.1, 6.2, 6.3).

use std::fmt;

use sourcegate_core::Level;

use crate::Role;

/// What a permission allows. Those of data sources are held for each one apart, the rest within an organisation or, for
/// the server's administrators, everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// See a data source's settings.
    Read,
    /// Send requests through it.
    Query,
    /// Register a new one.
    Create,
    /// Change settings.
    Write,
    /// Remove it.
    Delete,
    /// Learn its number by its name.
    ReadId,
    /// See who may do what with it.
    ReadPermissions,
    /// Say who may do what with it.
    WritePermissions,
    /// Read data sources from files again.
    Reload,
    /// See organisations.
    ReadOrgs,
    /// Make one.
    CreateOrgs,
    /// Rename one.
    WriteOrgs,
    /// Delete one with everything in it.
    DeleteOrgs,
    /// See who belongs to an organisation.
    ReadMembers,
    /// Let somebody into it.
    AddMembers,
    /// Change somebody's role.
    WriteMembers,
    /// Put somebody out.
    RemoveMembers,
    /// See users.
    ReadUsers,
    /// Make one.
    CreateUsers,
    /// Change one.
    WriteUsers,
    /// Delete one.
    DeleteUsers,
    /// Set another user's password.
    WritePasswords,
    /// See service accounts and what tokens they have.
    ReadAccounts,
    /// Make one.
    CreateAccounts,
    /// Change one, make and revoke its tokens.
    WriteAccounts,
    /// Delete one with its tokens.
    DeleteAccounts,
}

use Action::{
    AddMembers, Create, CreateAccounts, CreateOrgs, CreateUsers, Delete, DeleteAccounts,
    DeleteOrgs, DeleteUsers, Query, Read, ReadAccounts, ReadId, ReadMembers, ReadOrgs,
    ReadPermissions, ReadUsers, Reload, RemoveMembers, Write, WriteAccounts, WriteMembers,
    WriteOrgs, WritePasswords, WritePermissions, WriteUsers,
};

const NAMES: [(Action, &str); 26] = [
    (Read, "datasources:read"),
    (Query, "datasources:query"),
    (Create, "datasources:create"),
    (Write, "datasources:write"),
    (Delete, "datasources:delete"),
    (ReadId, "datasources.id:read"),
    (ReadPermissions, "datasources.permissions:read"),
    (WritePermissions, "datasources.permissions:write"),
    (Reload, "provisioning:reload"),
    (ReadOrgs, "orgs:read"),
    (CreateOrgs, "orgs:create"),
    (WriteOrgs, "orgs:write"),
    (DeleteOrgs, "orgs:delete"),
    (ReadMembers, "org.users:read"),
    (AddMembers, "org.users:add"),
    (WriteMembers, "org.users:write"),
    (RemoveMembers, "org.users:remove"),
    (ReadUsers, "users:read"),
    (CreateUsers, "users:create"),
    (WriteUsers, "users:write"),
    (DeleteUsers, "users:delete"),
    (WritePasswords, "users.password:write"),
    (ReadAccounts, "serviceaccounts:read"),
    (CreateAccounts, "serviceaccounts:create"),
    (WriteAccounts, "serviceaccounts:write"),
    (DeleteAccounts, "serviceaccounts:delete"),
];

impl Action {
    /// Every action, in the order of their declaration.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(action, _)| *action)
    }

    /// Reads Grafana's name of a permission.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        NAMES.iter().find(|(_, name)| *name == text).map(|(action, _)| *action)
    }

    /// Gives Grafana's name of the permission.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(action, _)| *action == self).map_or("", |(_, name)| name)
    }

    /// Tells whether it is done to a data source that exists, so that it may be held for some of them only.
    #[must_use]
    pub fn is_of_source(self) -> bool {
        self.level().is_some()
    }

    /// Gives the level of a data source's own permissions that includes it.
    #[must_use]
    pub fn level(self) -> Option<Level> {
        match self {
            Read | Query | ReadId => Some(Level::Query),
            Write | Delete => Some(Level::Edit),
            ReadPermissions | WritePermissions => Some(Level::Admin),
            _ => None,
        }
    }

    /// Tells whether it changes who somebody is or what he may do. A token that is limited can make tokens that are no
    /// less limited, and nothing else of this kind.
    #[must_use]
    pub fn gives_rights(self) -> bool {
        matches!(
            self,
            WritePermissions
                | CreateOrgs
                | AddMembers
                | WriteMembers
                | CreateUsers
                | WriteUsers
                | WritePasswords
                | CreateAccounts
        )
    }

    /// Tells whether the server's administrators may do it in every organisation, members of it or not. What an
    /// organisation keeps, its data sources and its service accounts, is for its own members: a token of an account that
    /// is its administrator would open everything in it.
    #[must_use]
    pub fn is_above_orgs(self) -> bool {
        self.is_of_server()
            || matches!(
                self,
                ReadOrgs | WriteOrgs | ReadMembers | AddMembers | WriteMembers | RemoveMembers
            )
    }

    /// Tells whether it is about data sources, those that exist or those that are to be made.
    #[must_use]
    pub fn is_about_sources(self) -> bool {
        self.is_of_source() || self == Create
    }

    /// Tells whether only administrators of the whole server may do it.
    #[must_use]
    pub fn is_of_server(self) -> bool {
        matches!(
            self,
            Reload
                | CreateOrgs
                | DeleteOrgs
                | ReadUsers
                | CreateUsers
                | WriteUsers
                | DeleteUsers
                | WritePasswords
        )
    }

    /// Gives the least role that may do it within its organisation; none if no role may.
    #[must_use]
    pub fn role(self) -> Option<Role> {
        match self {
            Read | Query | ReadId => Some(Role::Viewer),
            action if action.is_of_server() => None,
            _ => Some(Role::Admin),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_distinct() {
        for (at, action) in Action::all().enumerate() {
            assert_eq!(Action::parse(action.as_str()), Some(action));
            assert!(NAMES[at + 1..].iter().all(|(other, _)| *other != action), "{action}");
        }
        assert_eq!(Action::parse("datasources:*"), None);
    }

    #[test]
    fn what_an_organisation_keeps_is_not_above_it() {
        for action in Action::all() {
            let name = action.as_str();
            let kept = name.starts_with("datasources") || name.starts_with("serviceaccounts:");
            assert_eq!(action.is_above_orgs(), !kept, "{action}");
        }
    }

    #[test]
    fn what_the_server_s_administrators_do_no_role_may() {
        for action in Action::all() {
            assert_eq!(action.is_of_server(), action.role().is_none(), "{action}");
        }
    }
}
