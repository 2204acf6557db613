//! Service accounts on the wire (contract 6.3).

use std::collections::BTreeMap;

use auth::{Action, Caller};
use store::ServiceAccount;

use super::time::rfc3339;

/// What POST and PATCH carry. Absent and null are "as it is"; what is not listed is ignored.
#[derive(Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServiceAccountCommand)]
pub(crate) struct AccountCommand {
    #[schema(max_length = 190, example = "ci")]
    pub(crate) name: Option<String>,
    #[schema(example = "Viewer")]
    pub(crate) role: Option<String>,
    pub(crate) is_disabled: Option<bool>,
}

/// What a caller may do with service accounts, where he asks for it (`?accesscontrol=true`).
type Access = Option<BTreeMap<&'static str, bool>>;

/// Tells what a caller may do with every service account of his organisation.
pub(crate) fn access(caller: &Caller) -> BTreeMap<&'static str, bool> {
    let all = [Action::ReadAccounts, Action::WriteAccounts, Action::DeleteAccounts];
    let may = all.into_iter().filter(|action| caller.may_all(*action));
    may.map(|action| (action.as_str(), true)).collect()
}

/// One of a list, and the answer to POST.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedServiceAccount)]
pub(crate) struct Listed {
    id: u32,
    uid: String,
    name: String,
    login: String,
    org_id: u32,
    is_disabled: bool,
    role: &'static str,
    tokens: u32,
    avatar_url: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, bool>>, nullable = false)]
    access_control: Access,
}

impl Listed {
    /// Makes an entry of a list.
    pub(crate) fn new(account: &ServiceAccount, access_control: Access) -> Self {
        Self {
            id: account.id.get(),
            uid: uid(account),
            name: account.name.clone(),
            login: account.login(),
            org_id: account.org.get(),
            is_disabled: account.disabled,
            role: account.role.as_str(),
            tokens: account.tokens,
            avatar_url: "",
            access_control,
        }
    }
}

/// One service account by itself.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServiceAccount)]
pub(crate) struct Profile {
    id: u32,
    uid: String,
    name: String,
    login: String,
    org_id: u32,
    is_disabled: bool,
    created_at: String,
    updated_at: String,
    avatar_url: &'static str,
    role: &'static str,
    #[schema(value_type = Vec<String>)]
    teams: [&'static str; 0],
    tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, bool>>, nullable = false)]
    access_control: Access,
}

impl Profile {
    /// Makes the answer to GET.
    pub(crate) fn new(account: &ServiceAccount, access_control: Access) -> Self {
        Self {
            id: account.id.get(),
            uid: uid(account),
            name: account.name.clone(),
            login: account.login(),
            org_id: account.org.get(),
            is_disabled: account.disabled,
            created_at: rfc3339(account.created),
            updated_at: rfc3339(account.updated),
            avatar_url: "",
            role: account.role.as_str(),
            teams: [],
            tokens: account.tokens,
            access_control,
        }
    }
}

/// The answer to PATCH.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = UpdatedServiceAccount)]
pub(crate) struct Updated {
    id: u32,
    message: &'static str,
    name: String,
    serviceaccount: Profile,
}

impl From<&ServiceAccount> for Updated {
    fn from(account: &ServiceAccount) -> Self {
        Self {
            id: account.id.get(),
            message: "Service account updated",
            name: account.name.clone(),
            serviceaccount: Profile::new(account, None),
        }
    }
}

/// A page of a search.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServiceAccountPage)]
pub(crate) struct Page {
    pub(crate) total_count: usize,
    pub(crate) service_accounts: Vec<Listed>,
    pub(crate) page: usize,
    pub(crate) per_page: usize,
}

/// The letters before the number in a uid.
const UID_START: &str = "sa";

/// Numbers are never given again, so that a uid can be made of one.
fn uid(account: &ServiceAccount) -> String {
    format!("{UID_START}{}", account.id)
}

/// Gives the number's digits where a path names a service account by its uid, and else the text as it is.
pub(crate) fn digits_of(text: &str) -> &str {
    text.strip_prefix(UID_START).unwrap_or(text)
}
