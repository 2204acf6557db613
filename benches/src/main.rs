//! `make bench`: what the gateway costs beside nginx in the same run, and what the registry does in
//! a second.
//!
//! Load, proxies and upstream share one core, to which the Makefile binds them: where the system
//! chooses, it wakes some on another core and some not, and in a virtual machine one such waking
//! costs as much as the request. So requests per second say less than CPU per request. nginx and the
//! gateway take turns, and each number is the median over the turns, which takes out some of what
//! neighbours on the machine do, but not all: caches that others fill cost the larger program more.

mod calls;
mod client;
mod cost;
mod crowd;
mod decisions;
mod gateway;
mod lambda;
mod listing;
mod load;
mod nginx;
mod program;
mod proxying;
mod registry;
mod statements;
mod table;

use std::io::Write;

use crate::gateway::Gateway;
use crate::nginx::Nginx;

/// What can be measured by itself: `make bench only=lambda`.
const PARTS: [&str; 5] = ["proxying", "registry", "statements", "decisions", "lambda"];

fn main() -> anyhow::Result<()> {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let known = only.iter().all(|part| PARTS.contains(&part.as_str()));
    anyhow::ensure!(known, "{only:?}: there are {PARTS:?}");
    let wants = |part: &str| only.is_empty() || only.iter().any(|one| one == part);
    let upstream = Nginx::upstream()?;
    let mut out = std::io::stdout();
    if wants("proxying") || wants("registry") {
        let gateway = Gateway::start()?;
        if wants("proxying") {
            proxying::measure(&upstream, &Nginx::proxy_to(&upstream)?, &gateway, &mut out)?;
        }
        if wants("registry") {
            registry::measure(&gateway, &mut out)?;
            listing::measure(&gateway, &mut out)?;
            crowd::create(&mut out)?;
            crowd::guess(&upstream, &mut out)?;
            calls::measure(&upstream, &mut out)?;
        }
    }
    if wants("statements") {
        statements::measure(&Gateway::start()?, &mut out)?;
    }
    if wants("decisions") {
        decisions::measure(&mut out)?;
    }
    if wants("lambda") {
        lambda::measure(&upstream, &mut out)?;
    }
    out.flush()?;
    Ok(())
}
