//! What a type's own routes ask of a caller: contract/grafana.md 2.6, over every reading of the path.

use std::fmt;

use auth::Role;
use http::Method;
use sourcegate_core::Plugin;

use crate::Error;
use crate::path::Readings;

/// A request that its type does not list. Its text is the contract's, which says prometheus for Loki too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotListed {
    /// A writing method that no route of Prometheus, one of its hosted forms or Loki names.
    Prometheus(Method),
    /// DELETE of Elasticsearch.
    ElasticsearchDelete,
    /// PUT of Elasticsearch.
    ElasticsearchPut,
    /// POST of Elasticsearch to anything but `_msearch`.
    ElasticsearchPost,
}

impl fmt::Display for NotListed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prometheus(method) => {
                return write!(
                    f,
                    "non allow-listed {method}s not allowed on proxied prometheus datasource"
                );
            }
            Self::ElasticsearchDelete => "deletes not allowed on proxied Elasticsearch datasource",
            Self::ElasticsearchPut => "puts not allowed on proxied Elasticsearch datasource",
            Self::ElasticsearchPost => {
                "posts not allowed on proxied Elasticsearch datasource except on /_msearch"
            }
        })
    }
}

/// One row of a plugin's `routes`.
struct Route {
    method: Method,
    /// Whole segments, without a slash at either end.
    path: &'static str,
    role: Role,
}

const fn route(method: Method, path: &'static str, role: Role) -> Route {
    Route { method, path, role }
}

/// Prometheus' rows. Loki's own file is not in the contract, so that the rows that both share, the rules, serve it.
const PROMETHEUS: &[Route] = &[
    route(Method::GET, "api/v1/status/flags", Role::Admin),
    route(Method::POST, "api/v1/query", Role::Viewer),
    route(Method::POST, "api/v1/query_range", Role::Viewer),
    route(Method::POST, "api/v1/series", Role::Viewer),
    route(Method::POST, "api/v1/labels", Role::Viewer),
    route(Method::POST, "api/v1/query_exemplars", Role::Viewer),
    route(Method::GET, "rules", Role::Viewer),
    route(Method::POST, "rules", Role::Editor),
    route(Method::DELETE, "rules", Role::Editor),
];

const LOKI: &[Route] = &[
    route(Method::GET, "rules", Role::Viewer),
    route(Method::POST, "rules", Role::Editor),
    route(Method::DELETE, "rules", Role::Editor),
];

fn routes(plugin: Plugin) -> &'static [Route] {
    match plugin {
        Plugin::Prometheus | Plugin::AmazonPrometheus | Plugin::AzurePrometheus => PROMETHEUS,
        Plugin::Loki => LOKI,
        _ => &[],
    }
}

impl Route {
    /// Matches whole segments and what lies below them (`faults.md` P07).
    fn matches(&self, method: &Method, path: &str) -> bool {
        // The answer to HEAD is that to GET without its body.
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        *method == self.method
            && path
                .strip_prefix(self.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Decides whether a token that may only read may send this: a method that is safe, or one with which the type reads
/// here, in every reading of the path.
pub(crate) fn decide_reading(
    plugin: Plugin,
    method: &Method,
    path: &Readings<'_>,
) -> Result<(), Error> {
    let reads = |reading: &str| match plugin {
        Plugin::Elasticsearch => *method == Method::POST && reading == "_msearch",
        // What viewers may send is what reads. Below it nothing is known.
        _ => routes(plugin).iter().any(|route| {
            route.method == *method && route.path == reading && route.role == Role::Viewer
        }),
    };
    if method.is_safe() || path.iter().all(reads) {
        Ok(())
    } else {
        Err(Error::ReadOnly(method.clone()))
    }
}

/// Decides whether a caller may send this to a data source of this type.
///
/// The caller needs the rights of the most specific route of every reading; readings that name different routes are
/// refused, and so is a writing method where one reading names none.
pub(crate) fn decide(
    plugin: Plugin,
    role: Role,
    method: &Method,
    path: &Readings<'_>,
) -> Result<(), Error> {
    if plugin == Plugin::Elasticsearch {
        return elasticsearch(method, path).map_err(Error::NotListed);
    }
    let routes = routes(plugin);
    let mut named: Option<&Route> = None;
    let mut in_every_reading = true;
    for reading in path.iter() {
        let matching = routes.iter().filter(|route| route.matches(method, reading));
        let Some(route) = matching.max_by_key(|route| route.path.len()) else {
            in_every_reading = false;
            continue;
        };
        if role < route.role || named.is_some_and(|other| other.path != route.path) {
            return Err(Error::RouteDenied);
        }
        named = Some(route);
    }
    let writes = matches!(*method, Method::POST | Method::PUT | Method::DELETE);
    if writes && plugin.lists_its_writes() && !in_every_reading {
        return Err(Error::NotListed(NotListed::Prometheus(method.clone())));
    }
    Ok(())
}

fn elasticsearch(method: &Method, path: &Readings<'_>) -> Result<(), NotListed> {
    match *method {
        Method::DELETE => Err(NotListed::ElasticsearchDelete),
        Method::PUT => Err(NotListed::ElasticsearchPut),
        Method::POST if path.iter().any(|reading| reading != "_msearch") => {
            Err(NotListed::ElasticsearchPost)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
