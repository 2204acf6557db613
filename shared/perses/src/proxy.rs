//! Requests through a data source, by scope and name (contract/perses.md 1), streaming both ways.

use auth::{NotAllowed, Verb};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use gateway::{Entry, Gateway, Hop, Proxied, Reach, Reached, UpstreamTiming};
use http::Method;
use sourcegate_core::{BadConnection, DocumentKind, Scope};
use store::Claim;
use web::{Arrival, Credential, RawPath};

use crate::place::target;
use crate::{Error, other_method};

/// What the proxy takes, as echo's `Any` does (contract 1.1), but for CONNECT and TRACE, which nothing here serves.
const METHODS: [&str; 9] =
    ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PROPFIND", "PUT", "REPORT"];
const ALLOWED: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PROPFIND, PUT, REPORT";

/// Makes the routes of the proxy.
pub fn router(gateway: Gateway) -> Router {
    let methods = any(proxied).layer(web::envelope(crate::envelope::render));
    // The path is split by hand, since a decoded one cannot be passed on.
    let mut router = Router::new();
    for path in [
        "/proxy/globaldatasources/{name}",
        "/proxy/projects/{project}/datasources/{name}",
        "/proxy/projects/{project}/dashboards/{dashboard}/datasources/{name}",
    ] {
        for path in [path.to_owned(), format!("{path}/"), format!("{path}/{{*tail}}")] {
            router = router.route(&path, methods.clone());
        }
    }
    router.with_state(gateway)
}

async fn proxied(
    State(gateway): State<Gateway>,
    arrival: Arrival,
    credential: Credential,
    path: RawPath,
    request: Request,
) -> Result<Response, web::Error> {
    if !METHODS.contains(&request.method().as_str()) {
        return Ok(other_method(request.method(), ALLOWED));
    }
    let reached = reach(&gateway, &arrival, credential, path.as_str()).await;
    let absent = |error| without_project(error, request.method(), path.as_str());
    let (reached, tail) = reached.map_err(absent)?;
    match reached {
        Reached::Http(reach) => send(&gateway, &arrival, reach, tail, request).await,
        Reached::Sql(_) => Err(not_http(request.method(), tail).into()),
    }
}

/// Asks for the project as Perses does, which looks for it before others than GET and POST not at all (contract 0.2).
fn without_project(error: web::Error, method: &Method, path: &str) -> web::Error {
    let asks = matches!(*method, Method::GET | Method::POST);
    match (error.downcast_ref(), target(path)) {
        (Some(gateway::Error::Store(lack)), Ok((wanted, _)))
            if !asks && matches!(**lack, store::Error::NoProject(_)) =>
        {
            NotAllowed::Absent(wanted).into()
        }
        _ => error,
    }
}

/// Finds what a path leads to, and tells the log.
pub(crate) async fn reach<'a>(
    gateway: &Gateway,
    arrival: &Arrival,
    Credential { credential, org }: Credential,
    path: &'a str,
) -> Result<(Reached, &'a str), web::Error> {
    let (wanted, tail) = match target(path) {
        Ok(target) => target,
        Err(refusal) => {
            // Who may not ask is not told that he asked wrongly.
            let claim = Claim { credential: &credential, org, peer: arrival.peer };
            let caller = Box::pin(gateway.authenticate(claim)).await?;
            let caller = Box::pin(gateway.with_roles(caller, &Scope::Org)).await?;
            caller.allow_document(Verb::Read, DocumentKind::Datasource, None)?;
            return Err(refusal.into());
        }
    };
    arrival.log(|line| line.datasource_uid = Some(wanted.name.clone()));
    let entry = Entry { credential, org, wanted, peer: arrival.peer };
    let reached = gateway.reach(entry).await?;
    arrival.log(|line| {
        let caller = reached.granted().caller();
        line.org = Some(caller.org());
        line.user = Some(caller.identity().to_string());
    });
    Ok((reached, tail))
}

/// Sends a request over HTTP, and tells the log.
pub(crate) async fn send(
    gateway: &Gateway,
    arrival: &Arrival,
    reach: Reach,
    tail: &str,
    request: Request,
) -> Result<Response, web::Error> {
    let hop = Hop { tail, peer: arrival.peer };
    let request = request.map(gateway::Body::new);
    let Proxied { response, .. } = gateway.send(reach, hop, request).await?;
    if let Some(timing) = response.extensions().get::<UpstreamTiming>() {
        arrival.log(|line| {
            line.upstream_path_bytes = Some(tail.len());
            line.upstream_status = Some(timing.status.as_u16());
            line.upstream_duration = Some(timing.duration);
        });
    }
    Ok(response.map(axum::body::Body::new))
}

/// Says that a database is asked another way (contract/perses.md 2.1).
pub(crate) fn not_http(method: &Method, tail: &str) -> Error {
    match *method {
        Method::POST => Error::Bad(BadConnection::NotHttpProxy.to_string()),
        _ => Error::NotPost { path: format!("/{tail}"), method: method.clone() },
    }
}
