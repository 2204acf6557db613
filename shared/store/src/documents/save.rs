//! Making and changing documents.

use std::collections::BTreeSet;
use std::sync::Arc;

use auth::{DocumentPermit, Verb};
use sourcegate_core::{
    Assignee, BindingSpec, Document, DocumentId, Incarnation, JsonText, OrgId, Rev, SecretUse, Ties,
};

use super::bounds::{Saver, check_naming};
use super::item::{OPEN, document_item};
use super::local::LocalDraft;
use super::now_ns;
use super::rights::maker;
use super::secrets::Values;
use crate::archive::ArchivedDocument;
use crate::item::{Item, Record, item, text};
use crate::secrets::Sealed;
use crate::table::{Key, Table, home_of};
use crate::write::{Condition, MOST_WRITES, Outcome, Write};
use crate::{Error, Store};

/// How often a change is made again on what somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

/// What a document is made of, or replaced by.
#[derive(Clone, Debug)]
pub struct DocumentDraft {
    /// What names it.
    pub id: DocumentId,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// What it says, with masks where values are sealed.
    pub spec: JsonText,
    /// The kind of plugin that it is to be its scope's default for.
    pub default_of: Option<String>,
    /// The values of a secret.
    pub values: Values,
    /// A dashboard's own data sources.
    pub locals: Vec<LocalDraft>,
    /// The secrets that its data sources name, and where they would go.
    pub named: BTreeSet<SecretUse>,
    /// The logins of those whom a binding to a role names.
    pub subjects: Vec<String>,
}

/// What a part of the transaction says when its condition does not hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Document,
    Project,
    Default,
    Other,
}

impl Store {
    /// Makes a document.
    ///
    /// # Errors
    /// [`Error::DocumentTaken`], [`Error::NoProject`], [`Error::NoSubject`], [`Error::DefaultTaken`], [`Error::MaskedOnly`],
    /// [`Error::TooLarge`]; [`Error::NotAllowed`] where it would give rights that its author lacks, or names secrets that
    /// he may not see.
    pub async fn create_document(
        &self,
        permit: &DocumentPermit,
        draft: &DocumentDraft,
    ) -> Result<Arc<Document>, Error> {
        debug_assert_eq!((permit.verb(), permit.kind()), (Verb::Create, draft.id.kind));
        let caller = permit.caller();
        check_naming(caller, draft)?;
        self.check_giving(caller, draft).await?;
        self.make_document((caller.org(), maker(caller)), Saver::of(permit, &draft.id), draft).await
    }

    /// Makes a document of an archive, also beyond the limit of roles and bindings: they were as many where they come from.
    pub(crate) async fn made_by_operator(
        &self,
        wanted: &ArchivedDocument,
    ) -> Result<Arc<Document>, Error> {
        let saver = Saver::Restores(&wanted.bound);
        let make = || self.make_document((wanted.org, wanted.maker), saver, &wanted.draft);
        match make().await {
            // What is left of a project that is gone may have its place.
            Err(Error::DocumentTaken(_)) if wanted.draft.id.kind.gives_rights() => {
                self.sweep_roles(wanted.org).await?;
                make().await
            }
            other => other,
        }
    }

    async fn make_document(
        &self,
        (org, maker): (OrgId, Option<Assignee>),
        saver: Saver<'_>,
        draft: &DocumentDraft,
    ) -> Result<Arc<Document>, Error> {
        let ties = self.ties(org, maker, draft).await?;
        // No document is older than the project that it is tied to.
        let now = now_ns();
        if draft.id.kind.gives_rights() && !matches!(saver, Saver::Restores(_)) {
            self.make_room(org).await?;
        }
        let document = Document {
            org,
            id: draft.id.clone(),
            incarnation: Incarnation::new(),
            rev: Rev::new(),
            sec_rev: None,
            version: 0,
            created_ns: now,
            updated_ns: now,
            tags: draft.tags.clone(),
            spec: draft.spec.clone(),
            default_of: draft.default_of.clone(),
            secret_names: BTreeSet::new(),
            ties,
        };
        let saved = self.save((None, saver), document, draft).await?;
        saved.ok_or_else(|| Error::DocumentTaken(draft.id.clone()))
    }

    /// Replaces what a document says. Its incarnation and the time of its making stay.
    ///
    /// # Errors
    /// [`Error::NoDocument`] if there is none; [`Error::TooManyChanges`]; else as [`Store::create_document`], and [`Error::MustResend`] and
    /// [`Error::OtherRole`].
    pub async fn update_document(
        &self,
        permit: &DocumentPermit,
        draft: &DocumentDraft,
    ) -> Result<Arc<Document>, Error> {
        debug_assert_eq!((permit.verb(), permit.kind()), (Verb::Update, draft.id.kind));
        check_naming(permit.caller(), draft)?;
        self.check_giving(permit.caller(), draft).await?;
        self.change_document(permit.caller().org(), Saver::of(permit, &draft.id), draft).await
    }

    /// Replaces what a document says by what an archive does.
    pub(crate) async fn changed_by_operator(
        &self,
        wanted: &ArchivedDocument,
    ) -> Result<Arc<Document>, Error> {
        self.change_document(wanted.org, Saver::Restores(&wanted.bound), &wanted.draft).await
    }

