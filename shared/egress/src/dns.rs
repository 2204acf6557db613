//! Asks for the addresses of a name: once per dial, and within a deadline.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tokio::sync::OnceCell;

use crate::Error;

/// Longest time an answer is remembered, whatever its TTL says.
const LONGEST_REMEMBERED: Duration = Duration::from_secs(30);

/// Answers remembered; one may hold some thousand addresses.
const MOST_REMEMBERED: u64 = 256;

/// Who is asked for names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dns {
    /// The hosts file and the name servers that the system is configured with.
    System,
    /// These, over UDP and TCP, without a hosts file or a search list.
    Servers(Vec<SocketAddr>),
}

/// Made at the first name: a process that dials addresses alone reads no configuration.
pub(crate) struct Resolver {
    dns: Dns,
    limit: Duration,
    made: OnceCell<Made>,
}

struct Made {
    servers: TokioResolver,
    hosts: Hosts,
}

impl Resolver {
    pub(crate) fn new(dns: Dns, limit: Duration) -> Self {
        Self { dns, limit, made: OnceCell::new() }
    }

    /// Looks a name up, IPv4 first. Not empty.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Error> {
        match tokio::time::timeout(self.limit, self.look_up(name)).await {
            Ok(Ok(found)) if found.is_empty() => Err(Error::NoAddress),
            Ok(Ok(found)) => Ok(found),
            Ok(Err(NetError::Timeout)) | Err(_) => Err(Error::DnsTimeout),
            Ok(Err(error)) => Err(Error::Dns(Box::new(error))),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, NetError> {
        let made = self.made.get_or_try_init(async || self.make()).await?;
        let name = Name::from_ascii(name)?;
        let listed = made.listed(&name);
        if !listed.is_empty() {
            return Ok(listed);
        }
        Ok(made.servers.lookup_ip(name).await?.iter().collect())
    }

    fn make(&self) -> Result<Made, NetError> {
        let runtime = TokioRuntimeProvider::default();
        let mut builder = match &self.dns {
            Dns::System => TokioResolver::builder(runtime)?,
            Dns::Servers(servers) => {
                let servers = servers.iter().map(name_server).collect();
                let config = ResolverConfig::from_parts(None, Vec::new(), servers);
                TokioResolver::builder_with_config(config, runtime)
            }
        };
        self.bound(builder.options_mut());
        let hosts = match self.dns {
            Dns::System => Hosts::from_system().unwrap_or_default(),
            Dns::Servers(_) => Hosts::default(),
        };
        Ok(Made { servers: builder.build()?, hosts })
    }

    /// A name server that ignores one of the two questions, as some do with AAAA, must leave time for the answer to
    /// the other: two tries of two fifths each.
    fn bound(&self, options: &mut ResolverOpts) {
        options.timeout = options.timeout.min(self.limit * 2 / 5);
        options.attempts = options.attempts.min(1);
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = MOST_REMEMBERED;
        options.positive_max_ttl = Some(LONGEST_REMEMBERED);
        options.negative_max_ttl = Some(Duration::from_secs(1));
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("dns", &self.dns).field("limit", &self.limit).finish()
    }
}

impl Made {
    /// What the hosts file says; it alone is believed, as by the C library. (The resolver would ask name servers for
    /// the address family that the file does not list.)
    fn listed(&self, name: &Name) -> Vec<IpAddr> {
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind)))
            .flat_map(|found| {
                found.answers().iter().filter_map(|r| r.data.ip_addr()).collect::<Vec<_>>()
            })
            .collect()
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
        .into_iter()
        .map(|mut connection| {
            connection.port = address.port();
            connection
        })
        .collect();
    NameServerConfig::new(address.ip(), true, connections)
}
