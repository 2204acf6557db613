//! The documents of the Perses dialect in an export.

use std::sync::Arc;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sourcegate_core::{Document, DocumentId, DocumentKind, OrgId, SecretUse, Secrets};
use store::{Admin, LiveBounds, Vault};

use super::Names;
use crate::admin::archive::{Bound, DocumentLine};
use crate::admin::notes::Notes;

/// A document with the values that are sealed beside it, and where secrets may go in its organisation.
pub(super) struct Read {
    pub(super) document: Arc<Document>,
    values: Secrets,
    bounds: Arc<LiveBounds>,
}

/// Reads all documents of an organisation.
pub(super) async fn read(
    (admin, vault): (&Admin, &Vault),
    org: OrgId,
) -> anyhow::Result<Vec<Read>> {
    let mut all = Vec::new();
    let documents = admin.documents(org).await?;
    let bounds = Arc::new(admin.live_bounds(org, &documents).await?);
    let with = |document, values| Read { document, values, bounds: Arc::clone(&bounds) };
    for document in documents {
        if !document.id.kind.is_secret() {
            all.push(with(Arc::new(document), Secrets::default()));
            continue;
        }
        let opened = admin.opened_document(vault, &document).await;
        let opened = opened.with_context(|| called(&document.id))?;
        all.extend(opened.map(|(document, values)| with(document, values)));
    }
    Ok(all)
}

/// What POST would carry.
#[derive(Serialize)]
struct Body<'a> {
    kind: &'a str,
    metadata: Value,
    spec: Box<RawValue>,
}

/// Writes documents; notes what is left out.
pub(super) async fn lines(
    admin: &Admin,
    documents: Vec<Read>,
    (names, notes): (&mut Names, &mut Notes),
) -> anyhow::Result<Vec<DocumentLine>> {
    let mut lines = Vec::with_capacity(documents.len());
    for read in documents {
        names.read(admin, read.document.org).await?;
        lines.extend(line(&read, names, notes)?);
    }
    Ok(lines)
}

/// Writes a document, who owns it and what it binds; none if it is a binding that names nobody any more. Notes what is left out.
fn line(read: &Read, names: &Names, notes: &mut Notes) -> anyhow::Result<Option<DocumentLine>> {
    let Document { org, id, tags, ties, .. } = &*read.document;
    let called = called(id);
    let owner = ties.maker.and_then(|maker| names.login(*org, maker));
    if ties.maker.is_some() && owner.is_none() {
        notes.document(
            *org,
            &called,
            "nobody owns it in the file, since who does is not here any more",
        );
    }
    let mut metadata = json!({ "name": id.name.as_str(), "tags": tags });
    if let Some(project) = &id.project {
        metadata["project"] = project.as_str().into();
    }
    let (spec, gone) = spec(read, names).with_context(|| called.clone())?;
    let is_dead = id.kind.is_binding() && spec["subjects"] == json!([]);
    if is_dead || !gone.is_empty() {
        let what = if is_dead { "left out" } else { "subjects left out" };
        let gone = gone.join(", ");
        notes.document(*org, &called, &format!("{what}, since nobody here is {gone} any more"));
    }
    if is_dead {
        return Ok(None);
    }
    let spec = match spec {
        Value::Null => serde_json::from_str(read.document.spec.as_str())?,
        changed => serde_json::value::to_raw_value(&changed)?,
    };
    let body = Body { kind: id.kind.as_str(), metadata, spec };
    let document = serde_json::value::to_raw_value(&body)?;
    Ok(Some(DocumentLine {
        org: i64::from(org.get()),
        owner: owner.map(str::to_owned),
        bound: bound(read, &document),
        document,
    }))
}

/// Lists what it binds.
fn bound(read: &Read, sent: &RawValue) -> Vec<Bound> {
    let kind = read.document.id.kind;
    if !kind.is_source() && kind != DocumentKind::Dashboard {
        return Vec::new();
    }
    // One that would be refused today names nothing.
    let named = perses::draft(sent.get()).map(|draft| draft.named).unwrap_or_default();
    let bound = read.bounds.of(&read.document, &named);
    let one = |one: &SecretUse| Bound {
        secret: one.name.to_string(),
        destination: one.destination.clone(),
    };
    bound.iter().map(one).collect()
}

/// What a secret says with the values where they are masked, and a binding without those who are not there any more, who are
/// named beside it; of others nothing, since they are written as they were sent.
fn spec(read: &Read, names: &Names) -> anyhow::Result<(Value, Vec<String>)> {
    let Document { org, id, spec, ties, .. } = &*read.document;
    let mut gone = Vec::new();
    if !id.kind.is_secret() && !id.kind.is_binding() {
        return Ok((Value::Null, gone));
    }
    let mut spec: Map<String, Value> = serde_json::from_str(spec.as_str())?;
    for (name, value) in read.values.iter() {
        let place =
            name.split_once('.').and_then(|(part, field)| spec.get_mut(part)?.get_mut(field));
        *place.with_context(|| format!("{name} is sealed and has no place"))? =
            value.expose_secret().into();
    }
    if id.kind.is_binding()
        && let Some(Value::Array(subjects)) = spec.get_mut("subjects")
    {
        subjects.retain(|subject| {
            let login = subject["name"].as_str().unwrap_or_default();
            let who = ties.subjects.get(&login.to_lowercase());
            let is_there = who.is_some_and(|who| names.login(*org, *who).is_some());
            if !is_there {
                gone.push(format!("user {login}"));
            }
            is_there
        });
    }
    Ok((spec.into(), gone))
}

/// Names a document to people.
pub(in crate::admin) fn called(id: &DocumentId) -> String {
    match &id.project {
        Some(project) => format!("{} `{project}/{}`", id.kind, id.name),
        None => format!("{} `{}`", id.kind, id.name),
    }
}
