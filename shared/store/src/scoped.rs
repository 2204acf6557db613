//! What a request over a path of the Perses dialect needs of the tables: caller, project and data source in one batch, the
//! secret that it names in another.

use std::sync::Arc;

use auth::{Caller, Role};
use sourcegate_core::{
    Document, DocumentId, Incarnation, OrgId, Reference, Scope, ScopedName, ScopedSource,
    SecretSpec,
};

use crate::documents::{document_of, is_open, live_of, scoped_of};
use crate::entry::{Claim, identity_keys};
use crate::item::{Item, Record};
use crate::keys::WrappedKey;
use crate::read::{BATCH, Partition};
use crate::secrets::Sealed;
use crate::table::{self, Key, Table};
use crate::users::Verified;
use crate::{Error, Store, datasources};

/// How long after a binding the secret must be made that it was meant for, in seconds: data sources may come first, but nobody
/// says beforehand where the secrets of others will go.
const SOON: i64 = 60 * 60;

/// How often it is read again where something is being changed.
const MOST_READS: u32 = 6;

/// A verified caller, and what he names as far as it exists. Nothing is authorized yet.
#[derive(Clone)]
pub struct EnteredScoped {
    /// Who asks.
    pub caller: Caller,
    /// What he asks for.
    pub found: FoundScoped,
}

/// What stands under the name of a data source of the Perses dialect.
#[derive(Clone)]
pub enum FoundScoped {
    /// A data source of that dialect.
    Perses(Arc<ScopedSource>),
    /// One of Grafana's, whose name is the same without regard to case.
    Grafana(Reference),
    /// Several of Grafana's, with these names.
    Several(Vec<String>),
    /// Nothing, and no such project either.
    NoProject,
    /// Nothing.
    Nothing,
}

/// Where a data source would have a secret go.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// The canonical text of the destination.
    pub destination: &'a str,
    /// The incarnation of the data source.
    pub holder: Incarnation,
}

/// A secret of the Perses dialect with what its values are opened from.
#[derive(Clone)]
pub struct LocatedSecret {
    /// The secret.
    pub document: Arc<Document>,
    /// What it says.
    pub spec: SecretSpec,
    /// Its sealed values; none if it has none.
    pub sealed: Option<Arc<Sealed>>,
    /// The organisation's current key pair.
    pub key: Option<Arc<WrappedKey>>,
    /// Whether somebody who may change it has said that it may go to the destination that was asked for.
    pub is_bound: bool,
}

impl Store {
    /// Verifies a credential and finds a data source by scope and name: one round trip, one more where a global one is
    /// looked for among Grafana's, and one more for a user whom only roles could let in.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::BadRecord`].
    pub async fn enter_scoped(
        &self,
        claim: Claim<'_>,
        wanted: &ScopedName,
    ) -> Result<EnteredScoped, Error> {
        let mut place = self.place(claim)?;
        for round in 0..MOST_READS {
            if round > 0 {
                crate::read::pause(round).await;
            }
            let org = place.org();
            let own = Key::scoped(org, wanted);
            let project = wanted.scope.project().map(|project| Key::project(org, project));
            let mut keys = identity_keys(claim.credential, &place);
            keys.extend(own.iter().chain(&project).cloned());
            let mut batch = self.batch(&keys).await?;
            let caller = match self.verify(claim, &mut place, &mut batch).await? {
                Verified::Here(caller) => caller,
                Verified::Elsewhere => continue,
            };
            let project_item = project.as_ref().and_then(|project| batch.take(project));
            let has_project = project.is_none() || project_item.as_ref().is_some_and(is_open);
            let caller = self.reading(caller, project_item.as_ref()).await?;
            let item = own.and_then(|own| batch.take(&own)).filter(|_| has_project);
            let source = item.map(|item| scoped_of(org, wanted, &item)).transpose()?;
            let found = match source {
                _ if !has_project => FoundScoped::NoProject,
                None if wanted.scope == Scope::Org => self.of_grafana(org, wanted).await?,
                None => FoundScoped::Nothing,
                Some(source) => FoundScoped::Perses(Arc::new(source)),
            };
            return Ok(EnteredScoped { caller, found });
        }
        Err(Error::Busy)
    }

    /// Adds what roles give, if reading depends on it: in a project that was read already, or in none.
    async fn reading(&self, caller: Caller, project: Option<&Item>) -> Result<Caller, Error> {
        if caller.role() >= Role::Viewer || !caller.may_hold_roles() {
            return Ok(caller);
        }
        let live = project.map(|item| live_of(caller.org(), item)).transpose()?.flatten();
        let book = Box::pin(self.rolebook(caller.org())).await?;
        let held = book.held_by(&caller, live.as_slice());
        Ok(caller.holding(held))
    }

    /// Finds one of Grafana's data sources by its name without regard to case.
    async fn of_grafana(&self, org: OrgId, wanted: &ScopedName) -> Result<FoundScoped, Error> {
        let names = table::names_of(org);
        let partition = Partition { table: Table::Registry, pk: &names, backwards: false };
        let beginning = table::name_prefix(&wanted.name);
        let pointers = self.query_from(&partition, &beginning, 2).await?;
        match pointers.as_slice() {
            [] => Ok(FoundScoped::Nothing),
            [one] => Ok(FoundScoped::Grafana(Reference::Uid(datasources::pointer(one)?))),
            several => {
                let name = |item| datasources::name_of(item).map(|name| name.to_string());
                Ok(FoundScoped::Several(several.iter().map(name).collect::<Result<_, _>>()?))
            }
        }
    }

