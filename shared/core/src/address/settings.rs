//! The policy of a deployed function, from its settings.

use super::cidr::BadCidr;
use super::{Cidr, Policy};
use crate::BaseUrl;

/// The variables that name an endpoint of our own; each is refused as a data source's address.
const OWN_URLS: &[&str] = &[
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
];

/// The services that a process depends on; within a VPC their names lead to private addresses.
const OWN_SERVICES: &[&str] = &["dynamodb", "kms"];

/// The names of those services in a region, the dual-stack ones and FIPS's too.
fn own_hosts(region: &str) -> impl Iterator<Item = String> {
    OWN_SERVICES.iter().flat_map(move |service| {
        [
            format!("{service}.{region}.amazonaws.com"),
            format!("{service}-fips.{region}.amazonaws.com"),
            format!("{service}.{region}.api.aws"),
            format!("{service}-fips.{region}.api.aws"),
            format!("{service}.{region}.amazonaws.com.cn"),
        ]
    })
}

impl Policy {
    /// Reads `SOURCEGATE_EGRESS_ALLOW`, networks in CIDR notation separated by commas that may be dialled beside
    /// public addresses (default none), and refuses every endpoint that the process itself uses.
    ///
    /// # Errors
    /// The network that does not parse.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadCidr> {
        let allowed = get("SOURCEGATE_EGRESS_ALLOW").unwrap_or_default();
        let allowed = allowed.split(',').map(str::trim).filter(|text| !text.is_empty());
        let policy = Self::aws(allowed.map(str::parse::<Cidr>).collect::<Result<_, _>>()?);
        Ok(policy.refusing_endpoints(get))
    }

    /// Refuses every endpoint that the process itself uses, as its settings name them, and as AWS does in its region.
    #[must_use]
    pub fn refusing_endpoints(self, get: impl Fn(&str) -> Option<String>) -> Self {
        let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"));
        let hosts = region.iter().flat_map(|region| own_hosts(region));
        let named = hosts.fold(self, |policy, host| {
            [80, 443].into_iter().fold(policy, |policy, port| policy.refusing(&host, port))
        });
        let urls = OWN_URLS.iter().filter_map(|name| BaseUrl::parse(&get(name)?).ok());
        let sockets = urls.filter_map(|url| Some((url.port?, url.host)));
        sockets.fold(named, |policy, (port, host)| policy.refusing(&host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(settings: &[(&str, &str)]) -> Result<Policy, BadCidr> {
        let get = |name: &str| {
            settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Policy::read(get)
    }

    #[track_caller]
    fn check(settings: &[(&str, &str)], address: &str, permitted: bool) {
        assert_eq!(
            policy(settings).unwrap().permits(address.parse().unwrap()),
            permitted,
            "{address}"
        );
    }

    #[test]
    fn only_public_addresses_are_dialled_unless_configured() {
        check(&[], "1.1.1.1:443", true);
        check(&[], "10.1.0.1:443", false);
        let allowed = [("SOURCEGATE_EGRESS_ALLOW", "10.1.0.0/16, 127.0.0.1")];
        check(&allowed, "10.1.0.1:443", true);
        check(&allowed, "10.2.0.1:443", false);
        check(&allowed, "127.0.0.1:8080", true);
    }

    #[test]
    fn s05_the_runtime_api_is_refused_by_its_value_even_where_its_network_is_allowed() {
        let allowed = ("SOURCEGATE_EGRESS_ALLOW", "127.0.0.0/8");
        for value in ["127.0.0.1:3456", "127.0.0.1:3456/.rt/name", "http://127.0.0.1:3456"] {
            check(&[allowed, ("AWS_LAMBDA_RUNTIME_API", value)], "127.0.0.1:3456", false);
        }
        let endpoint = ("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:4567");
        check(&[allowed, endpoint], "127.0.0.1:4567", false);
        check(&[allowed, endpoint], "127.0.0.1:4568", true);
    }

    #[test]
    fn s05_the_services_of_the_process_are_refused_by_their_names_in_its_region() {
        let policy = policy(&[("AWS_REGION", "eu-west-1")]).unwrap();
        for host in [
            "dynamodb.eu-west-1.amazonaws.com",
            "KMS.eu-west-1.amazonaws.com.",
            "kms-fips.eu-west-1.api.aws",
        ] {
            assert_eq!(policy.refuses_literal(host, 443), Some(crate::Verdict::Own), "{host}");
        }
        assert_eq!(
            policy.refuses_literal("dynamodb.eu-west-1.amazonaws.com", 80),
            Some(crate::Verdict::Own)
        );
        assert_eq!(policy.refuses_literal("monitoring.eu-west-1.amazonaws.com", 443), None);
        assert_eq!(policy.refuses_literal("kms.us-east-1.amazonaws.com", 443), None);
    }

    #[test]
    fn a_network_that_does_not_parse_is_named() {
        let error = policy(&[("SOURCEGATE_EGRESS_ALLOW", "10.0.0.0/33")]).unwrap_err();
        assert!(error.to_string().contains("10.0.0.0/33"), "{error}");
    }
}
