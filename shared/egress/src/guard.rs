//! Decides about resolved addresses: all of them, or none.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use sourcegate_core::{Policy, Verdict};

/// Why a dial was refused: for the log, since it may name an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The address that was refused; none where the host's text was enough.
    pub address: Option<SocketAddr>,
    /// What it is.
    pub verdict: Verdict,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{address} is {}", self.verdict),
            None => write!(f, "the host or port is {}", self.verdict),
        }
    }
}

impl std::error::Error for Refused {}

#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) policy: Policy,
}

impl Guard {
    /// All addresses, to be dialled in this order and not resolved again (a second look-up may answer differently),
    /// or a refusal if one of them is bad.
    pub(crate) fn permit(&self, resolved: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        match resolved.iter().find_map(|address| self.refuses(*address)) {
            Some(refused) => Err(refused),
            None => Ok(resolved),
        }
    }

    fn refuses(&self, address: SocketAddr) -> Option<Refused> {
        let verdict = if !self.policy.permits(address) {
            self.policy.verdict(address)
        } else if self.policy.is_own_port(address.port()) && is_this_machine(address.ip()) {
            Verdict::Own
        } else {
            return None;
        };
        Some(Refused { address: Some(address), verdict })
    }
}

/// Tells whether an address belongs to an interface of this machine: the system then answers from that very address.
/// Connecting a datagram socket only chooses a route; nothing is sent.
fn is_this_machine(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let unspecified: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let routed = UdpSocket::bind((unspecified, 0)).and_then(|socket| {
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    routed.is_ok_and(|local| local.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(addresses: &[&str], refused: Option<(&str, Verdict)>) {
        let policy = Policy::aws(vec!["10.1.0.0/16".parse().unwrap()]);
        let addresses: Vec<SocketAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
        let expected = match refused {
            Some((address, verdict)) => Err(Refused { address: address.parse().ok(), verdict }),
            None => Ok(addresses.clone()),
        };
        assert_eq!(Guard { policy }.permit(addresses), expected);
    }

    #[test]
    fn s31_one_bad_address_refuses_all() {
        check(&["8.8.8.8:443", "10.1.0.1:443"], None);
        check(&["8.8.8.8:443", "10.2.0.1:443"], Some(("10.2.0.1:443", Verdict::Private)));
        check(&["[::1]:443", "8.8.8.8:443"], Some(("[::1]:443", Verdict::Loopback)));
        check(&["8.8.8.8:22"], Some(("8.8.8.8:22", Verdict::DeniedPort)));
    }

    #[test]
    fn a_listener_on_all_interfaces_is_refused_on_each_of_them() {
        let machines_own = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect("192.0.2.1:9")?;
            socket.local_addr()
        });
        let Ok(machines_own) = machines_own else {
            return; // a machine without a route has no address to try
        };
        let all = vec!["0.0.0.0/0".parse().unwrap()];
        let policy = Policy::aws(all).refusing_socket("0.0.0.0:3000".parse().unwrap());
        let guard = Guard { policy };
        let own = SocketAddr::new(machines_own.ip(), 3000);
        let refused = Refused { address: Some(own), verdict: Verdict::Own };
        assert_eq!(guard.permit(vec![own]), Err(refused));
        assert!(guard.permit(vec![SocketAddr::new(machines_own.ip(), 3001)]).is_ok());
        assert!(guard.permit(vec!["192.0.2.1:3000".parse().unwrap()]).is_ok());
    }
}
