//! The three tables: what concurrent clients, lost answers and damaged items leave in them, and what a request reads.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod accounts;
mod archives;
mod assignments;
mod correlations;
mod entry;
mod hostile;
pub(crate) mod items;
mod org_deletion;
mod orgs;
mod races;
mod records;
mod sealed;
mod tokens;
