//! The pooled client of one data source at one revision.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use egress::{Egress, Tls, TlsOptions};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sourcegate_core::{Auth, BasicAuth, HttpTarget, Scheme as Protocol, Secrets};
use zeroize::Zeroizing;

use crate::connection::Dial;
use crate::{Body, Error, TokenEndpoint};

/// How many connections without a request are kept for one data source.
const MOST_IDLE_CONNECTIONS: usize = 32;

/// How long they are kept: shorter than servers and load balancers usually do (60 s and more), so that it is seldom
/// the other side that ends one.
const CONNECTION_IDLE: Duration = Duration::from_secs(30);

/// The longest deadline: settings may name more seconds than a clock can count.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest head of an answer, and the largest piece of its body that is read at once.
const MOST_BUFFER_BYTES: usize = 128 * 1024;

/// All that requests to one data source have in common: its connections and the headers that it is owed.
///
/// The headers' values are zeroised when the last request that uses them is done.
#[derive(Debug)]
pub struct Client {
    pub(crate) hyper: HyperClient<Dial, Body>,
    target: HttpTarget,
    scheme: Scheme,
    authority: Authority,
    host: HeaderValue,
    /// The same for the log.
    label: Arc<str>,
    injected: Vec<(HeaderName, HeaderValue)>,
    token: Option<TokenEndpoint>,
}

impl Client {
    pub(crate) fn new(
        egress: &Egress,
        target: HttpTarget,
        secrets: &Secrets,
    ) -> Result<Self, Error> {
        let scheme = match target.base.scheme {
            Protocol::Http => Scheme::HTTP,
            Protocol::Https => Scheme::HTTPS,
            Protocol::Other => return Err(Error::Target),
        };
        let text = Bytes::from(target.base.authority());
        let authority = Authority::from_maybe_shared(text.clone()).map_err(|_| Error::Target)?;
        let host = HeaderValue::from_maybe_shared(text).map_err(|_| Error::Target)?;
        let tls = target.speaks_tls().then(|| Tls::new(&tls_options(&target, secrets)));
        let tls = tls.transpose().map_err(Error::TlsMaterial)?;
        let hyper = HyperClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(CONNECTION_IDLE)
            .pool_max_idle_per_host(MOST_IDLE_CONNECTIONS)
            .http1_max_buf_size(MOST_BUFFER_BYTES)
            .set_host(false)
            .build(Dial(egress.connector(tls.clone())));
        let token = match &target.auth {
            Some(Auth::Token(grant)) => Some(TokenEndpoint::new(egress, tls, grant, secrets)?),
            _ => None,
        };
        let injected = injected(&target, secrets)?;
        let label = Arc::from(authority.as_str());
        Ok(Self { hyper, target, scheme, authority, host, label, injected, token })
    }

    /// Gives what the client was made for.
    #[must_use]
    pub fn target(&self) -> &HttpTarget {
        &self.target
    }

    /// How long an exchange may take in all.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.target.timeout.min(LONGEST)
    }

    /// Where a token is asked for, if every request needs one.
    pub(crate) fn token(&self) -> Option<&TokenEndpoint> {
        self.token.as_ref()
    }

    pub(crate) fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The value of the `Host` header.
    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The host, and the port where it is not the protocol's own, for the log.
    pub(crate) fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// The headers that every request gets, with their secrets. A later one replaces an earlier one.
    pub(crate) fn injected(&self) -> &[(HeaderName, HeaderValue)] {
        &self.injected
    }

    /// The names of the configured headers, also of those without a value.
    pub(crate) fn configured(&self) -> impl Iterator<Item = &HeaderName> {
        let plain = self.target.plain_headers.iter().map(|(name, _)| name);
        self.target.headers.iter().map(|header| &header.name).chain(plain)
    }
}

/// Reads what settings and secrets say about TLS. Contract 2.8: a switch does nothing while its secret is empty.
fn tls_options<'a>(target: &'a HttpTarget, secrets: &'a Secrets) -> TlsOptions<'a> {
    let pem = |name| secrets.get(name).filter(|pem| !pem.is_empty()).map(str::as_bytes);
    let settings = &target.tls;
    let pair = || pem(settings.names.cert).zip(pem(settings.names.key));
    TlsOptions {
        verify: !settings.skip_verify,
        server_name: settings.server_name.as_deref(),
        ca_pem: settings.own_ca.then(|| pem(settings.names.ca)).flatten(),
        client: settings.client_certificate.then(pair).flatten(),
        versions: settings.versions,
    }
}

/// Prepares what is injected: basic authentication first, since a configured `Authorization` goes before it.
fn injected(
    target: &HttpTarget,
    secrets: &Secrets,
) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let auth = target.auth.as_ref().and_then(|auth| auth_value(auth, secrets));
    let auth = auth.map(|value| Ok((AUTHORIZATION, value?)));
    let plain = target.plain_headers.iter().cloned().map(Ok);
    let configured = target.headers.iter().filter_map(|header| {
        // Contract 2.4: a name without a value is passed over.
        let text = secrets.get(&header.secret).filter(|text| !text.is_empty())?;
        let value = secret_value(&header.secret, Zeroizing::new(text.as_bytes().to_vec()));
        Some(value.map(|value| (header.name.clone(), value)))
    });
    auth.into_iter().chain(configured).chain(plain).collect()
}

/// A token is each request's own.
fn auth_value(auth: &Auth, secrets: &Secrets) -> Option<Result<HeaderValue, Error>> {
    Some(match auth {
        Auth::Token(_) => return None,
        Auth::Basic(basic) => basic_value(basic, secrets),
        Auth::Scheme { scheme, credentials } => {
            let text = secrets.get(credentials).unwrap_or_default();
            let mut value = Zeroizing::new(Vec::with_capacity(scheme.len() + 1 + text.len()));
            value.extend_from_slice(scheme.as_bytes());
            value.push(b' ');
            value.extend_from_slice(text.as_bytes());
            secret_value(credentials, value)
        }
    })
}

fn basic_value(basic: &BasicAuth, secrets: &Secrets) -> Result<HeaderValue, Error> {
    let password = secrets.get(basic.password).unwrap_or_default();
    let mut pair = Zeroizing::new(Vec::with_capacity(basic.user.len() + 1 + password.len()));
    pair.extend_from_slice(basic.user.as_bytes());
    pair.push(b':');
    pair.extend_from_slice(password.as_bytes());
    // Large enough from the start: a buffer that grows leaves copies behind.
    let mut text = String::with_capacity("Basic ".len() + pair.len().div_ceil(3) * 4);
    text.push_str("Basic ");
    STANDARD.encode_string(&*pair, &mut text);
    secret_value(basic.password, Zeroizing::new(text.into_bytes()))
}

/// Makes a header's value that is zeroised when its last copy goes, and that no log shows.
pub(crate) fn secret_value(name: &str, text: Zeroizing<Vec<u8>>) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
        .map_err(|_| Error::Secret(name.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
