//! The way to KMS: a client that is made at its first call, and a connection that is opened ahead of it.

use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::primitives::Blob;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::sync::OnceCell;

use crate::Aws;

/// A client of KMS.
#[derive(Debug)]
pub struct KmsClient(Source);

#[derive(Debug)]
enum Source {
    Given(aws_sdk_kms::Client),
    Own { aws: Aws, made: OnceCell<aws_sdk_kms::Client> },
}

impl From<aws_sdk_kms::Client> for KmsClient {
    fn from(client: aws_sdk_kms::Client) -> Self {
        Self(Source::Given(client))
    }
}

impl From<Aws> for KmsClient {
    fn from(aws: Aws) -> Self {
        Self(Source::Own { aws, made: OnceCell::new() })
    }
}

impl KmsClient {
    /// Gives the client, made now if it was not before.
    pub(crate) async fn get(&self) -> &aws_sdk_kms::Client {
        match &self.0 {
            Source::Given(client) => client,
            Source::Own { aws, made } => {
                let make = || async { aws_sdk_kms::Client::new(aws.sdk().await) };
                made.get_or_init(make).await
            }
        }
    }

    /// Opens a connection, and makes on the way all that a call needs, credentials included. It does everything that a
    /// `Decrypt` does but to call it: in its place goes an unsigned `GET /ping`, which AWS answers and does not count.
    pub(crate) async fn warm(&self) {
        let client = self.get().await;
        let Some(http) = client.config().http_client() else { return };
        let pinging = aws_sdk_kms::Config::builder()
            .http_client(Pinging(http))
            .retry_config(RetryConfig::disabled());
        let call = client.decrypt().ciphertext_blob(Blob::new([0]));
        // A ping is no answer to a call, so that this always fails; whether KMS answers, the first call tells.
        if let Err(error) = call.customize().config_override(pinging).send().await {
            tracing::trace!(%error, "opened a connection to the key service");
        }
    }
}

/// A client that pings where it was to call.
#[derive(Debug)]
struct Pinging(SharedHttpClient);

impl HttpClient for Pinging {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Ping(self.0.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct Ping(SharedHttpConnector);

impl HttpConnector for Ping {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match HttpRequest::get(ping_of(request.uri())) {
            Ok(ping) => self.0.call(ping),
            Err(error) => HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        }
    }
}

/// Nothing of the call goes along but the host.
fn ping_of(uri: &str) -> String {
    let host = uri.find("://").map_or(0, |at| at + "://".len());
    let end = uri[host..].find(['/', '?']).map_or(uri.len(), |at| host + at);
    format!("{}/ping", &uri[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_goes_to_the_host_of_the_call() {
        for (call, ping) in [
            ("https://kms.eu-west-1.amazonaws.com/", "https://kms.eu-west-1.amazonaws.com/ping"),
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566/ping"),
            ("http://127.0.0.1:4566/kms/?x=/y", "http://127.0.0.1:4566/ping"),
            ("http://[::1]:4566?x=1", "http://[::1]:4566/ping"),
        ] {
            assert_eq!(ping_of(call), ping);
        }
    }
}
