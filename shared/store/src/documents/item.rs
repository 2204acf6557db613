//! Items to documents and back.

use std::collections::BTreeSet;

use auth::LiveProject;
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{
    Document, DocumentId, DocumentKind, DocumentName, Incarnation, JsonText, OrgId, Rev,
    ScopedName, ScopedSource,
};

use super::ties;
use crate::Error;
use crate::item::{Item, Record, item, number, text};
use crate::table::{Key, prefix_of};

/// The version of the shapes below; an item of a later one is not read.
const SHAPE: u32 = 1;

/// What a document's `state` says: all but a project that is being deleted with its contents.
pub(super) const OPEN: &str = "open";
pub(super) const DELETING: &str = "deleting";

/// Writes a document's item.
pub(crate) fn document_item(document: &Document) -> Item {
    let list = |all: &BTreeSet<String>| AttributeValue::L(all.iter().map(text).collect());
    let key = Key::document(document.org, &document.id);
    let mut item = item(
        &key,
        [
            ("v", number(SHAPE)),
            ("state", text(OPEN)),
            ("inc", text(document.incarnation)),
            ("rev", text(document.rev)),
            ("version", number(document.version)),
            ("created", number(document.created_ns)),
            ("updated", number(document.updated_ns)),
            ("tags", list(&document.tags)),
            ("spec", text(document.spec.as_str())),
            ("secrets", list(&document.secret_names)),
        ],
    );
    let optional = [
        ("secRev", document.sec_rev.map(text)),
        ("defaultOf", document.default_of.as_ref().map(text)),
    ];
    item.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    item.extend(ties::written(&document.ties));
    item
}

/// Reads a document; none if it is a project that is being deleted.
pub(crate) fn document_of(
    org: OrgId,
    kind: DocumentKind,
    item: &Item,
) -> Result<Option<Document>, Error> {
    let record = Record(item);
    check_shape(&record)?;
    if record.text("state")? == DELETING {
        return Ok(None);
    }
    let sec_rev = match record.optional_text("secRev")? {
        Some(rev) => Some(Rev::parse(rev).ok_or_else(|| record.bad("secRev"))?),
        None => None,
    };
    Ok(Some(Document {
        org,
        id: id_of(kind, &record)?,
        incarnation: record.parsed("inc", Incarnation::parse)?,
        rev: record.parsed("rev", Rev::parse)?,
        sec_rev,
        version: record.number("version")?,
        created_ns: record.number("created")?,
        updated_ns: record.number("updated")?,
        tags: texts(&record, "tags")?,
        spec: record.parsed("spec", |spec| JsonText::object(spec.to_owned()))?,
        default_of: record.optional_text("defaultOf")?.map(str::to_owned),
        secret_names: texts(&record, "secrets")?,
        ties: ties::of(&record)?,
    }))
}

/// Reads which project it is and who made it; none if it is being deleted.
pub(crate) fn live_of(org: OrgId, item: &Item) -> Result<Option<LiveProject>, Error> {
    let project = document_of(org, DocumentKind::Project, item)?;
    Ok(project.map(|project| LiveProject {
        name: project.id.name,
        incarnation: project.incarnation,
        maker: project.ties.maker,
    }))
}

fn check_shape(record: &Record<'_>) -> Result<(), Error> {
    if record.number::<u32>("v")? == SHAPE { Ok(()) } else { Err(record.bad("unknown shape")) }
}

fn id_of(kind: DocumentKind, record: &Record<'_>) -> Result<DocumentId, Error> {
    let bad = || record.bad("sk");
    let rest = record.text("sk")?.strip_prefix(&*prefix_of(kind, None)).ok_or_else(bad)?;
    let name = |text: &str| DocumentName::parse(text).map_err(|_| bad());
    let (project, own) = match rest.split_once('#') {
        Some((project, own)) if kind.is_of_project() => (Some(name(project)?), own),
        None if !kind.is_of_project() => (None, rest),
        _ => return Err(bad()),
    };
    Ok(DocumentId { kind, project, name: name(own)? })
}

fn texts(record: &Record<'_>, what: &'static str) -> Result<BTreeSet<String>, Error> {
    let list = record.0.get(what).and_then(|value| value.as_l().ok());
    let list = list.ok_or_else(|| record.bad(what))?;
    list.iter().map(|one| one.as_s().cloned().map_err(|_| record.bad(what))).collect()
}

/// Writes the item of a dashboard's own data source.
pub(crate) fn local_item(key: &Key, source: &ScopedSource) -> Item {
    item(
        key,
        [
            ("v", number(SHAPE)),
            ("state", text(OPEN)),
            ("name", text(&source.id.name)),
            ("inc", text(source.incarnation)),
            ("rev", text(source.rev)),
            ("spec", text(source.spec.as_str())),
        ],
    )
}

/// Reads a data source, whichever document it stands in.
pub(crate) fn scoped_of(
    org: OrgId,
    wanted: &ScopedName,
    item: &Item,
) -> Result<ScopedSource, Error> {
    let record = Record(item);
    check_shape(&record)?;
    Ok(ScopedSource {
        org,
        id: wanted.clone(),
        incarnation: record.parsed("inc", Incarnation::parse)?,
        rev: record.parsed("rev", Rev::parse)?,
        spec: record.parsed("spec", |spec| JsonText::object(spec.to_owned()))?,
    })
}

/// Reads what names a dashboard's own data source, and its incarnation.
pub(crate) fn local_of(item: &Item) -> Result<(String, Incarnation), Error> {
    let record = Record(item);
    let incarnation = record.parsed("inc", Incarnation::parse)?;
    Ok((record.text("name")?.to_owned(), incarnation))
}

/// Tells whether a document is there for good.
pub(crate) fn is_open(item: &Item) -> bool {
    Record(item).text("state").is_ok_and(|state| state == OPEN)
}
