//! Lists, written while they are read.

use auth::{Caller, Verb};
use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::response::Response;
use futures_util::{StreamExt, future, stream};
use http::StatusCode;
use serde::Deserialize;
use sourcegate_core::{Document, DocumentKind, DocumentName};
use store::{DocumentFilter, DocumentListing, Realm};

use super::{Asked, Of, Sight, in_path, written};
use crate::Error;
use crate::answer::{Form, streamed, write};
use crate::wire::document::Outgoing;

/// What a list is asked for (contract/perses.md 3.3).
#[derive(Clone, Debug, Default)]
struct Wanted {
    project: Option<DocumentName>,
    name: String,
    plugin: Option<String>,
    default: Option<bool>,
    metadata_only: bool,
}

pub(super) async fn list(
    Of { kind, store }: Of,
    Asked { caller, parameters, form }: Asked,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, web::Error> {
    let path = in_path(kind, &parameters)?;
    let realm = match &path.project {
        Some(project) => Realm::Project(project),
        None if kind.is_within_project() => Realm::Anywhere,
        None => Realm::Org,
    };
    let caller = store.with_roles(caller, realm).await?;
    let permit = match &path.project {
        project @ Some(_) => caller.allow_document(Verb::Read, kind, project.as_ref())?,
        None => caller.list_documents(kind)?,
    };
    let wanted = Wanted::read(kind, path.project, &query)?;
    if let Some(project) = parameters.project.as_ref().and(wanted.project.as_ref())
        && !store.has_project(caller.org(), project).await?
    {
        return Err(store::Error::NoProject(project.clone()).into());
    }
    let filter = DocumentFilter { project: wanted.project.clone(), name: wanted.name.clone() };
    let mut entries =
        Entries { listing: store.documents(&permit, filter), wanted, form, caller, next: "[" };
    let Some(first) = entries.next().await? else {
        return Ok(streamed(StatusCode::OK, Body::from("[]\n")));
    };
    let first = stream::once(future::ready(Ok(Bytes::from(first))));
    let rest = stream::try_unfold(Some(entries), rest);
    Ok(streamed(StatusCode::OK, Body::from_stream(first.chain(rest))))
}

/// Writes what follows the first entries. It fails after the head has gone: then the transfer breaks, so that nobody takes
/// the half for the whole.
async fn rest(
    entries: Option<Entries>,
) -> Result<Option<(Bytes, Option<Entries>)>, std::io::Error> {
    let Some(mut entries) = entries else { return Ok(None) };
    match entries.next().await {
        Ok(Some(some)) => Ok(Some((some.into(), Some(entries)))),
        Ok(None) => Ok(Some((Bytes::from_static(b"]\n"), None))),
        Err(error) => Err(std::io::Error::other(error.to_string())),
    }
}

struct Entries {
    listing: DocumentListing,
    wanted: Wanted,
    form: Form,
    caller: Caller,
    /// What stands before the next entry.
    next: &'static str,
}

impl Entries {
    /// Writes some entries; none once the list is over.
    async fn next(&mut self) -> Result<Option<String>, store::Error> {
        while let Some(page) = self.listing.next_page().await? {
            let mut page_text = String::new();
            for document in page.iter().filter(|document| self.wanted.fits(document)) {
                page_text.push_str(std::mem::replace(&mut self.next, ","));
                page_text.push_str(&self.entry(document));
            }
            if !page_text.is_empty() {
                return Ok(Some(page_text));
            }
        }
        Ok(None)
    }

    fn entry(&self, document: &Document) -> String {
        if self.wanted.metadata_only {
            return write(&Outgoing::of(document, None), self.form);
        }
        let sight = Sight::of(&self.caller, &document.id);
        written(document, sight, self.form).get().to_owned()
    }
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    default: bool,
    #[serde(default)]
    plugin: Plugin,
}

#[derive(Default, Deserialize)]
struct Plugin {
    #[serde(default)]
    kind: String,
}

impl Wanted {
    fn read(
        kind: DocumentKind,
        path: Option<DocumentName>,
        query: &[(String, String)],
    ) -> Result<Self, Error> {
        let mut wanted = Self { project: path, ..Self::default() };
        for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "name" => wanted.name = value.to_ascii_lowercase(),
                "kind" if kind.is_source() => wanted.plugin = Some(value.clone()),
                "default" if kind.is_source() => wanted.default = Some(go_bool(value)?),
                "metadata_only" if !kind.is_source() => wanted.metadata_only = go_bool(value)?,
                "project" if kind.is_of_project() => {
                    let query = DocumentName::parse(value).map_err(Error::QueryProject)?;
                    if let Some(path) = wanted.project.filter(|path| *path != query) {
                        let (path, query) = (path.to_string(), query.to_string());
                        return Err(Error::TwoProjects { path, query });
                    }
                    wanted.project = Some(query);
                }
                _ => {}
            }
        }
        Ok(wanted)
    }

    fn fits(&self, document: &Document) -> bool {
        if self.plugin.is_none() && self.default.is_none() {
            return true;
        }
        let shown: Option<Shown> = serde_json::from_str(document.spec.as_str()).ok();
        shown.is_some_and(|shown| {
            self.plugin.as_ref().is_none_or(|kind| *kind == shown.plugin.kind)
                && self.default.is_none_or(|default| default == shown.default)
        })
    }
}

/// Reads what Go's `strconv.ParseBool` reads.
pub(crate) fn go_bool(text: &str) -> Result<bool, Error> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        other => {
            let shown = sourcegate_core::quoted(other);
            Err(Error::Decode(format!("strconv.ParseBool: parsing {shown}: invalid syntax")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        kind: DocumentKind,
        path: Option<&str>,
        query: &[(&str, &str)],
        expected: Option<&str>,
    ) {
        let path = path.map(|path| DocumentName::parse(path).unwrap());
        let query: Vec<_> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let refusal = Wanted::read(kind, path, &query).err().map(|error| error.to_string());
        assert_eq!(refusal.as_deref(), expected, "{query:?}");
    }

    #[test]
    fn perses_3_3_parameters_of_lists() {
        let kind = DocumentKind::Datasource;
        check(
            kind,
            None,
            &[("name", "a"), ("default", "T"), ("unknown", "x"), ("project", "")],
            None,
        );
        let said = r#"strconv.ParseBool: parsing "xyz": invalid syntax"#;
        check(kind, None, &[("default", "xyz")], Some(said));
        check(kind, Some("a"), &[("project", "A")], None);
        let said = "the project name in the path (a) and the project name in the query parameter (b) are different";
        check(kind, Some("a"), &[("project", "b")], Some(said));
        let said = "the project name in the query parameter is invalid: \"a..b\" is not a correct name. It should not contain '..'";
        check(kind, None, &[("project", "a..b")], Some(said));
        check(DocumentKind::GlobalSecret, None, &[("default", "xyz"), ("project", "..")], None);
    }
}
