//! The SDK's HTTP client, which reaches moto whatever the SDK's endpoint and region are.

use std::net::SocketAddr;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// moto reads service and region from the credential scope: the functions' region.
const CREDENTIAL: &str = "AWS4-HMAC-SHA256 Credential=TEST/20260101/us-east-1/dynamodb/aws4_request, \
                          SignedHeaders=host, Signature=0";

#[derive(Clone, Debug)]
struct Redirected<Http> {
    uri: String,
    http: Http,
}

pub(super) fn to(moto: SocketAddr) -> SharedHttpClient {
    let http = aws_smithy_http_client::Builder::new().build_http();
    SharedHttpClient::new(Redirected { uri: format!("http://{moto}/"), http })
}

impl HttpClient for Redirected<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let http = self.http.http_connector(settings, components);
        SharedHttpConnector::new(Redirected { uri: self.uri.clone(), http })
    }
}

impl HttpConnector for Redirected<SharedHttpConnector> {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        if let Err(error) = request.set_uri(self.uri.as_str()) {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
        }
        request.headers_mut().insert("authorization", CREDENTIAL);
        self.http.call(request)
    }
}
