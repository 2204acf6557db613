//! The documents of the Perses dialect in an import.

use anyhow::Context as _;
use sourcegate_core::{BindingSpec, DocumentKind, OrgId};
use store::{Admin, ArchivedDocument, DocumentDraft, Restored};

use super::{Known, Wanted};
use crate::admin::archive::DocumentLine;
use crate::admin::export::documents::called;
use crate::admin::target::Target;

/// A document of the file, judged, and who of those it names is unknown here.
pub(super) struct Judged {
    pub(super) archived: ArchivedDocument,
    unknown: Vec<String>,
}

impl Judged {
    /// Names it to people.
    pub(super) fn called(&self) -> String {
        called(&self.archived.draft.id)
    }

    /// Tells what became of it otherwise than the file has it; nothing if all did.
    pub(super) fn note(&self, restored: &Restored) -> Option<String> {
        let nobody = || format!("nobody here is {}", self.unknown.join(", "));
        let is_project = self.archived.draft.id.kind == DocumentKind::Project;
        let unknown = !self.unknown.is_empty();
        match restored {
            Restored::Refused(reason) if unknown && !is_project => {
                Some(format!("skipped, {reason}: {}", nobody()))
            }
            Restored::Refused(reason) => Some(format!("skipped, {reason}")),
            Restored::Created if unknown && is_project => {
                Some(format!("nobody owns it, since {}", nobody()))
            }
            _ if unknown && !is_project => Some(format!("subjects left out, since {}", nobody())),
            _ => None,
        }
    }

    /// Writes it, unless nobody is left whom it names.
    pub(super) async fn restore(
        &self,
        admin: &Admin,
        conflicts: store::Conflicts,
    ) -> Result<Restored, store::Error> {
        let draft = &self.archived.draft;
        if draft.id.kind.is_binding() && draft.subjects.is_empty() {
            return Ok(Restored::Refused("it names nobody else".to_owned()));
        }
        admin.restore_document(&self.archived, conflicts).await
    }
}

pub(super) async fn judged(
    target: &Target,
    wanted: &Wanted<'_>,
    known: &mut Known,
    line: &DocumentLine,
) -> anyhow::Result<Judged> {
    let org = match wanted.org {
        Some(org) => org,
        None => OrgId::new(line.org)?,
    };
    known.expect(target, org).await?;
    // What is wrong may be told by quoting a secret.
    let draft = perses::draft(line.document.get()).ok();
    let mut draft = draft.context("the file holds a document that would be refused")?;
    let mut unknown = Vec::new();
    let maker = match &line.owner {
        Some(owner) => known.user(org, owner).or_else(|| {
            unknown.push(format!("user {owner}"));
            None
        }),
        None => None,
    };
    if draft.id.kind.is_binding() {
        unknown.extend(strangers(&mut draft, |login| known.user(org, login).is_some()));
    }
    Ok(Judged { archived: ArchivedDocument { org, draft, maker }, unknown })
}

/// Takes those out of a binding who are not here.
fn strangers(draft: &mut DocumentDraft, is_here: impl Fn(&str) -> bool) -> Vec<String> {
    let (here, gone): (Vec<_>, Vec<_>) =
        std::mem::take(&mut draft.subjects).into_iter().partition(|login| is_here(login));
    draft.subjects = here;
    if let Ok(BindingSpec { role, .. }) = BindingSpec::parse(draft.spec.as_str()) {
        draft.spec = BindingSpec { role, subjects: draft.subjects.clone() }.text();
    }
    gone.into_iter().map(|login| format!("user {login}")).collect()
}
