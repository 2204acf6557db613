//! Partition and sort keys of the three tables: the only file that spells them.

mod documents;

use std::collections::HashMap;

use auth::{OwnerId, SessionId, Token};
use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest, Sha256};
use sourcegate_core::{Incarnation, LegacyId, OrgId, OrgName, SourceName, Uid};

use crate::floods::Address;

pub(crate) use documents::{
    BoundKey, bound_of, dashboard_of, default_of, documents_of, home_of, is_document, kind_of,
    members_of_project, prefix_of, roles_of, secret_of, slots_of,
};

/// Which of the three tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    /// Who may do what; written by one function alone.
    Access,
    /// Data sources and their sealed values.
    Registry,
    /// What expires.
    Scratch,
}

/// The names of the three tables. Rights are given by table, so they are three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// `SOURCEGATE_TABLE_ACCESS`, default `sourcegate-access`.
    pub access: String,
    /// `SOURCEGATE_TABLE_REGISTRY`, default `sourcegate-registry`.
    pub registry: String,
    /// `SOURCEGATE_TABLE_SCRATCH`, default `sourcegate-scratch`.
    pub scratch: String,
}

impl Tables {
    pub(crate) fn name(&self, table: Table) -> &str {
        match table {
            Table::Access => &self.access,
            Table::Registry => &self.registry,
            Table::Scratch => &self.scratch,
        }
    }
}

