//! The document of the API against the routes that there are, and the page that shows it.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod document;
mod page;
mod schemathesis;

use std::collections::BTreeSet;

use harness::TestApp;
use serde_json::Value;

/// What a gateway says of itself.
pub(crate) async fn document(app: &TestApp) -> Value {
    let answer = app.anonymous().get("/api/openapi.json").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    answer.json()
}

/// One operation of the document.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) path: String,
    /// In upper case.
    pub(crate) method: String,
    pub(crate) definition: Value,
}

impl Operation {
    /// Whether it asks who is there.
    pub(crate) fn is_public(&self) -> bool {
        self.definition["security"] == serde_json::json!([{}])
    }

    /// The group that it stands under.
    pub(crate) fn tag(&self) -> &str {
        self.definition["tags"][0].as_str().expect("a tag")
    }
}

/// Every operation.
pub(crate) fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("paths");
    let each = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").iter();
        methods.map(|(method, definition)| Operation {
            path: path.clone(),
            method: method.to_uppercase(),
            definition: definition.clone(),
        })
    });
    each.collect()
}

/// The same as paths with their methods.
pub(crate) fn pairs(operations: &[Operation]) -> BTreeSet<(String, String)> {
    operations.iter().map(|one| (one.path.clone(), one.method.clone())).collect()
}
