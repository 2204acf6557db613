//! What every source file and manifest keeps to, beyond what clippy sees.

use std::fs;
use std::path::{Path, PathBuf};

use harness::process::root;

/// Where sources are.
const FOLDERS: [&str; 4] = ["functions", "shared", "tests", "benches"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["mod", "utils", "util", "helpers", "common", "manager", "service", "handler"];

struct Source {
    /// From the root, with slashes.
    path: String,
    text: String,
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

fn all(ending: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in FOLDERS {
        files(&root().join(folder), ending, &mut paths);
    }
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a text file");
        let path = path.strip_prefix(root()).expect("below the root").to_string_lossy().into();
        Source { path, text }
    };
    let sources: Vec<_> = paths.into_iter().map(read).collect();
    assert!(sources.len() > 10, "the sources are where this test looks");
    sources
}

/// Files outside `exempt` whose text holds one of these.
fn holding(needles: &[&str], exempt: &[&str]) -> Vec<String> {
    let holds = |source: &Source| needles.iter().any(|needle| source.text.contains(needle));
    let is_exempt = |path: &str| exempt.iter().any(|prefix| path.starts_with(prefix));
    let found = all(".rs").into_iter().filter(|s| holds(s) && !is_exempt(&s.path));
    found.map(|source| source.path).collect()
}

/// A crate's own tests, beside the code that they test.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[track_caller]
fn check_nowhere(needles: &[&str], exempt: &[&str]) {
    let found = holding(needles, exempt);
    assert!(found.is_empty(), "{needles:?} in {found:?}");
}

#[test]
fn files_have_at_most_400_lines() {
    let long: Vec<_> = all(".rs")
        .into_iter()
        .filter(|source| source.text.lines().count() > 400)
        .map(|source| source.path)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn files_are_named_after_what_is_inside() {
    let named: Vec<_> = all(".rs")
        .into_iter()
        .filter(|source| {
            let mut parts = source.path.split('/');
            parts.any(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs")))
        })
        .map(|source| source.path)
        .collect();
    assert!(named.is_empty(), "{named:?}");
}

#[test]
fn files_say_what_they_are_for() {
    let silent: Vec<_> = all(".rs")
        .into_iter()
        .filter(|source| source.path.contains("/src/") && !is_test(&source.path))
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path)
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn nothing_is_left_to_do() {
    check_nowhere(&[concat!("to", "do!("), concat!("unimple", "mented!(")], &[]);
}

#[test]
fn only_one_file_reads_the_environment() {
    let reads = ["env::var(", "env::var_os(", "env::vars(", "env::vars_os(", "use std::env::var"];
    let own = "tests/it/architecture/sources.rs";
    // Cargo tells a build by variables where to write.
    check_nowhere(&reads, &["shared/web/src/env.rs", "shared/grafana/build.rs", own]);
    // The flags of the local binary are variables too, read where they are parsed.
    let flags = ["functions/local/src/args.rs", "functions/local/src/verify/args.rs", own];
    check_nowhere(&[", env ="], &flags);
}

#[test]
fn what_decides_is_not_async() {
    let found = holding(&["async fn", ".await", "std::net::Tcp", "std::fs"], &[]);
    let deciding =
        |path: &&String| path.starts_with("shared/core/src") || path.starts_with("shared/auth/src");
    let found: Vec<_> = found.iter().filter(deciding).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn only_egress_opens_connections_to_data_sources() {
    let opens = ["TcpStream::connect(", "TcpSocket::", "UdpSocket::"];
    let found = holding(&opens, &["shared/egress/", "tests/", "benches/"]);
    let found: Vec<_> = found.iter().filter(|path| !is_test(path)).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn manifests_take_versions_and_lints_from_the_workspace() {
    for Source { path, text } in all("Cargo.toml") {
        assert!(text.contains("[lints]\nworkspace = true\n"), "{path}");
        let mut is_list = false;
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with('[') {
                is_list = line.ends_with("dependencies]");
            } else if is_list {
                assert!(line.contains("workspace = true"), "{path}: {line}");
            }
        }
    }
}
