//! The list of all correlations, a page at a time.

use store::Link;

use crate::Error;
use crate::wire::correlation::{Listed, Shown};

/// How many a page holds unless the query says so.
const PAGE: u64 = 100;

/// How many a page holds at most; whoever asks for more gets so many.
const LARGEST_PAGE: u64 = 1_000;

/// What the query asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    limit: u64,
    page: u64,
    /// Only those that start from one of these; from all if there are none.
    sources: Vec<String>,
}

impl Wanted {
    /// Reads a query: numbers below one mean what is not said, as in Grafana.
    pub(super) fn parse(query: &str) -> Result<Self, Error> {
        let mut wanted = Self { limit: PAGE, page: 1, sources: Vec::new() };
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "limit" => wanted.limit = number("limit", value)?.unwrap_or(PAGE).min(LARGEST_PAGE),
                "page" => wanted.page = number("page", value)?.unwrap_or(1),
                // No uid has a character that is escaped in a query.
                "sourceUID" => wanted.sources.push(value.to_owned()),
                _ => {}
            }
        }
        Ok(wanted)
    }

    fn wants(&self, link: &Link) -> bool {
        let source = link.source.uid.as_str();
        self.sources.is_empty() || self.sources.iter().any(|wanted| wanted == source)
    }
}

fn number(field: &'static str, text: &str) -> Result<Option<u64>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let number: i64 = text.parse().map_err(|_| Error::Query(field))?;
    Ok(u64::try_from(number).ok().filter(|number| *number > 0))
}

/// One page of those that the caller may see, and how many there are of them.
pub(super) struct Page {
    wanted: Wanted,
    total: u64,
    links: Vec<Link>,
}

impl Page {
    pub(super) fn of(wanted: Wanted) -> Self {
        Self { wanted, total: 0, links: Vec::new() }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Makes the answer.
    pub(super) fn shown(&self) -> Listed<'_> {
        Listed {
            correlations: self.links.iter().map(Shown::from).collect(),
            total_count: self.total,
            page: self.wanted.page,
            limit: self.wanted.limit,
        }
    }
}

impl Extend<Link> for Page {
    /// Counts those that are wanted, and keeps those of the page.
    fn extend<I: IntoIterator<Item = Link>>(&mut self, links: I) {
        let first = (self.wanted.page - 1).saturating_mul(self.wanted.limit);
        let last = first.saturating_add(self.wanted.limit);
        for link in links.into_iter() {
            if !self.wanted.wants(&link) {
                continue;
            }
            if (first..last).contains(&self.total) {
                self.links.push(link);
            }
            self.total += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, limit: u64, page: u64, sources: &[&str]) {
        let sources = sources.iter().map(|uid| (*uid).to_owned()).collect();
        assert_eq!(Wanted::parse(query).unwrap(), Wanted { limit, page, sources }, "{query}");
    }

    #[test]
    fn what_is_not_said_and_what_is_too_much_is_as_in_grafana() {
        check("", 100, 1, &[]);
        check("limit=&page=&x=y", 100, 1, &[]);
        check("limit=0&page=0", 100, 1, &[]);
        check("limit=-1&page=-9223372036854775808", 100, 1, &[]);
        check("limit=1000&page=2", 1_000, 2, &[]);
        check("limit=1001", 1_000, 1, &[]);
        check("page=9223372036854775807", 100, i64::MAX as u64, &[]);
        check("sourceUID=a&sourceUID=b", 100, 1, &["a", "b"]);
    }

    #[test]
    fn what_is_no_number_is_named() {
        for (query, field) in [
            ("limit=x", "limit"),
            ("page=1.5", "page"),
            ("page=1%31", "page"),
            ("limit=9223372036854775808", "limit"),
        ] {
            let refused = Wanted::parse(query).unwrap_err();
            assert!(matches!(refused, Error::Query(named) if named == field), "{query}");
        }
    }
}
