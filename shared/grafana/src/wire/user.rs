//! Users on the wire, as Grafana's `UserProfileDTO` and `UserSearchHitDTO`.

use sourcegate_core::OrgId;
use store::{Listed, User};

use super::datasource::SecretText;
use super::time::rfc3339;

/// A time that is not recorded: Go's zero time.
pub(crate) const UNKNOWN_TIME: &str = "0001-01-01T00:00:00Z";

/// Gives the text that stands for a user's number.
pub(crate) fn uid(id: u32) -> String {
    format!("user:{id}")
}

/// What POST of a user carries; all else is ignored. Holds a secret: no `Debug`.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[schema(as = UserForm)]
pub(crate) struct UserForm {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) login: Option<String>,
    #[schema(value_type = Option<String>, write_only, format = "password")]
    pub(crate) password: Option<SecretText>,
    #[serde(rename = "orgId", alias = "OrgId")]
    pub(crate) org: Option<i64>,
}

/// What PUT of a user carries. Absent and empty leave what is there, as in Grafana.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[schema(as = ProfileForm)]
pub(crate) struct ProfileForm {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) login: Option<String>,
}

/// What PUT of another user's password carries.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[schema(as = PasswordForm)]
pub(crate) struct PasswordForm {
    #[schema(value_type = Option<String>, write_only, format = "password")]
    pub(crate) password: Option<SecretText>,
}

/// What PUT of one's own password carries.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OwnPasswordForm)]
pub(crate) struct OwnPasswordForm {
    #[schema(value_type = Option<String>, write_only, format = "password")]
    pub(crate) old_password: Option<SecretText>,
    #[schema(value_type = Option<String>, write_only, format = "password")]
    pub(crate) new_password: Option<SecretText>,
    #[schema(value_type = Option<String>, write_only, format = "password")]
    pub(crate) confirm_new: Option<SecretText>,
}

/// What PUT of a user's permissions carries. Go's client leaves out what is false.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserPermissionsForm)]
pub(crate) struct PermissionsForm {
    pub(crate) is_grafana_admin: Option<bool>,
}

/// The answer to POST of a user.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = CreatedUser)]
pub(crate) struct Created {
    id: u32,
    uid: String,
    message: &'static str,
}

impl From<&User> for Created {
    fn from(user: &User) -> Self {
        Self { id: user.id, uid: uid(user.id), message: "User created" }
    }
}

/// One user.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserProfile)]
pub(crate) struct Profile<'a> {
    id: u32,
    uid: String,
    email: &'a str,
    name: &'a str,
    login: &'a str,
    theme: &'static str,
    org_id: u32,
    is_grafana_admin: bool,
    is_disabled: bool,
    is_external: bool,
    is_externally_synced: bool,
    is_grafana_admin_externally_synced: bool,
    auth_labels: [&'static str; 0],
    updated_at: String,
    created_at: String,
    avatar_url: &'static str,
    is_provisioned: bool,
}

impl<'a> Profile<'a> {
    /// Shows a user; the organisation is the one that his requests are about.
    pub(crate) fn new(user: &'a User, org: OrgId) -> Self {
        Self {
            id: user.id,
            uid: uid(user.id),
            email: &user.email,
            name: &user.name,
            login: &user.login,
            theme: "",
            org_id: org.get(),
            is_grafana_admin: user.is_server_admin,
            is_disabled: user.disabled,
            is_external: false,
            is_externally_synced: false,
            is_grafana_admin_externally_synced: false,
            auth_labels: [],
            updated_at: rfc3339(user.updated),
            created_at: rfc3339(user.created),
            avatar_url: "",
            is_provisioned: false,
        }
    }
}

/// An entry of the list of users. When he was seen last is not recorded.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedUser)]
pub(crate) struct Hit<'a> {
    id: u32,
    uid: String,
    name: &'a str,
    login: &'a str,
    email: &'a str,
    avatar_url: &'static str,
    is_admin: bool,
    is_disabled: bool,
    last_seen_at: &'static str,
    last_seen_at_age: &'static str,
    auth_labels: [&'static str; 0],
    is_provisioned: bool,
}

impl<'a> From<&'a Listed> for Hit<'a> {
    fn from(user: &'a Listed) -> Self {
        Self {
            id: user.id,
            uid: uid(user.id),
            name: &user.name,
            login: &user.login,
            email: &user.email,
            avatar_url: "",
            is_admin: user.is_server_admin,
            is_disabled: user.disabled,
            last_seen_at: UNKNOWN_TIME,
            last_seen_at_age: "",
            auth_labels: [],
            is_provisioned: false,
        }
    }
}

/// A page of users.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UsersPage)]
pub(crate) struct Page<'a> {
    pub(crate) total_count: usize,
    pub(crate) users: Vec<Hit<'a>>,
    pub(crate) page: usize,
    pub(crate) per_page: usize,
}

/// What is counted. There are no dashboards, folders, alerts and the like here, so that there are none of them.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Stats)]
pub(crate) struct Stats {
    orgs: usize,
    users: usize,
    admins: usize,
    dashboards: usize,
    snapshots: usize,
    tags: usize,
    playlists: usize,
    stars: usize,
    alerts: usize,
    folders: usize,
}

impl Stats {
    pub(crate) fn new(orgs: usize, users: usize, admins: usize) -> Self {
        Self {
            orgs,
            users,
            admins,
            dashboards: 0,
            snapshots: 0,
            tags: 0,
            playlists: 0,
            stars: 0,
            alerts: 0,
            folders: 0,
        }
    }
}
