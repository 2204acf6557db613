//! Requests to the gateway under test, byte for byte as they are meant.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use egress::{Connector, Dns, Egress, Timeouts};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use sourcegate_core::{Cidr, Policy};

/// How long an answer may take: what API Gateway allows.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read.
const MOST_BYTES: usize = 16 << 20;

/// The way to the gateway. It goes by `http::Uri`, since clients that parse urls fold the very paths that are tried, and
/// connects as data sources are connected to, but to any network.
#[derive(Clone)]
pub(super) struct Api {
    http: HyperClient<Connector, Full<Bytes>>,
    base: String,
    canaries: Rc<Canaries>,
}

/// Secrets that no answer may show, and the requests whose answers did.
#[derive(Default)]
struct Canaries {
    texts: RefCell<Vec<String>>,
    shown: RefCell<Vec<String>>,
}

/// An answer, whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Api {
    /// Takes the gateway's url, a path such as API Gateway's stage included.
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        let base = url.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().with_context(|| format!("`{url}` is no url"))?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        anyhow::ensure!(
            is_web && uri.host().is_some() && uri.query().is_none(),
            "`{url}` is not http:// or https://, a host, and perhaps a path"
        );
        let any = ["0.0.0.0/0", "::/0"].map(str::parse::<Cidr>);
        let policy = Policy::aws(any.into_iter().collect::<Result<_, _>>()?);
        let egress = Egress::new(policy, Dns::System, Timeouts::default());
        let http = HyperClient::builder(TokioExecutor::new()).build(egress.connector(None));
        Ok(Self { http, base, canaries: Rc::default() })
    }

    /// The gateway's url, without a slash at its end.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Watches for a secret in all answers from now on, in its own spelling and in that of Basic authentication.
    pub(super) fn watch_for(&self, canary: &str) {
        self.canaries.texts.borrow_mut().push(canary.to_owned());
    }

    /// The requests whose answers showed a secret.
    pub(super) fn shown(&self) -> Vec<String> {
        self.canaries.shown.borrow().clone()
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let asked = format!("{} {}", request.method(), request.uri().path());
        let exchange = async {
            let response = self.http.request(request).await?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
            Ok::<_, anyhow::Error>(Answer { status: head.status, headers: head.headers, body })
        };
        let answer = match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(answer) => answer.with_context(|| format!("{asked}: no answer"))?,
            Err(_) => anyhow::bail!("{asked}: no answer within {} s", PATIENCE.as_secs()),
        };
        if self.canaries.texts.borrow().iter().any(|canary| answer.shows(canary)) {
            self.canaries.shown.borrow_mut().push(asked);
        }
        Ok(answer)
    }
}

impl Answer {
    /// The body as JSON, or null.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Tells whether a text stands anywhere in it.
    pub(super) fn shows(&self, text: &str) -> bool {
        let within = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        within(&self.body) || self.headers.values().any(|value| within(value.as_bytes()))
    }

    /// The status and what the body says, short enough for a report.
    pub(super) fn brief(&self) -> String {
        let said = self.json();
        let text = match (said["message"].as_str(), said["cause"].as_str()) {
            (Some(message), Some(cause)) => format!("{message} ({cause})"),
            (Some(message), None) => message.to_owned(),
            (None, _) => String::from_utf8_lossy(&self.body).chars().take(80).collect(),
        };
        format!("{} {}", self.status.as_u16(), text.escape_debug()).trim_end().to_owned()
    }
}

/// Who asks: the gateway, and a credential or none.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) api: Api,
    authorization: Option<HeaderValue>,
}

impl Caller {
    /// Makes one that sends this `Authorization`.
    pub(super) fn new(api: &Api, authorization: Option<&str>) -> anyhow::Result<Self> {
        let authorization = authorization.map(HeaderValue::from_str).transpose();
        let mut authorization = authorization.context("the token is no header value")?;
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        Ok(Self { api: api.clone(), authorization })
    }

    /// Sends a request. `path` goes out as it is.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let uri = format!("{}{path}", self.api.base);
        let uri: Uri = uri.parse().with_context(|| format!("`{uri}` cannot be asked for"))?;
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::new(Full::new(Bytes::from(text)));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let sent = request.headers_mut();
        for (name, value) in headers {
            sent.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        if body.is_some() {
            sent.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(authorization) = &self.authorization {
            sent.insert(AUTHORIZATION, authorization.clone());
        }
        self.api.send(request).await
    }

    /// `GET`.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }
}
