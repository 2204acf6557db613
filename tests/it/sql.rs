//! The SQL engine over real databases: bad input class Q of the catalogue.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod abandoned;
mod asking;
mod both;
mod bypasses;
mod connecting;
mod dangerous;
mod formats;
mod hostile;
mod lifecycle;
mod mariadb_balanced;
mod mariadb_bypasses;
mod mariadb_connecting;
mod mariadb_formats;
mod mariadb_lifecycle;
// MySQL is there for this architecture alone: see tests/setup.
#[cfg(target_arch = "x86_64")]
mod mysql;
mod versions;
