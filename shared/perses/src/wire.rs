//! Perses' documents as they are on the wire: what they say, and in whose words they are refused.

pub(crate) mod dashboard;
pub(crate) mod document;
pub(crate) mod project;
pub(crate) mod secret;
mod shape;
pub(crate) mod source;
mod tags;
pub(crate) mod user;