    /// Finds a secret with its values, and whether it may go where somebody would have it go: one round trip, and one more
    /// where it is not the data source itself that was saved by who may say so.
    ///
    /// # Errors
    /// [`Error::Busy`] if it is being changed again and again; [`Error::BadRecord`].
    pub async fn located_secret(
        &self,
        org: OrgId,
        id: &DocumentId,
        course: Option<Course<'_>>,
    ) -> Result<Option<LocatedSecret>, Error> {
        let always = [Key::document(org, id), Key::sealed_document(org, id), Key::current_key(org)];
        let bounds = course.map(|Course { destination, holder }| {
            [Key::bound(org, id, destination, holder), Key::unheld_bound(org, id, destination)]
        });
        let keys: Vec<_> = always.iter().chain(bounds.iter().flatten()).cloned().collect();
        for round in 0..MOST_READS {
            if round > 0 {
                crate::read::pause(round).await;
            }
            let mut batch = self.batch(&keys).await?;
            let [own, sealed, key] = always.each_ref().map(|key| batch.take(key));
            let Some(own) = own else { return Ok(None) };
            let Some(document) = document_of(org, id.kind, &own)? else { return Ok(None) };
            let sealed = match document.sec_rev {
                None => None,
                Some(rev) => {
                    let sealed = sealed.map(|item| Sealed::of(&item)).transpose()?;
                    // A batch is no snapshot.
                    let Some(whole) = sealed.filter(|sealed| sealed.rev == rev) else { continue };
                    Some(Arc::new(whole))
                }
            };
            let mut is_bound = false;
            for key in bounds.iter().flatten() {
                let read = batch.take(key).map(|item| is_of(&item, &document)).transpose()?;
                is_bound |= read.unwrap_or(false);
            }
            if let Some(Course { destination, .. }) = course.filter(|_| !is_bound) {
                is_bound = self.is_bound_by_any(&document, destination).await?;
            }
            // One that cannot be read authenticates nobody, and nothing is sent without.
            let spec = SecretSpec::read(&document.spec).ok_or_else(|| Record(&own).bad("spec"))?;
            let key = key.map(|item| WrappedKey::of(&item)).transpose()?.map(Arc::new);
            let document = Arc::new(document);
            return Ok(Some(LocatedSecret { document, spec, sealed, key, is_bound }));
        }
        Err(Error::Busy)
    }
}

impl Store {
    /// Tells whether there is a document that has a secret go to a destination.
    async fn is_bound_by_any(&self, secret: &Document, destination: &str) -> Result<bool, Error> {
        let pk = table::documents_of(secret.org);
        let partition = Partition { table: Table::Registry, pk: &pk, backwards: false };
        let beginning = Key::bounds_to(&secret.id, destination);
        let mut start = None;
        loop {
            let page = self.page_from(&partition, &beginning, BATCH, start).await?;
            for binding in &page.items {
                // Those of an earlier secret of its name may be left.
                if is_of(binding, secret)? {
                    return Ok(true);
                }
            }
            start = page.next;
            if start.is_none() {
                return Ok(false);
            }
        }
    }
}

/// Tells whether a binding is one of this secret.
pub(crate) fn is_of(binding: &Item, secret: &Document) -> Result<bool, Error> {
    let record = Record(binding);
    let incarnation = record.text("inc")?;
    if !incarnation.is_empty() {
        return Ok(incarnation == secret.incarnation.to_string());
    }
    let made: i64 = record.number("made").unwrap_or_default();
    let created = i64::try_from(secret.created_ns / 1_000_000_000).unwrap_or(i64::MAX);
    // Clocks of two processes differ a little.
    Ok((made - 60..=made + SOON).contains(&created))
}

#[cfg(test)]
mod tests {
    use sourcegate_core::{DocumentKind, DocumentName};

    use super::*;
    use crate::documents::document;
    use crate::item::{item, number, text};

    #[test]
    fn a_binding_is_of_one_secret_or_of_one_that_is_soon_made() {
        let id = DocumentId {
            kind: DocumentKind::GlobalSecret,
            project: None,
            name: DocumentName::parse("s").unwrap(),
        };
        let secret =
            Document { created_ns: 10_000 * 1_000_000_000, ..document(OrgId::MAIN, id.clone()) };
        let key = Key::bound(OrgId::MAIN, &id, "https://h:443", Incarnation::new());
        let check = |incarnation: String, made: i64, expected: bool| {
            let binding = item(&key, [("inc", text(&incarnation)), ("made", number(made))]);
            assert_eq!(is_of(&binding, &secret).unwrap(), expected, "{incarnation} {made}");
        };
        check(secret.incarnation.to_string(), 0, true);
        check(Incarnation::new().to_string(), 10_000, false);
        for (made, expected) in [
            (10_000, true),
            (10_030, true),
            (6_400, true),
            (6_399, false),
            (0, false),
            (10_061, false),
        ] {
            check(String::new(), made, expected);
        }
    }
}
