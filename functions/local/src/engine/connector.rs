//! The AWS SDK's HTTP client without a socket: a request goes to the engine in this process.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use super::operation::Answer;
use super::{Error, Shared};

/// The content type of DynamoDB's requests and answers.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// Client and connector in one: there is nothing to connect and nothing to time out but the call itself, which the
/// SDK's own deadlines end.
#[derive(Clone, Debug)]
pub(super) struct Connector(Arc<Shared>);

impl Connector {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = request.body().bytes().map(Bytes::copy_from_slice);
        let shared = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let body = body.ok_or_else(|| ConnectorError::user(Error::Streamed.into()))?;
            let answer = shared.call(target, body).await;
            response(answer.map_err(|error| ConnectorError::other(error.into(), None))?)
        })
    }
}

fn response((status, body): Answer) -> Result<HttpResponse, ConnectorError> {
    let status = status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", CONTENT_TYPE);
    Ok(response)
}
