//! Where secrets may go: an item for each document that has one go there, since somebody saved it so who may change the
//! secret. It is written and removed in the transactions of that document, and so a destination ends with the last document
//! that leads to it.

use std::collections::{BTreeMap, BTreeSet};

use auth::{Caller, DocumentPermit, NotAllowed, Verb};
use sourcegate_core::{Document, DocumentId, DocumentName, SecretUse};

use super::save::DocumentDraft;
use crate::item::{item, number, text};
use crate::table::{Key, Table};
use crate::write::Write;
use crate::{Error, Store, seconds_now};

/// What the saver of a document may do with the secrets that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saver<'a> {
    /// He may change them, so that his save binds them.
    Binds,
    /// He may not: what is bound stays so where the document still leads there.
    Keeps,
    /// He is an operator with an archive, which says what it bound.
    Restores(&'a BTreeSet<SecretUse>),
}

impl Saver<'_> {
    /// Finds out which he is.
    pub(super) fn of(permit: &DocumentPermit, id: &DocumentId) -> Self {
        let secret = id.secret(id.name.clone());
        let may = permit.caller().allow_document(Verb::Update, secret.kind, secret.realm());
        if may.is_ok() { Self::Binds } else { Self::Keeps }
    }

    /// Tells what a document binds that names these.
    pub(super) fn bound(
        self,
        before: &BTreeSet<SecretUse>,
        named: &BTreeSet<SecretUse>,
    ) -> BTreeSet<SecretUse> {
        match self {
            Self::Binds => named.clone(),
            Self::Keeps => named.intersection(before).cloned().collect(),
            Self::Restores(bound) => named.intersection(bound).cloned().collect(),
        }
    }
}

/// Refuses a document that names secrets to who may not see these: by his own data source he would ask of a host what the
/// other's does not let him.
pub(super) fn check_naming(caller: &Caller, draft: &DocumentDraft) -> Result<(), NotAllowed> {
    match draft.named.is_empty() {
        true => Ok(()),
        false => caller.check_naming(draft.id.realm()),
    }
}

impl Store {
    /// Makes the writes that bind secrets as a document says from now on, and no longer as it said before.
    ///
    /// # Errors
    /// What the tables say of the secrets.
    pub(super) async fn bound_writes(
        &self,
        before: Option<&Document>,
        after: &Document,
        saver: Saver<'_>,
    ) -> Result<Vec<Write>, Error> {
        let mut writes: Vec<_> = before.into_iter().flat_map(bounds).collect();
        writes.retain(|(bound, _)| !after.ties.bound.contains(bound));
        let mut writes: Vec<_> = writes.into_iter().map(|(_, key)| Write::delete(key)).collect();
        if saver == Saver::Keeps || after.ties.bound.is_empty() {
            return Ok(writes);
        }
        let incarnations = self.incarnations(after).await?;
        let made = seconds_now();
        writes.extend(bounds(after).map(|(bound, key)| {
            // That of a secret which is not there yet counts for one that is soon made.
            let incarnation = incarnations.get(&bound.name).map_or("", String::as_str);
            let attributes = [("inc", text(incarnation)), ("made", number(made))];
            Write::put(Table::Registry, item(&key, attributes))
        }));
        Ok(writes)
    }

    /// Finds which ones the secrets are that a document binds, by name: one round trip.
    async fn incarnations(
        &self,
        document: &Document,
    ) -> Result<BTreeMap<DocumentName, String>, Error> {
        let names: BTreeSet<_> = document.ties.bound.iter().map(|bound| &bound.name).collect();
        let secrets: Vec<_> =
            names.iter().map(|name| document.id.secret((*name).clone())).collect();
        let key = |secret: &DocumentId| Key::document(document.org, secret);
        let mut batch = self.batch(&secrets.iter().map(key).collect::<Vec<_>>()).await?;
        let mut found = BTreeMap::new();
        for secret in secrets {
            let Some(item) = batch.take(&key(&secret)) else { continue };
            let read = super::document_of(document.org, secret.kind, &item)?;
            found.extend(read.map(|read| (secret.name, read.incarnation.to_string())));
        }
        Ok(found)
    }
}

/// Lists what a document binds, with the keys of the items that say so.
pub(super) fn bounds(document: &Document) -> impl Iterator<Item = (&SecretUse, Key)> {
    document.ties.bound.iter().map(|bound| {
        let secret = document.id.secret(bound.name.clone());
        let holder = document.incarnation;
        (bound, Key::bound(document.org, &secret, &bound.destination, holder))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(all: &[(&str, &str)]) -> BTreeSet<SecretUse> {
        let one = |(name, destination): &(&str, &str)| SecretUse {
            name: DocumentName::parse(name).unwrap(),
            destination: (*destination).to_owned(),
        };
        all.iter().map(one).collect()
    }

    #[test]
    fn k04_who_may_not_change_a_secret_keeps_what_is_bound_and_binds_nothing() {
        let before = uses(&[("s", "https://a:443"), ("t", "https://a:443")]);
        for (named, kept) in [
            (&[("s", "https://a:443"), ("t", "https://a:443")][..], &before),
            // Moved, or another secret.
            (&[("s", "https://b:443")], &uses(&[])),
            (&[("u", "https://a:443")], &uses(&[])),
            (&[("s", "https://a:443"), ("s", "https://b:443")], &uses(&[("s", "https://a:443")])),
            (&[], &uses(&[])),
        ] {
            let named = uses(named);
            assert_eq!(Saver::Keeps.bound(&before, &named), *kept);
            assert_eq!(Saver::Binds.bound(&before, &named), named);
        }
    }

    #[test]
    fn k04_an_archive_binds_what_it_bound_where_it_was_made_and_nothing_else() {
        let (before, there) = (uses(&[("s", "https://b:443")]), uses(&[("s", "https://a:443")]));
        for (named, bound) in [
            (&[("s", "https://a:443"), ("t", "https://a:443")][..], &there),
            (&[("s", "https://b:443")], &uses(&[])),
            (&[], &uses(&[])),
        ] {
            assert_eq!(Saver::Restores(&there).bound(&before, &uses(named)), *bound);
        }
    }
}
