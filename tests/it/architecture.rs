//! What the workspace is made of, as tests: who imports whom, and what every file keeps to.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod imports;
mod sources;
