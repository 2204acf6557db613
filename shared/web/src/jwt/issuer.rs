//! The issuer of JWTs, as far as it is asked: for its keys, over a connection that leads there and nowhere else.

use std::sync::OnceLock;
use std::time::Duration;

use auth::jwt::{BadKeys, Keys};
use http::{StatusCode, header};
use reqwest::{Client, redirect};
use url::Url;

use super::config::{is_on_this_machine, is_trusted};

/// The largest document that is read, in bytes.
const LONGEST: usize = 256 << 10;

/// Where an issuer says where its keys are (OpenID Connect Discovery, 4).
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Who is asked, and where.
pub(super) struct Issuer {
    /// Made when the issuer is first asked: it reads the system's roots from disk.
    client: OnceLock<Client>,
    name: String,
    keys_url: Option<Url>,
}

/// Says why there are no keys. For the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("no client can be made, mostly because the system has no root certificates")]
    Client(#[source] reqwest::Error),
    #[error("no answer within {0:?}")]
    Slow(Duration),
    #[error("the issuer `{0}` is no url")]
    Name(String),
    #[error("{0} does not answer")]
    Lost(Url, #[source] reqwest::Error),
    #[error("{0} answers {1}; only 200 counts, and redirects are not followed")]
    Status(Url, StatusCode),
    #[error("{0} answers with more than {LONGEST} bytes")]
    TooLong(Url),
    #[error("{0} is no discovery document")]
    Discovery(Url, #[source] serde_json::Error),
    #[error("{0} is the document of the issuer `{1}`")]
    OtherIssuer(Url, String),
    #[error("jwks_uri `{0}` is neither https nor on the machine of its issuer")]
    KeysUrl(String),
    #[error("{0} has no keys")]
    Keys(Url, #[source] BadKeys),
}

#[derive(serde::Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    pub(super) fn new(name: String, keys_url: Option<Url>) -> Self {
        Self { client: OnceLock::new(), name, keys_url }
    }

    fn client(&self) -> Result<&Client, FetchError> {
        if let Some(made) = self.client.get() {
            return Ok(made);
        }
        // Minutes lie between two requests: no connection is worth keeping.
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(0);
        let made = client.build().map_err(FetchError::Client)?;
        Ok(self.client.get_or_init(|| made))
    }

    /// Fetches the keys, within a deadline for everything.
    pub(super) async fn keys(&self, deadline: Duration) -> Result<Keys, FetchError> {
        let fetched = tokio::time::timeout(deadline, self.fetch()).await;
        fetched.unwrap_or(Err(FetchError::Slow(deadline)))
    }

    async fn fetch(&self) -> Result<Keys, FetchError> {
        let url = match &self.keys_url {
            Some(url) => url.clone(),
            None => self.discover().await?,
        };
        let text = self.get(&url).await?;
        Keys::parse(&text).map_err(|error| FetchError::Keys(url, error))
    }

    /// Asks where the keys are. It is asked each time, so that an issuer may move them.
    async fn discover(&self) -> Result<Url, FetchError> {
        let place = format!("{}{DISCOVERY}", self.name.trim_end_matches('/'));
        let at = Url::parse(&place).map_err(|_| FetchError::Name(self.name.clone()))?;
        let text = self.get(&at).await?;
        let found: Discovery = match serde_json::from_slice(&text) {
            Ok(found) => found,
            Err(error) => return Err(FetchError::Discovery(at, error)),
        };
        if found.issuer != self.name {
            return Err(FetchError::OtherIssuer(at, found.issuer));
        }
        let url = Url::parse(&found.jwks_uri).ok().filter(is_trusted);
        // Only who is on this machine himself may lead to it.
        let url = url.filter(|url| url.scheme() == "https" || is_on_this_machine(&at));
        url.ok_or(FetchError::KeysUrl(found.jwks_uri))
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let lost = |error: reqwest::Error| FetchError::Lost(url.clone(), error.without_url());
        let request = self.client()?.get(url.clone()).header(header::ACCEPT, "application/json");
        let mut answer = request.send().await.map_err(lost)?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(url.clone(), answer.status()));
        }
        let mut text = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(lost)? {
            if text.len() + piece.len() > LONGEST {
                return Err(FetchError::TooLong(url.clone()));
            }
            text.extend_from_slice(&piece);
        }
        Ok(text)
    }
}
