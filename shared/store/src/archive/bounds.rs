//! Where secrets may go, on its way into an archive: what counts for a secret that is there, and nothing that is left of one
//! that is gone.

use std::collections::{BTreeMap, BTreeSet};

use sourcegate_core::{Document, DocumentId, Incarnation, OrgId, SecretUse};

use crate::item::Record;
use crate::read::Partition;
use crate::scoped::is_of;
use crate::table::{self, BoundKey, Table};
use crate::{Admin, Error};

/// The destinations of an organisation's secrets, each with the document because of which it is one; none in the older form.
#[derive(Clone, Debug, Default)]
pub struct LiveBounds(BTreeSet<(DocumentId, String, Option<Incarnation>)>);

impl LiveBounds {
    /// Tells what a document binds of what its data sources name. In the older form every one binds that leads there.
    #[must_use]
    pub fn of(&self, document: &Document, named: &BTreeSet<SecretUse>) -> BTreeSet<SecretUse> {
        let binds = |one: &&SecretUse| {
            let has = |holder| {
                let secret = document.id.secret(one.name.clone());
                self.0.contains(&(secret, one.destination.clone(), holder))
            };
            (document.ties.bound.contains(one) && has(Some(document.incarnation))) || has(None)
        };
        named.iter().filter(binds).cloned().collect()
    }
}

impl Admin {
    /// Reads where the secrets among these documents of an organisation may go.
    ///
    /// # Errors
    /// [`Error::BadRecord`] at the first damaged one; what the table says.
    pub async fn live_bounds(
        &self,
        org: OrgId,
        documents: &[Document],
    ) -> Result<LiveBounds, Error> {
        let secrets = documents.iter().filter(|document| document.id.kind.is_secret());
        let secrets: BTreeMap<_, _> = secrets.map(|secret| (&secret.id, secret)).collect();
        let pk = table::documents_of(org);
        let partition = Partition { table: Table::Registry, pk: &pk, backwards: false };
        let mut all = BTreeSet::new();
        for item in &self.store().query_from(&partition, "BOUND#", usize::MAX).await? {
            let record = Record(item);
            let key = table::bound_of(record.text("sk")?).ok_or_else(|| record.bad("sk"))?;
            let BoundKey { secret, destination, holder } = key;
            if let Some(there) = secrets.get(&secret)
                && is_of(item, there)?
            {
                all.insert((secret, destination, holder));
            }
        }
        Ok(LiveBounds(all))
    }
}

#[cfg(test)]
mod tests {
    use sourcegate_core::{DocumentKind, DocumentName, Ties};

    use super::*;
    use crate::documents::document;

    fn name(text: &str) -> DocumentName {
        DocumentName::parse(text).unwrap()
    }

    fn uses(all: &[(&str, &str)]) -> BTreeSet<SecretUse> {
        let one =
            |(own, to): &(&str, &str)| SecretUse { name: name(own), destination: (*to).to_owned() };
        all.iter().map(one).collect()
    }

    fn source(bound: &[(&str, &str)]) -> Document {
        let (kind, project) = (DocumentKind::Datasource, Some(name("p")));
        let id = DocumentId { kind, project, name: name("x") };
        Document {
            ties: Ties { bound: uses(bound), ..Ties::default() },
            ..document(OrgId::MAIN, id)
        }
    }

    #[test]
    fn k04_a_document_binds_what_counts_because_of_it_and_what_is_of_the_older_form() {
        let (a, b) = (("s", "https://a:443"), ("s", "https://b:443"));
        let (binding, naming) = (source(&[a]), source(&[]));
        let at =
            |(own, to): (&str, &str), holder| (binding.id.secret(name(own)), to.to_owned(), holder);
        let held = LiveBounds([at(a, Some(binding.incarnation))].into());
        let unheld = LiveBounds([at(a, None)].into());
        let none = LiveBounds::default();
        for (bounds, document, named, expected) in [
            (&held, &binding, &[a, b][..], &[a][..]),
            // It leads elsewhere by now.
            (&held, &binding, &[b], &[]),
            // Another one's, and that of a secret which is gone.
            (&held, &naming, &[a], &[]),
            (&none, &binding, &[a], &[]),
            (&unheld, &naming, &[a, b], &[a]),
            (&unheld, &naming, &[b], &[]),
        ] {
            assert_eq!(bounds.of(document, &uses(named)), uses(expected), "{bounds:?} {named:?}");
        }
    }
}
