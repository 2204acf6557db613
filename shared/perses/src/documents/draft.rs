//! From a document as it is sent to what the store is to keep.

use std::collections::BTreeSet;

use sourcegate_core::{
    BadRole, BindingSpec, DocumentKind, DocumentName, JsonText, RoleSpec, SecretUse,
};
use store::{DocumentDraft, Values};

use crate::Error;
use crate::wire::dashboard::SentDashboard;
use crate::wire::document::{InPath, Incoming};
use crate::wire::project;
use crate::wire::secret::SentSecret;
use crate::wire::source::{NamedSecret, SourceSpec};

/// Judges a document.
///
/// # Errors
/// What is wrong with it first.
pub(super) fn read(
    kind: DocumentKind,
    incoming: &Incoming,
    path: &InPath,
) -> Result<DocumentDraft, Error> {
    let (id, tags) = incoming.identity(kind, path)?;
    let spec = incoming.spec.as_ref().map(|spec| spec.get()).filter(|spec| *spec != "null");
    let mut draft = DocumentDraft {
        id,
        tags,
        spec: JsonText::default(),
        default_of: None,
        values: Values::new(),
        locals: Vec::new(),
        named: BTreeSet::new(),
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
        DocumentKind::Project => draft.spec = project::read(spec)?,
    }
    // What is no name names no secret.
    let use_of = |NamedSecret { name, destination }| {
        Some(SecretUse { name: DocumentName::parse(&name).ok()?, destination })
    };
    draft.named = secrets.into_iter().filter_map(use_of).collect();
    Ok(draft)
}
