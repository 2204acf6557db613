//! From a document as it is sent to what the store is to keep.

use auth::{Caller, Verb};
use sourcegate_core::{
    BadRole, BindingSpec, DocumentId, DocumentKind, DocumentName, JsonText, RoleSpec,
};
use store::{DocumentDraft, SecretBinding, Values};

use crate::Error;
use crate::wire::dashboard::SentDashboard;
use crate::wire::document::{InPath, Incoming};
use crate::wire::secret::SentSecret;
use crate::wire::source::{NamedSecret, SourceSpec};

/// A document that was judged, with the secrets that it names.
#[derive(Debug)]
pub(super) struct Judged {
    draft: DocumentDraft,
    secrets: Vec<NamedSecret>,
}

/// Judges a document.
///
/// # Errors
/// What is wrong with it first.
pub(super) fn read(
    kind: DocumentKind,
    incoming: &Incoming,
    path: &InPath,
) -> Result<Judged, Error> {
    let (id, tags) = incoming.identity(kind, path)?;
    let spec = incoming.spec.as_ref().map(|spec| spec.get()).filter(|spec| *spec != "null");
    let mut draft = DocumentDraft {
        id,
        tags,
        spec: JsonText::default(),
        default_of: None,
        values: Values::new(),
        locals: Vec::new(),
        bindings: Vec::new(),
        subjects: Vec::new(),
    };
    let mut secrets = Vec::new();
    match kind {
        DocumentKind::GlobalDatasource | DocumentKind::Datasource => {
            let source = SourceSpec::read(spec)?;
            draft.spec = source.text()?;
            secrets.extend(source.secret());
            draft.default_of = source.default.then_some(source.plugin.kind);
        }
        DocumentKind::GlobalSecret | DocumentKind::Secret => {
            let SentSecret { spec, values } = SentSecret::read(spec)?;
            (draft.spec, draft.values) = (spec, values);
        }
        DocumentKind::Dashboard => {
            let sent = SentDashboard::read(spec)?;
            (draft.spec, draft.locals, secrets) = (sent.spec, sent.locals, sent.secrets);
        }
        DocumentKind::GlobalRole | DocumentKind::Role => {
            let spec = spec.ok_or(BadRole::Empty)?;
            draft.spec = RoleSpec::parse(kind, spec)?.text();
        }
        DocumentKind::GlobalRoleBinding | DocumentKind::RoleBinding => {
            let binding = BindingSpec::parse(spec.ok_or(BadRole::Empty)?)?;
            (draft.spec, draft.subjects) = (binding.text(), binding.subjects);
        }
        DocumentKind::Project => {
            let spec = spec.unwrap_or("{}").to_owned();
            let no_object = || Error::Decode("spec is no object".to_owned());
            draft.spec = JsonText::object(spec).ok_or_else(no_object)?;
        }
    }
    Ok(Judged { draft, secrets })
}

impl Judged {
    /// Gives what names it.
    pub(super) fn id(&self) -> &DocumentId {
        &self.draft.id
    }

    /// Binds the secrets that it names to where they would go, if the caller may change them.
    pub(super) fn bound_by(mut self, caller: &Caller) -> DocumentDraft {
        let project = self.draft.id.project.clone();
        let kind =
            if project.is_some() { DocumentKind::Secret } else { DocumentKind::GlobalSecret };
        if caller.allow_document(Verb::Update, kind, project.as_ref()).is_ok() {
            let bound = |named: NamedSecret| {
                let name = DocumentName::parse(&named.name).ok()?;
                let secret = DocumentId { kind, project: project.clone(), name };
                Some(SecretBinding { secret, destination: named.destination })
            };
            self.draft.bindings = self.secrets.into_iter().filter_map(bound).collect();
            // A transaction takes no item twice.
            self.draft
                .bindings
                .sort_by(|a, b| (&a.secret, &a.destination).cmp(&(&b.secret, &b.destination)));
            self.draft.bindings.dedup();
        }
        self.draft
    }
}
