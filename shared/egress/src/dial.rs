//! From a host and a port to a connected socket.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::sockopt;
use sourcegate_core::Policy;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::dns::{Dns, Resolver};
use crate::guard::{Guard, Refused};
use crate::stats::{Counters, Stats, count};
use crate::{Error, Timeouts};

/// How many of a host's addresses are tried. All are judged.
const MOST_ADDRESSES: usize = 32;

/// The least time that one address gets while there is time left, so that many silent ones do not starve each other.
const LEAST_TIME: Duration = Duration::from_secs(2);

/// How long what was sent may stay unacknowledged, or unsent because the peer takes nothing.
const UNACKNOWLEDGED_MS: u32 = 15_000;

#[derive(Debug)]
pub(crate) struct Dialler {
    guard: Guard,
    resolver: Resolver,
    timeouts: Timeouts,
    counters: Counters,
}

impl Dialler {
    pub(crate) fn new(policy: Policy, dns: Dns, timeouts: Timeouts) -> Self {
        let resolver = Resolver::new(dns, timeouts.dns);
        Self { guard: Guard { policy }, resolver, timeouts, counters: Counters::default() }
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.guard.policy
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.read()
    }

    pub(crate) async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        let denied = |refused| {
            count(&self.counters.denials);
            Error::Denied { host: host.to_owned(), refused }
        };
        let known = self.policy().without_dns(host, port);
        let found = match known.map_err(|verdict| denied(Refused { address: None, verdict }))? {
            Some(known) => known,
            None => self.look_up(host, port).await?,
        };
        let permitted = self.guard.permit(found).map_err(denied)?;
        self.connect(&permitted).await
    }

    async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        count(&self.counters.lookups);
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let found = self.resolver.addresses(&name).await?;
        Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// Tries one address after the other, each with its share of the time that is left.
    async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
        let deadline = Instant::now() + self.timeouts.connect;
        let tried = &addresses[..addresses.len().min(MOST_ADDRESSES)];
        let mut failed = Error::NoAddress;
        for (address, rest) in tried.iter().zip((1..=tried.len()).rev()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left.div_f64(rest as f64).max(LEAST_TIME).min(left);
            count(&self.counters.connects);
            failed = match timeout(share, open(*address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => Error::Connect(error),
                Err(_) => Error::ConnectTimeout,
            };
        }
        Err(failed)
    }
}

#[expect(clippy::disallowed_methods, reason = "the address has passed the guard")]
async fn open(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    notice_silence(&stream)?;
    Ok(stream)
}

/// Has the kernel give up a peer that is gone without a word, so that not every request to it costs its whole time: what it
/// does not acknowledge, and what does not answer while nothing is sent. A busy peer's kernel acknowledges all the same.
fn notice_silence(stream: &TcpStream) -> std::io::Result<()> {
    let (probe, between) = (Duration::from_secs(10), Duration::from_secs(5));
    sockopt::set_tcp_user_timeout(stream, UNACKNOWLEDGED_MS)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, probe)?;
    Ok(sockopt::set_tcp_keepintvl(stream, between)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn l03_the_kernel_gives_up_a_peer_that_is_gone_without_a_word() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = open(listener.local_addr().unwrap()).await.unwrap();
        assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), 15_000);
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), Duration::from_secs(10));
    }
}
