//! Paths put together at random from what has ever fooled a matcher, for a minute: `make fuzz`.

use arbtest::{arbitrary, arbtest};

use super::*;

/// What paths are made of.
const PIECES: [&str; 36] = [
    "/",
    "//",
    "api",
    "v1",
    "label",
    "values",
    "a",
    "admin",
    ".",
    "..",
    "%2e",
    "%2E%2e",
    ".%2e",
    "%252e%252e",
    "%25252e",
    "%2f",
    "%2F",
    "%252f",
    "%5c",
    "\\",
    ";",
    ";x=1",
    "%3b",
    "?",
    "%3f",
    "#",
    "%23",
    "%00",
    "%0a",
    " ",
    "%20",
    "%c0%ae",
    "%e2%80%ae",
    "ä",
    "%",
    "%2",
];

/// The beginning that everything allowed must keep, whoever reads it.
const BEGINNING: &str = "/api/v1/label/";

/// The most permissive server that may stand behind: decodes again and again, takes a backslash for a slash, cuts parameters
/// off, and resolves dot segments.
fn read_by_anybody(tail: &str, decodings: usize) -> String {
    let mut path = tail.to_owned();
    for _ in 0..decodings {
        path = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
    }
    let path = path.replace('\\', "/");
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').map(|segment| segment.split(';').next().unwrap_or_default()) {
        match segment.trim_end_matches('\0') {
            "" | "." => {}
            ".." => drop(kept.pop()),
            plain => kept.push(plain),
        }
    }
    format!("/{}/", kept.join("/"))
}

fn any_path(pieces: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<String> {
    // Half of them begin as what is allowed does, or none would ever pass.
    let mut path = if pieces.ratio(1, 2)? { "api/v1/label/".to_owned() } else { String::new() };
    for _ in 0..pieces.int_in_range(0..=10)? {
        path.push_str(pieces.choose(&PIECES)?);
    }
    if pieces.ratio(1, 2)? {
        path.push_str("/values");
    }
    Ok(path)
}

fn nobody_reads_another_path(budget_ms: u64) {
    let pattern = Pattern::parse("/api/v1/label/[^/]+/values").unwrap();
    let list = [(Method::GET, pattern)];
    arbtest(|pieces| {
        let tail = any_path(pieces)?;
        let Ok(readings) = Readings::of(&tail) else { return Ok(()) };
        if decide(&list, &Method::GET, &readings).is_ok() {
            for decodings in 0..=4 {
                let read = read_by_anybody(&tail, decodings);
                assert!(read.starts_with(BEGINNING), "{tail:?} is {read:?} to somebody");
            }
        }
        Ok(())
    })
    .budget_ms(budget_ms);
}

#[test]
fn p05_a_second_of_random_paths() {
    nobody_reads_another_path(1_000);
}

#[test]
#[ignore = "takes a minute: make fuzz"]
fn fuzz_p05_random_paths() {
    nobody_reads_another_path(60_000);
}
