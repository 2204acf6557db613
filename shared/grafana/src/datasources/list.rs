//! The list, written while it is read: its first entries are on their way before the last are known.

use auth::{Action, Caller};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures_util::{StreamExt, future, stream};
use store::{Listing, Stored};

use super::Registry;
use crate::answer::{json, write};
use crate::wire::datasource::Listed;
use crate::{Error, Settings, mask};

/// Lists the data sources that the caller may read, by name.
#[utoipa::path(
    get,
    path = "/api/datasources",
    tag = "datasources",
    operation_id = "listDatasources",
    responses((status = 200, description = "The list", body = Vec<Listed<'_>>)),
)]
pub(super) async fn list(
    State(Registry { store, settings, .. }): State<Registry>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    let permit = caller.browse(Action::Read)?;
    let listing = store.list(&permit, settings.datasource_limit).await?;
    let mut entries = Entries { listing, caller, settings, next: b'[' };
    let Some(first) = entries.next().await? else {
        // Who may read none is told so, and not that there are none.
        entries.caller.allow(Action::Read)?;
        return Ok(json("[]"));
    };
    if entries.listing.is_over() {
        return Ok(json([first, entries.end()].concat()));
    }
    let first = stream::once(future::ready(Ok(Bytes::from(first))));
    Ok(json(Body::from_stream(first.chain(stream::try_unfold(Some(entries), rest)))))
}

/// Writes what follows the first entries. It fails after the head has gone: then the transfer breaks, so that nobody takes
/// the half for the whole.
async fn rest(
    entries: Option<Entries>,
) -> Result<Option<(Bytes, Option<Entries>)>, std::io::Error> {
    let Some(mut entries) = entries else { return Ok(None) };
    match entries.next().await {
        Ok(Some(some)) => Ok(Some((some.into(), Some(entries)))),
        Ok(None) => Ok(Some((entries.end().into(), None))),
        Err(error) => Err(std::io::Error::other(error.chain().to_string())),
    }
}

/// The entries that a caller may read.
struct Entries {
    listing: Listing,
    caller: Caller,
    settings: Settings,
    /// What stands before the next entry.
    next: u8,
}

impl Entries {
    /// Writes some entries; none once the list is over.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, web::Error> {
        while let Some(page) = self.listing.next_page().await? {
            let mut written = Vec::new();
            for stored in page {
                self.write(stored, &mut written)?;
            }
            if !written.is_empty() {
                return Ok(Some(written));
            }
        }
        Ok(None)
    }

    fn write(&mut self, stored: Stored, written: &mut Vec<u8>) -> Result<(), Error> {
        if self.caller.may(Action::Read, &stored.source) {
            let stored = mask::for_caller(stored, &self.caller);
            let entry = Listed::new(&stored, self.settings.compat);
            written.push(std::mem::replace(&mut self.next, b','));
            written.extend(write(&entry).map_err(Error::Unwritable)?);
        }
        Ok(())
    }

    /// Ends the list, and tells the operator if it is not all.
    fn end(&self) -> Vec<u8> {
        if self.listing.is_cut() {
            let (org, limit) = (self.caller.org(), self.settings.datasource_limit);
            tracing::warn!(
                %org,
                limit,
                "organisation {org} has more than {limit} data sources, the list ends there; \
                 SOURCEGATE_DATASOURCE_LIMIT makes it longer"
            );
        }
        vec![b']']
    }
}
