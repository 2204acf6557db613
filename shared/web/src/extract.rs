//! Extractors that refuse with [`crate::Error`], so that a dialect's envelope writes the answer.

mod json;
mod path;

pub use json::{BODY_LIMIT_BYTES, Json, read_body};
pub use path::{Path, RawPath};

#[cfg(test)]
mod tests;
