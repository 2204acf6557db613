use super::*;

#[track_caller]
fn reads(tail: &str, expected: &[&str]) {
    match Readings::of(tail) {
        Ok(readings) => assert_eq!(Vec::from_iter(readings.iter()), expected, "{tail}"),
        Err(error) => panic!("{tail}: {error}"),
    }
}

#[track_caller]
fn refuses(tail: &str, expected: BadPath) {
    assert_eq!(Readings::of(tail), Err(expected), "{tail}");
}

#[test]
fn a_plain_path_has_one_reading() {
    for tail in ["", "a", "a/", "api/v1/query", "a.b/..c/d../...", "a~b:c,d=e+f@g!h$(i)*j'k&l-m_n"]
    {
        reads(tail, &[tail]);
    }
}

#[test]
fn the_slash_that_joins_is_in_no_reading() {
    reads("/api", &["api"]);
    reads("//api", &["/api", "api"]);
    reads("/", &[""]);
    reads("//", &["/", ""]);
}

#[test]
fn p01_doubled_slashes_are_merged_in_one_reading() {
    reads("api//admin", &["api//admin", "api/admin"]);
    reads("a//", &["a//", "a"]);
}

#[test]
fn p05_encoded_separators_are_read_both_ways() {
    reads("a%2Fb%20c", &["a%2Fb%20c", "a/b c"]);
    reads("a%2fadmin", &["a%2fadmin", "a/admin"]);
    reads("a%5cadmin", &["a%5cadmin", "a\\admin", "a/admin"]);
    reads("%61pi", &["%61pi", "api"]);
    reads("a%252Fb", &["a%252Fb", "a%2Fb"]);
    reads("a%3Fb/c", &["a%3Fb/c", "a?b/c", "a"]);
}

#[test]
fn p03_p13_dot_segments_are_refused_in_any_spelling() {
    for tail in [
        ".",
        "..",
        "./",
        "../tenant2",
        "api/../admin",
        "api/./admin",
        "/..",
        "/../admin",
        "a/..",
        "x/../api/v1/status/flags",
        "%2e",
        "%2E%2e",
        ".%2e/a",
        "a/%2e%2e/b",
        "%2e%2e%2fadmin",
        "a%2f..%2fb",
        "a%2f%2e%2e%2fb",
        "a%2F.",
        "..%2fadmin",
        "%252e%252e/b",
        "%252e%252e%252fb",
        "%25252e./b",
        "..%5cadmin",
        "a%5c..%5cb",
        "..%255cb",
    ] {
        refuses(tail, BadPath::DotSegment);
    }
}

#[test]
fn p06_parameters_hide_no_dot_segment() {
    for tail in
        ["a;x=1/../admin", "..;/", "a/..;x=1/b", "a/.;/b", "a/..%3b/b", "a/%2e%2e;/b", "..%253b"]
    {
        refuses(tail, BadPath::DotSegment);
    }
    reads("a;x=1/b", &["a;x=1/b", "a/b"]);
    reads("a/;/b", &["a/;/b", "a/b"]);
}

#[test]
fn p06_backslashes_are_refused() {
    for tail in ["a\\admin", "\\", "..\\a"] {
        refuses(tail, BadPath::Backslash);
    }
}

#[test]
fn p09_control_characters_are_refused() {
    for tail in ["%00", "a%0ab", "%0d%0aX:1", "%7f", "a/%09", "%c2%85", "%1F"] {
        refuses(tail, BadPath::Control);
    }
    reads("a%20b", &["a%20b", "a b"]);
}

#[test]
fn p10_overlong_and_broken_utf8_is_refused() {
    for tail in ["%c0%ae%c0%ae/", "%e0%80%ae", "%ff", "a%c3", "%ed%a0%80"] {
        refuses(tail, BadPath::Encoding);
    }
    reads("%C3%A9", &["%C3%A9", "é"]);
}

#[test]
fn malformed_escapes_are_refused() {
    for tail in ["%", "a%", "a%2", "%zz", "%u002e", "a%%20"] {
        refuses(tail, BadPath::Escape);
    }
}

#[test]
fn p15_many_segments_and_escapes_take_linear_time() {
    let many = "a/".repeat(4_000);
    reads(&many, &[&many]);
    refuses(&format!("{}..", "%2f".repeat(2_500)), BadPath::DotSegment);
    let deep = format!("%{}2e", "25".repeat(4_000));
    assert!(Readings::of(&deep).is_ok());
}
