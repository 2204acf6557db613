//! What an operator's list of allowed endpoints lets through, over every reading of the path.

use http::Method;
use sourcegate_core::Pattern;

use crate::Error;
use crate::path::Readings;

/// Decides whether a request may be sent: anything without a list, else what one entry allows in each reading. Methods are
/// compared exactly, so that a list lets no HEAD through, as with Perses (contract/perses.md 1.4).
pub(crate) fn decide(
    allowed: &[(Method, Pattern)],
    method: &Method,
    path: &Readings<'_>,
) -> Result<(), Error> {
    let fits = |reading: &str| {
        let reading = format!("/{reading}");
        let mut of_method = allowed.iter().filter(|(known, _)| known == method);
        of_method.any(|(_, pattern)| pattern.matches(&reading))
    };
    if allowed.is_empty() || path.iter().all(fits) {
        Ok(())
    } else {
        let path = path.iter().next().unwrap_or_default();
        Err(Error::NotAllowed { path: format!("/{path}"), method: method.clone() })
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, request: &str, allowed: bool) {
        let list = [(Method::GET, Pattern::parse(pattern).unwrap())];
        let (method, tail) = request.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let outcome = decide(&list, &method, &Readings::of(tail).unwrap());
        assert_eq!(outcome.is_ok(), allowed, "{pattern} {request}");
    }

    #[test]
    fn p23_the_whole_path_must_match() {
        check("/api/v1/query", "GET api/v1/query", true);
        check("/api/v1/query", "GET x/api/v1/query", false);
        check("/api/v1/query", "GET api/v1/query/x", false);
        check("/api/v1/query", "GET ", false);
        check("/", "GET ", true);
    }

    #[test]
    fn perses_case_69_a_list_lets_no_other_method_through() {
        for method in ["HEAD", "OPTIONS", "POST"] {
            check(".*", &format!("{method} api"), false);
        }
    }

    #[test]
    fn p05_every_reading_must_match() {
        check("/label/[^/]*/values", "GET label/a%20b/values", true);
        check("/label/[^/]*/values", "GET label/a%2Fb/values", false);
        check("/label/.*/values", "GET label/a%2Fb/values", true);
        check("/a/b", "GET a//b", false);
    }
}
