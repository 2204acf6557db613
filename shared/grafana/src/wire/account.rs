//! The server, the caller and his organisation on the wire, as far as clients of data sources ask for them.

use std::borrow::Cow;

use auth::{Caller, Identity, account_login};
use sourcegate_core::OrgId;

/// The version of Grafana whose API this is: clients switch on it.
const VERSION: &str = "13.0.0";

/// What stands where Grafana names the commit that it was built from.
const COMMIT: &str = concat!("sourcegate-", env!("CARGO_PKG_VERSION"));

/// When users were made and changed: not recorded, so that it is Go's zero time.
const UNKNOWN_TIME: &str = "0001-01-01T00:00:00Z";

/// The answer of `/api/health`.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Health {
    commit: &'static str,
    database: &'static str,
    version: &'static str,
}

impl Health {
    /// Makes the answer; `database` is `ok` or `failing`.
    pub(crate) fn new(database: &'static str) -> Self {
        Self { commit: COMMIT, database, version: VERSION }
    }
}

/// The answer of `/api/frontend/settings`: what everybody may know, and nothing of data sources.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FrontendSettings {
    build_info: BuildInfo,
}

#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    commit: &'static str,
    edition: &'static str,
    env: &'static str,
    has_update: bool,
    hide_version: bool,
    latest_version: &'static str,
    version: &'static str,
}

impl FrontendSettings {
    /// Makes the answer.
    pub(crate) fn new() -> Self {
        let build_info = BuildInfo {
            commit: COMMIT,
            edition: "Open Source",
            env: "production",
            has_update: false,
            hide_version: false,
            latest_version: "",
            version: VERSION,
        };
        Self { build_info }
    }
}

/// The answer of `/api/org`.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Org {
    id: u32,
    name: String,
    address: Address,
}

/// Nobody's: addresses are not kept.
#[derive(Default, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Address {
    address1: &'static str,
    address2: &'static str,
    city: &'static str,
    zip_code: &'static str,
    state: &'static str,
    country: &'static str,
}

impl Org {
    /// Makes the answer.
    pub(crate) fn new(id: OrgId, name: String) -> Self {
        Self { id: id.get(), name, address: Address::default() }
    }
}

/// The answer of `/api/user`. A service account has no number here, as in Grafana, nor has whom an issuer vouches for.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User<'a> {
    id: u32,
    uid: String,
    email: &'static str,
    name: &'a str,
    login: Cow<'a, str>,
    theme: &'static str,
    org_id: u32,
    is_grafana_admin: bool,
    is_disabled: bool,
    is_external: bool,
    is_externally_synced: bool,
    is_grafana_admin_externally_synced: bool,
    auth_labels: &'static [&'static str],
    updated_at: &'static str,
    created_at: &'static str,
    avatar_url: &'static str,
}

impl<'a> From<&'a Caller> for User<'a> {
    fn from(caller: &'a Caller) -> Self {
        let (id, uid, name, login) = match caller.identity() {
            Identity::User { id, login, .. } => {
                (*id, format!("user:{id}"), login.as_str(), Cow::Borrowed(login.as_str()))
            }
            Identity::ServiceAccount { id, name } => {
                let login = Cow::Owned(account_login(caller.org(), name));
                (0, format!("service-account:{id}"), name.as_str(), login)
            }
            // No number, since he is no user of ours.
            Identity::Jwt { subject, login } => {
                (0, format!("jwt:{subject}"), login.as_str(), Cow::Borrowed(login.as_str()))
            }
        };
        let is_external = matches!(caller.identity(), Identity::Jwt { .. });
        Self {
            id,
            uid,
            email: "",
            name,
            login,
            theme: "",
            org_id: caller.org().get(),
            is_grafana_admin: caller.is_server_admin(),
            is_disabled: false,
            is_external,
            is_externally_synced: false,
            is_grafana_admin_externally_synced: false,
            auth_labels: if is_external { &["JWT"] } else { &[] },
            updated_at: UNKNOWN_TIME,
            created_at: UNKNOWN_TIME,
            avatar_url: "",
        }
    }
}

/// An answer that is one sentence.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Message {
    message: &'static str,
}

impl From<&'static str> for Message {
    fn from(message: &'static str) -> Self {
        Self { message }
    }
}

#[cfg(test)]
mod tests {
    use auth::{OwnerId, Role};
    use serde_json::{Value, json};

    use super::*;

    fn written(value: &impl serde::Serialize) -> Value {
        serde_json::to_value(value).unwrap()
    }

    #[test]
    fn clients_see_grafana_13() {
        assert_eq!(written(&Health::new("ok"))["version"], "13.0.0");
        assert_eq!(written(&FrontendSettings::new())["buildInfo"]["version"], "13.0.0");
    }

    #[test]
    fn an_organisation_has_an_address_without_words() {
        let org = written(&Org::new(OrgId::MAIN, "Main Org.".to_owned()));
        assert_eq!((&org["id"], &org["name"]), (&json!(1), &json!("Main Org.")));
        assert_eq!(org["address"]["zipCode"], "");
    }

    #[test]
    fn users_and_service_accounts_are_told_apart() {
        let bob = Identity::User { id: 3, stay: 0, login: "bob".to_owned() };
        let user = written(&User::from(&Caller::new(bob, OrgId::MAIN, Role::Viewer)));
        assert_eq!(
            (&user["id"], &user["login"], &user["orgId"]),
            (&json!(3), &json!("bob"), &json!(1))
        );
        let id = OwnerId::new(4).unwrap();
        let robot = Identity::ServiceAccount { id, name: "My CI".to_owned() };
        let user = written(&User::from(&Caller::new(robot, OrgId::MAIN, Role::Admin)));
        assert_eq!((&user["id"], &user["login"]), (&json!(0), &json!("sa-1-my-ci")));
        assert_eq!(user["uid"], "service-account:4");
        let ada = Identity::Jwt { subject: "a1".to_owned(), login: "ada".to_owned() };
        let user = written(&User::from(&Caller::new(ada, OrgId::MAIN, Role::Viewer)));
        assert_eq!(
            (&user["id"], &user["uid"], &user["login"], &user["isExternal"], &user["authLabels"]),
            (&json!(0), &json!("jwt:a1"), &json!("ada"), &json!(true), &json!(["JWT"]))
        );
    }
}
