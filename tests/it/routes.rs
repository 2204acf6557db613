//! The routes that there are: the table in the documentation of the dialect, and what a running gateway's router says
//! of itself. The document of the API and `template.yaml` are held against both.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use harness::process::root;
use local::{Server, Setup};

/// Every group of routes, and the function that serves it.
pub(crate) const GROUPS: [(&str, &str); 18] = [
    ("accounts", "AccessFunction"),
    ("basics", "Datasources"),
    ("correlations", "Datasources"),
    ("datasources", "Datasources"),
    ("docs", "Datasources"),
    ("orgs", "AccessFunction"),
    ("permissions", "Datasources"),
    ("perses::basics", "PersesApi"),
    ("perses::documents", "PersesApi"),
    ("perses::login", "AccessFunction"),
    ("perses::proxy", "HttpProxy"),
    ("perses::roles", "AccessFunction"),
    ("perses::sql", "SqlProxy"),
    ("perses::unsaved", "SqlProxy"),
    ("perses::users", "AccessFunction"),
    ("provisioning", "Datasources"),
    ("proxy", "HttpProxy"),
    ("users", "AccessFunction"),
];

/// The methods that a route for any method is documented with.
pub(crate) const ANY: [&str; 5] = ["DELETE", "GET", "PATCH", "POST", "PUT"];

/// A path with one of its methods, and the module that serves it. Ordered, so that sets of them can be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// As the document and the template write it, but for what is left of a path: `{path}`.
    pub(crate) path: String,
    /// In upper case, `ANY` for all.
    pub(crate) method: String,
    pub(crate) group: String,
}

/// Reads the table of the Grafana dialect.
pub(crate) fn table() -> BTreeSet<Route> {
    table_of("grafana")
}

/// Reads the table of the Perses dialect, whose groups are told apart by its name.
pub(crate) fn perses() -> BTreeSet<Route> {
    let named = |route: Route| Route { group: format!("perses::{}", route.group), ..route };
    table_of("perses").into_iter().map(named).collect()
}

fn table_of(dialect: &str) -> BTreeSet<Route> {
    let file = root().join(format!("shared/{dialect}/src/lib.rs"));
    let text = std::fs::read_to_string(file).expect("the dialect");
    let mut routes = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let cells: Vec<_> = line.trim_end_matches(" |").split(" | ").collect();
        let [methods, paths, group] = cells[..] else { panic!("no row: {line}") };
        let group = group.trim_matches(['[', ']', '`']).to_owned();
        let mut parent = "";
        for written in paths.split(", ").map(|path| path.trim_matches('`')) {
            let path = match written.strip_prefix('…') {
                Some(_) => format!("{parent}/{{path}}"),
                None => written.to_owned(),
            };
            parent = written;
            for method in methods.split(", ").map(str::to_uppercase) {
                // The table's own head.
                if path.starts_with('/') {
                    routes.insert(Route { path: path.clone(), method, group: group.clone() });
                }
            }
        }
    }
    routes
}

/// Which function serves a group.
pub(crate) fn function_of(group: &str) -> &'static str {
    let found = GROUPS.iter().find(|(name, _)| *name == group);
    found.unwrap_or_else(|| panic!("{group} is no group of routes")).1
}

/// A path as a client would send it.
pub(crate) fn example(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{uid}" => "some-uid",
        "{file}" => "start.js",
        "{path}" => "api/v1/query",
        parameter if parameter.starts_with('{') => "7",
        literal => literal,
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The paths that the router of a gateway has, without those that end with a slash.
pub(crate) async fn routed() -> BTreeSet<String> {
    let data = tempfile::tempdir().expect("a folder for the data");
    let setup = Setup {
        data: data.path().to_owned(),
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        hosts: Vec::new(),
        egress_allow: None,
        grafana: grafana::Settings::default(),
        perses: Default::default(),
        dynamodb_listen: None,
        provisioning: None,
        demo: false,
        jwt: None,
        spans: None,
        rds: None,
    };
    let server = Server::start(setup).await.expect("a gateway");
    // Axum has no other way to say which routes there are.
    let shown = format!("{:?}", server.router());
    let (_, paths) = shown.split_once("paths: {").expect("the routes by number");
    let (paths, _) = paths.split_once("} }").expect("their end");
    let paths = paths.split('"').skip(1).step_by(2).map(str::to_owned);
    let paths: BTreeSet<_> = paths.filter(|path| !path.ends_with('/')).collect();
    assert!(paths.contains("/api/datasources/uid/{uid}"), "{shown}");
    paths
}

/// All of the proxy's forms are one route of the router.
const PROXY: &str = "/api/datasources/proxy/{*rest}";

#[tokio::test]
async fn the_table_has_the_routes_that_there_are() {
    let table = table();
    let others = table.iter().filter(|route| route.group != "proxy");
    let mut expected: BTreeSet<_> = others.map(|route| route.path.clone()).collect();
    expected.insert(PROXY.to_owned());
    // These are routes one by one.
    let perses = perses().into_iter().map(|route| match route.group.as_str() {
        "perses::proxy" | "perses::unsaved" => route.path.replace("{path}", "{*tail}"),
        _ => route.path,
    });
    expected.extend(perses);
    assert_eq!(routed().await, expected);
    for route in table.iter().filter(|route| route.group == "proxy") {
        assert!(route.path.starts_with(PROXY.trim_end_matches("{*rest}")), "{route:?}");
        assert_eq!(route.method, "ANY", "{route:?}");
    }
}

#[test]
fn a_group_is_the_module_that_has_its_paths() {
    for Route { path, group, .. } in table() {
        let file = root().join(format!("shared/grafana/src/{group}.rs"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file:?}: {e}"));
        let path = if group == "proxy" { PROXY } else { &path };
        assert!(text.contains(&format!("\"{path}\"")), "{path} is not in {file:?}");
    }
}
