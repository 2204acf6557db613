//! What must hold of the documents of the Perses dialect: that what follows from one is of one that is there.
//!
//! Roles and bindings of a project that is gone are no fault: they give nothing, and whoever makes the next one sweeps them. Nor is
//! what says where a secret may go that is not there yet: it counts for one that is soon made, and then for nothing.

use std::collections::{BTreeMap, BTreeSet};

use sourcegate_core::{Document, DocumentId, DocumentName, Incarnation, OrgId, SecretUse};

use super::facts::Facts;
use super::finding::{Finding, Repair};
use crate::item::{number, text};
use crate::secrets::Sealed;
use crate::table::{BoundKey, Key};
use crate::write::{Condition, Write};

/// Every rule.
pub(super) const RULES: &[fn(&Facts<'_>, &mut Vec<Finding>)] =
    &[projects, locals, defaults, holders, secrets, values, sealed];

/// All that is known of documents.
#[derive(Default)]
pub(super) struct Documents {
    pub(super) all: BTreeMap<Key, Document>,
    /// Projects that are being deleted with all that is in them.
    pub(super) closing: BTreeSet<(OrgId, DocumentName)>,
    /// Data sources of a dashboard's own: of which one, and which they are.
    pub(super) locals: BTreeMap<Key, (OrgId, DocumentId, Incarnation)>,
    /// Pointers to defaults: the document that each names.
    pub(super) defaults: BTreeMap<Key, (OrgId, DocumentId)>,
    /// Where secrets may go.
    pub(super) bounds: BTreeMap<Key, Bound>,
    pub(super) values: BTreeMap<Key, (OrgId, DocumentId, Sealed)>,
}

/// Where a secret may go.
pub(super) struct Bound {
    pub(super) org: OrgId,
    pub(super) key: BoundKey,
    /// Of which incarnation it is; none of one that was not there.
    pub(super) of: Option<Incarnation>,
    /// When it was written, if it says so.
    pub(super) made: Option<i64>,
}

impl Bound {
    /// Holds as long as nobody has written it again.
    fn unchanged(&self) -> Condition {
        let of = ("inc", text(self.of.map_or_else(String::new, |of| of.to_string())));
        match self.made {
            Some(made) => Condition::Both([of, ("made", number(made))]),
            None => Condition::Equals(of.0, of.1),
        }
    }
}

impl Documents {
    fn get(&self, org: OrgId, id: &DocumentId) -> Option<&Document> {
        self.all.get(&Key::document(org, id))
    }

    /// Tells whether what is of a project is of one that is there, be it that it is being deleted.
    fn has_project(&self, org: OrgId, project: &DocumentName) -> bool {
        self.all.contains_key(&Key::project(org, project))
            || self.closing.contains(&(org, project.clone()))
    }

    /// Tells whether it goes by itself, with its project.
    fn is_going(&self, org: OrgId, id: &DocumentId) -> bool {
        id.project.as_ref().is_some_and(|project| self.closing.contains(&(org, project.clone())))
    }
}

/// Each document of a project has one.
fn projects(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (key, document) in &facts.documents.all {
        let Some(project) = document.id.project.as_ref() else { continue };
        let gives = document.id.kind.gives_rights();
        if !gives
            && !facts.documents.has_project(document.org, project)
            && !facts.damaged.contains(&Key::project(document.org, project))
        {
            let told = format!(
                "is of project `{project}`, which is not there; make the project again, and delete what is not wanted"
            );
            found.push(Finding::new(key.clone(), told, None));
        }
    }
}

/// A dashboard's own data sources have their dashboard.
fn locals(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (key, (org, dashboard, incarnation)) in &facts.documents.locals {
        if facts.documents.get(*org, dashboard).is_none()
            && !facts.documents.is_going(*org, dashboard)
            && !facts.damaged.contains(&Key::document(*org, dashboard))
        {
            let project = dashboard.project.as_ref().map_or("", DocumentName::as_str);
            let told =
                format!("is of dashboard `{project}/{}`, which is not there", dashboard.name);
            found.push(stray(key, told, Condition::Equals("inc", text(incarnation))));
        }
    }
}

/// The default of a scope is a data source that says so.
fn defaults(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (key, (org, id)) in &facts.documents.defaults {
        let source = facts.documents.get(*org, id);
        let points_here = |plugin| Key::default_document(*org, id, plugin) == *key;
        let is_it = source.and_then(|source| source.default_of.as_deref()).is_some_and(points_here);
        let is_unread = facts.damaged.contains(&Key::document(*org, id));
        if !is_it && !is_unread && !facts.documents.is_going(*org, id) {
            let told = match source {
                None => format!("names `{}`, which is not there", id.name),
                Some(_) => format!("names `{}`, which is no such default", id.name),
            };
            found.push(stray(key, told, Condition::Equals("name", text(&id.name))));
        }
    }
}

/// A secret may go somewhere because of a document that leads there.
fn holders(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let documents = &facts.documents;
    let all = documents.all.values();
    let by_incarnation: BTreeMap<_, _> =
        all.map(|document| ((document.org, document.incarnation.to_string()), document)).collect();
    for (key, item) in &documents.bounds {
        let Bound { org, key: BoundKey { secret, destination, holder }, .. } = item;
        // Those of the older form name no document.
        let Some(holder) = holder else { continue };
        let document = by_incarnation.get(&(*org, holder.to_string()));
        let bound = SecretUse { name: secret.name.clone(), destination: destination.clone() };
        let holds = |document: &&Document| {
            document.ties.bound.contains(&bound)
                && document.id.secret(bound.name.clone()) == *secret
        };
        if !document.is_some_and(holds) && !documents.is_going(*org, secret) {
            let told = "lets a secret go where no document leads that it names";
            let stray = stray(key, told, item.unchanged());
            found.push(if facts.has_damaged_document(*org) { stray.unrepaired() } else { stray });
        }
    }
}

/// What may go somewhere is a secret that is there.
fn secrets(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (key, item) in &facts.documents.bounds {
        let Bound { org, key: BoundKey { secret, .. }, of: Some(of), .. } = item else { continue };
        let is_it = |document: &Document| document.incarnation == *of;
        if !facts.documents.get(*org, secret).is_some_and(is_it)
            && !facts.documents.is_going(*org, secret)
            && !facts.damaged.contains(&Key::document(*org, secret))
        {
            let told = "lets a secret go somewhere that is not there any more";
            found.push(stray(key, told, item.unchanged()));
        }
    }
}

/// The sealed values of each secret are there, of the revision that it says, to a key that is there.
fn values(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (key, secret) in &facts.documents.all {
        let Some(rev) = secret.sec_rev else { continue };
        let values = Key::sealed_document(secret.org, &secret.id);
        let told = match facts.documents.values.get(&values) {
            None if facts.damaged.contains(&values) => continue,
            None => "names sealed values that are not there",
            Some((_, _, values)) if values.rev != rev => {
                "names another revision of its sealed values than the one that is there"
            }
            Some(_) => continue,
        };
        let told = format!("{told}; save it with its values again");
        found.push(Finding::new(key.clone(), told, None));
    }
    for (key, (org, _, values)) in &facts.documents.values {
        for name in values.names() {
            let pair = values.key_number(name);
            if pair.is_none_or(|pair| !facts.keys.contains_key(&(*org, Some(pair)))) {
                let told = format!("has a value `{name}` that is sealed to no key that is there");
                found.push(Finding::new(key.clone(), told, None));
            }
        }
    }
}

/// Sealed values are of a secret that is there.
fn sealed(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (key, (org, id, values)) in &facts.documents.values {
        if facts.documents.get(*org, id).is_some_and(|secret| secret.sec_rev.is_some())
            || facts.documents.is_going(*org, id)
            || facts.damaged.contains(&Key::document(*org, id))
        {
            continue;
        }
        let ours = Condition::Equals("rev", text(values.rev));
        found.push(stray(key, "are sealed values of no secret", ours));
    }
}

/// Something that follows from what is not there: it is of no use to anybody.
fn stray(key: &Key, told: impl Into<String>, unchanged: Condition) -> Finding {
    let gone = Write::delete(key.clone()).only_if(unchanged);
    Finding::new(key.clone(), told, Some(Repair::new("removes it", vec![gone])))
}