    async fn change_document(
        &self,
        org: OrgId,
        saver: Saver<'_>,
        draft: &DocumentDraft,
    ) -> Result<Arc<Document>, Error> {
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let before = self.document(org, &draft.id).await?;
            let before = before.ok_or_else(|| Error::NoDocument(draft.id.clone()))?;
            check_role(&before, draft)?;
            let subjects = self.subjects(org, &draft.subjects).await?;
            let after = Document {
                ties: Ties { subjects, ..before.ties.clone() },
                rev: Rev::new(),
                sec_rev: None,
                version: before.version.saturating_add(1),
                updated_ns: now_ns(),
                tags: draft.tags.clone(),
                spec: draft.spec.clone(),
                default_of: draft.default_of.clone(),
                secret_names: BTreeSet::new(),
                ..Document::clone(&before)
            };
            match self.save((Some(&before), saver), after, draft).await {
                Ok(Some(saved)) => return Ok(saved),
                Ok(None) | Err(Error::Busy) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Busy)
    }

    /// Writes everything that goes with a document; none if somebody else was faster.
    async fn save(
        &self,
        (before, saver): (Option<&Document>, Saver<'_>),
        mut after: Document,
        draft: &DocumentDraft,
    ) -> Result<Option<Arc<Document>>, Error> {
        let sealed = self.sealed_values(before, &after, &draft.values).await?;
        if let Some(sealed) = &sealed {
            after.secret_names = sealed.names().cloned().collect();
            after.sec_rev = Some(sealed.rev);
        }
        let bound = before.map(|before| before.ties.bound.clone()).unwrap_or_default();
        after.ties.bound = saver.bound(&bound, &draft.named);
        let mut parts = own_parts(before, &after, sealed.as_ref());
        parts.extend(default_parts(before, &after));
        let locals = self.local_writes(&after, &draft.locals).await?;
        let bounds = self.bound_writes(before, &after, saver).await?;
        parts.extend(locals.into_iter().chain(bounds).map(|write| (Part::Other, write)));
        let (kinds, writes): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        if writes.len() > MOST_WRITES {
            return Err(Error::TooManyChanges { limit: MOST_WRITES });
        }
        writes.iter().try_for_each(Write::check_size)?;
        match self.transact(&writes).await? {
            Outcome::Written => Ok(Some(Arc::new(after))),
            Outcome::Refused(found) => refused(&kinds, &found, after),
        }
    }
}

/// Refuses to make a binding one to another role, as Perses does.
fn check_role(before: &Document, draft: &DocumentDraft) -> Result<(), Error> {
    let role = |spec: &JsonText| BindingSpec::parse(spec.as_str()).ok().map(|spec| spec.role);
    if before.id.kind.is_binding() && role(&before.spec) != role(&draft.spec) {
        return Err(Error::OtherRole);
    }
    Ok(())
}

/// The document, the project that it belongs to, and its sealed values.
fn own_parts(
    before: Option<&Document>,
    after: &Document,
    sealed: Option<&Sealed>,
) -> Vec<(Part, Write)> {
    let unchanged = match before {
        Some(before) => Condition::Equals("rev", text(before.rev)),
        None => Condition::Absent,
    };
    let (table, _) = home_of(after.id.kind, after.org);
    let put = Write::put(table, document_item(after)).only_if(unchanged);
    let mut parts = vec![(Part::Document, put)];
    // Who writes roles may not write beside projects; they say themselves which project they are of.
    if let Some(project) = after.id.project.as_ref().filter(|_| table == Table::Registry) {
        let open = Condition::Equals("state", text(OPEN));
        parts.push((Part::Project, Write::check(Key::project(after.org, project), open)));
    }
    if after.id.kind.is_secret() {
        let key = Key::sealed_document(after.org, &after.id);
        let write = match sealed {
            Some(sealed) => Write::put(Table::Registry, sealed.item_at(&key)),
            None => Write::delete(key),
        };
        parts.push((Part::Other, write));
    }
    parts
}

/// What becomes of the pointers to defaults.
fn default_parts(before: Option<&Document>, after: &Document) -> Vec<(Part, Write)> {
    let pointer = |plugin: &String| Key::default_document(after.org, &after.id, plugin);
    let ours = || Condition::AbsentOrEquals("name", text(&after.id.name));
    let mut parts = Vec::new();
    let was = before.and_then(|before| before.default_of.as_ref());
    if let Some(was) = was.filter(|was| after.default_of.as_ref() != Some(*was)) {
        parts.push((Part::Other, Write::delete(pointer(was)).only_if(ours())));
    }
    if let Some(is) = &after.default_of {
        let item = item(&pointer(is), [("name", text(&after.id.name))]);
        parts.push((Part::Default, Write::put(Table::Registry, item).only_if(ours())));
    }
    parts
}

/// Reads why nothing was written: it was, and the answer was lost; there is no such project; the scope has a default
/// already; or somebody was faster.
fn refused(
    kinds: &[Part],
    found: &[Option<Item>],
    after: Document,
) -> Result<Option<Arc<Document>>, Error> {
    let failed = |wanted: Part| {
        let mut all = kinds.iter().zip(found).filter(|(part, _)| **part == wanted);
        all.find_map(|(_, item)| item.as_ref())
    };
    let rev = after.rev.to_string();
    if let Some(document) = failed(Part::Document) {
        let is_ours = Record(document).text("rev").is_ok_and(|there| there == rev);
        return Ok(is_ours.then(|| Arc::new(after)));
    }
    if failed(Part::Project).is_some() {
        return Err(Error::NoProject(after.id.project.unwrap_or(after.id.name)));
    }
    if let Some(default) = failed(Part::Default) {
        let plugin = after.default_of.unwrap_or_default();
        let name = Record(default).text("name")?.to_owned();
        return Err(Error::DefaultTaken { wanted: after.id.name, plugin, name });
    }
    Ok(None)
}
