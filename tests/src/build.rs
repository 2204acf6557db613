//! Data sources as clients send them.

use serde_json::{Value, json};

/// A Prometheus data source.
#[must_use]
pub fn prometheus(name: &str, url: &str) -> Value {
    json!({ "name": name, "type": "prometheus", "access": "proxy", "url": url })
}

/// A data source of a type that nobody knows: proxied as plain HTTP, every method.
#[must_use]
pub fn plain(name: &str, url: &str) -> Value {
    json!({ "name": name, "type": "plain-http", "access": "proxy", "url": url })
}

/// A body with some fields replaced.
#[must_use]
pub fn with(mut body: Value, fields: Value) -> Value {
    if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
        body.extend(fields);
    }
    body
}
