//! What an export or an import has to tell of single data sources and documents.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sourcegate_core::{OrgId, Uid};

/// Lines of text for people, and the same for scripts.
#[derive(Default)]
pub(super) struct Notes {
    /// Each line ends with a line break.
    pub(super) text: String,
    pub(super) json: Vec<Value>,
}

impl Notes {
    /// Notes something of a document, by what it is called.
    pub(super) fn document(&mut self, org: OrgId, called: &str, what: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "organisation {org}, {called}: {what}");
        self.json.push(json!({ "org": org.get(), "document": called, "note": what }));
    }

    /// Notes something of a data source, by what it is called and by its uid.
    pub(super) fn source(&mut self, org: OrgId, (called, uid): (&str, Option<&Uid>), what: &str) {
        let _ = writeln!(self.text, "organisation {org}, {called}: {what}");
        self.json.push(json!({ "org": org.get(), "uid": uid.map(Uid::as_str), "note": what }));
    }
}
