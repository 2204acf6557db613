//! JSON bodies: bounded in size and time, no key twice, numbers and raw parts kept as text.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Refusal};

/// The largest JSON body that is read: 1 MiB.
pub const BODY_LIMIT_BYTES: usize = 1 << 20;

/// How long a JSON body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body, read into `T`; also an answer written as JSON.
///
/// An empty body is the zero object, as Grafana's decoder has it. A missing content type is read as
/// JSON; `application/json` and `application/…+json` in UTF-8 are; all else is 415. More than 1 MiB is
/// 413, more than 30 s 408. Whatever is not one JSON value of the expected shape, nested deeper
/// than 128, or has a key twice, is 400 with Grafana's text and the place in `detail`. A field of
/// type `Box<RawValue>` holds its part of the body byte for byte.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        check_content_type(&parts.headers)?;
        let bytes = read_body(body).await?;
        Ok(Self(parse(&bytes)?))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (first, second) = (values.next(), values.next());
    match (first, second) {
        (None, _) => Ok(()),
        (Some(only), None) if only.to_str().is_ok_and(is_utf8_json) => Ok(()),
        (Some(value), _) => {
            let shown = String::from_utf8_lossy(value.as_bytes()).chars().take(100).collect();
            Err(Refusal::ContentType(shown))
        }
    }
}

fn is_utf8_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';');
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"));
    let in_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    json && parts.all(in_utf8)
}

/// Reads a whole body.
///
/// # Errors
/// More than 1 MiB, more than 30 s, or a caller who breaks off.
pub async fn read_body(body: Body) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > BODY_LIMIT_BYTES as u64 {
        return Err(Refusal::TooLarge(BODY_LIMIT_BYTES));
    }
    let collected = Limited::new(body, BODY_LIMIT_BYTES).collect();
    match tokio::time::timeout(BODY_TIMEOUT, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Refusal::TooLarge(BODY_LIMIT_BYTES))
        }
        Ok(Err(error)) => Err(Refusal::BodyLost(error)),
        Err(_) => Err(Refusal::SlowBody(BODY_TIMEOUT.as_secs())),
    }
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    sourcegate_core::json::body(bytes).map_err(Refusal::Json)
}
