//! What a request was, once its answer has ended: for the canonical line and whoever else is told.

use std::{fmt, sync::Arc, time::Duration};

use http::{Method, StatusCode};
use sourcegate_core::{Fault, Kind};

use super::{LogFields, TraceId};

/// A request whose answer has ended, however it did.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// How it was asked; any word that is a method.
    pub method: &'a Method,
    /// For what, as it was sent; no query.
    pub path: &'a str,
    /// The route that this is, as it is declared; none if there is none such, or none was looked for.
    pub route: Option<&'a str>,
    /// What was answered; none only if the answer was never begun.
    pub status: Option<StatusCode>,
    /// How many bytes of the answer's body were sent.
    pub bytes: u64,
    /// From the request's head to the answer's last byte.
    pub duration: Duration,
    /// The trace that it belongs to.
    pub trace: TraceId,
    /// What its handler told.
    pub fields: &'a LogFields,
    /// Whose fault it was that it failed; the caller's if it did not.
    pub fault: Fault,
    /// How it failed.
    pub kind: Option<Kind>,
    /// Why, in a word.
    pub cause: Option<&'static str>,
    /// Why, with all causes beneath.
    pub chain: Option<&'a str>,
}

/// Whoever is told of each request beside the log. It is called in between requests and may not wait.
pub trait Observe: fmt::Debug + Send + Sync {
    /// Tells of one.
    fn finished(&self, request: &Finished<'_>);
}

/// All who are told.
pub type Observers = Vec<Arc<dyn Observe>>;
