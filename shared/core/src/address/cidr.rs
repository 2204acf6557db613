//! A network as an operator writes it.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// A network in CIDR notation, or one address.
///
/// IPv4 written inside IPv6 (`::ffff:10.0.0.0/104`) is kept as IPv4, as addresses are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr(IpNet);

/// Says why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCidr {
    /// Neither a network nor an address.
    #[error("`{0}` is no network; write 10.1.0.0/16, fd00:1::/32 or one address")]
    Syntax(String),
    /// Bits are set that the prefix does not cover, so it is not clear which of two things is meant.
    #[error("`{text}` names an address inside a network; write {network} or the address alone")]
    HostBits {
        /// What was written.
        text: String,
        /// The network that the address lies in.
        network: IpNet,
    },
}

impl Cidr {
    /// Tells whether an address lies in the network; IPv4 written inside IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Tells whether every address of this network lies in another one.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        other.0.contains(&self.0)
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cidr {
    type Err = BadCidr;

    fn from_str(text: &str) -> Result<Self, BadCidr> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        let net: IpNet = text.parse().map_err(|_| BadCidr::Syntax(text.to_owned()))?;
        if net != net.trunc() {
            return Err(BadCidr::HostBits { text: text.to_owned(), network: net.trunc() });
        }
        Ok(net.into())
    }
}

impl From<IpNet> for Cidr {
    fn from(net: IpNet) -> Self {
        let v4 = match (net.addr().to_canonical(), net.prefix_len().checked_sub(96)) {
            (IpAddr::V4(address), Some(prefix)) => Ipv4Net::new(address, prefix).ok(),
            _ => None,
        };
        match net {
            IpNet::V6(_) => Self(v4.map_or(net, IpNet::V4)),
            IpNet::V4(_) => Self(net),
        }
    }
}

impl From<Cidr> for IpNet {
    fn from(Cidr(net): Cidr) -> Self {
        net
    }
}
