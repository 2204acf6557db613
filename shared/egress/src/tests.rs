//! The door over real sockets: loopback listeners, and a name server that answers what a test says.
//!
//! All of 127.0.0.0/8 is this machine, so that 127.0.0.2 can play an allowed address and 127.0.0.1 a private one.

mod dialling;
mod https;
mod name_server;
mod names;
mod pem;

use std::net::SocketAddr;
use std::time::Duration;

use sourcegate_core::{Cidr, Policy};
use tokio::net::TcpListener;

use crate::{Dns, Egress, Timeouts};

/// A door to public addresses and the networks given.
fn door(allowed: &[&str], dns: Dns, limit: Duration) -> Egress {
    let allowed: Vec<Cidr> = allowed.iter().map(|text| text.parse().unwrap()).collect();
    let timeouts = Timeouts { dns: limit, connect: limit, tls: limit };
    Egress::new(Policy::aws(allowed), dns, timeouts)
}

/// A door that is expected to ask no name server: there is none.
fn nameless(allowed: &[&str]) -> Egress {
    door(allowed, Dns::Servers(Vec::new()), Duration::from_secs(5))
}

/// A listener that the system completes connections for; nobody need accept them.
async fn listen(ip: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
