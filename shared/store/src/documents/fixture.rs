//! A document for tests that says nothing yet.

use std::collections::BTreeSet;

use sourcegate_core::{Document, DocumentId, Incarnation, JsonText, OrgId, Rev, Ties};

pub(crate) fn document(org: OrgId, id: DocumentId) -> Document {
    Document {
        org,
        id,
        incarnation: Incarnation::new(),
        rev: Rev::new(),
        sec_rev: None,
        version: 0,
        created_ns: 0,
        updated_ns: 0,
        tags: BTreeSet::new(),
        spec: JsonText::default(),
        default_of: None,
        secret_names: BTreeSet::new(),
        ties: Ties::default(),
    }
}
