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
mod crowd;
mod decisions;
mod gateway;
mod listing;
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
    listing::measure(&gateway, &mut out)?;
    crowd::create(&mut out)?;
    crowd::guess(&upstream, &mut out)?;
    calls::measure(&upstream, &mut out)?;
    decisions::measure(&mut out)?;
    out.flush()?;
    Ok(())
}
