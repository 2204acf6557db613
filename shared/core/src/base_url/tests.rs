//! Every spelling that two parsers could read differently, and the plain ones beside them.

use super::*;

#[track_caller]
fn check(text: &str, expected: Result<(&str, Option<u16>, &str), BadUrl>) {
    let parsed = BaseUrl::parse(text);
    let seen = parsed.as_ref().map(|url| (url.host.as_str(), url.port, url.path.as_str()));
    assert_eq!(seen.map_err(|error| *error), expected, "{text:?}");
}

#[test]
fn plain_urls_are_taken_apart() {
    check("http://prometheus:9090", Ok(("prometheus", Some(9090), "")));
    check("https://Example.COM./base/", Ok(("example.com", Some(443), "/base/")));
    check("http://10.0.0.1/a%20b?x=1", Ok(("10.0.0.1", Some(80), "/a%20b")));
    check("http://[FD00::1]:81/", Ok(("[fd00::1]", Some(81), "/")));
    check("http://my_service:1", Ok(("my_service", Some(1), "")));
    check("http://h/a@b", Ok(("h", Some(80), "/a@b")));
    check("redis://cache:6379", Ok(("cache", Some(6379), "")));
}

#[test]
fn a_text_without_scheme_is_read_as_http() {
    check("localhost:5432", Ok(("localhost", Some(5432), "")));
    check("db.example.com", Ok(("db.example.com", Some(80), "")));
    check("invalid:url", Err(BadUrl::Port));
}

#[test]
fn s07_s09_s10_numbers_are_not_addresses() {
    for host in [
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "1.2.3",
        "0x7f.1",
        "1.2.3.4.5",
        "1.2.3.256",
    ] {
        check(&format!("http://{host}/"), Err(BadUrl::OddAddress));
    }
    check("http://1.2.3.4/", Ok(("1.2.3.4", Some(80), "/")));
    check("http://1.example/", Ok(("1.example", Some(80), "/")));
}

#[test]
fn s17_digits_outside_ascii_are_refused() {
    for host in ["①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1"] {
        check(&format!("http://{host}/"), Err(BadUrl::Characters));
    }
}

#[test]
fn s18_s19_escaped_hosts_and_zones_are_refused() {
    check("http://%31%32%37.0.0.1/", Err(BadUrl::Host));
    check("http://[fe80::1%25eth0]/", Err(BadUrl::Host));
    check("http://[::1/", Err(BadUrl::Host));
    check("http://[::1]x/", Err(BadUrl::Host));
}

#[test]
fn s21_backslashes_are_refused() {
    check(r"http:\\169.254.169.254\x", Err(BadUrl::Characters));
    check(r"http://good.example\@169.254.169.254/", Err(BadUrl::Characters));
}

#[test]
fn s22_missing_and_extra_slashes_are_refused() {
    check("http:169.254.169.254", Err(BadUrl::Port));
    check("http:///169.254.169.254/", Err(BadUrl::Host));
    check("//169.254.169.254", Err(BadUrl::Host));
    check("://host", Err(BadUrl::Scheme));
    check("", Err(BadUrl::Host));
}

#[test]
fn s23_control_characters_are_refused_everywhere() {
    for text in
        ["ht\ntp://h/", "http://h\t/", "http://h/\r", "http://h/\0", " http://h", "http://h /"]
    {
        check(text, Err(BadUrl::Characters));
    }
    check("http://h/%0d%0aX", Err(BadUrl::Characters));
    check("http://h/%zz", Err(BadUrl::Escape));
    check("http://h/%4", Err(BadUrl::Escape));
}

#[test]
fn s25_fragments_are_refused() {
    check("http://good.example/#@169.254.169.254/", Err(BadUrl::Fragment));
    check("http://good.example#@169.254.169.254/", Err(BadUrl::Fragment));
}

#[test]
fn s26_ports_are_one_to_65535() {
    for port in ["0", "65536", "80:80", "", "+80", "-1", " 80"] {
        assert!(BaseUrl::parse(&format!("http://h:{port}/")).is_err(), "{port:?}");
    }
    check("http://h:８０/", Err(BadUrl::Characters));
    check("http://h:65535/", Ok(("h", Some(65535), "/")));
}

#[test]
fn userinfo_is_refused() {
    check("http://user:pass@h/", Err(BadUrl::Userinfo));
    check("http://h@169.254.169.254/", Err(BadUrl::Userinfo));
}

#[test]
fn schemes_that_no_data_source_uses_are_refused() {
    for scheme in ["file", "gopher", "javascript", "data", "ftp"] {
        check(&format!("{scheme}://h/"), Err(BadUrl::Scheme));
    }
}

#[test]
fn dot_segments_are_refused() {
    for path in ["/a/../b", "/./", "/%2e%2E/", "/a%2f..%2fb", "/a/.."] {
        check(&format!("http://h{path}"), Err(BadUrl::DotSegment));
    }
    check("http://h/...", Ok(("h", Some(80), "/...")));
}
