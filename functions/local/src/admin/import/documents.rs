//! The documents of the Perses dialect in an import.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use sourcegate_core::{
    BadRole, BindingSpec, DocumentId, DocumentKind, DocumentName, OrgId, SecretUse,
};
use store::{Admin, ArchivedDocument, Conflicts, DocumentDraft, Restored};

use super::done::Outcome;
use super::{Known, Wanted};
use crate::admin::archive::{Bound, DocumentLine};
use crate::admin::export::documents::called;
use crate::admin::target::Target;

/// A document of the file, judged.
pub(super) struct Judged {
    pub(super) org: OrgId,
    /// Names it to people.
    pub(super) called: String,
    /// What would be written; else why nothing is.
    document: Result<ArchivedDocument, String>,
    /// Who of those it names is unknown here.
    unknown: Vec<String>,
}

/// The secrets that an import has written: what the file binds is bound to these alone.
#[derive(Default)]
pub(super) struct Written(BTreeSet<(OrgId, DocumentId)>);

impl Judged {
    /// Tells whether a document of its name is there.
    pub(super) async fn is_there(&self, admin: &Admin) -> Result<bool, store::Error> {
        match &self.document {
            Ok(document) => admin.has_document(document.org, &document.draft.id).await,
            Err(_) => Ok(false),
        }
    }

    /// Writes it, unless it would be refused, or nobody is left whom it names.
    pub(super) async fn restore(
        &self,
        admin: &Admin,
        conflicts: Conflicts,
        written: &mut Written,
    ) -> Result<Outcome, store::Error> {
        let document = match &self.document {
            Ok(document) => document,
            Err(reason) => return Ok(Outcome::left_out(reason.clone())),
        };
        let (org, id) = (self.org, &document.draft.id);
        let nobody = || if id.kind.is_binding() { self.nobody(": ") } else { String::new() };
        if id.kind.is_binding() && document.draft.subjects.is_empty() {
            if conflicts == Conflicts::Kept && admin.has_document(org, id).await? {
                return Ok(Outcome::kept("it is there already".to_owned()));
            }
            return Ok(Outcome::left_out(format!("it names nobody else{}", nobody())));
        }
        let mut bound = document.bound.clone();
        bound.retain(|one| written.0.contains(&(org, id.secret(one.name.clone()))));
        let unbound = unbound(document, &bound);
        let wanted = ArchivedDocument { bound, ..document.clone() };
        let restored = match admin.restore_document(&wanted, conflicts).await? {
            Restored::Refused(reason) => {
                return Ok(Outcome::left_out(format!("{reason}{}", nobody())));
            }
            Restored::Kept(reason) => return Ok(Outcome::kept(reason)),
            restored => restored,
        };
        if id.kind.is_secret() {
            written.0.insert((org, id.clone()));
        }
        let lacks =
            |what: &str| Vec::from_iter((!self.unknown.is_empty()).then(|| self.nobody(what)));
        let (lacks, note) = if id.kind != DocumentKind::Project {
            (lacks("subjects left out, since "), unbound)
        } else if restored == Restored::Replaced {
            let is_other = admin.owner(org, id).await? != document.maker;
            let stays = is_other || !self.unknown.is_empty();
            (Vec::new(), stays.then(|| "its owner stays as it is here".to_owned()))
        } else {
            (lacks("nobody owns it, since "), None)
        };
        Ok(Outcome { restored, lacks, note })
    }

    /// Says who is unknown, if anybody is.
    fn nobody(&self, before: &str) -> String {
        match self.unknown.as_slice() {
            [] => String::new(),
            unknown => format!("{before}nobody here is {}", unknown.join(", ")),
        }
    }
}

/// Says which secrets a document names and does not bind.
fn unbound(document: &ArchivedDocument, bound: &BTreeSet<SecretUse>) -> Option<String> {
    let unbound: Vec<_> = document
        .draft
        .named
        .difference(bound)
        .map(|one| {
            let why = match document.bound.contains(one) {
                true => "the secret here is not the file's",
                false => "as in the file",
            };
            format!("secret `{}` to {} ({why})", one.name, one.destination)
        })
        .collect();
    (!unbound.is_empty()).then(|| format!("left unbound: {}", unbound.join(", ")))
}

