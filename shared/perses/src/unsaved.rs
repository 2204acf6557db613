//! A data source in the body, used once: what "test connection" asks (contract/perses.md 1.11).

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::{Gateway, Reached, Unsaved};
use http::{HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::value::RawValue;
use sourcegate_core::{DocumentName, Scope, quoted};
use store::Claim;
use web::{Arrival, Credential, RawPath, Refusal};

use crate::place::cut;
use crate::sql::Asked;
use crate::wire::source::SourceSpec;
use crate::{Error, Settings, answered, proxy, sql};

/// The methods that the inner request may have.
const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::DELETE];

/// Makes the routes. A database has no path behind the scope; Perses' own routes need one, which is not looked at then.
pub fn router(gateway: Gateway, settings: Settings) -> Router {
    let mut router = Router::new();
    for scope in [
        "globaldatasources",
        "projects/{project}/datasources",
        "projects/{project}/dashboards/{dashboard}/datasources",
    ] {
        let path = format!("/proxy/unsaved/{scope}");
        for path in [path.clone(), format!("{path}/"), format!("{path}/{{*tail}}")] {
            router = router.route(&path, answered("OPTIONS, POST", post(sent)));
        }
    }
    router.with_state((gateway, settings))
}

/// What is sent: a request and the data source that it is for.
#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    method: String,
    body: Option<String>,
    spec: Option<Box<RawValue>>,
}

async fn sent(
    State((gateway, settings)): State<(Gateway, Settings)>,
    arrival: Arrival,
    Credential { credential, org }: Credential,
    path: RawPath,
    request: Request,
) -> Result<Response, web::Error> {
    let claim = Claim { credential: &credential, org, peer: arrival.peer };
    let caller = Box::pin(gateway.authenticate(claim)).await?;
    arrival.log(|line| {
        line.org = Some(caller.org());
        line.user = Some(caller.identity().to_string());
    });
    let (scope, tail) = target(path.as_str())?;
    let caller = Box::pin(gateway.with_roles(caller, &scope)).await?;
    let permit = caller.allow_unsaved(&scope)?;
    let (mut parts, body) = request.into_parts();
    let read = Request::from_parts(parts.clone(), body);
    let read = web::Json::<Sent>::from_request(read, &()).await;
    let web::Json(sent) = read.map_err(unprefixed)?;
    let (method, body) = inner(&sent)?;
    let spec = SourceSpec::read(sent.spec.as_ref().map(|spec| spec.get()));
    let spec = spec.map_err(|error| Error::Unsaved(format!("invalid config: {error}")))?;
    let unsaved = Unsaved { permit, scope, spec: spec.text()? };
    match Box::pin(gateway.reach_unsaved(unsaved)).await? {
        Reached::Http(reach) => {
            parts.method = method;
            let length = HeaderValue::from(body.len());
            parts.headers.insert(header::CONTENT_LENGTH, length);
            parts.headers.remove(header::TRANSFER_ENCODING);
            let request = Request::from_parts(parts, axum::body::Body::from(body));
            proxy::send(&gateway, &arrival, reach, tail, request).await
        }
        Reached::Sql(_) if method != Method::POST => Err(proxy::not_http(&method, tail).into()),
        Reached::Sql(database) => {
            let (headers, version) = (&parts.headers, parts.version);
            let asked = Asked { headers, version, body: &body };
            sql::answer(&gateway, &arrival, &database, (settings, asked)).await
        }
    }
}

/// Of what is sent here Perses says nothing before what is wrong with it.
fn unprefixed(error: web::Error) -> web::Error {
    match error.downcast_ref() {
        Some(Refusal::Json(fault)) => Error::Unsaved(fault.to_string()).into(),
        _ => error,
    }
}

fn inner(sent: &Sent) -> Result<(Method, Vec<u8>), Error> {
    let unsaved = |text: String| Error::Unsaved(text);
    let method = match sent.method.as_str() {
        "" => return Err(unsaved("missing field 'method'".to_owned())),
        text => METHODS.iter().find(|method| method.as_str() == text),
    };
    let bad = || unsaved(format!("invalid method {}", quoted(&sent.method)));
    let method = method.ok_or_else(bad)?.clone();
    let body = STANDARD.decode(sent.body.as_deref().unwrap_or_default());
    Ok((method, body.map_err(|error| unsaved(format!("the body is not base64: {error}")))?))
}

/// Reads a path: in which scope, and what follows it without the slash between, byte for byte.
fn target(path: &str) -> Result<(Scope, &str), Error> {
    let (kind, rest) = cut(path.strip_prefix("/proxy/unsaved/").unwrap_or_default());
    if kind == "globaldatasources" {
        return Ok((Scope::Org, rest));
    }
    let (project, rest) = cut(rest);
    let project = name(project)?;
    match cut(rest) {
        ("dashboards", rest) => {
            let (dashboard, rest) = cut(rest);
            let (_, tail) = cut(rest);
            Ok((Scope::Dashboard { project, dashboard: name(dashboard)? }, tail))
        }
        (_, tail) => Ok((Scope::Project(project), tail)),
    }
}

fn name(escaped: &str) -> Result<DocumentName, Error> {
    Ok(DocumentName::parse(&crate::place::decoded(escaped)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: (&str, &str)) {
        let (scope, tail) = target(path).unwrap();
        let scope = match scope {
            Scope::Org => String::new(),
            Scope::Project(project) => project.to_string(),
            Scope::Dashboard { project, dashboard } => format!("{project}/{dashboard}"),
        };
        assert_eq!((&*scope, tail), expected, "{path}");
    }

    #[test]
    fn perses_case_52_a_scope_is_read_with_a_path_behind_it_or_without() {
        for (path, scope) in [
            ("/proxy/unsaved/globaldatasources", ""),
            ("/proxy/unsaved/projects/P/datasources", "p"),
            ("/proxy/unsaved/projects/P/dashboards/D/datasources", "p/d"),
        ] {
            for (behind, tail) in [("", ""), ("/", ""), ("/a%2Fb/?", "a%2Fb/?"), ("//x", "/x")] {
                check(&format!("{path}{behind}"), (scope, tail));
            }
        }
    }
}
