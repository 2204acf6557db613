//! Who may import whom. What no row allows is forbidden.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use harness::process::root;

/// Crates of this workspace, and the crates of this workspace that they may import.
const INTERNAL: [(&str, &[&str]); 18] = [
    ("sourcegate-core", &[]),
    ("auth", &["sourcegate-core"]),
    ("egress", &["sourcegate-core"]),
    ("store", &["sourcegate-core", "auth"]),
    ("upstream", &["sourcegate-core", "auth", "egress"]),
    ("sql", &["sourcegate-core", "auth", "egress"]),
    ("gateway", &["sourcegate-core", "auth", "egress", "store", "upstream", "sql"]),
    ("web", &["sourcegate-core", "auth", "store"]),
    ("grafana", &["sourcegate-core", "auth", "store", "gateway", "web"]),
    ("perses", &["sourcegate-core", "auth", "store", "gateway", "web"]),
    // Neither engine nor gateway, so that they cannot open a secret.
    ("access", &["store", "web", "grafana", "perses"]),
    ("datasources", &["sourcegate-core", "store", "web", "grafana"]),
    (
        "http-proxy",
        &["sourcegate-core", "egress", "store", "upstream", "gateway", "web", "grafana", "perses"],
    ),
    (
        "sql-proxy",
        &["sourcegate-core", "egress", "store", "upstream", "sql", "gateway", "web", "perses"],
    ),
    ("perses-api", &["store", "web", "perses"]),
    ("local", LIBRARIES),
    ("harness", TESTED),
    ("benches", MEASURED),
];

const LIBRARIES: &[&str] = &[
    "sourcegate-core",
    "auth",
    "egress",
    "store",
    "upstream",
    "sql",
    "gateway",
    "web",
    "grafana",
    "perses",
];
const TESTED: &[&str] = &[
    "sourcegate-core",
    "auth",
    "egress",
    "store",
    "upstream",
    "sql",
    "gateway",
    "web",
    "grafana",
    "perses",
    "local",
];
const MEASURED: &[&str] = &[
    "sourcegate-core",
    "auth",
    "egress",
    "store",
    "upstream",
    "gateway",
    "web",
    "grafana",
    "perses",
    "local",
    "harness",
];

/// Crates of others that stand for an ability, and who may have it. A `*` at the end stands for any rest.
const EXTERNAL: [(&str, &[&str]); 29] = [
    ("aws-config", &["store"]),
    ("aws-sdk-*", &["store"]),
    ("aws-credential-types", &["store"]),
    ("aws-sigv4", &["store"]),
    // The embedded engine is a connector of the SDK's.
    ("aws-smithy-*", &["store", "local"]),
    // What seals, and what checks signatures in tests of tokens.
    ("aws-lc-rs", &["store"]),
    ("argon2", &["auth"]),
    // The store looks through a bundle before the SDK is given it.
    ("rustls", &["egress", "store"]),
    ("rustls-*", &["egress"]),
    ("tokio-rustls", &["egress"]),
    ("webpki-roots", &["egress"]),
    ("hickory-resolver", &["egress"]),
    ("tokio-postgres", &["sql"]),
    ("mysql*", &["sql"]),
    ("axum*", &["web", "grafana", "perses"]),
    ("utoipa*", &["grafana"]),
    ("lambda_*", &["web"]),
    ("tower-http", &["web"]),
    ("tracing-subscriber", &["web"]),
    ("dynoxide-rs", &["local"]),
    ("opentelemetry*", &["web"]),
    // On AWS the platform counts.
    ("prometheus", &["local"]),
    ("clap", &["local"]),
    // Archives, terminals and passwords typed at them are an operator's.
    ("age", &["local"]),
    ("indicatif", &["local"]),
    ("rpassword", &["local"]),
    // Files of an operator, never a caller's body.
    ("saphyr-parser", &["grafana"]),
    // It parses into another kind of url and follows its own rules on the way: for what operators configure, never for
    // data sources.
    ("reqwest", &["web"]),
    ("jsonwebtoken", &["auth"]),
];

/// Crates of others that only few may go without: what decides does no I/O and is not async.
const WITHOUT: [(&str, &[&str]); 4] = [
    ("tokio", &["sourcegate-core", "auth", "grafana"]),
    ("hyper*", &["sourcegate-core", "auth", "store", "gateway", "grafana"]),
    ("tracing", &["sourcegate-core", "auth"]),
    ("anyhow", LIBRARIES),
];

/// They may take what they need to look from outside.
const OBSERVERS: [&str; 2] = ["harness", "benches"];

fn workspace() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command.other_options(["--offline".to_owned()]).exec().expect("cargo describes the workspace")
}

/// What a crate's own code uses; tests of its own may use more.
fn imports(package: &Package) -> impl Iterator<Item = &str> {
    let all = package.dependencies.iter();
    all.filter(|import| import.kind == DependencyKind::Normal).map(|import| import.name.as_str())
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[test]
fn crates_import_only_what_the_map_allows() {
    let metadata = workspace();
    let ours: BTreeSet<_> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mapped: BTreeSet<_> = INTERNAL.iter().map(|(name, _)| *name).collect();
    assert_eq!(ours, mapped, "the map names each crate of the workspace");
    for package in &metadata.packages {
        let (name, allowed) = INTERNAL.iter().find(|(name, _)| *name == *package.name).unwrap();
        let internal = package.dependencies.iter().filter(|import| ours.contains(&*import.name));
        for import in internal {
            assert!(allowed.contains(&&*import.name), "{name} must not import {}", import.name);
        }
    }
}

#[test]
fn an_ability_is_imported_only_by_its_owners() {
    let metadata = workspace();
    for package in metadata.packages.iter().filter(|p| !OBSERVERS.contains(&p.name.as_str())) {
        for import in imports(package) {
            let mut owners = EXTERNAL.iter().filter(|(pattern, _)| matches(pattern, import));
            let allowed = owners.all(|(_, owners)| owners.contains(&package.name.as_str()));
            assert!(allowed, "{} must not import {import}", package.name);
            let mut without = WITHOUT.iter().filter(|(pattern, _)| matches(pattern, import));
            let allowed = without.all(|(_, without)| !without.contains(&package.name.as_str()));
            assert!(allowed, "{} must do without {import}", package.name);
        }
    }
}

#[test]
fn functions_hold_mains_and_nothing_else() {
    let metadata = workspace();
    for package in metadata.packages.iter().filter(|p| p.name.as_str() != "benches") {
        let is_function = package.manifest_path.starts_with(root().join("functions"));
        let has_main = package.targets.iter().any(cargo_metadata::Target::is_bin);
        assert_eq!(has_main, is_function, "{}", package.name);
        let has_library = package.targets.iter().any(cargo_metadata::Target::is_lib);
        let may_have_one = !is_function || package.name.as_str() == "local";
        assert_eq!(has_library, may_have_one, "{}", package.name);
    }
}
