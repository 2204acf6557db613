//! The verified caller as an extractor: in a handler's signature it is the requirement to be authenticated.

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use store::{Claim, Store};

use crate::{Arrival, Credential, Error};

/// A verified caller. Registry routes read the tables for it each time, never a cache.
#[derive(Clone, Debug)]
pub struct Caller(pub auth::Caller);

impl<S> FromRequestParts<S> for Caller
where
    S: Sync,
    Store: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Credential { credential, org } = Credential::of(parts).await?;
        let arrival = parts.extensions.get::<Arrival>();
        let peer = arrival.and_then(|arrival| arrival.peer);
        let claim = Claim { credential: &credential, org, peer };
        let caller = Store::from_ref(state).caller(claim).await?;
        if let Some(arrival) = arrival {
            arrival.log(|line| {
                line.org = Some(caller.org());
                line.user = Some(caller.identity().to_string());
            });
        }
        caller.admit(peer)?;
        caller.admit_method(&parts.method)?;
        Ok(Self(caller))
    }
}
