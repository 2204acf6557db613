//! The two ways to serve a router: on a socket and behind the Lambda Runtime API.

mod lambda;
mod tcp;

pub use lambda::{at_once, function};
pub use tcp::tcp;

/// The error of another crate, kept for the log.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why serving did not begin or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is missing.
    #[error("{0} is not set, and only Lambda and its emulators set it")]
    Missing(&'static str),
    /// A setting does not parse.
    #[error("{name} is `{value}`, not {expected}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The function's own settings are not as they must be.
    #[error("the function cannot start: {}", crate::Chain(&**.0))]
    Start(BoxError),
    /// There are no threads to run on.
    #[error("cannot start to run")]
    Threads(#[source] std::io::Error),
    /// The listener can accept no more.
    #[error("cannot accept connections")]
    Accept(#[source] std::io::Error),
    /// The Runtime API gives no events: it said that it never will again, or failed for a long time.
    #[error("the runtime api gives no events")]
    NoEvents(#[source] BoxError),
    /// The program could not be started anew after a panic.
    #[error("cannot begin anew after a panic")]
    Anew(#[source] std::io::Error),
}
