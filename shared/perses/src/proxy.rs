//! Requests through a data source, by scope and name (contract/perses.md 1), streaming both ways.

use auth::Verb;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use gateway::{Entry, Gateway, GrantedEither, Hop, Proxied, UpstreamTiming};
use percent_encoding::percent_decode_str;
use sourcegate_core::{DocumentKind, DocumentName, Scope, ScopedName};
use store::Claim;
use web::{Arrival, Credential, RawPath};

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
    let Credential { credential, org } = credential;
    let (wanted, tail) = match target(path.as_str()) {
        Ok(target) => target,
        Err(refusal) => {
            // Who may not ask is not told that he asked wrongly.
            let claim = Claim { credential: &credential, org, peer: arrival.peer };
            let caller = Box::pin(gateway.authenticate(claim)).await?;
            caller.allow_document(Verb::Read, DocumentKind::Datasource, None)?;
            return Err(refusal.into());
        }
    };
    arrival.log(|line| line.datasource_uid = Some(wanted.name.clone()));
    let entry = Entry { credential, org, wanted, peer: arrival.peer };
    let hop = Hop { tail, peer: arrival.peer };
    let tail_bytes = tail.len();
    let request = request.map(gateway::Body::new);
    let Proxied { response, granted } = gateway.proxy_scoped(entry, hop, request).await?;
    arrival.log(|line| {
        let caller = match &granted {
            GrantedEither::Perses(granted) => granted.caller(),
            GrantedEither::Grafana(granted) => granted.caller(),
        };
        line.org = Some(caller.org());
        line.user = Some(caller.identity().to_string());
        if let Some(timing) = response.extensions().get::<UpstreamTiming>() {
            line.upstream_path_bytes = Some(tail_bytes);
            line.upstream_status = Some(timing.status.as_u16());
            line.upstream_duration = Some(timing.duration);
        }
    });
    Ok(response.map(axum::body::Body::new))
}

/// Reads a path: which data source, and what follows its name without the one slash between them, byte for byte. Names are
/// decoded once.
fn target(path: &str) -> Result<(ScopedName, &str), Error> {
    let (wanted, tail) = match path.strip_prefix("/proxy/globaldatasources/") {
        Some(rest) => {
            let (name, tail) = cut(rest);
            (ScopedName { scope: Scope::Org, name: folded(name)? }, tail)
        }
        None => {
            let rest = path.strip_prefix("/proxy/projects/").unwrap_or_default();
            let (project, rest) = cut(rest);
            let project = DocumentName::parse(&decoded(project)?)?;
            match rest.strip_prefix("dashboards/") {
                Some(rest) => {
                    let (dashboard, rest) = cut(rest);
                    let dashboard = DocumentName::parse(&decoded(dashboard)?)?;
                    let (name, tail) = cut(rest.strip_prefix("datasources/").unwrap_or_default());
                    let scope = Scope::Dashboard { project, dashboard };
                    (ScopedName { scope, name: decoded(name)? }, tail)
                }
                None => {
                    let (name, tail) = cut(rest.strip_prefix("datasources/").unwrap_or_default());
                    (ScopedName { scope: Scope::Project(project), name: folded(name)? }, tail)
                }
            }
        }
    };
    Ok((wanted, tail))
}

fn cut(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or((path, ""))
}

fn folded(escaped: &str) -> Result<String, Error> {
    Ok(decoded(escaped)?.to_lowercase())
}

pub(crate) fn decoded(escaped: &str) -> Result<String, Error> {
    let name = percent_decode_str(escaped).decode_utf8();
    let name = name.map_err(|_| Error::Bad("the name in the path is not UTF-8".to_owned()))?;
    if name.len() > 190 || name.chars().any(char::is_control) {
        let said = "the name in the path must have 1 to 190 bytes and no control character";
        return Err(Error::Bad(said.to_owned()));
    }
    Ok(name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<(&str, &str, &str), &str>) {
        let found = target(path).map_err(|error| error.to_string());
        let scope = |wanted: &ScopedName| match &wanted.scope {
            Scope::Org => String::new(),
            Scope::Project(project) => project.to_string(),
            Scope::Dashboard { project, dashboard } => format!("{project}/{dashboard}"),
        };
        let found = found.map(|(wanted, tail)| (scope(&wanted), wanted.name, tail));
        let found = found.as_ref().map(|(scope, name, tail)| (&**scope, &**name, *tail));
        assert_eq!(found.map_err(String::as_str), expected, "{path}");
    }

    #[test]
    fn perses_1_5_the_tail_is_what_was_sent() {
        check("/proxy/globaldatasources/My/a%2Fb/?", Ok(("", "my", "a%2Fb/?")));
        check("/proxy/globaldatasources/my", Ok(("", "my", "")));
        check("/proxy/globaldatasources/my/", Ok(("", "my", "")));
        check("/proxy/globaldatasources/my//double//x", Ok(("", "my", "/double//x")));
        check("/proxy/projects/P/datasources/D/api", Ok(("p", "d", "api")));
    }

    #[test]
    fn perses_case_8_a_dashboards_own_names_are_exact() {
        let path = "/proxy/projects/perses/dashboards/myDash/datasources/Victoria%20Metrics/api";
        check(path, Ok(("perses/mydash", "Victoria Metrics", "api")));
        let path = "/proxy/projects/p/dashboards/d/datasources/a%2Fb/api";
        check(path, Ok(("p/d", "a/b", "api")));
    }

    #[test]
    fn perses_8_12_every_name_in_a_path_is_one() {
        let said = "\"..\" is not a correct name. It should not contain '..'";
        check("/proxy/projects/%2e%2e/datasources/d", Err(said));
        let said = "the name in the path is not UTF-8";
        check("/proxy/globaldatasources/%ff", Err(said));
    }
}
