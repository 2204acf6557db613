//! An answer in the form that the Runtime API takes: a stream with a prelude, or one JSON object.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Bytes, HttpBody};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header, response::Parts};
use http_body::Frame;
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::event::Kind;
use crate::{
    Refusal,
    layers::{Answer, Counted, Stack},
};

/// The largest answer that Lambda takes in one piece, in bytes of its JSON.
const MOST_BYTES: usize = 6_291_556;

/// What stands between prelude and body.
const SEPARATOR: &[u8] = &[0; 8];

/// Prelude, separator, body: each a chunk of its own. A body that fails fails the whole, so that the
/// transfer breaks and nobody takes the half for the whole.
pub(super) struct Streamed {
    prelude: Option<Bytes>,
    separator: Option<Bytes>,
    body: Counted,
    // Dropped with the body, which tells that the last byte has gone or the transfer is broken.
    _ended: oneshot::Sender<()>,
}

impl Streamed {
    pub(super) fn new(head: &Parts, body: Counted, ended: oneshot::Sender<()>) -> Self {
        let prelude = Bytes::from(prelude(head).to_string());
        let separator = Some(Bytes::from_static(SEPARATOR));
        Self { prelude: Some(prelude), separator, body, _ended: ended }
    }
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(first) = self.prelude.take().or_else(|| self.separator.take()) {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

/// `headers` holds the first value of each header, `multiValueHeaders` all values of those that have
/// several: REST merges the two, function URLs and the emulator read the first alone. `Set-Cookie`
/// has a place of its own.
fn prelude(head: &Parts) -> Value {
    let (headers, repeated) = headers(&head.headers, |name| name != header::SET_COOKIE);
    json!({
        "statusCode": head.status.as_u16(),
        "headers": headers,
        "multiValueHeaders": repeated,
        "cookies": texts(&head.headers, &header::SET_COOKIE),
    })
}

/// Writes an answer down in the form of the event's payload format. One that is too large is exchanged for a refusal as
/// soon as that is known.
///
/// # Errors
/// The answer breaks off.
pub(super) async fn in_one_piece(answer: Answer, kind: Kind) -> Result<String, axum::Error> {
    let (head, mut body) = answer.into_parts();
    let mut bytes = Vec::new();
    while bytes.len() <= MOST_BYTES {
        let Some(frame) = body.frame().await else {
            let json = buffered(&head, &bytes, kind).to_string();
            if json.len() > MOST_BYTES {
                break;
            }
            return Ok(json);
        };
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    let begun = http::Response::from_parts(head, body);
    let (head, body) = Stack::refuse_after(begun, Refusal::AnswerTooLarge(MOST_BYTES)).into_parts();
    Ok(buffered(&head, &body.collect().await?.to_bytes(), kind).to_string())
}

/// The buffered form of the event's payload format. Only text goes unencoded: what is not UTF-8 would
/// be replaced on the way.
fn buffered(head: &Parts, body: &[u8], kind: Kind) -> Value {
    let (body, encoded) = match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (BASE64_STANDARD.encode(body), true),
    };
    let mut answer = json!({
        "statusCode": head.status.as_u16(),
        "body": body,
        "isBase64Encoded": encoded,
    });
    match kind {
        Kind::Rest => {
            let (headers, repeated) = headers(&head.headers, |_| true);
            answer["headers"] = headers.into();
            answer["multiValueHeaders"] = repeated.into();
        }
        Kind::Http => {
            let (headers, _) = headers(&head.headers, |name| name != header::SET_COOKIE);
            answer["headers"] = headers.into();
            answer["cookies"] = texts(&head.headers, &header::SET_COOKIE);
        }
    }
    answer
}

fn headers(
    headers: &HeaderMap,
    wanted: impl Fn(&header::HeaderName) -> bool,
) -> (Map<String, Value>, Map<String, Value>) {
    let (mut first, mut repeated) = (Map::new(), Map::new());
    for name in headers.keys().filter(|name| wanted(name)) {
        let values = texts(headers, name);
        first.insert(name.as_str().to_owned(), values[0].clone());
        if values[1] != Value::Null {
            repeated.insert(name.as_str().to_owned(), values);
        }
    }
    (first, repeated)
}

fn texts(headers: &HeaderMap, name: &header::HeaderName) -> Value {
    headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect()
}
