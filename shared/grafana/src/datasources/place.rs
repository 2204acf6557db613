//! Which data source a path names, in each of the three ways.

use auth::{Action, Caller};
use serde::Deserialize;
use sourcegate_core::{LegacyId, Reference, SourceName, Uid};
use web::Path;

use crate::Error;

/// The one parameter of a path. Its name says how it names a data source, so that one handler serves every way.
#[derive(Deserialize)]
pub(super) struct Parameter {
    #[serde(flatten)]
    place: Place,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    Id(String),
    Uid(String),
    Name(String),
}

/// Reads what a path names. Who may not do this to every data source is not told that he named none well.
pub(super) fn wanted(
    caller: &Caller,
    action: Action,
    parameter: Result<Path<Parameter>, web::Error>,
) -> Result<Reference, web::Error> {
    let read = |Path(Parameter { place }): Path<Parameter>| Ok(place.reference(action)?);
    parameter.and_then(read).or_else(|refusal| {
        caller.allow(action)?;
        Err(refusal)
    })
}

impl Place {
    fn reference(&self, action: Action) -> Result<Reference, Error> {
        match self {
            Self::Id(text) => match LegacyId::parse(text) {
                Ok(id) => Ok(Reference::Id(id)),
                Err(_) => Err(no_id(text, action)),
            },
            // What no data source can be called is as absent as what none is.
            Self::Uid(text) => Uid::parse(text).map(Reference::Uid).map_err(|_| Error::NotFound),
            Self::Name(text) => {
                SourceName::parse(text).map(Reference::Name).map_err(|_| Error::NotFound)
            }
        }
    }
}

/// Zero is told apart, and all that is below it when something is deleted (contract 1.4, 1.10).
fn no_id(text: &str, action: Action) -> Error {
    match text.parse::<i64>() {
        Ok(..=0) if action == Action::Delete => Error::NoIdToDelete,
        Ok(0) => Error::NoId,
        _ => Error::Id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(place: &Place, action: Action, expected: &str) {
        let read = place.reference(action).map(|wanted| wanted.to_string());
        assert_eq!(read.unwrap_or_else(|error| error.to_string()), expected, "{place:?}");
    }

    #[test]
    fn t26_t51_p25_ids_are_plain_positive_integers() {
        let id = |text: &str| Place::Id(text.to_owned());
        for action in [Action::Read, Action::Write, Action::Delete] {
            check(&id("7"), action, "7");
            for text in ["abc", "9223372036854775808", "1e3", "01", "\u{ff11}", "", "uid"] {
                check(&id(text), action, "id is invalid");
            }
        }
        for action in [Action::Read, Action::Write] {
            check(&id("0"), action, "Datasource id is missing");
            check(&id("-1"), action, "id is invalid");
        }
        for text in ["0", "-1", "-9223372036854775808"] {
            check(&id(text), Action::Delete, "Missing valid datasource id");
        }
    }

    #[test]
    fn t28_what_no_data_source_can_be_called_is_absent() {
        for text in ["a/b", "", "*", &"u".repeat(41)] {
            check(&Place::Uid(text.to_owned()), Action::Read, "Data source not found");
        }
        check(&Place::Name("x".repeat(191)), Action::Read, "Data source not found");
        check(&Place::Name("a/b".to_owned()), Action::Read, "a/b");
    }
}
