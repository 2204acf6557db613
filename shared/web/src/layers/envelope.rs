//! Where a dialect writes the bodies of its errors.

use std::convert::Infallible;

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
    routing::Route,
};
use tower::{Layer, Service, layer::layer_fn, service_fn};

use super::{Arrival, TraceId};
use crate::Error;

/// How a dialect writes an error. It may look at the crate's own error with
/// [`Error::downcast_ref`] to pick its contract's text.
pub type Render = fn(&Error, TraceId) -> Response;

/// Makes the layer of a route group that lets `render` write each error of its handlers. Answers
/// that are no [`Error`], such as proxied ones, pass untouched whatever their status. The error
/// and the route's template reach the canonical line through it.
pub fn envelope(
    render: Render,
) -> impl Layer<
    Route,
    Service = impl Service<
        Request,
        Response = Response,
        Error = Infallible,
        Future = impl Future<Output = Result<Response, Infallible>> + Send + 'static,
    > + Clone
              + Send
              + Sync
              + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    layer_fn(move |mut route: Route| {
        service_fn(move |request: Request| {
            let arrival = request.extensions().get::<Arrival>().cloned();
            let template = request.extensions().get::<MatchedPath>().cloned();
            if let (Some(arrival), Some(template)) = (&arrival, template) {
                arrival.notes().route = Some(template);
            }
            let answered = route.call(request);
            async move {
                let mut response = answered.await?;
                let Some(error) = response.extensions_mut().remove::<Error>() else {
                    return Ok(response);
                };
                let arrival =
                    arrival.unwrap_or_else(|| Arrival::new(response.headers(), None, None));
                let rendered = render(&error, arrival.trace);
                arrival.notes().error = Some(error);
                Ok(rendered)
            }
        })
    })
}