/// The whole key of one item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) table: Table,
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn access(pk: String, sk: impl Into<String>) -> Self {
        Self { table: Table::Access, pk, sk: sk.into() }
    }

    fn scratch(pk: String, sk: impl Into<String>) -> Self {
        Self { table: Table::Scratch, pk, sk: sk.into() }
    }

    fn registry(pk: String, sk: impl Into<String>) -> Self {
        Self { table: Table::Registry, pk, sk: sk.into() }
    }

    pub(crate) fn token(token: &Token) -> Self {
        Self::stored_token(format!("TOKEN#{}", hex(token.hash())))
    }

    /// A token that another item names by its partition.
    pub(crate) fn stored_token(pk: String) -> Self {
        Self::access(pk, "-")
    }

    pub(crate) fn org(org: OrgId) -> Self {
        Self::access(format!("ORG#{org}"), "META")
    }

    /// What a list of organisations is read from: by number, with their names.
    pub(crate) fn listed_org(org: OrgId) -> Self {
        Self::access(ORGS.to_owned(), padded(org.get()))
    }

    pub(crate) fn org_name(name: &OrgName) -> Self {
        Self::access("ORGNAME".to_owned(), name.as_str())
    }

    /// Says that an organisation is being deleted, and how far that has come.
    pub(crate) fn sweep(org: OrgId) -> Self {
        Self::access(SWEEPS.to_owned(), padded(org.get()))
    }

    /// What a list of users is read from: by number, with their logins.
    pub(crate) fn listed_user(id: u32) -> Self {
        Self::access(USERS.to_owned(), padded(id))
    }

    /// Says that the number of a user or a service account was given; it stays when they go.
    pub(crate) fn account_number(id: u32) -> Self {
        Self::access(ACCOUNTS.to_owned(), padded(id))
    }

    /// Logins are compared folded, as Grafana does, and may hold any character: `#` is escaped.
    pub(crate) fn user(login: &str) -> Self {
        Self::access(format!("USER#{}", escaped(&folded(login))), "-")
    }

    /// The pointer from an email to the login of its user; compared as logins are.
    pub(crate) fn email(email: &str) -> Self {
        Self::access(format!("EMAIL#{}", escaped(&folded(email))), "-")
    }

    /// One login of a user, among his others.
    pub(crate) fn session(user: u32, session: SessionId) -> Self {
        Self::access(sessions_of(user), session.to_string())
    }

    pub(crate) fn member(org: OrgId, login: &str) -> Self {
        Self::access(members_of(org), folded(login))
    }

    pub(crate) fn service_account(org: OrgId, id: OwnerId) -> Self {
        Self::access(accounts_of(org), padded(id.get()))
    }

    /// Whose name it is; the slug, so that two names that make the same login are the same.
    pub(crate) fn account_name(org: OrgId, slug: &str) -> Self {
        Self::access(account_names_of(org), slug)
    }

    /// The tokens of an organisation, in the order of their owners and then of their numbers.
    pub(crate) fn account_token(org: OrgId, owner: OwnerId, number: u32) -> Self {
        let sk = format!("{}{}", account_tokens_from(owner), padded(number));
        Self::access(account_tokens_of(org), sk)
    }

    /// Which token has a name, compared exactly.
    pub(crate) fn token_name(org: OrgId, name: &str) -> Self {
        Self::access(token_names_of(org), name)
    }

    /// When a token was used last.
    pub(crate) fn last_use(org: OrgId, owner: OwnerId, number: u32) -> Self {
        Self { table: Table::Scratch, pk: last_uses_of(org, owner), sk: padded(number) }
    }

    pub(crate) fn current_key(org: OrgId) -> Self {
        Self::access(keys_of(org), "current")
    }

    pub(crate) fn numbered_key(org: OrgId, number: u32) -> Self {
        Self::access(keys_of(org), number.to_string())
    }

    /// Counters of the access table live beside what they count.
    pub(crate) fn access_counter(what: &str) -> Self {
        Self::access(COUNTERS.to_owned(), what)
    }

    pub(crate) fn datasource(org: OrgId, uid: &Uid) -> Self {
        Self::registry(sources_of(org), uid.as_str())
    }

    pub(crate) fn sealed(org: OrgId, uid: &Uid) -> Self {
        Self::registry(sealed_of(org), format!("DS#{uid}"))
    }

    pub(crate) fn name(org: OrgId, name: &SourceName) -> Self {
        let sk = format!("{}{}", name_prefix(name.as_str()), name.as_str());
        Self::registry(names_of(org), sk)
    }

    pub(crate) fn id(org: OrgId, id: LegacyId) -> Self {
        // Nineteen digits, so that the order of texts is that of numbers.
        Self::registry(ids_of(org), format!("{:019}", id.get()))
    }

    pub(crate) fn default_source(org: OrgId) -> Self {
        Self::registry("DEFAULT".to_owned(), org.to_string())
    }

    /// All correlations that start from one data source: bound to its incarnation, so that none outlives it.
    pub(crate) fn correlations(org: OrgId, source: Incarnation) -> Self {
        Self::registry(correlations_of(org), source.to_string())
    }

    pub(crate) fn counter(org: OrgId, what: &str) -> Self {
        Self::registry(COUNTERS.to_owned(), format!("{org}#{what}"))
    }

    /// What is known of a data source that a file made; of that incarnation and no later one.
    pub(crate) fn provisioned(org: OrgId, incarnation: Incarnation) -> Self {
        Self::registry(PROVISIONED.to_owned(), format!("{}#{incarnation}", padded(org.get())))
    }

    /// How many unknown tokens an address has sent in a window of time.
    pub(crate) fn unknown_tokens(address: &Address, window: i64) -> Self {
        Self::scratch(format!("STRANGER#{}", address.as_str()), window.to_string())
    }

    /// How many passwords have failed from an address in a window of time, for a login or for all.
    pub(crate) fn failed_passwords(address: &Address, window: i64, login: Option<&str>) -> Self {
        // Hashed, since a login may be of any length, and may be a password in the wrong field.
        let login = login.map(|login| hex(&Sha256::digest(login.to_lowercase())));
        let sk = format!("{window}#{}", login.unwrap_or_default());
        Self::scratch(format!("FAILED#{}", address.as_str()), sk)
    }

    /// Reads the key of an item; none if it has none, which no table lets happen.
    pub(crate) fn of(table: Table, item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let part = |name: &str| item.get(name)?.as_s().ok().cloned();
        Some(Self { table, pk: part("pk")?, sk: part("sk")? })
    }

    /// Gives the key as the two attributes that every item carries.
    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

/// The partition that holds every organisation, in the order of their numbers.
pub(crate) const ORGS: &str = "ORGS";

/// The partition that holds every user, in the order of their numbers.
pub(crate) const USERS: &str = "USERS";

/// The partition that holds what files made, by organisation: a folder of files may speak of all of them.
pub(crate) const PROVISIONED: &str = "PROVISIONED";

/// The partition that holds every number that a user or a service account was given.
pub(crate) const ACCOUNTS: &str = "ACCOUNT";

/// The partition that holds what is left of organisations that were deleted, until it has been swept twice.
pub(crate) const SWEEPS: &str = "SWEEP";

/// The partition, in two tables, that holds what is counted.
const COUNTERS: &str = "COUNTER";

/// The items of a partition whose sort keys begin with a text.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) table: Table,
    pub(crate) pk: String,
    /// Empty for the whole partition.
    pub(crate) start: String,
}

impl Span {
    fn whole(table: Table, pk: String) -> Self {
        Self { table, pk, start: String::new() }
    }

