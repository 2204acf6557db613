//! The only door to data sources: resolves a host, judges every address, and connects to the ones it judged.
//!
//! No environment proxy, no redirect and no second look-up: no code here reads or does any of them.

mod connect;
mod dial;
mod dns;
mod error;
mod guard;
mod stats;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use sourcegate_core::Policy;
use tokio::net::TcpStream;

pub use connect::{Connector, Stream};
pub use dns::Dns;
pub use error::{Error, PemPart};
pub use guard::Refused;
pub use stats::Stats;
pub use tls::{Names, Tls, TlsOptions};

/// How long each step to a usable connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For all that name servers are asked. Default 5 s.
    pub dns: Duration,
    /// For connecting, shared by all addresses of the host. Default 10 s.
    pub connect: Duration,
    /// For the TLS handshake. Default 10 s, as in Grafana's transport.
    pub tls: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            dns: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            tls: Duration::from_secs(10),
        }
    }
}

/// The door. A clone is the same door.
#[derive(Clone, Debug)]
pub struct Egress(Arc<dial::Dialler>);

impl Egress {
    /// Makes a door; reads nothing and asks nobody until something is dialled.
    #[must_use]
    pub fn new(policy: Policy, dns: Dns, timeouts: Timeouts) -> Self {
        Self(Arc::new(dial::Dialler::new(policy, dns, timeouts)))
    }

    /// Tells which addresses may be dialled; what a save is checked against.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.0.policy()
    }

    /// Connects to a host, which may be a name, an address or `localhost`; IPv6 with or without brackets.
    ///
    /// The host is looked up once. One address that may not be dialled refuses all of them. The stream sends small
    /// writes at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// Refused by the policy, no address, no connection, or not in time.
    pub async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        self.0.dial(host, port).await
    }

    /// Speaks TLS over a dialled stream, for protocols that begin without. The host is the name to ask for and to verify
    /// where the settings have none.
    ///
    /// # Errors
    /// The handshake failed, or did not end in time; the host is no name.
    pub async fn secure(&self, stream: TcpStream, tls: Tls, host: &str) -> Result<Stream, Error> {
        let name = tls.name_for(host)?;
        connect::handshake(&self.0, stream, tls, name).await
    }

    /// Makes what an HTTP client of one data source connects with. Without `tls`, an `https` uri is verified against
    /// the usual roots under its own host's name.
    #[must_use]
    pub fn connector(&self, tls: Option<Tls>) -> Connector {
        Connector::new(Arc::clone(&self.0), tls)
    }

    /// Counts what has been done since the door was made.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}

#[cfg(test)]
mod tests;
