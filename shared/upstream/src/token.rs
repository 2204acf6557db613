//! Asking a token endpoint: one form of client credentials, one answer, one deadline (RFC 6749, 4.4; contract/perses.md 1.7).

mod answer;
mod credentials;
mod error;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use egress::{Connector, Egress, Tls};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT, VIA};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use sourcegate_core::{AuthStyle, OWN_VIA, Secrets, TokenGrant};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::{Body, Error, plan};

pub use answer::{Bearer, Issued};
pub use error::TokenError;

/// How large an answer may be. It is never decoded, so that this is also what is read.
const MOST_BYTES: usize = 64 * 1024;

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static("Sourcegate");

/// Where one client asks for its tokens. The credentials are zeroised with the last request that uses them.
pub struct TokenEndpoint {
    hyper: HyperClient<Connector, Body>,
    uri: Uri,
    style: AuthStyle,
    /// Both of the client's credentials, as a header has them.
    basic: HeaderValue,
    /// The form without them.
    form: Bytes,
    /// The form with them.
    whole: Bytes,
}

/// One way to send the client's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In a header.
    Header,
    /// In the form.
    Form,
}

impl TokenEndpoint {
    /// How long asking may take in all: a caller waits for it before his own request begins.
    pub const PATIENCE: Duration = Duration::from_secs(10);

    pub(crate) fn new(
        egress: &Egress,
        tls: Option<Tls>,
        grant: &TokenGrant,
        secrets: &Secrets,
    ) -> Result<Self, Error> {
        let read = |name| secrets.get(name).ok_or_else(|| Error::Secret(name.to_owned()));
        let id = read(TokenGrant::CLIENT_ID)?;
        let secret = read(TokenGrant::CLIENT_SECRET)?;
        // Tokens are asked for seldom: a connection that was kept would be closed by then.
        let hyper = HyperClient::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(MOST_BYTES)
            .build(egress.connector(tls));
        Ok(Self {
            hyper,
            uri: plan::absolute_of(&grant.endpoint, grant.query.as_deref())?,
            style: grant.style,
            basic: credentials::basic(id, secret)?,
            form: credentials::form(&grant.form, None),
            whole: credentials::form(&grant.form, Some((id, secret))),
        })
    }

    /// Asks for a token; gives it with the way that was taken. Where the settings leave that open, it is `learnt`, or found
    /// out: the header first, and the form if that is refused.
    ///
    /// # Errors
    /// [`TokenError`]. No redirect is followed, and the credentials go nowhere else.
    pub async fn ask(&self, learnt: Option<Way>) -> Result<(Issued, Way), TokenError> {
        let (first, second) = match (self.style, learnt) {
            (AuthStyle::Header, _) => (Way::Header, None),
            (AuthStyle::Form, _) => (Way::Form, None),
            (AuthStyle::Either, Some(learnt)) => (learnt, None),
            (AuthStyle::Either, None) => (Way::Header, Some(Way::Form)),
        };
        let asking = async {
            match (self.exchange(first).await, second) {
                (Err(refused), Some(second)) if refused.may_be_the_way() => {
                    Ok((self.exchange(second).await?, second))
                }
                (answer, _) => Ok((answer?, first)),
            }
        };
        let late = |_| TokenError::Timeout(Self::PATIENCE);
        timeout(Self::PATIENCE, asking).await.map_err(late)?
    }

    async fn exchange(&self, way: Way) -> Result<Issued, TokenError> {
        let form = match way {
            Way::Header => &self.form,
            Way::Form => &self.whole,
        };
        let mut request = Request::new(Body::new(Full::new(form.clone())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, FORM);
        headers.insert(ACCEPT, JSON);
        headers.insert(USER_AGENT, AGENT);
        // Who names one of our own paths as his endpoint would have us ask ourselves for ever.
        headers.insert(VIA, OWN_VIA);
        if way == Way::Header {
            headers.insert(AUTHORIZATION, self.basic.clone());
        }
        let asked = SystemTime::now();
        let response = self.hyper.request(request).await.map_err(TokenError::of)?;
        match response.status() {
            status if status.is_success() => answer::read(&whole(response).await?, asked),
            status if status.is_redirection() => Err(TokenError::Redirect(status)),
            status if matches!(status.as_u16(), 400 | 401 | 403) => {
                // What it says beside is worth no failure of its own.
                let said = whole(response).await.unwrap_or_default();
                Err(TokenError::Refused { status, code: answer::code(&said) })
            }
            status => Err(TokenError::Status(status)),
        }
    }
}

/// Reads an answer's body. It has room from the start: a buffer that grows leaves copies behind.
async fn whole(response: Response<Incoming>) -> Result<Zeroizing<Vec<u8>>, TokenError> {
    let mut body = response.into_body();
    let mut read = Zeroizing::new(Vec::with_capacity(MOST_BYTES));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| TokenError::Broken(error.into()))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > MOST_BYTES {
            return Err(TokenError::TooLarge(MOST_BYTES));
        }
        read.extend_from_slice(&data);
    }
    Ok(read)
}

impl std::fmt::Debug for TokenEndpoint {
    /// Shows the host alone: keys stand in paths and queries too.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenEndpoint").field("host", &self.uri.host()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
