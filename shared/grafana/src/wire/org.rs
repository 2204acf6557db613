//! Organisations and their members on the wire, as Grafana's `OrgDTO`, `OrgUserDTO` and `UserLookupDTO`.

use auth::Role;
use sourcegate_core::{OrgId, OrgName};
use store::{OrgRole, User};

use super::time::rfc3339;
use super::user::{UNKNOWN_TIME, uid};

/// What POST and PUT of an organisation carry; all else is ignored, `id` and `address` among it.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[schema(as = OrgForm)]
pub(crate) struct OrgForm {
    pub(crate) name: Option<String>,
}

/// What POST of a member carries.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrgUserForm)]
pub(crate) struct MemberForm {
    pub(crate) login_or_email: Option<String>,
    /// `Viewer`, `Editor`, `Admin` or `None`.
    #[schema(example = "Viewer")]
    pub(crate) role: Option<String>,
}

/// What PATCH of a member carries.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[schema(as = OrgUserRoleForm)]
pub(crate) struct RoleForm {
    /// `Viewer`, `Editor`, `Admin` or `None`.
    #[schema(example = "Viewer")]
    pub(crate) role: Option<String>,
}

/// The answer to POST of an organisation.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CreatedOrg)]
pub(crate) struct Created {
    message: &'static str,
    org_id: u32,
}

impl From<OrgId> for Created {
    fn from(id: OrgId) -> Self {
        Self { message: "Organization created", org_id: id.get() }
    }
}

/// An entry of the list of organisations.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = ListedOrg)]
pub(crate) struct Listed<'a> {
    id: u32,
    name: &'a str,
}

impl<'a> From<&'a (OrgId, OrgName)> for Listed<'a> {
    fn from((id, name): &'a (OrgId, OrgName)) -> Self {
        Self { id: id.get(), name: name.as_str() }
    }
}

/// An entry of the list of a user's organisations.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrgOfUser)]
pub(crate) struct Membership<'a> {
    org_id: u32,
    name: &'a str,
    #[schema(pattern = "^(Viewer|Editor|Admin|None)$")]
    role: &'static str,
}

impl<'a> From<&'a OrgRole> for Membership<'a> {
    fn from(role: &'a OrgRole) -> Self {
        Self { org_id: role.org.get(), name: role.name.as_str(), role: role.role.as_str() }
    }
}

/// An answer about one member.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AboutOrgUser)]
pub(crate) struct AboutMember {
    pub(crate) message: &'static str,
    pub(crate) user_id: u32,
}

/// A member of an organisation. When he was seen last is not recorded.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrgUser)]
pub(crate) struct Member<'a> {
    org_id: u32,
    user_id: u32,
    uid: String,
    email: &'a str,
    name: &'a str,
    avatar_url: &'static str,
    login: &'a str,
    #[schema(pattern = "^(Viewer|Editor|Admin|None)$")]
    role: &'static str,
    last_seen_at: &'static str,
    updated: String,
    created: String,
    last_seen_at_age: &'static str,
    is_disabled: bool,
    auth_labels: [&'static str; 0],
    is_externally_synced: bool,
    is_provisioned: bool,
}

impl<'a> Member<'a> {
    /// Shows a member of an organisation.
    pub(crate) fn new(org: OrgId, (user, role): &'a (User, Role)) -> Self {
        Self {
            org_id: org.get(),
            user_id: user.id,
            uid: uid(user.id),
            email: &user.email,
            name: &user.name,
            avatar_url: "",
            login: &user.login,
            role: role.as_str(),
            last_seen_at: UNKNOWN_TIME,
            updated: rfc3339(user.updated),
            created: rfc3339(user.created),
            last_seen_at_age: "",
            is_disabled: user.disabled,
            auth_labels: [],
            is_externally_synced: false,
            is_provisioned: false,
        }
    }
}

/// A page of members.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrgUsersPage)]
pub(crate) struct MembersPage<'a> {
    pub(crate) total_count: usize,
    pub(crate) org_users: Vec<Member<'a>>,
    pub(crate) page: usize,
    pub(crate) per_page: usize,
}

/// A member as far as one needs to name him.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrgUserName)]
pub(crate) struct Named<'a> {
    uid: String,
    user_id: u32,
    login: &'a str,
    avatar_url: &'static str,
}

impl<'a> From<&'a User> for Named<'a> {
    fn from(user: &'a User) -> Self {
        Self { uid: uid(user.id), user_id: user.id, login: &user.login, avatar_url: "" }
    }
}
