//! The way back: what would speak for the gateway's own origin or connection is taken off.

use http::HeaderValue;
use http::header::{
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, TRANSFER_ENCODING, VIA,
    X_CONTENT_TYPE_OPTIONS,
};
use sourcegate_core::OWN_VIA;

use super::names::is_stripped_from_answer;
use super::{named_by_connection, remove_all};

/// Keeps a browser from running an answer as a page of the gateway (CVE-2022-21702).
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Makes the headers of a data source's answer those of the answer to the caller.
pub(crate) fn clear(headers: &mut HeaderMap) {
    // A length beside a transfer coding is wrong (RFC 9112, 6.3), and would cut the answer short on its way.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    let named = headers.keys().filter(|name| is_stripped_from_answer(name.as_str()));
    let mut doomed: Vec<HeaderName> = named.cloned().collect();
    doomed.extend(named_by_connection(headers));
    remove_all(headers, doomed);
    headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.append(VIA, OWN_VIA);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{headers, lines};

    #[track_caller]
    fn answered(sent: &[&str], expected: &[&str]) {
        let mut map = headers(sent);
        clear(&mut map);
        let own = [
            "content-security-policy: sandbox",
            "via: 1.1 sourcegate",
            "x-content-type-options: nosniff",
        ];
        let mut expected: Vec<_> =
            expected.iter().chain(&own).map(|line| (*line).to_owned()).collect();
        expected.sort();
        assert_eq!(lines(&map), expected, "{sent:?}");
    }

    #[test]
    fn h01_answers_lose_their_hop_by_hop_headers() {
        answered(
            &[
                "connection: close, x-mine",
                "x-mine: 1",
                "keep-alive: timeout=5",
                "trailer: x",
                "te: x",
                "transfer-encoding: chunked",
                "upgrade: h2c",
                "proxy-authenticate: Basic",
                "proxy-connection: x",
            ],
            &[],
        );
    }

    #[test]
    fn h14_a_length_beside_a_transfer_coding_does_not_count() {
        answered(&["content-length: 2", "transfer-encoding: chunked"], &[]);
    }

    #[test]
    fn t73_h31_answers_do_not_speak_for_the_gateway() {
        answered(
            &[
                "set-cookie: a=1",
                "set-cookie: b=2",
                "content-security-policy: default-src *",
                "access-control-allow-origin: *",
                "access-control-allow-credentials: true",
                "www-authenticate: Basic",
                "authentication-info: x",
                "strict-transport-security: max-age=1",
                "alt-svc: h3",
                "clear-site-data: *",
                "public-key-pins: x",
                "x-accel-redirect: /etc",
                "service-worker-allowed: /",
                "x-content-type-options: sniff",
            ],
            &[],
        );
    }

    #[test]
    fn h35_the_rest_of_an_answer_is_kept() {
        let sent = [
            "cache-control: no-store",
            "content-encoding: gzip",
            "content-length: 5",
            "content-type: text/html",
            "etag: x",
            "location: http://other/",
            "server: nginx",
            "x-powered-by: php",
            "date: now",
        ];
        let mut expected = sent.to_vec();
        expected.sort_unstable();
        answered(&sent, &expected);
        answered(&["via: 1.1 cache"], &["via: 1.1 cache"]);
    }
}
