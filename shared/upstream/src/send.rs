//! The exchange itself: one request, one answer, one deadline.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Request, Response, StatusCode, Version, request};
use http_body::Body as _;
use http_body_util::LengthLimitError;
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as ClientError;
use tokio::time::{Instant, timeout_at};

use crate::body::Deadline;
use crate::connection::Traffic;
use crate::{AnswerBody, Body, Client, Error, headers};

/// What an answer took, for the log. Found among the extensions of the answer.
#[derive(Clone, Debug)]
pub struct UpstreamTiming {
    /// The host, and the port where it is not the protocol's own.
    pub host: Arc<str>,
    /// What the data source answered.
    pub status: StatusCode,
    /// From the plan to the head of the answer.
    pub duration: Duration,
}

/// Sends a planned request.
pub(crate) async fn send(
    client: &Client,
    mut parts: request::Parts,
    body: Body,
    limit: Option<u64>,
) -> Result<Response<AnswerBody>, Error> {
    let started = Instant::now();
    headers::frame(&mut parts.headers, &parts.method, &body);
    let allowed = client.timeout();
    let deadline = started + allowed;
    let answer = timeout_at(deadline, exchange(client, parts, body)).await;
    let (mut parts, incoming) = answer.map_err(|_| Error::Timeout(allowed))??.into_parts();
    refuse_status(parts.status)?;
    headers::clear_answer(&mut parts.headers);
    let body = AnswerBody::new(incoming, Deadline::new(deadline, allowed), limit)?;
    // The version is each hop's own: an old data source does not take the caller's connection along.
    parts.version = Version::HTTP_11;
    parts.extensions = Extensions::new();
    parts.extensions.insert(UpstreamTiming {
        host: Arc::clone(client.label()),
        status: parts.status,
        duration: started.elapsed(),
    });
    Ok(Response::from_parts(parts, body))
}

/// Sends once; once more if the data source had closed an idle connection and there is nothing to repeat but the head
/// of a request that changes nothing. hyper-util by itself repeats only what was never begun to be written.
async fn exchange(
    client: &Client,
    parts: request::Parts,
    body: Body,
) -> Result<Response<Incoming>, Error> {
    let again = (body.is_end_stream() && parts.method.is_safe()).then(|| bare(&parts));
    let mut request = Request::from_parts(parts, body);
    *request.version_mut() = Version::HTTP_11;
    *request.extensions_mut() = Extensions::new();
    match (client.hyper.request(request).await, again) {
        (Err(error), Some(again)) if was_stale(&error) => {
            client.hyper.request(again).await.map_err(explain)
        }
        (Err(error), None) if was_stale(&error) => Err(match explain(error) {
            Error::Closed(cause) => Error::ReusedClosed(cause),
            other => other,
        }),
        (answer, _) => answer.map_err(explain),
    }
}

fn bare(parts: &request::Parts) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.headers_mut() = parts.headers.clone();
    request
}

fn was_stale(error: &ClientError) -> bool {
    let mut extras = Extensions::new();
    if let Some(connection) = error.connect_info() {
        connection.get_extras(&mut extras);
    }
    extras.get::<Traffic>().is_some_and(Traffic::was_stale)
}

/// Refuses answers that would speak for the gateway, or that are none (`faults.md` H33, H34).
fn refuse_status(status: StatusCode) -> Result<(), Error> {
    match status {
        StatusCode::UNAUTHORIZED => Err(Error::Unauthenticated),
        StatusCode::SWITCHING_PROTOCOLS => Err(Error::Protocol("101 without an upgrade".into())),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED
        | StatusCode::MISDIRECTED_REQUEST
        | StatusCode::UPGRADE_REQUIRED
        | StatusCode::NETWORK_AUTHENTICATION_REQUIRED => Err(Error::Status(status)),
        _ => Ok(()),
    }
}

/// Finds out what hyper-util's error is about.
fn explain(error: ClientError) -> Error {
    if egress::Error::find(&error).is_some() {
        return Error::Connect(error.into());
    }
    if find::<LengthLimitError>(&error).is_some() {
        return Error::BodyTooLarge(error.into());
    }
    match find::<hyper::Error>(&error) {
        Some(cause) if cause.is_user() => Error::RequestBody(error.into()),
        Some(cause) if cause.is_parse() => Error::Protocol(error.into()),
        Some(_) => Error::Closed(error.into()),
        None => Error::Transport(error.into()),
    }
}

fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
