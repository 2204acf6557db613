//! The two ways to serve a router: on a socket and behind the Lambda Runtime API.

mod lambda;
mod tcp;

pub use lambda::{LambdaConfig, lambda};
pub use tcp::tcp;

/// Why serving did not begin or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is missing.
    #[error("{0} is not set, and only Lambda and its emulators set it")]
    Missing(&'static str),
    /// A setting does not parse.
    #[error("{name} is `{value}`, not host:port with an optional path")]
    Setting {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The listener can accept no more.
    #[error("cannot accept connections")]
    Accept(#[source] std::io::Error),
    /// The Runtime API gave no event for a long time, each try failing.
    #[error("the runtime api gives no events")]
    NoEvents(#[source] Box<dyn std::error::Error + Send + Sync>),
}
