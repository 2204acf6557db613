//! Events of API Gateway's REST and HTTP APIs and of function URLs, as requests.
//!
//! Payload format 1.0 (REST) and 2.0 (HTTP API, function URL, `cargo lambda watch`), as AWS documents
//! them. Only the fields that make a request are read.

use std::{borrow::Cow, fmt, net::IpAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

/// What an event can lack. None of the texts holds a value of the event.
#[derive(Debug, thiserror::Error)]
pub(super) enum EventError {
    #[error("it is not json of the documented shape, at line {line} column {column}")]
    Shape { line: usize, column: usize },
    #[error("it has no method")]
    Method,
    #[error("its path and query make no request target")]
    Target(#[source] http::Error),
    #[error("it has a malformed header")]
    Header,
    #[error(
        "it comes from a load balancer, whose events are not read; put a REST API or a function URL before the function"
    )]
    LoadBalancer,
}

/// The body is not the base64 that the event says it is.
pub(super) struct BadBase64;

/// A request's head, and beside it the body or why there is none.
pub(super) type HeadAndBody = (Request<()>, Result<Vec<u8>, BadBase64>);

/// The payload format, which the answer's form follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rest,
    Http,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    // Format 1.0.
    #[serde(borrow)]
    http_method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    path: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    multi_value_headers: Pairs<'a>,
    #[serde(default, borrow)]
    query_string_parameters: Pairs<'a>,
    #[serde(default, borrow)]
    multi_value_query_string_parameters: Pairs<'a>,
    // Format 2.0.
    #[serde(borrow)]
    raw_path: Option<Cow<'a, str>>,
    #[serde(borrow)]
    raw_query_string: Option<Cow<'a, str>>,
    cookies: Option<Vec<String>>,
    // Both.
    #[serde(default, borrow)]
    headers: Pairs<'a>,
    #[serde(default)]
    request_context: RequestContext,
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: Option<bool>,
}

#[derive(Default, Deserialize)]
struct RequestContext {
    identity: Option<Source>,
    http: Option<Source>,
    /// The stage that an HTTP API puts in front of the path; a REST API does not.
    stage: Option<String>,
    /// An application load balancer's: it has the query encoded and takes no streamed answer.
    elb: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    method: Option<String>,
    source_ip: Option<String>,
}

/// What `http::Uri` does not take in a path, and what would end one. All else stays as it came.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`');
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl<'a> Event<'a> {
    pub(super) fn parse(event: &'a [u8]) -> Result<Self, EventError> {
        serde_json::from_slice(event)
            .map_err(|e| EventError::Shape { line: e.line(), column: e.column() })
    }

    pub(super) fn kind(&self) -> Kind {
        // `cargo lambda watch` sends format 2.0 with an `httpMethod` of its own, which is always GET.
        if self.request_context.http.is_some() { Kind::Http } else { Kind::Rest }
    }

    /// Tells the caller's address as the platform saw it.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        let context = &self.request_context;
        let source = context.identity.as_ref().or(context.http.as_ref())?;
        source.source_ip.as_deref()?.parse().ok()
    }

    /// Makes the request's head, and beside it the body or why there is none.
    pub(super) fn into_request(self) -> Result<HeadAndBody, EventError> {
        if self.request_context.elb.is_some() {
            return Err(EventError::LoadBalancer);
        }
        let context = self.request_context.http.as_ref();
        let method = context.and_then(|http| http.method.as_deref());
        let method = method.or(self.http_method.as_deref()).ok_or(EventError::Method)?;
        let mut request = Request::builder()
            .method(method.as_bytes())
            .uri(self.target())
            .body(())
            .map_err(EventError::Target)?;
        *request.headers_mut() = self.headers()?;
        let body = match self.body {
            Some(body) if self.is_base64_encoded == Some(true) => {
                BASE64_STANDARD.decode(body.as_bytes()).map_err(|_| BadBase64)
            }
            Some(body) => Ok(body.into_owned().into_bytes()),
            None => Ok(Vec::new()),
        };
        Ok((request, body))
    }

    /// The path as it was sent. The query is as sent in format 2.0; format 1.0 has it decoded, so
    /// that only its meaning survives.
    fn target(&self) -> String {
        let path = match self.raw_path.as_deref() {
            Some(path) => below_stage(path, self.request_context.stage.as_deref()),
            None => self.path.as_deref().unwrap_or("/"),
        };
        let mut target = utf8_percent_encode(path, PATH).to_string();
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        let mut separator = '?';
        if let Some(query) = self.raw_query_string.as_deref().filter(|query| !query.is_empty()) {
            target.push(separator);
            target.extend(utf8_percent_encode(query, QUERY));
            return target;
        }
        let several = &self.multi_value_query_string_parameters.0;
        let pairs = if several.is_empty() { &self.query_string_parameters.0 } else { several };
        for (name, value) in pairs {
            target.push(separator);
            target.extend(utf8_percent_encode(name, UNRESERVED));
            target.push('=');
            target.extend(utf8_percent_encode(value, UNRESERVED));
            separator = '&';
        }
        target
    }

    /// Every value of every header, where the event has them all.
    fn headers(&self) -> Result<HeaderMap, EventError> {
        let several = &self.multi_value_headers.0;
        let pairs = if several.is_empty() { &self.headers.0 } else { several };
        let mut headers = HeaderMap::with_capacity(pairs.len() + 1);
        for (name, value) in pairs {
            let name = HeaderName::try_from(&**name).map_err(|_| EventError::Header)?;
            // `cargo lambda watch` leaves it in; it is the platform's, not the caller's.
            if name != "lambda-runtime-aws-request-id" {
                headers.append(name, header_value(value)?);
            }
        }
        if let Some(cookies) = self.cookies.as_deref().filter(|cookies| !cookies.is_empty()) {
            headers.insert(header::COOKIE, header_value(&cookies.join("; "))?);
        }
        Ok(headers)
    }
}

/// The path below a named stage of an HTTP API, which is the first segment. `$default` is not in the path.
fn below_stage<'p>(path: &'p str, stage: Option<&str>) -> &'p str {
    let below = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    below.filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(path)
}

fn header_value(value: &str) -> Result<HeaderValue, EventError> {
    HeaderValue::try_from(value).map_err(|_| EventError::Header)
}

/// An object of strings or lists of strings, in its own order; `null` is the empty one.
#[derive(Default)]
struct Pairs<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Values<'a> {
    #[serde(borrow)]
    One(Text<'a>),
    #[serde(borrow)]
    Several(Vec<Text<'a>>),
    None,
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_unit<E>(self) -> Result<Pairs<'de>, E> {
        Ok(Pairs::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Pairs<'de>, A::Error> {
        let mut pairs = Vec::with_capacity(entries.size_hint().unwrap_or(16));
        while let Some((Text(name), values)) = entries.next_entry::<Text<'de>, Values<'de>>()? {
            match values {
                Values::One(Text(value)) => pairs.push((name, value)),
                Values::Several(values) => {
                    pairs.extend(values.into_iter().map(|Text(value)| (name.clone(), value)));
                }
                Values::None => {}
            }
        }
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests;
