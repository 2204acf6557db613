//! The same tests on later versions of PostgreSQL than the machine's own.

use std::path::Path;
use std::process::Command;

use harness::postgres::{self, PROGRAMS, Postgres};

/// Runs the tests of this folder that are PostgreSQL's, in a process of their own.
#[track_caller]
fn holds_on(version: u32) {
    let programs = postgres::later(version);
    let mut tests = Command::new(std::env::current_exe().expect("this program"));
    // Other databases, and what is a matter of the protocol, which these have in common.
    let others = ["perses", "mariadb", "mysql", "hostile", "what_holds"];
    tests.arg("sql::").args(others.iter().flat_map(|other| ["--skip", *other]));
    let output = tests.env(PROGRAMS, programs.path().join("bin")).output().expect("start it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let ran = said.lines().find_map(|line| line.strip_prefix("running "));
    let ran = ran.and_then(|line| line.split(' ').next()?.parse::<u32>().ok());
    assert!(ran >= Some(25), "{said}");
}

/// So that none of these is the machine's own by mistake.
#[tokio::test]
async fn the_version_is_the_one_that_was_asked_for() {
    let asked = web::env(PROGRAMS).map(|programs| Path::new(&programs).join("postgres"));
    let asked = asked.unwrap_or_else(|| postgres::program("postgres"));
    let said = Command::new(asked).arg("--version").output();
    let said = String::from_utf8(said.expect("start postgres").stdout).expect("a text");
    let running = Postgres::shared().await.sql("shop", "SHOW server_version");
    // Debian's says behind the version whose it is, as the server does.
    assert_eq!(said.trim_end(), format!("postgres (PostgreSQL) {running}"));
}

#[test]
fn what_holds_on_postgresql_15_holds_on_16() {
    holds_on(16);
}

#[test]
fn what_holds_on_postgresql_15_holds_on_17() {
    holds_on(17);
}

#[test]
fn what_holds_on_postgresql_15_holds_on_18() {
    holds_on(18);
}
