//! The way to AWS of one process: what its clients share, made when the first call needs it.
//!
//! A function polls for its first event some milliseconds earlier so: reading the surroundings and the roots of TLS is most
//! of a start, and many a process never calls KMS.

mod roots;

use std::sync::Arc;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::sync::OnceCell;

use crate::config::{network_timeouts, retries};
use roots::Roots;

pub use roots::BadBundle;

/// The way to AWS, with the credentials and the region of the process. A clone is the same way: its clients share
/// connections, credentials and the budget of tries.
#[derive(Clone, Debug)]
pub struct Aws(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    roots: Roots,
    sdk: OnceCell<SdkConfig>,
}

impl Aws {
    /// Reads whose certificates are believed. Everything else that the SDK reads, it reads at the first call.
    ///
    /// | setting | believed |
    /// |---|---|
    /// | `AWS_CA_BUNDLE`, a file of certificates in PEM | those in it and no others, as by AWS's own tools |
    /// | else a variable `AWS_ENDPOINT_URL…` with an `https` url outside of AWS | the system's roots |
    /// | else | the five roots of Amazon, which are built in |
    ///
    /// Endpoints that a profile file names are not seen here: they need `AWS_CA_BUNDLE`.
    ///
    /// # Errors
    /// A bundle that cannot be read or holds no usable certificate.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadBundle> {
        Ok(Self(Arc::new(Inner { roots: Roots::read(get)?, sdk: OnceCell::new() })))
    }

    /// Gives what the clients are made from. Boxed, since every call would otherwise carry the room for it.
    pub(crate) async fn sdk(&self) -> &SdkConfig {
        self.0.sdk.get_or_init(|| Box::pin(load(self.0.roots.trusted()))).await
    }
}

async fn load(trusted: TrustStore) -> SdkConfig {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    // The one error that there is to come is none yet: a context is built of what it was given.
    let http = match TlsContext::builder().with_trust_store(trusted).build() {
        Ok(context) => http.tls_context(context),
        Err(_) => http,
    };
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(Unrehearsed(http.build_https()))
        .retry_config(retries())
        .timeout_config(network_timeouts())
        .load()
        .await
}

/// The SDK's own client but for one thing: that one builds a connector, TLS and all, for each of the SDK's clients only to
/// see that it can be built.
#[derive(Debug)]
struct Unrehearsed(SharedHttpClient);

impl HttpClient for Unrehearsed {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}
