//! Path parameters, decoded once, and the path as it was sent.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OriginalUri, path::ErrorKind, rejection::PathRejection};
use http::{Uri, request::Parts};
use serde::de::DeserializeOwned;

use crate::{Error, Refusal};

/// The path's parameters, each percent-decoded once.
///
/// A parameter that does not parse is 400. A malformed escape (`%zz`) matches no route: 404, as in
/// Grafana's router.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        if has_malformed_escape(parts.uri.path()) {
            return Err(Refusal::UnknownRoute.into());
        }
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Refusal::Path(reason(rejection)).into()),
        }
    }
}

fn reason(rejection: PathRejection) -> String {
    match rejection {
        PathRejection::FailedToDeserializePathParams(failed) => match failed.into_kind() {
            ErrorKind::Message(message) => message,
            kind => kind.to_string(),
        },
        other => other.body_text(),
    }
}

fn has_malformed_escape(path: &str) -> bool {
    path.split('%').skip(1).any(|rest| {
        let digits = rest.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// The request's target as it was sent, still escaped, whatever a nested router cut off.
#[derive(Clone, Debug)]
pub struct RawPath(Uri);

impl RawPath {
    /// Shows the whole path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.path()
    }

    /// Shows the query without its question mark, where there is one.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.0.query()
    }

    /// Shows what follows the first `count` segments, byte for byte and without the slash between:
    /// `x//y%2F` after 2 of `/a/b/x//y%2F`. `None` where the path ends with them and has no slash.
    #[must_use]
    pub fn after(&self, count: usize) -> Option<&str> {
        self.as_str().splitn(count + 2, '/').nth(count + 1)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RawPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let original = parts.extensions.get::<OriginalUri>().map(|OriginalUri(uri)| uri);
        Ok(Self(original.unwrap_or(&parts.uri).clone()))
    }
}
