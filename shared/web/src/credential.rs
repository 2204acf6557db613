//! The credential as an extractor: what proxy routes hand to the gateway. Only JWTs are verified by then.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Uri};

use crate::{Error, Jwt};

/// The header that names an organisation, as Grafana's clients send it.
const ORG_HEADER: &str = "x-grafana-org-id";

/// What a request brings to say who sends it. Tokens and passwords are verified when they are used, JWTs here.
///
/// Extracting it refuses what is no credential at all (401).
#[derive(Clone, Debug)]
pub struct Credential {
    /// The token, the login and password, or what a JWT asserts.
    pub credential: auth::Credential,
    /// The organisation that the request names beside it.
    pub org: Option<i64>,
}

impl Credential {
    /// Takes the credential out of a request's head.
    ///
    /// # Errors
    /// What [`auth::Credential::of`] refuses; a JWT that is none, or where none are accepted; [`crate::NoKeys`].
    pub async fn of(parts: &Parts) -> Result<Self, Error> {
        let credential = match auth::Credential::of(&parts.headers)? {
            auth::Credential::Jwt(token) => {
                let jwt = parts.extensions.get::<Jwt>().ok_or(auth::Unauthenticated::NoJwt)?;
                // Boxed, since each request would otherwise carry the room for it.
                auth::Credential::Assertion(Box::pin(jwt.verify(&token)).await?)
            }
            other => other,
        };
        Ok(Self { credential, org: wanted_org(&parts.uri, &parts.headers) })
    }
}

impl<S: Sync> FromRequestParts<S> for Credential {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        Self::of(parts).await
    }
}

/// Reads which organisation a request names: the query's `targetOrgId` goes before the header, and what is no number that
/// an organisation could have is ignored (contract 0.2; Grafana asks `orgID > 0`).
fn wanted_org(uri: &Uri, headers: &HeaderMap) -> Option<i64> {
    let in_query = uri.query().and_then(|query| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix("targetOrgId="));
        value.and_then(number)
    });
    in_query.or_else(|| number(headers.get(ORG_HEADER)?.to_str().ok()?.trim()))
}

fn number(digits: &str) -> Option<i64> {
    digits.parse().ok().filter(|id| *id > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[track_caller]
    fn check(uri: &'static str, header: Option<&'static str>, expected: Option<i64>) {
        let headers = header.map(|value| {
            (http::HeaderName::from_static(ORG_HEADER), HeaderValue::from_static(value))
        });
        assert_eq!(wanted_org(&Uri::from_static(uri), &headers.into_iter().collect()), expected);
    }

    #[test]
    fn t58_the_query_goes_before_the_header() {
        check("/x", None, None);
        check("/x", Some("2"), Some(2));
        check("/x?a=1&targetOrgId=1", Some("2"), Some(1));
        check("/x?targetOrgId=one", Some("2"), Some(2));
        check("/x", Some("two"), None);
        check("/x", Some("0"), None);
        check("/x", Some("-1"), None);
        check("/x?targetOrgId=0", Some("2"), Some(2));
        check("/x?targetOrgId=-7", None, None);
    }
}
