//! The Grafana dialect: paths, wire types and texts. What they mean is decided elsewhere.
//!
//! | method | path | group |
//! |---|---|---|
//! | GET, POST | `/api/datasources` | [`datasources`] |
//! | GET, PUT, DELETE | `/api/datasources/uid/{uid}` | [`datasources`] |
//! | GET, POST | `/api/access-control/datasources/{uid}` | [`permissions`] |
//! | GET | `/api/access-control/datasources/description` | [`permissions`] |
//! | POST | `/api/access-control/datasources/{uid}/users/{user}` | [`permissions`] |
//! | POST | `/api/access-control/datasources/{uid}/teams/{team}` | [`permissions`] |
//! | POST | `/api/access-control/datasources/{uid}/builtInRoles/{role}` | [`permissions`] |
//! | GET | `/api/datasources/correlations` | [`correlations`] |
//! | GET, POST | `/api/datasources/uid/{uid}/correlations` | [`correlations`] |
//! | GET, PATCH, DELETE | `/api/datasources/uid/{uid}/correlations/{correlation}` | [`correlations`] |
//! | GET, PUT, DELETE | `/api/datasources/{id}` | [`datasources`] |
//! | GET, DELETE | `/api/datasources/name/{name}` | [`datasources`] |
//! | GET | `/api/datasources/id/{name}` | [`datasources`] |
//! | any | `/api/datasources/proxy/uid/{uid}`, `…/*` | [`proxy`] |
//! | any | `/api/datasources/proxy/{id}`, `…/*` | [`proxy`] |
//! | POST | `/api/admin/provisioning/datasources/reload` | [`provisioning`] |
//! | GET | `/api/health`, `/api/frontend/settings` | [`basics`] |
//! | GET, POST | `/api/orgs` | [`orgs`] |
//! | GET, PUT, DELETE | `/api/orgs/{org}` | [`orgs`] |
//! | GET | `/api/orgs/name/{name}`, `/api/orgs/{org}/users/search` | [`orgs`] |
//! | GET, POST | `/api/orgs/{org}/users`, `/api/org/users` | [`orgs`] |
//! | PATCH, DELETE | `/api/orgs/{org}/users/{user}`, `/api/org/users/{user}` | [`orgs`] |
//! | GET, PUT | `/api/org` | [`orgs`] |
//! | GET | `/api/org/users/lookup`, `/api/org/users/search` | [`orgs`] |
//! | GET, PUT | `/api/user`, `/api/users/{user}` | [`users`] |
//! | GET | `/api/user/orgs`, `/api/user/teams`, `/api/users` | [`users`] |
//! | GET | `/api/users/search`, `/api/users/lookup` | [`users`] |
//! | GET | `/api/users/{user}/orgs`, `/api/users/{user}/teams` | [`users`] |
//! | POST | `/api/user/using/{org}`, `/api/users/{user}/using/{org}` | [`users`] |
//! | PUT | `/api/user/password`, `/api/admin/users/{user}/password` | [`users`] |
//! | GET | `/api/admin/stats` | [`users`] |
//! | POST | `/api/admin/users` | [`users`] |
//! | DELETE | `/api/admin/users/{user}` | [`users`] |
//! | PUT | `/api/admin/users/{user}/permissions` | [`users`] |
//! | POST | `/api/admin/users/{user}/disable`, `/api/admin/users/{user}/enable` | [`users`] |
//! | POST | `/api/serviceaccounts` | [`accounts`] |
//! | GET | `/api/serviceaccounts/search`, `/api/search` | [`accounts`] |
//! | GET, PATCH, DELETE | `/api/serviceaccounts/{account}` | [`accounts`] |
//! | GET, POST | `/api/serviceaccounts/{account}/tokens`, `/api/auth/keys` | [`accounts`] |
//! | DELETE | `/api/serviceaccounts/{account}/tokens/{token}`, `/api/auth/keys/{key}` | [`accounts`] |
//! | GET | `/api/openapi.json`, `/docs`, `/docs/{file}` | [`docs`] |
//!
//! One slash at the end of a path is tolerated. Everything else, a method that is not listed included, is
//! [`fallback`]'s 404.

pub mod accounts;
mod answer;
pub mod basics;
pub mod correlations;
pub mod datasources;
pub mod docs;
mod draft;
mod envelope;
mod error;
mod mask;
pub mod orgs;
mod paging;
mod people;
pub mod permissions;
pub mod provisioning;
pub mod proxy;
mod reference;
mod save;
mod settings;
pub mod users;
mod walks;
mod wire;

use axum::Router;
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use web::{Arrival, Refusal};

pub use draft::{BadDraft, draft};

use crate::envelope::Doing;
use crate::error::Error;

pub use settings::{BadSetting, Compat, Settings};

/// Answers what no route serves: 404 with a JSON body, as clients that probe for newer APIs expect it.
pub async fn fallback(arrival: Arrival) -> Response {
    envelope::render(Doing::Nothing, &Refusal::UnknownRoute.into(), arrival.trace)
}

/// Adds routes of one path, with and without a slash at its end. Methods that it does not have are not found
/// (contract 0.1), so they are [`fallback`]'s too.
fn route<S>(router: Router<S>, path: &str, methods: MethodRouter<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let methods = any(fallback).merge(methods);
    router.route(&format!("{path}/"), methods.clone()).route(path, methods)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use http::{Method, Request};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(method: Method, path: &str) -> (u16, String) {
        let echo = |web::Path(id): web::Path<String>| async move { id };
        let router = route(Router::new(), "/api/x/{id}", get(echo));
        let router = route(router, "/api/x/uid/{uid}", get(async || "by uid")).fallback(fallback);
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert!(!response.headers().contains_key("allow"));
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[track_caller]
    fn check_not_found(answer: &(u16, String)) {
        assert_eq!(answer.0, 404, "{answer:?}");
        assert!(answer.1.starts_with(r#"{"message":"Not found","#), "{answer:?}");
    }

    #[tokio::test]
    async fn one_slash_at_the_end_is_tolerated() {
        assert_eq!(ask(Method::GET, "/api/x/7").await, (200, "7".to_owned()));
        assert_eq!(ask(Method::GET, "/api/x/7/").await, (200, "7".to_owned()));
        check_not_found(&ask(Method::GET, "/api/x/7//").await);
    }

    #[tokio::test]
    async fn p18_a_method_without_a_route_is_not_found() {
        for method in [Method::POST, Method::PUT, Method::from_bytes(b"FOO").unwrap()] {
            check_not_found(&ask(method, "/api/x/7").await);
        }
    }

    #[tokio::test]
    async fn p02_other_paths_are_not_found() {
        for path in ["/", "/apis", "/bootdata", "/api//x/7", "//api/x/7", "/api/x/uid/u/v"] {
            check_not_found(&ask(Method::GET, path).await);
        }
    }

    #[tokio::test]
    async fn a_literal_without_its_parameter_is_a_parameter_itself() {
        assert_eq!(ask(Method::GET, "/api/x/uid").await, (200, "uid".to_owned()));
        assert_eq!(ask(Method::GET, "/api/x/uid/").await, (200, "uid".to_owned()));
    }
}
