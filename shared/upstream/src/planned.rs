//! A request on its way: planned, complete once it has its token. Only what is complete can be sent.

use http::Request;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::replay::Tape;
use crate::{Bearer, Body, TokenEndpoint};

/// What a plan comes to.
pub enum Plan<'c> {
    /// The request is complete.
    Ready(Planned),
    /// It needs a token first, which is obtained elsewhere.
    NeedsToken(NeedsToken<'c>),
}

/// A request as it goes to the data source, with all that authenticates it.
pub struct Planned(pub(crate) Request<Body>);

/// A request without its token.
pub struct NeedsToken<'c> {
    endpoint: &'c TokenEndpoint,
    request: Request<Body>,
}

/// The same once more, for another token.
pub struct Spare {
    head: Request<()>,
    tape: Option<Tape>,
}

impl<'c> NeedsToken<'c> {
    pub(crate) fn new(endpoint: &'c TokenEndpoint, request: Request<Body>) -> Self {
        Self { endpoint, request }
    }

    /// Gives where the token is asked for.
    #[must_use]
    pub fn endpoint(&self) -> &'c TokenEndpoint {
        self.endpoint
    }

    /// Completes the request, and keeps what it takes to send it once more.
    #[must_use]
    pub fn with(self, bearer: &Bearer) -> (Planned, Spare) {
        let (parts, body) = self.request.into_parts();
        let head = head_of(&parts);
        let (body, tape) = Tape::record(body);
        let request = complete(Request::from_parts(parts, body), bearer);
        (request, Spare { head, tape })
    }
}

impl Spare {
    /// Tells whether it can be sent: what was not sent whole, or is more than was kept, cannot.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.tape.as_ref().is_none_or(Tape::is_whole)
    }

    /// Completes it with another token; none if its body cannot be sent again.
    #[must_use]
    pub fn with(self, bearer: &Bearer) -> Option<Planned> {
        let body = match self.tape {
            None => Body::empty(),
            Some(tape) => tape.body()?,
        };
        Some(complete(self.head.map(|()| body), bearer))
    }
}

fn complete(mut request: Request<Body>, bearer: &Bearer) -> Planned {
    request.headers_mut().insert(AUTHORIZATION, bearer.value());
    Planned(request)
}

/// Copies what is sent of a head.
fn head_of(parts: &Parts) -> Request<()> {
    let mut head = Request::new(());
    head.method_mut().clone_from(&parts.method);
    head.uri_mut().clone_from(&parts.uri);
    head.headers_mut().clone_from(&parts.headers);
    head
}
