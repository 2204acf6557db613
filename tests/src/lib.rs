//! The test harness: the whole gateway in one process, real servers beside it, and the platform's parts that stand in for AWS.

pub mod app;
pub mod build;
mod certificates;
pub mod client;
pub mod fleet;
pub mod hostile;
pub mod mariadb;
pub mod moto;
pub mod mysql;
pub mod nginx;
pub mod oauth;
pub mod oidc;
pub mod postgres;
pub mod process;
pub mod prometheus;
pub mod rds;
pub mod runtime_api;
pub mod signer;
pub mod upstream;
pub mod watch;
pub mod wire;

pub use app::TestApp;
pub use client::{Answer, Client};
pub use fleet::Fleet;
pub use hostile::{Faults, Hostile};
