//! What the items of a snapshot say, by what they are of.

use std::collections::{BTreeMap, BTreeSet};

use sourcegate_core::{Datasource, Incarnation, LegacyId, OrgId, Rev, Uid};

use super::documents::Documents;
use crate::ServiceAccount;
use crate::item::Item;
use crate::keys::WrappedKey;
use crate::secrets::Sealed;
use crate::table::{Key, Table, documents_of, is_document, sources_of};
use crate::users::User;

/// Something of an organisation, with the item that says it.
pub(super) type Of<'a, K, V> = BTreeMap<(OrgId, K), (V, &'a Item)>;

/// All that is known. Of damaged items it is where they are, and of unknown ones nothing.
#[derive(Default)]
pub(super) struct Facts<'a> {
    // The registry.
    pub(super) sources: Of<'a, Uid, Datasource>,
    pub(super) sealed: Of<'a, Uid, Sealed>,
    /// Pointers of names, by their sort keys.
    pub(super) names: Of<'a, String, Uid>,
    /// Pointers of numbers, by their sort keys.
    pub(super) ids: Of<'a, String, Uid>,
    pub(super) defaults: Of<'a, (), LegacyId>,
    pub(super) correlations: Of<'a, Incarnation, Rev>,
    /// Counters of both tables, by their keys: the number that was given last.
    pub(super) counters: BTreeMap<Key, i64>,

    /// Those of the Perses dialect, and what follows from them.
    pub(super) documents: Documents,

    // The access table.
    pub(super) orgs: BTreeMap<OrgId, (Org, &'a Item)>,
    pub(super) listed_orgs: BTreeMap<OrgId, String>,
    pub(super) org_names: BTreeMap<String, OrgId>,
    pub(super) users: BTreeMap<Key, (User, &'a Item)>,
    pub(super) listed_users: BTreeMap<u32, &'a Item>,
    /// Pointers of emails, by their partition keys, to logins.
    pub(super) emails: BTreeMap<Key, String>,
    /// Numbers that were given to users and service accounts.
    pub(super) given: Vec<u32>,
    pub(super) members: Of<'a, String, u32>,
    /// Service accounts, by their numbers.
    pub(super) accounts: Of<'a, u32, ServiceAccount>,
    /// Who has a name, by its sort key.
    pub(super) account_names: Of<'a, String, u32>,
    /// Tokens, by the partition keys that lists name them by.
    pub(super) tokens: BTreeMap<String, Token>,
    /// The lists of tokens: owner and number to the token's partition key.
    pub(super) listed_tokens: Of<'a, (u32, u32), String>,
    /// Which token has a name: its partition key.
    pub(super) token_names: Of<'a, String, String>,
    /// Key pairs by number; none is the current one.
    pub(super) keys: Of<'a, Option<u32>, WrappedKey>,

    /// Organisations that were deleted and whose rest is being swept.
    pub(super) sweeps: BTreeSet<OrgId>,

    /// Of which organisation each item is, as far as it is of one.
    pub(super) owners: Vec<(OrgId, Key)>,
    /// Items that cannot be read: damaged ones, and those of a later version's shape. What follows from one of them is not without
    /// its owner.
    pub(super) damaged: BTreeSet<Key>,
}

/// An organisation.
pub(super) struct Org {
    /// None once it is being deleted.
    pub(super) name: Option<String>,
    pub(super) deleting: bool,
}

/// A token.
pub(super) struct Token {
    pub(super) org: OrgId,
    pub(super) owner: u32,
    pub(super) number: u32,
    pub(super) name: String,
}

impl Facts<'_> {
    /// Tells whether an organisation is there and not being deleted.
    pub(super) fn is_open(&self, org: OrgId) -> bool {
        self.orgs.get(&org).is_some_and(|(org, _)| !org.deleting)
    }

    /// Tells whether a data source of an organisation cannot be read, so that nobody can tell what is of none.
    pub(super) fn has_damaged_source(&self, org: OrgId) -> bool {
        let pk = sources_of(org);
        self.damaged.iter().any(|key| key.table == Table::Registry && key.pk == pk)
    }

    /// Tells the same of documents outside of the access table.
    pub(super) fn has_damaged_document(&self, org: OrgId) -> bool {
        let pk = documents_of(org);
        let is_one = |key: &&Key| key.table == Table::Registry && key.pk == pk;
        self.damaged.iter().filter(is_one).any(|key| is_document(&key.sk))
    }
}
