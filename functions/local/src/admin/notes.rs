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

    /// Notes something of a data source, by what it is called, and for scripts by its uid if it has one.
    pub(super) fn source(&mut self, org: OrgId, (called, uid): (&str, Option<&Uid>), what: &str) {
        let _ = writeln!(self.text, "organisation {org}, {called}: {what}");
        let (key, name) = uid.map_or(("source", called), |uid| ("uid", uid.as_str()));
        self.json.push(json!({ "org": org.get(), key: name, "note": what }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_source_without_a_uid_is_named_too() {
        let mut notes = Notes::default();
        let uid = Uid::parse("u").unwrap();
        notes.source(OrgId::MAIN, ("data source `u`", Some(&uid)), "x");
        notes.source(OrgId::MAIN, ("data source 3 of the file", None), "y");
        let text =
            "organisation 1, data source `u`: x\norganisation 1, data source 3 of the file: y\n";
        assert_eq!(notes.text, text);
        let unnamed = json!({ "org": 1, "source": "data source 3 of the file", "note": "y" });
        assert_eq!(notes.json, [json!({ "org": 1, "uid": "u", "note": "x" }), unnamed]);
    }
}
