//! Which addresses a data source may be reached at. Pure: asks no name server and opens no socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

mod cidr;
mod host;
mod range;
mod settings;

pub use cidr::{BadCidr, Cidr};

use host::Host;

/// What kind of place an address, or a host that needs no look-up, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Globally reachable.
    Public,
    /// A private network: RFC 1918, RFC 4193 and the carriers' 100.64.0.0/10.
    Private,
    /// This machine, by 127.0.0.0/8 or `::1`.
    Loopback,
    /// A listener of the gateway, or an endpoint that the gateway itself depends on.
    Own,
    /// A cloud's metadata, credential or control endpoint.
    Metadata,
    /// Link-local, or site-local as IPv6 once had it.
    LinkLocal,
    /// Multicast.
    Multicast,
    /// No address: 0.0.0.0/8 and `::`.
    Unspecified,
    /// Documentation, benchmarking and what is not assigned.
    Reserved,
    /// An IPv6 address that carries an IPv4 address in it and is translated on the way.
    Translated,
    /// A port that belongs to a protocol other than HTTP or SQL.
    DeniedPort,
    /// No host in its one canonical spelling: a number, a zone id, an odd character.
    Malformed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::Own => "the gateway's own",
            Self::Metadata => "a cloud's metadata endpoint",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Reserved => "reserved",
            Self::Translated => "a translated form of another address",
            Self::DeniedPort => "on a denied port",
            Self::Malformed => "not in canonical spelling",
        })
    }
}

/// Ports that are refused on every host, because what listens there speaks no HTTP and may be driven by it:
/// ftp, ssh, telnet, smtp, dns, pop3, portmapper, ident, Windows' endpoints, imap, syslog, the Docker socket, Redis,
/// the Lambda Runtime API and memcached.
///
/// 0 is no port. None is in a range that systems give out to sockets bound to port 0.
const DENIED_PORTS: &[u16] = &[
    0, 21, 22, 23, 25, 53, 110, 111, 113, 135, 139, 143, 445, 465, 514, 587, 993, 995, 2375, 2376,
    6379, 9001, 11211,
];

/// Which addresses may be dialled.
///
/// Whatever it allows, never: cloud metadata, link-local, unspecified and multicast addresses, translated forms,
/// what is the gateway's own, and the denied ports.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What may be dialled beyond public addresses.
    allowed: Vec<IpNet>,
    own: Vec<SocketAddr>,
    /// Folded, without a trailing dot.
    own_names: Vec<(String, u16)>,
}

impl Policy {
    /// Allows public addresses and the networks given, which are none unless the operator configures some.
    #[must_use]
    pub fn aws(allowed: Vec<Cidr>) -> Self {
        let allowed = allowed.into_iter().map(IpNet::from).collect();
        Self { allowed, own: Vec::new(), own_names: Vec::new() }
    }

    /// Allows public addresses, loopback and the private networks of RFC 1918 and RFC 4193.
    ///
    /// A list replaces loopback and the private networks.
    #[must_use]
    pub fn local(allowed: Option<Vec<Cidr>>) -> Self {
        Self::aws(allowed.unwrap_or_else(|| range::LOCAL.iter().copied().map(Cidr::from).collect()))
    }

    /// Refuses one of the gateway's own listeners or endpoints, given by its host text and port.
    ///
    /// An address of this machine (loopback, unspecified, `localhost`) refuses the port on all of loopback; the
    /// dialler extends that to the machine's other addresses, see [`Policy::is_own_port`].
    #[must_use]
    pub fn refusing(mut self, host: &str, port: u16) -> Self {
        match Host::read(host) {
            Host::Address(ip) => self.own.push((ip, port).into()),
            Host::Localhost => self.own.push((Ipv4Addr::LOCALHOST, port).into()),
            Host::Name(name) => self.own_names.push((name, port)),
            Host::Malformed => self.own_names.push((host.to_ascii_lowercase(), port)),
        }
        self
    }

