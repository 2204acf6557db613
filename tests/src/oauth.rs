//! A token endpoint and what its tokens open, on one address: it numbers the tokens that it gives, counts who asks, and takes
//! tokens back when a test says so.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::{any, post};
use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt as _;

/// The client that it knows.
pub const CLIENT: &str = "robot";
/// The secret of that client.
pub const SECRET: &str = "robot-canary-secret";

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Oauth {
    address: SocketAddr,
    shared: Shared,
    server: JoinHandle<()>,
}

type Shared = Arc<Mutex<Known>>;

#[derive(Debug)]
struct Known {
    says: Value,
    secret: String,
    delay: Duration,
    asked: Vec<Asked>,
    /// The number of the last token that is taken no more.
    revoked: usize,
    served: Vec<(usize, String)>,
    refused: usize,
}

/// One request for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its `Authorization`.
    pub authorization: Option<String>,
    /// Its form, as it came.
    pub form: String,
}

impl Oauth {
    /// Starts one whose tokens last an hour. Below `/api` it answers who brings one with the token's number.
    ///
    /// # Panics
    ///
    /// When there is no port.
    pub async fn start() -> Self {
        let known = Known {
            says: json!({ "token_type": "Bearer", "expires_in": 3600 }),
            secret: SECRET.to_owned(),
            delay: Duration::ZERO,
            asked: Vec::new(),
            revoked: 0,
            served: Vec::new(),
            refused: 0,
        };
        let shared = Shared::new(Mutex::new(known));
        let router = Router::new()
            .route("/token", post(token))
            .route("/api/{*rest}", any(resource))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let server = tokio::spawn(serve(listener, router));
        Self { address, shared, server }
    }

    /// Its base url, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a secret says to ask it.
    #[must_use]
    pub fn spec(&self) -> Value {
        let token_url = format!("{}/token", self.url());
        json!({ "clientID": CLIENT, "clientSecret": SECRET, "tokenURL": token_url })
    }

    /// Says this beside each token from now on.
    pub fn say(&self, fields: Value) {
        self.known().says = fields;
    }

    /// Knows the client by another secret from now on.
    pub fn change_secret(&self, secret: &str) {
        secret.clone_into(&mut self.known().secret);
    }

    /// Takes so long for each token from now on.
    pub fn take(&self, delay: Duration) {
        self.known().delay = delay;
    }

    /// Takes back all tokens that it has given so far.
    pub fn revoke(&self) {
        let mut known = self.known();
        known.revoked = known.asked.len();
    }

    /// Who has asked for tokens so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.known().asked.clone()
    }

    /// The requests with a token that were served so far: which token, and the body.
    #[must_use]
    pub fn served(&self) -> Vec<(usize, String)> {
        self.known().served.clone()
    }

    /// How many requests were refused for their token.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.known().refused
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.lock().expect("nothing panics under it")
    }
}

impl Drop for Oauth {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, router: Router) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| router.clone().oneshot(request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // The client's fault or wish.
        connections.spawn(async { drop(connection.await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn token(
    State(shared): State<Shared>,
    headers: HeaderMap,
    form: String,
) -> (StatusCode, String) {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    let (answer, delay) = {
        let mut known = shared.lock().expect("nothing panics under it");
        known
            .asked
            .push(Asked { authorization: authorization.map(str::to_owned), form: form.clone() });
        let pair = base64::Engine::encode(
            &base64::prelude::BASE64_STANDARD,
            format!("{CLIENT}:{}", known.secret),
        );
        let in_form = format!("client_id={CLIENT}&client_secret={}", known.secret);
        let is_known = authorization == Some(&*format!("Basic {pair}")) || form.ends_with(&in_form);
        let answer = if is_known {
            let mut answer =
                json!({ "access_token": format!("canary-token-{}", known.asked.len()) });
            let fields = answer.as_object_mut().expect("an object");
            fields.extend(known.says.as_object().cloned().unwrap_or_default());
            (StatusCode::OK, answer.to_string())
        } else {
            (StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" }).to_string())
        };
        (answer, known.delay)
    };
    tokio::time::sleep(delay).await;
    answer
}

async fn resource(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, String) {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    let number = token.and_then(|token| token.strip_prefix("Bearer canary-token-"));
    let number = number.and_then(|number| number.parse().ok()).unwrap_or_default();
    let mut known = shared.lock().expect("nothing panics under it");
    if number <= known.revoked {
        known.refused += 1;
        return (StatusCode::UNAUTHORIZED, "who?".to_owned());
    }
    known.served.push((number, body));
    (StatusCode::OK, number.to_string())
}
