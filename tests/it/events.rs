//! The built functions behind a Runtime API of our own: events in, answers out.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod forms;
pub(crate) mod functions;
mod observing;
mod proxying;
mod refusing;
mod replay;
mod spans;
mod tokens;
