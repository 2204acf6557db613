//! Pages of lists: what a query asks for, and the part of a list that it gets.

use axum::extract::Query;
use http::Uri;

use crate::people::Refusal;

/// How many entries a page has unless something else is asked for, as in Grafana.
const PER_PAGE: usize = 1_000;

/// The parameters of a request's query, decoded; of one that comes twice the first counts.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of(uri: &Uri) -> Result<Self, Refusal> {
        let all = Query::try_from_uri(uri).map_err(|_| Refusal::Query)?;
        Ok(Self(all.0))
    }

    /// Gives a parameter; an empty one is none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        found.filter(|text| !text.is_empty())
    }

    /// Gives a parameter that is a whole number, not below zero.
    pub(crate) fn number(&self, name: &'static str) -> Result<Option<usize>, Refusal> {
        let read = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok());
        let bad = Refusal::NotANumber(name);
        self.text(name).map(|text| read(text).flatten().ok_or(bad)).transpose()
    }

    /// Gives how many entries a page is to have. Zero asks for the usual number.
    pub(crate) fn per_page(&self) -> Result<usize, Refusal> {
        Ok(self.number("perpage")?.filter(|number| *number > 0).unwrap_or(PER_PAGE))
    }

    /// Gives the page asked for, the first being 1; zero is the first too.
    pub(crate) fn page(&self) -> Result<Page, Refusal> {
        Ok(Page { number: self.number("page")?.unwrap_or(1).max(1), size: self.per_page()? })
    }
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Which one, the first being 1.
    pub(crate) number: usize,
    /// How many entries it has at most.
    pub(crate) size: usize,
}

impl Page {
    /// Cuts the part out of a list; beyond its end there is nothing.
    pub(crate) fn of<T>(self, list: &[T]) -> &[T] {
        let start = (self.number - 1).saturating_mul(self.size).min(list.len());
        let end = start.saturating_add(self.size).min(list.len());
        &list[start..end]
    }
}

/// Tells whether one of some texts contains another, without regard to case; everything contains nothing.
pub(crate) fn contains(texts: &[&str], sought: Option<&str>) -> bool {
    let Some(sought) = sought.map(str::to_lowercase) else { return true };
    texts.iter().any(|text| text.to_lowercase().contains(&sought))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Parameters {
        Parameters::of(&format!("/x?{query}").parse().unwrap()).unwrap()
    }

    #[track_caller]
    fn check(query: &str, expected: Option<(usize, usize)>) {
        let page = asked(query).page().map(|page| (page.number, page.size)).ok();
        assert_eq!(page, expected, "{query}");
    }

    #[test]
    fn pages_are_counted_from_one() {
        check("", Some((1, 1_000)));
        check("page=&perpage=", Some((1, 1_000)));
        check("page=0&perpage=0", Some((1, 1_000)));
        check("page=3&perpage=7&page=9", Some((3, 7)));
        check(
            "page=18446744073709551615&perpage=18446744073709551615",
            Some((usize::MAX, usize::MAX)),
        );
        for bad in ["page=-1", "page=x", "page=1.0", "page=18446744073709551616", "perpage=%31e3"] {
            check(bad, None);
        }
        for bad in ["perpage=-1", "perpage=+1", "perpage=%201"] {
            check(bad, None);
        }
    }

    #[test]
    fn beyond_its_end_a_list_has_empty_pages() {
        let of = |number, size| Page { number, size }.of(&[1, 2, 3]).to_vec();
        assert_eq!([of(1, 2), of(2, 2), of(3, 2)], [vec![1, 2], vec![3], vec![]]);
        assert_eq!(of(1, usize::MAX), [1, 2, 3]);
        assert!(of(usize::MAX, usize::MAX).is_empty() && of(2, 3).is_empty());
    }

    #[test]
    fn texts_are_sought_without_regard_to_case() {
        assert!(contains(&["Ada", "x"], Some("aD")) && contains(&[], None));
        assert!(!contains(&["Ada"], Some("b")));
    }
}
