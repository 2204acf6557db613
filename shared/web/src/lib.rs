//! What every route needs, in whichever dialect: errors as answers, extractors, the layers around a
//! router, the log, the environment, and the two ways to serve: a socket and the Lambda Runtime API.

mod caller;
mod credential;
mod env;
mod error;
mod extract;
mod jwt;
mod layers;
mod off_thread;
mod page;
mod refusal;
pub mod serve;
pub mod telemetry;

pub use axum::{Router, response::Response};
pub use caller::Caller;
pub use credential::Credential;
pub use env::env;
pub use error::{Chain, Error, render, status};
pub use extract::{BODY_LIMIT_BYTES, Json, Path, RawPath, read_body};
pub use jwt::{BadJwtConfig, Jwt, JwtConfig, KeyTimes, NoKeys};
pub use layers::{
    Arrival, BadOptions, BadSpans, Finished, LocalGuard, LogFields, Observe, Observers, Options,
    Render, Spans, Stack, TraceId, envelope, stack,
};
pub use off_thread::off_thread;
pub use page::page;
pub use refusal::Refusal;
