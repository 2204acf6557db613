//! What Grafana's clients send and read: serde types and conversions only.

pub(crate) mod account;
pub(crate) mod correlation;
pub(crate) mod datasource;
pub(crate) mod org;
pub(crate) mod permission;
pub(crate) mod service_account;
pub(crate) mod time;
pub(crate) mod token;
pub(crate) mod user;
