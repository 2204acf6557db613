//! Requests through a data source, by uid and by number (contract 2.1), streaming both ways.

use auth::Action;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use gateway::{Entry, Gateway, Hop, Proxied, UpstreamTiming};
use sourcegate_core::{LegacyId, Reference, Uid};
use store::Claim;
use web::{Arrival, Credential, RawPath};

use crate::Error;
use crate::envelope::{Doing, render};

/// Makes the routes of the proxy.
pub fn router(gateway: Gateway) -> Router {
    let methods = any(proxied);
    let told = web::envelope(|error, trace| render(Doing::Proxy, error, trace));
    // One route for all four forms: the path is split by hand, since a decoded one cannot be passed on.
    Router::new().route("/api/datasources/proxy/{*rest}", methods.layer(told)).with_state(gateway)
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(proxied))]
pub(crate) struct Paths;

/// Sends a request through a data source.
///
/// The path below the data source and the query go on byte for byte, slashes included, which this document cannot say of
/// `path`. Any method may be sent. The caller's credential stays here; the data source's own is put in its place. The
/// answer is streamed as the data source gives it; refusals of this gateway have the body of an error, those of the
/// data source their own.
#[utoipa::path(
    method(get, put, post, delete, patch),
    path = "/api/datasources/proxy/uid/{uid}/{path}",
    tag = "proxy",
    responses(
        (status = 400, description = "`id is invalid`, `UID is invalid`, or a path or header that is not sent on"),
        (status = 403, description = "`Access denied to datasource`, or a route that asks for another role"),
        (status = 404, description = "`Unable to find datasource`"),
        (status = 502, description = "The data source cannot be reached; `cause` says why"),
        (status = 504, description = "The data source took too long"),
        (status = "default", description = "What the data source answers"),
    ),
)]
async fn proxied(
    State(gateway): State<Gateway>,
    arrival: Arrival,
    Credential { credential, org }: Credential,
    path: RawPath,
    request: Request,
) -> Result<Response, web::Error> {
    let (wanted, tail) = match target(path.after(3).unwrap_or_default()) {
        Ok(target) => target,
        Err(refusal) => {
            // Who may not ask is not told that he asked wrongly.
            let claim = Claim { credential: &credential, org, peer: arrival.peer };
            Box::pin(gateway.authenticate(claim)).await?.allow(Action::Query)?;
            return Err(refusal.into());
        }
    };
    if let Reference::Uid(uid) = &wanted {
        arrival.log(|line| line.datasource_uid = Some(uid.to_string()));
    }
    let entry = Entry { credential, org, wanted, peer: arrival.peer };
    let hop = Hop { tail, peer: arrival.peer };
    let tail_bytes = tail.len();
    let request = request.map(gateway::Body::new);
    let Proxied { response, granted } = gateway.proxy(entry, hop, request).await?;
    arrival.log(|line| {
        let source = granted.source();
        line.org = Some(source.org);
        line.user = Some(granted.caller().identity().to_string());
        line.datasource_uid.get_or_insert_with(|| source.uid.to_string());
        if let Some(timing) = response.extensions().get::<UpstreamTiming>() {
            line.upstream_path_bytes = Some(tail_bytes);
            line.upstream_status = Some(timing.status.as_u16());
            line.upstream_duration = Some(timing.duration);
        }
    });
    Ok(response.map(axum::body::Body::new))
}

/// Reads what follows `/api/datasources/proxy/`: which data source, and the path below it without the one slash between
/// them, byte for byte.
fn target(path: &str) -> Result<(Reference, &str), Error> {
    let below = path.strip_prefix("uid/").map(cut);
    if let Some((uid, tail)) = below.filter(|(uid, _)| !uid.is_empty()) {
        let uid = Uid::parse(uid).map_err(|_| Error::ProxyUid)?;
        return Ok((Reference::Uid(uid), tail));
    }
    let (id, tail) = cut(path);
    let id = LegacyId::parse(id).map_err(|_| Error::Id)?;
    Ok((Reference::Id(id), tail))
}

fn cut(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or((path, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<(&str, &str)>) {
        let found = target(path).ok().map(|(wanted, tail)| (wanted.to_string(), tail));
        let found = found.as_ref().map(|(wanted, tail)| (wanted.as_str(), *tail));
        assert_eq!(found, expected, "{path}");
    }

    #[track_caller]
    fn check_refusal(path: &str, expected: &str) {
        assert_eq!(target(path).unwrap_err().to_string(), expected, "{path}");
    }

    #[test]
    fn t61_to_t64_the_tail_is_what_was_sent() {
        check("uid/u/api/v1/x", Some(("u", "api/v1/x")));
        check("uid/u/a%2Fb%20c", Some(("u", "a%2Fb%20c")));
        check("uid/u/a/", Some(("u", "a/")));
        check("uid/u//api", Some(("u", "/api")));
        check("uid/u/", Some(("u", "")));
        check("uid/u", Some(("u", "")));
        check("7/api", Some(("7", "api")));
        check("7", Some(("7", "")));
    }

    #[test]
    fn all_digits_after_uid_are_a_uid() {
        assert!(matches!(target("uid/12/x"), Ok((Reference::Uid(_), "x"))));
        assert!(matches!(target("12/x"), Ok((Reference::Id(_), "x"))));
    }

    #[test]
    fn t85_a_uid_is_judged_as_it_was_sent() {
        for path in ["uid/a%2Fb/x", "uid/%61/x", "uid/a b", "uid/*", "uid/../x"] {
            check_refusal(path, "UID is invalid");
        }
    }

    #[test]
    fn p25_ids_are_plain_positive_integers() {
        for path in ["uid/", "uid", "uid//x", "0/x", "01", "-1", "1e3", "9223372036854775808", ""] {
            check_refusal(path, "id is invalid");
        }
    }
}
