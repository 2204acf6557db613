//! From what a path names to one data source, for a caller who may do something to it.

use auth::{Action, Caller, Denied, Granted};
use sourcegate_core::{Reference, Uid};
use store::Store;

use crate::Error;

/// Reads a uid of a path. One that no data source can have is as absent as one that none has.
pub(crate) fn uid(text: &str) -> Result<Reference, Error> {
    Uid::parse(text).map(Reference::Uid).map_err(|_| Error::NotFound)
}

/// Finds what a path names and proves that the caller may do this to it.
///
/// The outer error is told before anything else of the request is read. The inner one says that there is no such data
/// source, or that the path names none: to be told after what is wrong with the body (contract 1.9), and only to those
/// who may do this to any.
pub(crate) async fn locate(
    store: &Store,
    caller: &Caller,
    action: Action,
    wanted: Result<Reference, Error>,
) -> Result<Result<Granted, web::Error>, web::Error> {
    caller.browse(action)?;
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(error) if caller.may_all(action) => return Ok(Err(error.into())),
        Err(_) => return Err(caller.denied(action).into()),
    };
    let found = store.find(caller.org(), &wanted).await?;
    match caller.authorize(action, &wanted, found.map(|stored| stored.source)) {
        Ok(granted) => Ok(Ok(granted)),
        Err(absent @ Denied::Absent(_)) => Ok(Err(absent.into())),
        Err(denied) => Err(denied.into()),
    }
}
