//! The documents of the Perses dialect in an export.

use std::sync::Arc;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sourcegate_core::{Document, DocumentId, OrgId, Secrets};
use store::{Admin, Vault};

use super::Names;
use crate::admin::archive::DocumentLine;

/// A document with the values that are sealed beside it.
pub(super) struct Read {
    pub(super) document: Arc<Document>,
    values: Secrets,
}

/// Reads all documents of an organisation.
pub(super) async fn read(
    (admin, vault): (&Admin, &Vault),
    org: OrgId,
) -> anyhow::Result<Vec<Read>> {
    let mut all = Vec::new();
    for document in admin.documents(org).await? {
        if !document.id.kind.is_secret() {
            all.push(Read { document: Arc::new(document), values: Secrets::default() });
            continue;
        }
        let opened = admin.opened_document(vault, &document).await;
        let opened = opened.with_context(|| called(&document.id))?;
        all.extend(opened.map(|(document, values)| Read { document, values }));
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

/// Writes a document, and who owns it.
pub(super) fn line(read: &Read, names: &Names) -> anyhow::Result<DocumentLine> {
    let Document { org, id, tags, ties, .. } = &*read.document;
    let mut metadata = json!({ "name": id.name.as_str(), "tags": tags });
    if let Some(project) = &id.project {
        metadata["project"] = project.as_str().into();
    }
    let spec = spec(read, names).with_context(|| called(&read.document.id))?;
    let body = Body { kind: id.kind.as_str(), metadata, spec };
    let owner = ties.maker.and_then(|maker| names.login(*org, maker));
    Ok(DocumentLine {
        org: i64::from(org.get()),
        owner: owner.map(str::to_owned),
        document: serde_json::value::to_raw_value(&body)?,
    })
}

/// What it says, as it was sent, but with the values where they are masked, and without those who are not there any more.
fn spec(read: &Read, names: &Names) -> anyhow::Result<Box<RawValue>> {
    let Document { org, id, spec, ties, .. } = &*read.document;
    if !id.kind.is_secret() && !id.kind.is_binding() {
        return Ok(serde_json::from_str(spec.as_str())?);
    }
    let mut spec: Map<String, Value> = serde_json::from_str(spec.as_str())?;
    for (name, value) in read.values.iter() {
        let place =
            name.split_once('.').and_then(|(part, field)| spec.get_mut(part)?.get_mut(field));
        *place.with_context(|| format!("{name} is sealed and has no place"))? =
            value.expose_secret().into();
    }
    if id.kind.is_binding() {
        let is_there = |subject: &Value| {
            let login = subject["name"].as_str().unwrap_or_default().to_lowercase();
            ties.subjects.get(&login).is_some_and(|who| names.login(*org, *who).is_some())
        };
        if let Some(Value::Array(subjects)) = spec.get_mut("subjects") {
            subjects.retain(is_there);
        }
    }
    Ok(serde_json::value::to_raw_value(&spec)?)
}

/// Names a document to people.
pub(in crate::admin) fn called(id: &DocumentId) -> String {
    match &id.project {
        Some(project) => format!("{} `{project}/{}`", id.kind, id.name),
        None => format!("{} `{}`", id.kind, id.name),
    }
}
