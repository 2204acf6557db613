//! Who may do what: pure decisions over credentials, callers and roles. No I/O, nothing is `async`.

mod caller;
mod credential;
mod error;
mod granted;
pub mod jwt;
pub mod password;
mod role;
mod token;

pub use caller::{Caller, Identity};
pub use credential::{Credential, ProcessKey};
pub use error::{Denied, Unauthenticated};
pub use granted::{Granted, Permit};
pub use role::{Action, Role};
pub use token::{OwnerId, Token};
