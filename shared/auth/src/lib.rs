//! Who may do what: pure decisions over credentials, callers and roles. No I/O, nothing is `async`.

mod account;
mod action;
mod caller;
mod credential;
mod document;
mod error;
mod granted;
mod held;
pub mod jwt;
mod limits;
pub mod password;
mod role;
mod session;
mod token;

pub use account::{account_login, slug};
pub use action::Action;
pub use caller::{Caller, Identity};
pub use credential::{Credential, ProcessKey};
pub use document::{DocumentPermit, NotAllowed, UnsavedPermit, UsersPermit, Verb};
pub use error::{Denied, Unauthenticated};
pub use granted::{Granted, Permit};
pub use held::{Held, LiveProject, Rolebook};
pub use limits::{Exceeds, Grant, Limits, Scope};
pub use role::Role;
pub use session::{SessionId, SessionOwner, SessionToken, SessionUse};
pub use token::{OwnerId, Token};
