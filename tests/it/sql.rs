//! The SQL engine over real databases: bad input class Q of the catalogue.

mod asking;
mod bypasses;
mod connecting;
mod formats;
mod lifecycle;
