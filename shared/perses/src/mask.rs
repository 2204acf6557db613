//! What callers who may not write do not see of a data source: values in a url's query, and values of headers.

use serde_json::Value;
use sourcegate_core::{MASK, masked_url};

/// Gives a `spec` without them; none if it has none. Whatever stands elsewhere stays.
pub(crate) fn masked(spec: &str) -> Option<String> {
    // Nothing else is ever masked, and most specs have neither.
    if !spec.contains('?') && !spec.contains("eaders") && !spec.contains('\\') {
        return None;
    }
    let mut value: Value = serde_json::from_str(spec).ok()?;
    mask(&mut value).then(|| value.to_string())
}

/// Masks whatever is a proxy, however deep; tells whether anything was.
fn mask(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let is_proxy = fields.iter().any(|(name, value)| {
                let kind = value.as_str().unwrap_or_default();
                name.eq_ignore_ascii_case("kind") && kind.eq_ignore_ascii_case("httpproxy")
            });
            let mut changed = false;
            for (name, value) in fields.iter_mut() {
                changed |= match name.eq_ignore_ascii_case("spec") && is_proxy {
                    true => mask_proxy(value),
                    false => mask(value),
                };
            }
            changed
        }
        Value::Array(all) => all.iter_mut().fold(false, |changed, one| mask(one) | changed),
        _ => false,
    }
}

fn mask_proxy(spec: &mut Value) -> bool {
    let url = spec.get("url").and_then(Value::as_str).and_then(masked_url);
    let mut changed = url.is_some();
    if let (Some(url), Some(fields)) = (url, spec.as_object_mut()) {
        fields.insert("url".to_owned(), url.into());
    }
    if let Some(headers) = spec.get_mut("headers").and_then(Value::as_object_mut) {
        for value in headers.values_mut() {
            *value = MASK.into();
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(proxy: &Value, expected: Option<Value>) {
        let spec = |proxy: &Value| json!({ "plugin": { "kind": "P", "spec": { "proxy": { "kind": "HTTPProxy", "spec": proxy } } } });
        let found = masked(&spec(proxy).to_string());
        let found = found.map(|text| serde_json::from_str::<Value>(&text).unwrap());
        assert_eq!(found, expected.map(|proxy| spec(&proxy)), "{proxy}");
    }

    #[test]
    fn t03_queries_and_headers_are_masked() {
        check(&json!({ "url": "http://h" }), None);
        check(
            &json!({ "url": "http://h?a=1&b", "headers": { "X": "y" }, "secret": "s" }),
            Some(json!({ "url": "http://h?a=***&***", "headers": { "X": "***" }, "secret": "s" })),
        );
        check(&json!({ "url": "http://h", "headers": {} }), None);
    }

    #[test]
    fn whatever_is_no_proxy_stays() {
        let spec = json!({ "panels": [{ "headers": { "X": "y" }, "url": "http://h?a=1" }] });
        assert_eq!(masked(&spec.to_string()), None);
    }
}
