//! Names for data sources that came without one: `type`, `type-1`, `type-2`, … (contract 1.5).

use std::collections::HashSet;

use auth::Permit;
use sourcegate_core::{Settings, SourceName};
use store::{Draft, Store, Stored};

use crate::Error;

/// How many names are tried that somebody else has taken since the names were read.
const MOST_TRIES: usize = 100;

/// Creates a data source under the first free name; names that differ in case only are not free.
pub(super) async fn create(
    store: &Store,
    permit: &Permit,
    draft: Draft,
) -> Result<Stored, web::Error> {
    let names = store.names(permit).await?;
    let taken = names.iter().map(SourceName::folded).collect();
    let mut tries = 0;
    for name in free_names(&draft.settings.type_text, &taken) {
        let name = SourceName::parse(&name).map_err(Error::Name)?;
        let settings = Settings { name, ..draft.settings.clone() };
        tries += 1;
        match store.create(permit, Draft { settings, ..draft.clone() }).await {
            Err(store::Error::NameTaken(_)) if tries < MOST_TRIES => {}
            created => return Ok(created?),
        }
    }
    Err(store::Error::NameTaken(draft.settings.name).into())
}

fn free_names(type_text: &str, taken: &HashSet<String>) -> impl Iterator<Item = String> {
    let numbered = (1_u32..).map(move |number| format!("{type_text}-{number}"));
    let all = std::iter::once(type_text.to_owned()).chain(numbered);
    all.filter(|name| !taken.contains(&name.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(taken: &[&str], expected: [&str; 2]) {
        let taken = taken.iter().map(|name| (*name).to_owned()).collect();
        let names: Vec<_> = free_names("Loki", &taken).take(2).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn the_first_free_name_is_taken_without_regard_to_case() {
        check(&[], ["Loki", "Loki-1"]);
        check(&["loki"], ["Loki-1", "Loki-2"]);
        check(&["loki", "loki-1", "loki-3"], ["Loki-2", "Loki-4"]);
        check(&["loki-1"], ["Loki", "Loki-2"]);
    }
}
