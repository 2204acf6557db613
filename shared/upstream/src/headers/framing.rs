//! How long the body of a request is said to be.

use http::Method;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http_body::Body as _;

use crate::Body;

const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");
const ZERO: HeaderValue = HeaderValue::from_static("0");

/// Says how long the body is: as its own kind says, whatever the caller's headers said.
///
/// A body of unknown length keeps a length that came, which hyper then holds it to; else it goes in chunks, also with
/// methods that hyper would think of as having none.
pub(crate) fn frame(headers: &mut HeaderMap, method: &Method, body: &Body) {
    match body.size_hint().exact() {
        Some(0) => {
            let usual = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
            if usual || headers.contains_key(CONTENT_LENGTH) {
                headers.insert(CONTENT_LENGTH, ZERO);
            }
        }
        Some(bytes) if announced(headers) == Some(bytes) => {}
        Some(bytes) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
        }
        None if announced(headers).is_some() => {}
        None => {
            headers.remove(CONTENT_LENGTH);
            headers.insert(TRANSFER_ENCODING, CHUNKED);
        }
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    let mut lines = headers.get_all(CONTENT_LENGTH).into_iter();
    let line = lines.next()?.as_bytes();
    let digits = lines.next().is_none() && line.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(line).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{Full, StreamBody};

    use super::*;
    use crate::tests::{headers, lines};

    #[track_caller]
    fn framed(method: &Method, body: &Body, sent: &[&str], expected: &[&str]) {
        let mut map = headers(sent);
        frame(&mut map, method, body);
        assert_eq!(lines(&map), expected, "{method} {sent:?}");
    }

    fn chunked() -> Body {
        let frames =
            futures_util::stream::pending::<Result<http_body::Frame<Bytes>, crate::Error>>();
        Body::new(StreamBody::new(frames))
    }

    fn whole() -> Body {
        Body::new(Full::new(Bytes::from_static(b"abc")))
    }

    #[test]
    fn h15_the_body_says_how_long_it_is() {
        framed(&Method::GET, &Body::empty(), &[], &[]);
        framed(&Method::POST, &Body::empty(), &[], &["content-length: 0"]);
        framed(&Method::GET, &Body::empty(), &["content-length: 5"], &["content-length: 0"]);
        framed(&Method::POST, &whole(), &["content-length: 3"], &["content-length: 3"]);
        framed(&Method::POST, &whole(), &[], &["content-length: 3"]);
        framed(&Method::POST, &whole(), &["content-length: 9"], &["content-length: 3"]);
        let two = ["content-length: 3", "content-length: 4"];
        framed(&Method::POST, &whole(), &two, &["content-length: 3"]);
        framed(&Method::GET, &chunked(), &[], &["transfer-encoding: chunked"]);
        framed(&Method::POST, &chunked(), &["content-length: 7"], &["content-length: 7"]);
        framed(&Method::POST, &chunked(), &two, &["transfer-encoding: chunked"]);
        framed(&Method::POST, &chunked(), &["content-length: +5"], &["transfer-encoding: chunked"]);
    }
}
