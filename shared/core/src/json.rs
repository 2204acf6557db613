//! Reading JSON that somebody sent. No array passes for an object, and what is said of a text that is refused quotes
//! nothing of it.

mod fault;
mod objects;
mod unique_keys;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Deserializer, Value};

pub use fault::JsonFault;
use objects::Objects;

/// Reads a whole text.
///
/// # Errors
/// It is not JSON, or another than expected.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, JsonFault> {
    let mut deserializer = Deserializer::from_str(text);
    let read = T::deserialize(Objects(&mut deserializer));
    read.and_then(|read| deserializer.end().map(|()| read)).map_err(|error| JsonFault::of(&error))
}

/// Reads a request's body, in which no object has a key twice. An empty one is the zero object.
///
/// # Errors
/// As [`read`]; it is not UTF-8, or has a key twice.
pub fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonFault> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|error| JsonFault::encoding(error.valid_up_to()))?;
    let text = if text.trim_ascii().is_empty() { "{}" } else { text };
    unique_keys::check(text).map_err(|error| JsonFault::of(&error))?;
    read(text)
}

/// Reads the first value; what follows it is not looked at.
///
/// # Errors
/// As [`read`].
pub fn first<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonFault> {
    let mut deserializer = Deserializer::from_slice(bytes);
    T::deserialize(Objects(&mut deserializer)).map_err(|error| JsonFault::of(&error))
}

/// Reads a part of what was read already. A field that is null is one that is not there, as in Go.
///
/// # Errors
/// It is another than expected.
pub fn part<T: DeserializeOwned>(value: &Value) -> Result<T, JsonFault> {
    let read = match has_null(value) {
        true => T::deserialize(Objects(without_nulls(value))),
        false => T::deserialize(Objects(value)),
    };
    read.map_err(|error| JsonFault::of(&error))
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().any(|value| value.is_null() || has_null(value)),
        Value::Array(items) => items.iter().any(has_null),
        _ => false,
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
