//! The local binary's parts, for the test harness and nobody else.

pub mod admin;
pub mod args;
pub mod demo;
pub mod engine;
pub mod first_start;
mod greeting;
mod metrics;
mod server;
pub mod verify;

pub use server::{Server, Setup};
