//! A data source as a client would send it, from elsewhere: judged by the same rules as one that comes over the API.

use sourcegate_core::{Policy, json};
use store::Draft;

use crate::Error;
use crate::save::{Bound, Saving};

/// Says why a data source would be refused. Never a value that it holds.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadDraft(String);

/// Reads what POST would carry. The policy judges the url.
///
/// # Errors
/// What the API would say.
pub fn draft(body: &str, policy: &Policy) -> Result<Draft, BadDraft> {
    let command = json::body(body.as_bytes())
        .map_err(|_| BadDraft("it is not what a client would send".to_owned()))?;
    let judged = Bound::of(command).and_then(|bound| {
        bound.check_url(policy, Saving::New)?;
        bound.into_draft()
    });
    judged.map(|(draft, _)| draft).map_err(|error: Error| BadDraft(error.to_string()))
}
