//! One rule: who may log in where and as whom.

use crate::{OrgId, SqlTarget};

/// The ends of the names that RDS gives, behind a region.
const ENDINGS: [&str; 2] = [".rds.amazonaws.com", ".rds.amazonaws.com.cn"];

/// Says what is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRdsRule {
    /// No number of an organisation.
    #[error("org {0} is no number of an organisation")]
    Org(i64),
    /// No name of an endpoint.
    #[error(
        "host {0:?} is no endpoint; write its name without a port, or *.ID.REGION.rds.amazonaws.com for all of an account \
         and region"
    )]
    Host(String),
    /// The port that means any.
    #[error("port 0 cannot be dialled; leave it out for the usual one")]
    Port,
    /// No name of one user.
    #[error(
        "user {0:?} is no name of one database user, and there are no wildcards; write a rule for each"
    )]
    User(String),
    /// The host does not say the region.
    #[error("host {0:?} names no region; add \"region\", such as \"eu-west-1\"")]
    NoRegion(String),
    /// The host says another one.
    #[error("region {region:?} is not that of host {host:?}; leave it out")]
    OtherRegion {
        /// What the rule says.
        region: String,
        /// Where the endpoint is.
        host: String,
    },
    /// No name of a region.
    #[error("region {0:?} is no name of a region, such as \"eu-west-1\"")]
    Region(String),
}

/// A rule as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    org: i64,
    host: String,
    port: Option<u16>,
    user: String,
    region: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    org: OrgId,
    host: Hosts,
    port: Option<u16>,
    user: String,
    pub(super) region: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    One(String),
    /// All with one label in front of this, which begins with a dot.
    Below(String),
}

impl Rule {
    pub(super) fn of(written: Written) -> Result<Self, BadRdsRule> {
        let Written { org, host, port, user, region } = written;
        let org = OrgId::new(org).map_err(|_| BadRdsRule::Org(org))?;
        let name = canonical(&host);
        let hosts = Hosts::of(&name).ok_or(BadRdsRule::Host(host))?;
        if port == Some(0) {
            return Err(BadRdsRule::Port);
        }
        let is_one = !user.is_empty() && user != "*" && !user.chars().any(char::is_control);
        if !is_one || user.chars().count() > 1000 {
            return Err(BadRdsRule::User(user));
        }
        let region = match (region, region_of(&name)) {
            (None, Some(own)) => own.to_owned(),
            (None, None) => return Err(BadRdsRule::NoRegion(name)),
            (Some(region), Some(own)) if region != own => {
                return Err(BadRdsRule::OtherRegion { region, host: name });
            }
            (Some(region), _) if is_label(&region) => region,
            (Some(region), _) => return Err(BadRdsRule::Region(region)),
        };
        Ok(Self { org, host: hosts, port, user, region })
    }

    /// Tells whether it is for a login to a host, whose name is canonical.
    pub(super) fn is_for(&self, org: OrgId, host: &str, target: &SqlTarget) -> bool {
        let port = self.port.unwrap_or_else(|| target.driver.default_port());
        self.org == org
            && self.user == target.user
            && port == target.place.port
            && self.host.has(host)
    }
}

impl Hosts {
    fn of(name: &str) -> Option<Self> {
        let labels = |name: &str| name.split('.').all(is_label);
        match name.strip_prefix('*') {
            None => (labels(name) && name.len() <= 253).then(|| Self::One(name.to_owned())),
            // Below a region alone anybody's databases would be.
            Some(rest) => {
                let (id, _) = rest.strip_prefix('.')?.split_once('.')?;
                let region = region_of(rest)?;
                let whole = ENDINGS.iter().any(|end| rest == format!(".{id}.{region}{end}"));
                (whole && is_label(id)).then(|| Self::Below(rest.to_owned()))
            }
        }
    }

    fn has(&self, host: &str) -> bool {
        match self {
            Self::One(name) => name == host,
            Self::Below(rest) => host.strip_suffix(rest.as_str()).is_some_and(is_label),
        }
    }
}

/// Names that mean one host are one text.
pub(super) fn canonical(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// The region that a name of RDS' says.
fn region_of(name: &str) -> Option<&str> {
    let rest = ENDINGS.iter().find_map(|end| name.strip_suffix(end))?;
    let (_, region) = rest.rsplit_once('.')?;
    is_label(region).then_some(region)
}

fn is_label(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    !text.is_empty() && text.len() <= 63 && text.chars().all(fits)
}
