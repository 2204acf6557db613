//! The local binary as an operator meets it: started, stopped, killed, started again.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod admin;
mod archive;
pub(crate) mod binary;
mod crash;
mod demo;
mod fsck;
mod log;
mod metrics;
mod provisioning;
mod rotation;
mod start;
mod stop;
mod tables;
mod users;
