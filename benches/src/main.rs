//! `make bench`: what the gateway costs beside nginx in the same run, and what the registry does in
//! a second.
//!
//! Everything is on loopback and on one machine: the load, both proxies and the upstream share its
//! cores, so requests per second say less than CPU per request. nginx and the gateway take turns,
//! and each number is the median over the turns: neighbours on the machine are noisy.

mod calls;
mod client;
mod gateway;
mod load;
mod nginx;
mod program;
mod proxying;
mod registry;
mod table;

use std::io::Write;

use crate::gateway::Gateway;
use crate::nginx::Nginx;

fn main() -> anyhow::Result<()> {
    let upstream = Nginx::upstream()?;
    let proxy = Nginx::proxy_to(&upstream)?;
    let gateway = Gateway::start()?;
    let mut out = std::io::stdout();
    proxying::measure(&upstream, &proxy, &gateway, &mut out)?;
    registry::measure(&gateway, &mut out)?;
    calls::measure(&upstream, &mut out)?;
    out.flush()?;
    Ok(())
}