    fn part(table: Table, pk: &str, start: String) -> Self {
        Self { table, pk: pk.to_owned(), start }
    }
}

/// Everything of one organisation that its end deletes by sweeping, in this order: keys first, so that no secret opens
/// again. Whoever adds a partition of organisations adds it here. Beside it stand the tokens that `SATOKEN` names, the
/// users that `MEMBER` names, and the one item of the default.
pub(crate) fn spans_of(org: OrgId) -> Vec<Span> {
    vec![
        Span::whole(Table::Access, keys_of(org)),
        Span::whole(Table::Access, account_tokens_of(org)),
        Span::whole(Table::Access, accounts_of(org)),
        Span::whole(Table::Access, account_names_of(org)),
        Span::whole(Table::Access, token_names_of(org)),
        Span::whole(Table::Access, members_of(org)),
        Span::whole(Table::Access, roles_of(org)),
        Span::part(Table::Access, COUNTERS, format!("{org}#")),
        Span::whole(Table::Registry, sealed_of(org)),
        Span::whole(Table::Registry, documents_of(org)),
        Span::whole(Table::Registry, names_of(org)),
        Span::whole(Table::Registry, ids_of(org)),
        Span::whole(Table::Registry, correlations_of(org)),
        Span::whole(Table::Registry, sources_of(org)),
        Span::part(Table::Registry, PROVISIONED, format!("{}#", padded(org.get()))),
        Span::part(Table::Registry, COUNTERS, format!("{org}#")),
    ]
}

/// The partition that holds the logins of a user.
pub(crate) fn sessions_of(user: u32) -> String {
    format!("SESSION#{}", padded(user))
}

/// The partition that holds who belongs to an organisation, in the order of their logins.
pub(crate) fn members_of(org: OrgId) -> String {
    format!("MEMBER#{org}")
}

/// The partition that holds an organisation's service accounts, in the order of their numbers.
pub(crate) fn accounts_of(org: OrgId) -> String {
    format!("SA#{org}")
}

/// The partition that holds the tokens of an organisation's service accounts.
pub(crate) fn account_tokens_of(org: OrgId) -> String {
    format!("SATOKEN#{org}")
}

/// The partition that holds an organisation's key pairs.
pub(crate) fn keys_of(org: OrgId) -> String {
    format!("KEY#{org}")
}

/// The partition that holds an organisation's data sources.
pub(crate) fn sources_of(org: OrgId) -> String {
    format!("DS#{org}")
}

/// The partition that holds an organisation's sealed values.
pub(crate) fn sealed_of(org: OrgId) -> String {
    format!("SEC#{org}")
}

/// How the sort keys of one service account's tokens begin.
pub(crate) fn account_tokens_from(owner: OwnerId) -> String {
    format!("{}#", padded(owner.get()))
}

/// The partition that holds the names of an organisation's service accounts.
pub(crate) fn account_names_of(org: OrgId) -> String {
    format!("SANAME#{org}")
}

/// The partition that holds the names of an organisation's tokens.
pub(crate) fn token_names_of(org: OrgId) -> String {
    format!("TOKENNAME#{org}")
}

/// The partition that holds when the tokens of a service account were used last; what is in it expires.
pub(crate) fn last_uses_of(org: OrgId, owner: OwnerId) -> String {
    format!("USED#{org}#{owner}")
}

/// Ten digits, so that the order of texts is that of numbers.
fn padded(number: u32) -> String {
    format!("{number:010}")
}

/// The partition that holds an organisation's names, in the order of lists.
pub(crate) fn names_of(org: OrgId) -> String {
    format!("NAME#{org}")
}

/// How the pointers of all names begin that differ from one in case alone.
pub(crate) fn name_prefix(name: &str) -> String {
    format!("{}#", escaped(&name.to_lowercase()))
}

/// The partition that holds an organisation's numeric ids, in their order.
pub(crate) fn ids_of(org: OrgId) -> String {
    format!("ID#{org}")
}

/// The partition that holds an organisation's correlations, by the data sources that they start from.
pub(crate) fn correlations_of(org: OrgId) -> String {
    format!("CORR#{org}")
}

/// Logins and emails are compared without regard to case.
pub(crate) fn folded(text: &str) -> String {
    text.to_lowercase()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps the separator out of a text; `%` is left alone, since nothing is ever read back.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('#', "%23")
}

fn unescaped(text: &str) -> String {
    text.replace("%23", "#").replace("%25", "%")
}

#[cfg(test)]
mod tests;
