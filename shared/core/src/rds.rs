//! Which databases of Amazon RDS are logged in to with a token in place of a password: `SOURCEGATE_RDS_IAM`.
//!
//! Such a token is made with the credentials of the process and not with a tenant's. So an operator says, rule by rule, which
//! organisation may log in where and as whom.

mod rule;

use crate::{Classify, Kind, OrgId, SqlTarget};

use rule::{Rule, canonical};

pub use rule::BadRdsRule;

const VARIABLE: &str = "SOURCEGATE_RDS_IAM";

/// Says what is wrong with the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRdsRules {
    /// They are not a list of objects.
    #[error(
        "{VARIABLE} is not a JSON list of rules such as {{\"org\":1,\"host\":\"db.abc123.eu-west-1.rds.amazonaws.com\",\
         \"user\":\"reader\"}}: {0}"
    )]
    Form(String),
    /// There is none.
    #[error("{VARIABLE} is a list without a rule; write one, or unset it")]
    None,
    /// One of them, counted from 1, cannot be followed.
    #[error("{VARIABLE}, rule {number}: {what}")]
    Rule {
        /// Which one.
        number: usize,
        /// What is wrong with it.
        what: BadRdsRule,
    },
}

/// Says why a database is not logged in to with a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RdsRefusal {
    /// No rule is for it.
    #[error(
        "organisation {org} may not log in with an RDS token as {user:?} at {host}:{port}; whoever runs the gateway can grant \
         that in {VARIABLE}, and without rds_iam the password is used"
    )]
    NotGranted {
        /// Whose data source it is.
        org: OrgId,
        /// As whom.
        user: String,
        /// Where.
        host: String,
        /// At which port.
        port: u16,
    },
    /// TLS that would not keep the token from others, for whom it is good for a quarter of an hour.
    #[error(
        "an RDS token goes only where TLS verifies the server by the host's own name; set ssl mode verify-full (for MySQL \
         tls true), and no other server name"
    )]
    Tls,
}

impl RdsRefusal {
    /// Refuses a login that no rule is for.
    #[must_use]
    pub fn not_granted(org: OrgId, target: &SqlTarget) -> Self {
        let (host, port) = (canonical(&target.place.host), target.place.port);
        Self::NotGranted { org, user: target.user.clone(), host, port }
    }
}

impl Classify for RdsRefusal {
    fn kind(&self) -> Kind {
        match self {
            Self::NotGranted { .. } => Kind::Forbidden,
            Self::Tls => Kind::Invalid,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotGranted { .. } => "rds_not_granted",
            Self::Tls => "bad_settings",
        })
    }
}

/// What an operator has granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RdsRules(Vec<Rule>);

/// A login that an operator has granted, to a server that TLS verifies by this very name. Only [`RdsRules::login`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RdsLogin {
    /// The endpoint, in small letters.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database user.
    pub user: String,
    /// The region that the endpoint is in.
    pub region: String,
}

impl RdsRules {
    /// Reads `SOURCEGATE_RDS_IAM`; none if it is unset.
    ///
    /// # Errors
    /// As [`RdsRules::parse`].
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, BadRdsRules> {
        get(VARIABLE).map(|text| Self::parse(&text)).transpose()
    }

    /// Reads a JSON list of rules.
    ///
    /// | field | |
    /// |---|---|
    /// | `org` | the number of the organisation |
    /// | `host` | the endpoint; `*.` in front of `ID.REGION.rds.amazonaws.com` stands for one label, and so for all instances of the account there |
    /// | `port` | default: 5432 for PostgreSQL, 3306 for MySQL and MariaDB |
    /// | `user` | the database user |
    /// | `region` | default: as the endpoint says |
    ///
    /// # Errors
    /// [`BadRdsRules`] with the first one that is wrong.
    pub fn parse(text: &str) -> Result<Self, BadRdsRules> {
        let written: Vec<rule::Written> =
            serde_json::from_str(text).map_err(|error| BadRdsRules::Form(error.to_string()))?;
        if written.is_empty() {
            return Err(BadRdsRules::None);
        }
        let numbered = written.into_iter().zip(1..);
        let rules = numbered.map(|(written, number)| {
            Rule::of(written).map_err(|what| BadRdsRules::Rule { number, what })
        });
        Ok(Self(rules.collect::<Result<_, _>>()?))
    }

    /// Finds the login that an organisation has been granted for a database.
    ///
    /// # Errors
    /// There is none, or TLS would not verify the server by its name.
    pub fn login(&self, org: OrgId, target: &SqlTarget) -> Result<RdsLogin, RdsRefusal> {
        let host = canonical(&target.place.host);
        let Some(rule) = self.0.iter().find(|rule| rule.is_for(org, &host, target)) else {
            return Err(RdsRefusal::not_granted(org, target));
        };
        if !verifies_name(target, &host) {
            return Err(RdsRefusal::Tls);
        }
        let (port, user) = (target.place.port, target.user.clone());
        Ok(RdsLogin { host, port, user, region: rule.region.clone() })
    }
}

/// Tells whether TLS is always spoken and the certificate has the name of the host.
fn verifies_name(target: &SqlTarget, host: &str) -> bool {
    let tls = &target.tls;
    let is_own_name = tls.server_name.as_deref().is_none_or(|name| canonical(name) == host);
    tls.mode == crate::SslMode::VerifyFull && !tls.skip_verify && is_own_name
}

#[cfg(test)]
mod tests;
