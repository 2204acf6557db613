//! What stands where callers who may not write do not see a value.

/// What stands there.
pub const MASK: &str = "***";

/// Gives a url without the values of its query; none if it has no query.
#[must_use]
pub fn masked_url(url: &str) -> Option<String> {
    let (base, query) = url.split_once('?')?;
    let mask = |pair: &str| match pair.split_once('=') {
        Some((name, _)) => format!("{name}={MASK}"),
        None => MASK.to_owned(),
    };
    let pairs: Vec<_> = query.split('&').map(mask).collect();
    Some(format!("{base}?{}", pairs.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_url(url: &str, expected: Option<&str>) {
        assert_eq!(masked_url(url).as_deref(), expected, "{url}");
    }

    #[test]
    fn t03_values_in_a_query_are_masked() {
        check_url("http://h/a", None);
        check_url("http://h/a?token=s", Some("http://h/a?token=***"));
        check_url("http://h?a=1&b&c=x=y", Some("http://h?a=***&***&c=***"));
        check_url("http://h?", Some("http://h?***"));
    }
}
