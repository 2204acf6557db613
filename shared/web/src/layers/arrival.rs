//! What is known of a request besides HTTP, and what its handlers tell the canonical line.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::extract::{FromRequestParts, MatchedPath};
use http::{HeaderMap, request::Parts};
use sourcegate_core::OrgId;

use super::TraceId;
use crate::Error;

/// How and when a request came: an extractor, and an extension of every request.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The trace that the request belongs to.
    pub trace: TraceId,
    /// Who sent it: the socket's other end, or the source address of the event. Never a header.
    pub peer: Option<IpAddr>,
    /// When the platform ends the process, on Lambda.
    pub deadline: Option<Instant>,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) fields: LogFields,
    pub(super) route: Option<MatchedPath>,
    pub(super) error: Option<Error>,
}

/// What handlers add to the canonical line. No secret, no query text.
#[derive(Clone, Debug, Default)]
pub struct LogFields {
    /// `org`: the caller's organisation.
    pub org: Option<OrgId>,
    /// `user`: the caller's identity.
    pub user: Option<String>,
    /// `datasource.uid`.
    pub datasource_uid: Option<String>,
    /// `upstream.status`: what the data source answered, written where the caller got another one.
    pub upstream_status: Option<u16>,
    /// `upstream.path`: how many bytes at the path's end are the data source's own.
    pub upstream_path_bytes: Option<usize>,
    /// `upstream.ms`: from sending to the answer's head.
    pub upstream_duration: Option<Duration>,
}

impl Arrival {
    pub(crate) fn new(
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        deadline: Option<Instant>,
    ) -> Self {
        Self { trace: TraceId::of(headers), peer, deadline, notes: Arc::default() }
    }

    /// Adds to the request's canonical line. What was added counts even if the handler is dropped.
    pub fn log(&self, add: impl FnOnce(&mut LogFields)) {
        add(&mut self.notes().fields);
    }

    pub(super) fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        // A panic while adding leaves at worst a field unset.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        Ok(known.unwrap_or_else(|| Self::new(&parts.headers, None, None)))
    }
}
