//! What every document has: kind, metadata, spec (contract/perses.md 3.1, 3.5).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sourcegate_core::{Document, DocumentId, DocumentKind, DocumentName, quoted};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::tags::Tags;
use crate::Error;

/// A document as it is sent. What is not read is the client's to send: versions, times.
#[derive(Debug, Deserialize)]
pub(crate) struct Incoming {
    #[serde(default)]
    kind: String,
    metadata: Option<IncomingMetadata>,
    pub(crate) spec: Option<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
struct IncomingMetadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    project: String,
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// What the path says of a document that comes in its body.
#[derive(Clone, Debug, Default)]
pub(crate) struct InPath {
    /// The project.
    pub(crate) project: Option<DocumentName>,
    /// The name.
    pub(crate) name: Option<DocumentName>,
}

impl Incoming {
    /// Reads what names it, and its tags.
    ///
    /// # Errors
    /// Another kind, no name or a bad one, a project or a name that is another than the path's.
    pub(crate) fn identity(
        &self,
        kind: DocumentKind,
        path: &InPath,
    ) -> Result<(DocumentId, BTreeSet<String>), Error> {
        self.check_kind(kind)?;
        let none = || Error::Decode("metadata cannot be empty".to_owned());
        let metadata = self.metadata.as_ref().ok_or_else(none)?;
        let name = DocumentName::parse(&metadata.name)?;
        let tags = Tags::of(metadata.tags.clone().unwrap_or_default());
        let tags = tags.map_err(|bad| Error::Decode(bad.to_string()))?.into_texts();
        if let Some(path) = path.name.as_ref().filter(|path| **path != name) {
            let (path, body) = (path.to_string(), metadata.name.clone());
            return Err(Error::OtherName { path, body });
        }
        let project = if kind.is_of_project() {
            Some(project(&metadata.project, path.project.as_ref())?)
        } else {
            None
        };
        Ok((DocumentId { kind, project, name }, tags))
    }

    /// Reads which kind it says that it is.
    ///
    /// # Errors
    /// None, or one that is not served.
    pub(crate) fn kind(&self) -> Result<DocumentKind, Error> {
        let unknown = || Error::Decode(format!("kind {} is not served", quoted(&self.kind)));
        DocumentKind::parse(&self.kind).ok_or_else(unknown)
    }

    fn check_kind(&self, wanted: DocumentKind) -> Result<(), Error> {
        let sent = self.kind.clone();
        match DocumentKind::parse(&sent) {
            Some(kind) if kind == wanted => Ok(()),
            // Perses asks no more of a secret than that its kind is one.
            Some(_) if wanted.is_secret() => Ok(()),
            _ if sent.is_empty() => Err(Error::Decode("kind cannot be empty".to_owned())),
            _ => Err(Error::OtherKind { sent, wanted }),
        }
    }
}

fn project(sent: &str, path: Option<&DocumentName>) -> Result<DocumentName, Error> {
    match (sent, path) {
        ("", Some(path)) => Ok(path.clone()),
        ("", None) => Err(Error::NoProject),
        (sent, path) => {
            let other = |path: &DocumentName| Error::OtherProject {
                path: path.to_string(),
                body: sent.to_owned(),
            };
            match (DocumentName::parse(sent), path) {
                (Ok(project), Some(path)) if project != *path => Err(other(path)),
                (Err(_), Some(path)) => Err(other(path)),
                (project, _) => Ok(project?),
            }
        }
    }
}

/// A document as it is answered.
#[derive(Serialize)]
pub(crate) struct Outgoing<'a> {
    kind: &'static str,
    metadata: OutgoingMetadata<'a>,
    spec: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutgoingMetadata<'a> {
    name: &'a str,
    created_at: String,
    updated_at: String,
    version: u64,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    tags: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
}

impl<'a> Outgoing<'a> {
    /// Shows a document; only its metadata if there is no spec to show.
    pub(crate) fn of(document: &'a Document, spec: Option<&'a RawValue>) -> Self {
        let Document { id, tags, version, .. } = document;
        let metadata = OutgoingMetadata {
            name: id.name.as_str(),
            created_at: rfc3339(document.created_ns),
            updated_at: rfc3339(document.updated_ns),
            version: *version,
            tags,
            project: id.project.as_ref().map(DocumentName::as_str),
        };
        Self { kind: id.kind.as_str(), metadata, spec: spec.unwrap_or_else(|| empty()) }
    }
}

fn empty() -> &'static RawValue {
    serde_json::from_str("{}").unwrap_or(RawValue::NULL)
}

/// Go's zero time, which clients know.
pub(crate) const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// Writes a time in nanoseconds since 1970 in UTC.
pub(crate) fn rfc3339(nanoseconds: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds.into()).ok();
    let written = time.and_then(|time| time.format(&Rfc3339).ok());
    written.unwrap_or_else(|| ZERO_TIME.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DocumentName {
        DocumentName::parse(text).unwrap()
    }

    #[track_caller]
    fn check(
        kind: DocumentKind,
        path: (Option<&str>, Option<&str>),
        json: &str,
        expected: Result<(Option<&str>, &str), &str>,
    ) {
        let incoming: Incoming = serde_json::from_str(json).unwrap();
        let path = InPath { project: path.0.map(name), name: path.1.map(name) };
        let found = incoming.identity(kind, &path).map_err(|error| error.to_string());
        let found = found
            .as_ref()
            .map(|(id, _)| (id.project.as_ref().map(DocumentName::as_str), id.name.as_str()));
        assert_eq!(found.map_err(String::as_str), expected, "{json}");
    }

    #[test]
    fn perses_3_2_path_and_document_must_say_the_same() {
        let sent = r#"{"kind":"Datasource","metadata":{"name":"X","project":"P"}}"#;
        let kind = DocumentKind::Datasource;
        check(kind, (None, None), sent, Ok((Some("p"), "x")));
        check(kind, (Some("p"), Some("x")), sent, Ok((Some("p"), "x")));
        let said = "project parameter value 'q' does not match provided metadata value 'P'";
        check(kind, (Some("q"), None), sent, Err(said));
        let said = "name parameter value 'y' does not match provided metadata value 'X'";
        check(kind, (Some("p"), Some("y")), sent, Err(said));
        let without = r#"{"kind":"Datasource","metadata":{"name":"x"}}"#;
        check(kind, (Some("p"), None), without, Ok((Some("p"), "x")));
        check(kind, (None, None), without, Err("metadata.project cannot be empty"));
    }

    #[test]
    fn perses_case_45_kinds_are_read_in_any_case_and_must_fit() {
        let kind = DocumentKind::GlobalDatasource;
        check(
            kind,
            (None, None),
            r#"{"kind":"globalDATASOURCE","metadata":{"name":"x"}}"#,
            Ok((None, "x")),
        );
        let said = r#"invalid kind: "Datasource" for a GlobalDatasource type"#;
        check(kind, (None, None), r#"{"kind":"Datasource","metadata":{"name":"x"}}"#, Err(said));
        check(kind, (None, None), r#"{"metadata":{"name":"x"}}"#, Err("kind cannot be empty"));
        check(
            kind,
            (None, None),
            r#"{"kind":"GlobalDatasource"}"#,
            Err("metadata cannot be empty"),
        );
    }

    #[test]
    fn times_are_written_in_utc_with_nanoseconds() {
        assert_eq!(rfc3339(1_763_777_118_123_456_789), "2025-11-22T02:05:18.123456789Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