    /// Refuses one of the gateway's own listeners; as [`Policy::refusing`], from a socket's address.
    #[must_use]
    pub fn refusing_socket(mut self, own: SocketAddr) -> Self {
        self.own.push((own.ip().to_canonical(), own.port()).into());
        self
    }

    /// Tells whether a port is one of ours on every address of this machine, so that whoever dials an address must
    /// first find out whether it is this machine's.
    #[must_use]
    pub fn is_own_port(&self, port: u16) -> bool {
        self.own.iter().any(|own| own.port() == port && is_this_machine(own.ip()))
    }

    /// Judges an address as it would be dialled.
    #[must_use]
    pub fn verdict(&self, address: SocketAddr) -> Verdict {
        match self.place(address) {
            (_, true) if DENIED_PORTS.contains(&address.port()) => Verdict::DeniedPort,
            (verdict, _) => verdict,
        }
    }

    /// Tells whether an address may be dialled.
    #[must_use]
    pub fn permits(&self, address: SocketAddr) -> bool {
        self.place(address).1 && !DENIED_PORTS.contains(&address.port())
    }

    /// Tells, when a data source is saved, whether dialling it is bound to be refused for its host, and why.
    ///
    /// Judges address literals, `localhost` and names that are never allowed; any other name is judged when it is
    /// dialled. A denied port is no reason: such a data source may be saved.
    #[must_use]
    pub fn refuses_literal(&self, host: &str, port: u16) -> Option<Verdict> {
        self.resolve_literal(host, port).err()
    }

    /// Gives the addresses of a host that needs no look-up, to be judged like any others, or none for a name.
    ///
    /// `localhost` is 127.0.0.1, and `::1` after it where that may be dialled.
    ///
    /// # Errors
    /// A host or port that is refused whatever its addresses are.
    pub fn without_dns(&self, host: &str, port: u16) -> Result<Option<Vec<SocketAddr>>, Verdict> {
        let known = self.resolve_literal(host, port)?;
        if DENIED_PORTS.contains(&port) {
            return Err(Verdict::DeniedPort);
        }
        Ok(known)
    }

    fn resolve_literal(&self, host: &str, port: u16) -> Result<Option<Vec<SocketAddr>>, Verdict> {
        let permitted = |address: SocketAddr| match self.place(address) {
            (_, true) => Ok(address),
            (verdict, false) => Err(verdict),
        };
        match Host::read(host) {
            Host::Malformed => Err(Verdict::Malformed),
            Host::Address(ip) => Ok(Some(vec![permitted((ip, port).into())?])),
            Host::Localhost => {
                let v4 = permitted((Ipv4Addr::LOCALHOST, port).into())?;
                let v6 = permitted((Ipv6Addr::LOCALHOST, port).into()).ok();
                Ok(Some([v4].into_iter().chain(v6).collect()))
            }
            Host::Name(name) if host::METADATA.contains(&name.as_str()) => Err(Verdict::Metadata),
            Host::Name(name) if self.is_own_name(&name, port) => Err(Verdict::Own),
            Host::Name(_) => Ok(None),
        }
    }

    /// Judges an address without regard to denied ports, and tells whether it is allowed.
    fn place(&self, address: SocketAddr) -> (Verdict, bool) {
        let ip = address.ip().to_canonical();
        let verdict = range::classify(ip);
        match verdict {
            Verdict::Public | Verdict::Private | Verdict::Loopback | Verdict::Reserved => {
                let allowed =
                    verdict == Verdict::Public || self.allowed.iter().any(|net| net.contains(&ip));
                if self.is_own(ip, address.port()) {
                    (Verdict::Own, false)
                } else {
                    (verdict, allowed)
                }
            }
            never => (never, false),
        }
    }

    fn is_own_name(&self, name: &str, port: u16) -> bool {
        self.own_names.iter().any(|(own, own_port)| own == name && *own_port == port)
    }

    fn is_own(&self, ip: IpAddr, port: u16) -> bool {
        (ip.is_loopback() && self.is_own_port(port)) || self.own.contains(&(ip, port).into())
    }
}

fn is_this_machine(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

#[cfg(test)]
mod tests;
