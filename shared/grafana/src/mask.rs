//! What callers who may not write do not see: values in a url's query, and headers that stand in `jsonData` by mistake.

use std::collections::BTreeMap;
use std::sync::Arc;

use auth::{Action, Caller};
use serde_json::value::RawValue;
use sourcegate_core::{Datasource, JsonText, MASK, masked_url};
use store::Stored;

/// Gives a data source as a caller may see it.
pub(crate) fn for_caller(stored: Stored, caller: &Caller) -> Stored {
    let settings = &stored.source.settings;
    let url = masked_url(&settings.url);
    let json_data = masked_json(&settings.json_data);
    if caller.may(Action::Write, &stored.source) || (url.is_none() && json_data.is_none()) {
        return stored;
    }
    let mut source = Datasource::clone(&stored.source);
    source.settings.url = url.unwrap_or(source.settings.url);
    source.settings.json_data = json_data.unwrap_or(source.settings.json_data);
    Stored { source: Arc::new(source), ..stored }
}

/// Replaces the values of `httpHeaderValue…`. All other values stay byte for byte; keys come in order.
fn masked_json(json: &JsonText) -> Option<JsonText> {
    let text = json.as_str();
    // A key may be written with escapes, so that its text says nothing.
    if !text.contains("httpHeaderValue") && !text.contains('\\') {
        return None;
    }
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
    let mut found = false;
    for (_, value) in fields.iter_mut().filter(|(key, _)| key.starts_with("httpHeaderValue")) {
        *value = serde_json::value::to_raw_value(MASK).ok()?;
        found = true;
    }
    if !found {
        return None;
    }
    JsonText::object(serde_json::to_string(&fields).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_json(json: &str, expected: Option<&str>) {
        let masked = masked_json(&JsonText::object(json.to_owned()).unwrap());
        assert_eq!(masked.as_ref().map(JsonText::as_str), expected, "{json}");
    }

    #[test]
    fn header_values_that_are_no_secrets_are_masked() {
        check_json(r#"{"httpHeaderName1":"X-A","n" : 1.0}"#, None);
        check_json(r#"{"a":"\"httpHeaderValue1\""}"#, None);
        let expected = r#"{"a":1.0,"httpHeaderValue1":"***"}"#;
        check_json(r#"{"httpHeaderValue1":"s","a":1.0}"#, Some(expected));
        check_json(r#"{"httpHeaderV\u0061lue1":{"x":1},"a" : 1.0}"#, Some(expected));
    }
}
