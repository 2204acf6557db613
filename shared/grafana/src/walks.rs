//! Who is on his way through the list of organisations, page by page until one is empty.
//!
//! Grafana counts these pages from 0, and so does the Terraform provider; others of its clients count them from 1, as all
//! other lists do, and never see the first. The two cannot be told apart by page 1 alone: whoever asked for page 0 of the
//! same list just before gets the second page, everybody else the first. So both see every organisation once. A process
//! that does not remember page 0 shows its organisations twice, and loses none.

use std::time::Duration;

use quick_cache::sync::Cache;
use store::Stamp;

use crate::paging::Page;

/// How many walks are remembered.
const MOST: usize = 1_000;

/// How long the next page may be in coming.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who walks through which list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Walk {
    /// The caller.
    pub(crate) who: String,
    /// How many entries his pages have.
    pub(crate) size: usize,
    /// What he seeks.
    pub(crate) filters: [Option<String>; 2],
}

/// The walks that began at page 0.
pub(crate) struct Walks(Cache<Walk, Stamp>);

impl Walks {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// Tells which page is meant by a number, or by none.
    pub(crate) fn page(&self, walk: &Walk, asked: Option<usize>) -> Page {
        let from_zero = match asked {
            Some(0) => true,
            Some(_) => self.0.get(walk).is_some_and(|stamp| stamp.is_fresh(PATIENCE)),
            None => false,
        };
        let number = match (asked, from_zero) {
            (Some(asked), true) => asked.saturating_add(1),
            (Some(asked), false) => asked,
            (None, _) => 1,
        };
        if from_zero {
            self.0.insert(walk.clone(), Stamp::now());
        }
        Page { number, size: walk.size }
    }

    /// Notes that a walk has come to an empty page, which ends it.
    pub(crate) fn end(&self, walk: &Walk) {
        self.0.remove(walk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(who: &str) -> Walk {
        Walk { who: who.to_owned(), size: 2, filters: [None, None] }
    }

    /// Asks for pages until one is empty; gives all that was on them.
    fn collect(walks: &Walks, who: &str, first: usize, count: usize) -> Vec<usize> {
        let list: Vec<_> = (0..count).collect();
        let mut all = Vec::new();
        for asked in first.. {
            let page = walks.page(&walk(who), Some(asked)).of(&list).to_vec();
            if page.is_empty() {
                walks.end(&walk(who));
                return all;
            }
            all.extend(page);
        }
        all
    }

    #[test]
    fn from_zero_and_from_one_everything_is_seen_once() {
        let walks = Walks::new();
        for count in 0..6 {
            let all: Vec<_> = (0..count).collect();
            assert_eq!(collect(&walks, "a", 0, count), all);
            assert_eq!(collect(&walks, "a", 1, count), all);
        }
    }

    #[test]
    fn walks_of_others_and_of_other_lists_do_not_meet() {
        let walks = Walks::new();
        walks.page(&walk("a"), Some(0));
        assert_eq!(walks.page(&walk("b"), Some(1)).number, 1);
        let other = Walk { filters: [Some("x".to_owned()), None], ..walk("a") };
        assert_eq!(walks.page(&other, Some(1)).number, 1);
        assert_eq!(walks.page(&walk("a"), None).number, 1);
        assert_eq!(walks.page(&walk("a"), Some(1)).number, 2);
        assert_eq!(walks.page(&walk("a"), Some(usize::MAX)).number, usize::MAX);
    }
}
