//! What a function says to the Runtime API, and how API Gateway would read it.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use tokio::sync::mpsc;

/// How long a test waits for the next thing that a function says: past the deadline of 30 s that each event has.
const PATIENCE: Duration = Duration::from_secs(35);
/// What divides the prelude of a streamed answer from its body.
const DIVIDER: [u8; 8] = [0; 8];
const STREAMED: &str = "application/vnd.awslambda.http-integration-response";

/// One thing that a function says about an event.
#[derive(Clone, Debug)]
pub enum Said {
    /// The answer's request headers have come.
    Started(HeaderMap),
    /// A piece of the answer, as it was read from the connection.
    Piece(Bytes),
    /// Trailers, with which the runtimes of AWS report that a stream failed.
    Trailers(HeaderMap),
    /// The answer came to its end.
    Ended,
    /// The connection broke before the answer's end.
    Broke,
    /// The function reported an error instead.
    Failed(Failed),
}

/// An error that a function reported.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The report's headers, `lambda-runtime-function-error-type` among them.
    pub headers: HeaderMap,
    /// The report: JSON with `errorType` and `errorMessage`.
    pub body: Bytes,
}

/// An answer as a client of API Gateway sees it.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// Headers with lower-case names: `multiValueHeaders`, then those of `headers` that are not
    /// among them, then cookies.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// It came to its end; a client sees a broken transfer otherwise.
    pub whole: bool,
    /// The prelude as it came; the whole answer when it was buffered.
    pub prelude: Value,
    /// The headers of the function's own request to the Runtime API.
    pub reported: HeaderMap,
}

/// An event on its way.
#[derive(Debug)]
pub struct Invocation(mpsc::UnboundedReceiver<Said>);

impl Invocation {
    pub(super) fn new(receiver: mpsc::UnboundedReceiver<Said>) -> Self {
        Self(receiver)
    }

    /// Waits for the next thing that the function says.
    ///
    /// # Panics
    ///
    /// When it says nothing for 35 s, or has said all.
    pub async fn next(&mut self) -> Said {
        match tokio::time::timeout(PATIENCE, self.0.recv()).await {
            Ok(Some(said)) => said,
            Ok(None) => panic!("the function has said all"),
            Err(_) => panic!("the function says nothing for {PATIENCE:?}"),
        }
    }

    /// Waits until the answer has ended, well or not.
    ///
    /// # Panics
    ///
    /// When the function reports an error instead, or says nothing for 35 s.
    pub async fn answered(mut self) -> Answered {
        let mut reported = HeaderMap::new();
        let mut bytes = Vec::new();
        let whole = loop {
            match self.next().await {
                Said::Started(headers) => reported = headers,
                Said::Piece(piece) => bytes.extend_from_slice(&piece),
                Said::Trailers(trailers) => panic!("the function sent trailers: {trailers:?}"),
                Said::Ended => break true,
                Said::Broke => break false,
                Said::Failed(failed) => panic!("the function failed: {failed:?}"),
            }
        };
        Answered::read(reported, &bytes, whole)
    }

    /// Waits for the error that the function reports.
    ///
    /// # Panics
    ///
    /// When it answers instead, or says nothing for 35 s.
    pub async fn failed(mut self) -> Failed {
        match self.next().await {
            Said::Failed(failed) => failed,
            said => panic!("the function did not fail, it said {said:?}"),
        }
    }
}

impl Answered {
    fn read(reported: HeaderMap, bytes: &[u8], whole: bool) -> Self {
        let is_streamed = reported.get("content-type").is_some_and(|value| value == STREAMED);
        let (prelude, body) = if is_streamed {
            let end = bytes.windows(DIVIDER.len()).position(|window| window == DIVIDER);
            let end = end.expect("a streamed answer has a prelude and 8 NULs");
            let prelude: Value = serde_json::from_slice(&bytes[..end]).expect("a JSON prelude");
            (prelude, bytes[end + DIVIDER.len()..].to_owned())
        } else {
            let answer: Value = serde_json::from_slice(bytes).expect("a JSON answer");
            let body = buffered_body(&answer);
            (answer, body)
        };
        let status = prelude["statusCode"].as_u64().and_then(|status| status.try_into().ok());
        let status = status.expect("an answer has a status");
        Self { status, headers: headers(&prelude), body, whole, prelude, reported }
    }

    /// The value of a header that came at most once, its name in any case.
    ///
    /// # Panics
    ///
    /// When it came more than once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut same = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let value = same.next().map(|(_, value)| value.as_str());
        assert!(same.next().is_none(), "`{name}` came more than once: {:?}", self.headers);
        value
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
}

fn buffered_body(answer: &Value) -> Vec<u8> {
    let body = answer["body"].as_str().unwrap_or_default();
    if answer["isBase64Encoded"] == true {
        return BASE64_STANDARD.decode(body).expect("a base64 body");
    }
    body.as_bytes().to_owned()
}

fn headers(prelude: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut headers = Vec::new();
    for (name, values) in prelude["multiValueHeaders"].as_object().into_iter().flatten() {
        let values = values.as_array().into_iter().flatten().filter_map(text);
        headers.extend(values.map(|value| (name.to_ascii_lowercase(), value)));
    }
    let repeated: Vec<_> = headers.iter().map(|(name, _)| name.clone()).collect();
    for (name, value) in prelude["headers"].as_object().into_iter().flatten() {
        let name = name.to_ascii_lowercase();
        if !repeated.contains(&name) {
            headers.extend(text(value).map(|value| (name, value)));
        }
    }
    let cookies = prelude["cookies"].as_array().into_iter().flatten().filter_map(text);
    headers.extend(cookies.map(|cookie| ("set-cookie".to_owned(), cookie)));
    headers
}
