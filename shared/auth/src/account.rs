//! What service accounts are called when somebody asks for a login.

use sourcegate_core::OrgId;

/// Makes the part of a service account's login that its name gives: two names that give the same cannot be in one
/// organisation (contract 6.3).
#[must_use]
pub fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

/// Makes a service account's login of its name, as Grafana does since it has organisations in it.
#[must_use]
pub fn account_login(org: OrgId, name: &str) -> String {
    format!("sa-{org}-{}", slug(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_those_of_contract_6_3() {
        assert_eq!(account_login(OrgId::MAIN, "My CI robot"), "sa-1-my-ci-robot");
        assert_eq!(slug("My-CI robot"), slug("my ci-Robot"));
    }
}