/// Judges the document of a line, which is counted from 1.
pub(super) async fn judged(
    target: &Target,
    wanted: &Wanted<'_>,
    known: &mut Known,
    (number, line): (usize, &DocumentLine),
) -> anyhow::Result<Judged> {
    let org = match wanted.org {
        Some(org) => org,
        None => OrgId::new(line.org)?,
    };
    known.read(target, org).await?;
    let mut draft = match perses::draft(line.document.get()) {
        Ok(draft) => draft,
        Err(error) => {
            let (called, reason) = refused(number, &line.document, &error);
            return Ok(Judged { org, called, document: Err(reason), unknown: Vec::new() });
        }
    };
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
    let called = called(&draft.id);
    let bound = line.bound.iter().filter_map(secret_use).collect();
    Ok(Judged { org, called, document: Ok(ArchivedDocument { org, draft, maker, bound }), unknown })
}

fn secret_use(Bound { secret, destination }: &Bound) -> Option<SecretUse> {
    let name = DocumentName::parse(secret).ok()?;
    Some(SecretUse { name, destination: destination.clone() })
}

/// As much of a document that would be refused as it takes to name it.
#[derive(Deserialize)]
struct Sent {
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    spec: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    project: Option<String>,
}

/// Names a document that would be refused, and says why.
fn refused(number: usize, sent: &RawValue, error: &perses::BadDocument) -> (String, String) {
    let unnamed = || (format!("document {number} of the file"), "it is none".to_owned());
    let Ok(sent) = serde_json::from_str::<Sent>(sent.get()) else { return unnamed() };
    let name = |text: &str| DocumentName::parse(text).ok();
    let Some((kind, own)) = DocumentKind::parse(&sent.kind).zip(name(&sent.metadata.name)) else {
        return unnamed();
    };
    let project = sent.metadata.project.as_deref().and_then(name);
    let id = DocumentId { kind, project: project.filter(|_| kind.is_of_project()), name: own };
    let binding = || BindingSpec::parse(sent.spec.as_deref().map_or("", RawValue::get));
    let reason = match kind {
        // What is wrong with it may be told by quoting it.
        kind if kind.is_secret() => "it would be refused".to_owned(),
        kind if kind.is_binding() && binding() == Err(BadRole::NoSubjects) => {
            "it names nobody".to_owned()
        }
        _ => format!("it would be refused: {error}"),
    };
    (called(&id), reason)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_would_be_refused_is_named_and_no_secret_is_quoted() {
        for (document, called, reason) in [
            (
                r#"{"kind": "RoleBinding", "metadata": {"name": "b", "project": "p"}, "spec": {"role": "r", "subjects": []}}"#,
                "RoleBinding `p/b`",
                "it names nobody",
            ),
            (
                r#"{"kind": "GlobalRole", "metadata": {"name": "r"}, "spec": {"permissions": [{"actions": ["read"]}]}}"#,
                "GlobalRole `r`",
                "it would be refused: permission scopes cannot be empty",
            ),
            (
                r#"{"kind": "GlobalSecret", "metadata": {"name": "s"}, "spec": {"basicAuth": "canary"}}"#,
                "GlobalSecret `s`",
                "it would be refused",
            ),
            (
                r#"{"kind": "Later", "metadata": {"name": "s"}}"#,
                "document 7 of the file",
                "it is none",
            ),
            (r#"{"kind": "Role", "metadata": "canary"}"#, "document 7 of the file", "it is none"),
        ] {
            let sent = RawValue::from_string(document.to_owned()).unwrap();
            let error = perses::draft(document).unwrap_err();
            let told = refused(7, &sent, &error);
            assert_eq!(told, (called.to_owned(), reason.to_owned()), "{document}");
        }
    }
}
