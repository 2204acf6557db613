//! A real OpenID Connect issuer (npm's oidc-provider, under Node), whose keys change when a test says so.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use crate::process::{Process, plain_client, root};

/// Whom its tokens are for.
pub const AUDIENCE: &str = "https://sourcegate.test";
/// The client that it gives tokens to: their `sub`.
pub const CLIENT: &str = "robot";
/// The secret of that client.
pub const SECRET: &str = "robot-secret";

/// A running issuer.
#[derive(Debug)]
pub struct Oidc {
    address: SocketAddr,
    _process: Process,
}

impl Oidc {
    /// Starts one with a key for RS256.
    ///
    /// # Panics
    ///
    /// When it is not installed or does not come up.
    pub async fn start() -> Self {
        let node = root().join("target/oidc/node");
        assert!(node.exists(), "{} is missing: run `make test` once", node.display());
        let start = |address: SocketAddr| {
            let mut command = Command::new(&node);
            command.arg(root().join("tests/oidc/issuer.mjs")).arg(format!("http://{address}"));
            (command, None)
        };
        let answers = async |address: SocketAddr| {
            plain_client().get(format!("http://{address}/jwks")).send().await.is_ok()
        };
        let (process, address) = Process::serve("oidc", start, answers).await;
        Self { address, _process: process }
    }

    /// Its name: what `iss` says, and where its discovery document is.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks for a token with these claims beside its own, which lasts five minutes.
    ///
    /// # Panics
    ///
    /// When it gives none.
    pub async fn token(&self, claims: &Value) -> String {
        let claims = percent_encoding::utf8_percent_encode(
            &claims.to_string(),
            percent_encoding::NON_ALPHANUMERIC,
        )
        .to_string();
        let request = plain_client().post(format!("{}/token", self.issuer()));
        let request = request.basic_auth(CLIENT, Some(SECRET));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(format!("grant_type=client_credentials&claims={claims}"));
        let answer = request.send().await.expect("the issuer answers");
        let answer: Value = answer.json().await.expect("the issuer answers in JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
    }

    /// Replaces its keys by a new one for this algorithm.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn replace_keys(&self, algorithm: &str) {
        let url = format!("{}/keys/{algorithm}", self.issuer());
        let answer = plain_client().put(url).send().await.expect("the issuer answers");
        assert_eq!(answer.status(), 200);
    }

    /// Adds a new key for this algorithm and signs with it from now on.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn add_key(&self, algorithm: &str) {
        let url = format!("{}/keys/{algorithm}", self.issuer());
        let answer = plain_client().post(url).send().await.expect("the issuer answers");
        assert_eq!(answer.status(), 200);
    }
}
