//! A caller of the gateway: one call per request, the answer whole.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

/// A caller with one credential, or none.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    base: String,
    authorization: Option<String>,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: bytes::Bytes,
}

impl Client {
    /// Makes a caller that sends this `Authorization`.
    #[must_use]
    pub fn new(address: SocketAddr, authorization: Option<String>) -> Self {
        Self {
            http: crate::process::plain_client(),
            address,
            base: format!("http://{address}"),
            authorization,
        }
    }

    /// Makes a caller that logs in.
    #[must_use]
    pub fn basic(address: SocketAddr, login: &str, password: &str) -> Self {
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{login}:{password}"));
        Self::new(address, Some(format!("Basic {text}")))
    }

    /// Makes the same caller on another address of this machine.
    ///
    /// # Panics
    /// If there is no such address.
    #[must_use]
    pub fn from(mut self, address: std::net::IpAddr) -> Self {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        let client = client.redirect(reqwest::redirect::Policy::none()).local_address(address);
        self.http = client.build().expect("a client on that address");
        self
    }

    /// Gives what it sends as `Authorization`.
    #[must_use]
    pub fn authorization(&self) -> &str {
        self.authorization.as_deref().unwrap_or_default()
    }

    /// Begins a request, for headers and bodies of one's own.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .timeout(Duration::from_secs(60));
        match &self.authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Panics
    /// If the gateway breaks the connection.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.expect("a whole body") }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// `PUT` of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// `PATCH` of JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Sends a body as it is, said to be JSON.
    pub async fn send_text(
        &self,
        method: Method,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let request = self.request(method, path).header("content-type", "application/json");
        self.send(request.body(body)).await
    }

    /// Creates a data source and gives what the envelope says of it.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn create(&self, source: &Value) -> Value {
        let answer = self.post("/api/datasources", source).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["datasource"].clone()
    }

    /// Creates a data source and gives the path below which requests go through it, without a slash at its end.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn create_proxied(&self, source: &Value) -> String {
        let created = self.create(source).await;
        format!("/api/datasources/proxy/uid/{}", created["uid"].as_str().unwrap_or_default())
    }

    /// Sends what no client library would: method and target as they are, further header lines and a body. `Host`, the
    /// credential and `Connection: close` are added.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn raw(&self, request: &str, lines: &[&str], body: &[u8]) -> Answer {
        let mut head =
            format!("{request} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if let Some(credential) = &self.authorization {
            head.push_str(&format!("authorization: {credential}\r\n"));
        }
        head.extend(lines.iter().map(|line| format!("{line}\r\n")));
        head.push_str("\r\n");
        Answer::parse(&crate::app::exchange(self.address, &[head.as_bytes(), body].concat()).await)
    }
}

impl Answer {
    /// Reads what came over a connection that the gateway has closed.
    ///
    /// # Panics
    /// If it is no answer of HTTP/1.1, or ended too early.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let shown = || String::from_utf8_lossy(bytes).into_owned();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) =
            bytes.split_at(end.unwrap_or_else(|| panic!("no answer: {:?}", shown())));
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let status =
            lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.parse::<http::HeaderName>().ok()?, value.trim().parse().ok()?))
        };
        let status = status.unwrap_or_else(|| panic!("no answer: {:?}", shown()));
        let headers: HeaderMap = lines.filter_map(field).collect();
        let body = match headers.get("transfer-encoding") {
            Some(_) => {
                unchunked(&body[4..]).unwrap_or_else(|| panic!("a broken body: {:?}", shown()))
            }
            None => body[4..].to_vec(),
        };
        Self { status, headers, body: body.into() }
    }

    /// Reads the body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Reads the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Gives the body's `message`.
    #[must_use]
    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// Gives the body's `cause`.
    #[must_use]
    pub fn cause(&self) -> String {
        self.json()["cause"].as_str().unwrap_or_default().to_owned()
    }

    /// Gives a header's text, empty if it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(line + 2..line + 2 + length)?);
        rest = rest.get(line + 4 + length..)?;
    }
}
