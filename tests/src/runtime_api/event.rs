//! Requests as the events that API Gateway makes of them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use crate::process::root;

const HOST: &str = "abcdefghij.execute-api.us-east-1.amazonaws.com";
const PEER: &str = "203.0.113.7";

/// Reads a file of `events/`, named without `.json`: `grafana/create`.
///
/// # Panics
///
/// When it is not there or not JSON.
#[must_use]
pub fn recorded(name: &str) -> Value {
    let path = root().join("events").join(format!("{name}.json"));
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A request that a client sends to API Gateway.
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// Makes a request without a body. `target` is the path as sent, and `?` and the query if
    /// there is one.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let headers = vec![("Host".to_owned(), HOST.to_owned())];
        Self { method: method.to_owned(), target: target.to_owned(), headers, body: Vec::new() }
    }

    /// Reads what a client had sent from an event of either kind; none if its body is not the base64 that it says.
    ///
    /// # Panics
    ///
    /// When it is no event.
    #[must_use]
    pub fn of(event: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned).expect("a text");
        let (method, path) = match &event["requestContext"]["http"] {
            Value::Null => (&event["httpMethod"], &event["path"]),
            http => (&http["method"], &event["rawPath"]),
        };
        let mut query = event["rawQueryString"].as_str().unwrap_or_default().to_owned();
        for (name, value) in entries(&event["multiValueQueryStringParameters"]) {
            let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
            let and = if query.is_empty() { "" } else { "&" };
            query.push_str(&format!("{and}{}={}", encoded(name), encoded(value)));
        }
        let several = &event["multiValueHeaders"];
        let headers = if several.is_null() { &event["headers"] } else { several };
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut headers: Vec<_> = entries(headers).map(owned).collect();
        let cookies = event["cookies"].as_array().into_iter().flatten();
        let cookies: Vec<_> = cookies.filter_map(Value::as_str).collect();
        if !cookies.is_empty() {
            headers.push(("cookie".to_owned(), cookies.join("; ")));
        }
        let body = event["body"].as_str().unwrap_or_default();
        let body = match event["isBase64Encoded"] == true {
            true => BASE64_STANDARD.decode(body).ok()?,
            false => body.as_bytes().to_owned(),
        };
        let and = if query.is_empty() { "" } else { "?" };
        let target = format!("{}{and}{query}", text(path));
        Some(Self { method: text(method), target, headers, body })
    }

    /// Adds a header; the same name may come more than once.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends this body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Sends this JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    /// The event of a REST API for which every media type is binary: the path as sent, the query
    /// decoded, of repeated headers and parameters also the last alone.
    #[must_use]
    pub fn rest(&self) -> Value {
        let (path, query) = self.split();
        let query: Vec<_> = pairs(query).collect();
        json!({
            "resource": "/{proxy+}",
            "path": path,
            "httpMethod": self.method,
            "headers": last(&self.headers),
            "multiValueHeaders": all(&self.headers),
            "queryStringParameters": last(&query),
            "multiValueQueryStringParameters": all(&query),
            "pathParameters": { "proxy": path.trim_start_matches('/') },
            "stageVariables": null,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abcdefghij",
                "domainName": HOST,
                "domainPrefix": "abcdefghij",
                "extendedRequestId": "JKJaXmPLvHcESHA=",
                "httpMethod": self.method,
                "identity": { "sourceIp": PEER, "userAgent": "test/1.0" },
                "path": format!("/prod{path}"),
                "protocol": "HTTP/1.1",
                "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                "requestTime": "22/Nov/2026:12:34:56 +0000",
                "requestTimeEpoch": 1_795_350_896_000_u64,
                "resourceId": "123456",
                "resourcePath": "/{proxy+}",
                "stage": "prod",
            },
            "body": self.encoded(),
            "isBase64Encoded": !self.body.is_empty(),
        })
    }

    /// The event of a function url: path and query as sent, repeated headers joined with commas,
    /// cookies apart.
    #[must_use]
    pub fn http(&self) -> Value {
        let (path, query) = self.split();
        let (cookies, headers): (Vec<_>, Vec<_>) =
            self.headers.iter().partition(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        let mut joined = BTreeMap::<String, String>::new();
        for (name, value) in headers {
            let known = joined.entry(name.to_ascii_lowercase());
            known.and_modify(|v| *v = format!("{v},{value}")).or_insert_with(|| value.clone());
        }
        let cookies: Vec<_> =
            cookies.iter().flat_map(|(_, value)| value.split("; ")).map(str::to_owned).collect();
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "cookies": cookies,
            "headers": joined,
            "requestContext": {
                "accountId": "anonymous",
                "apiId": "abcdefghij",
                "domainName": HOST,
                "domainPrefix": "abcdefghij",
                "http": {
                    "method": self.method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": PEER,
                    "userAgent": "test/1.0",
                },
                "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                "routeKey": "$default",
                "stage": "$default",
                "time": "22/Nov/2026:12:34:56 +0000",
                "timeEpoch": 1_795_350_896_000_u64,
            },
            "body": self.encoded(),
            "isBase64Encoded": !self.body.is_empty(),
        })
    }

    fn split(&self) -> (&str, &str) {
        self.target.split_once('?').unwrap_or((&self.target, ""))
    }

    fn encoded(&self) -> Option<String> {
        (!self.body.is_empty()).then(|| BASE64_STANDARD.encode(&self.body))
    }
}

/// The pairs of an object of texts, or of lists of them.
fn entries(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    let named = object.as_object().into_iter().flatten();
    named.flat_map(|(name, values)| {
        let several = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
        several.iter().filter_map(move |value| Some((name.as_str(), value.as_str()?)))
    })
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Of each name the last value, as API Gateway does it; `null` when there are none.
fn last(pairs: &[(String, String)]) -> Value {
    let last: BTreeMap<_, _> = pairs.iter().map(|(name, value)| (name, value)).collect();
    if last.is_empty() { Value::Null } else { json!(last) }
}

fn all(pairs: &[(String, String)]) -> Value {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in pairs {
        all.entry(name).or_default().push(value);
    }
    if all.is_empty() { Value::Null } else { json!(all) }
}
