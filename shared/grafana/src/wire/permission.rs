//! Permissions of a data source on the wire, as Grafana's access control of resources has them.

use std::collections::BTreeMap;

use auth::Action;
use serde::{Deserialize, Serialize};
use sourcegate_core::{Assignee, Level, Permissions};
use store::{Account, Error};

/// Who permissions name, by number; in the place of one whose item is damaged, what is wrong with it.
pub(crate) type Accounts = BTreeMap<u32, Result<Account, Error>>;

/// What POST for one assignee carries.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[schema(as = PermissionChange)]
pub(crate) struct Change {
    /// `Query`, `Edit` or `Admin`; nothing takes away.
    #[schema(example = "Query")]
    pub(crate) permission: Option<String>,
}

/// What POST for several carries.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[schema(as = PermissionChanges)]
pub(crate) struct Changes {
    pub(crate) permissions: Option<Vec<Entry>>,
}

/// One of several. Absent, null and the zero value are the same.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PermissionEntry)]
pub(crate) struct Entry {
    pub(crate) user_id: Option<i64>,
    pub(crate) team_id: Option<i64>,
    pub(crate) built_in_role: Option<String>,
    pub(crate) permission: Option<String>,
}

/// What can be given to whom.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PermissionDescription)]
pub(crate) struct Description {
    assignments: Assignments,
    permissions: [&'static str; 3],
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PermissionAssignments)]
struct Assignments {
    users: bool,
    service_accounts: bool,
    teams: bool,
    built_in_roles: bool,
}

impl Description {
    pub(crate) fn new() -> Self {
        let assignments =
            Assignments { users: true, service_accounts: true, teams: false, built_in_roles: true };
        let levels = [Level::Query, Level::Edit, Level::Admin];
        Self { assignments, permissions: levels.map(Level::as_str) }
    }
}

/// What one assignee was given.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Permission)]
pub(crate) struct Shown<'a> {
    /// Made of the assignee, so that it stays the same: 1 to 3 for roles, then accounts by their numbers.
    id: u64,
    role_name: String,
    is_managed: bool,
    is_inherited: bool,
    is_service_account: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_login: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    built_in_role: Option<&'static str>,
    actions: Vec<&'static str>,
    permission: &'static str,
}

impl<'a> Shown<'a> {
    /// Makes the list: what was given, without accounts that are gone, came again or are damaged, and at last what administrators have anyway.
    pub(crate) fn all(permissions: &Permissions, accounts: &'a Accounts) -> Vec<Self> {
        let given = permissions.iter().filter_map(|(assignee, level)| match assignee {
            Assignee::Viewers => Some(Self::role(1, "Viewer", level)),
            Assignee::Editors => Some(Self::role(2, "Editor", level)),
            Assignee::Account { id, .. } => {
                let account = accounts.get(&id)?.as_ref().ok()?;
                let account = Some(account).filter(|account| account.assignee == assignee)?;
                Some(Self::account(id, account, level))
            }
        });
        // Clients that write permissions leave alone what is not managed.
        let role_name = "basic:admin".to_owned();
        let admin = Self { role_name, is_managed: false, ..Self::role(3, "Admin", Level::Admin) };
        given.chain([admin]).collect()
    }

    fn role(id: u64, role: &'static str, level: Level) -> Self {
        Self {
            id,
            role_name: format!("managed:builtins:{}:permissions", role.to_lowercase()),
            is_managed: true,
            is_inherited: false,
            is_service_account: false,
            user_id: None,
            user_login: None,
            built_in_role: Some(role),
            actions: actions(level),
            permission: level.as_str(),
        }
    }

    fn account(id: u32, account: &'a Account, level: Level) -> Self {
        Self {
            id: 3 + u64::from(id),
            role_name: format!("managed:users:{id}:permissions"),
            is_managed: true,
            is_inherited: false,
            is_service_account: account.is_service_account,
            user_id: Some(id),
            user_login: Some(&account.login),
            built_in_role: None,
            actions: actions(level),
            permission: level.as_str(),
        }
    }
}

fn actions(level: Level) -> Vec<&'static str> {
    let within = |action: &Action| action.level().is_some_and(|needed| needed <= level);
    Action::all().filter(within).map(Action::as_str).collect()
}
