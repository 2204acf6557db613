//! What Lambda and its emulators tell a function about how to serve.

use super::super::Error;

const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
const MAX_CONCURRENCY: &str = "AWS_LAMBDA_MAX_CONCURRENCY";

/// The most events at once that make sense for one process.
const MOST_LOOPS: usize = 1_000;

/// `AWS_LAMBDA_RUNTIME_API`: `host:port`, where emulators may put `http://` in front and a path behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address(pub(super) String);

impl Address {
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let value = get(RUNTIME_API).ok_or(Error::Missing(RUNTIME_API))?;
        let bare = value.strip_prefix("http://").unwrap_or(&value).trim_end_matches('/');
        match format!("http://{bare}/").parse::<http::Uri>() {
            Ok(uri) if uri.port().is_some() && uri.query().is_none() => Ok(Self(bare.to_owned())),
            _ => {
                let expected = "host:port with an optional path";
                Err(Error::Setting { name: RUNTIME_API, value, expected })
            }
        }
    }
}

/// How events are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    /// `AWS_SAM_LOCAL`: `sam local` understands buffered answers only. Default: streamed.
    pub(super) is_buffered: bool,
    /// `AWS_LAMBDA_MAX_CONCURRENCY`: how many events at once, as Lambda Managed Instances set it. Default 1.
    pub(super) loops: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self { is_buffered: false, loops: 1 }
    }
}

impl Manner {
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let loops = match get(MAX_CONCURRENCY) {
            None => 1,
            Some(value) => match value.parse() {
                Ok(loops @ 1..=MOST_LOOPS) => loops,
                _ => {
                    let expected = "a number from 1 to 1000";
                    return Err(Error::Setting { name: MAX_CONCURRENCY, value, expected });
                }
            },
        };
        Ok(Self { is_buffered: get("AWS_SAM_LOCAL").is_some(), loops })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_address(value: Option<&str>, expected: Option<&str>) {
        let found = Address::read(|name| value.filter(|_| name == RUNTIME_API).map(str::to_owned));
        assert_eq!(found.ok().map(|address| address.0).as_deref(), expected, "{value:?}");
    }

    #[test]
    fn the_runtime_api_is_host_and_port_with_an_optional_path() {
        check_address(Some("127.0.0.1:9001"), Some("127.0.0.1:9001"));
        check_address(Some("http://127.0.0.1:9001/.rt/NAME"), Some("127.0.0.1:9001/.rt/NAME"));
        check_address(Some("localhost:9001/.rt/NAME/"), Some("localhost:9001/.rt/NAME"));
        check_address(Some("127.0.0.1"), None);
        check_address(Some("https://x:1"), None);
        check_address(Some("a b:1"), None);
        check_address(None, None);
    }

    #[track_caller]
    fn check_loops(value: Option<&str>, expected: Option<usize>) {
        let read =
            Manner::read(|name| value.filter(|_| name == MAX_CONCURRENCY).map(str::to_owned));
        match (read, expected) {
            (Ok(manner), Some(loops)) => assert_eq!(manner.loops, loops, "{value:?}"),
            (Err(error), None) => {
                let value = value.unwrap();
                let said =
                    format!("AWS_LAMBDA_MAX_CONCURRENCY is `{value}`, not a number from 1 to 1000");
                assert_eq!(error.to_string(), said);
            }
            (read, _) => panic!("{value:?}: {read:?}"),
        }
    }

    #[test]
    fn there_is_one_loop_or_as_many_as_the_platform_says() {
        check_loops(None, Some(1));
        check_loops(Some("1"), Some(1));
        check_loops(Some("8"), Some(8));
        check_loops(Some("1000"), Some(1_000));
        for wrong in ["0", "1001", "-1", "8.0", "eight", "99999999999999999999"] {
            check_loops(Some(wrong), None);
        }
    }
}
