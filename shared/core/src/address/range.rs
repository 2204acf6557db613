//! The special ranges, from IANA's registries for IPv4 and IPv6 and the clouds' manuals.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Verdict::{
    self, LinkLocal, Loopback, Metadata, Multicast, Private, Public, Reserved, Translated,
    Unspecified,
};

/// What may be dialled on a laptop besides public addresses.
pub(super) const LOCAL: &[IpNet] = &[
    IpNet::V4(v4([127, 0, 0, 0], 8)),
    IpNet::V4(v4([10, 0, 0, 0], 8)),
    IpNet::V4(v4([172, 16, 0, 0], 12)),
    IpNet::V4(v4([192, 168, 0, 0], 16)),
    IpNet::V6(v6([0, 0, 0, 0, 0, 0, 0, 1], 128)),
    IpNet::V6(v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7)),
];

/// The first match counts; an address in none is public.
const V4: &[(Ipv4Net, Verdict)] = &[
    (v4([100, 100, 100, 200], 32), Metadata), // Alibaba Cloud
    (v4([168, 63, 129, 16], 32), Metadata),   // Azure
    (v4([192, 0, 0, 192], 32), Metadata),     // Oracle Cloud
    // EC2's metadata, the credentials of ECS and EKS, X-Ray and the Lambda Runtime API are all in here.
    (v4([169, 254, 0, 0], 16), LinkLocal),
    (v4([0, 0, 0, 0], 8), Unspecified),
    (v4([127, 0, 0, 0], 8), Loopback),
    (v4([10, 0, 0, 0], 8), Private),
    (v4([172, 16, 0, 0], 12), Private),
    (v4([192, 168, 0, 0], 16), Private),
    (v4([100, 64, 0, 0], 10), Private),
    (v4([192, 0, 0, 0], 24), Reserved),
    (v4([192, 0, 2, 0], 24), Reserved),
    (v4([192, 88, 99, 0], 24), Reserved),
    (v4([198, 18, 0, 0], 15), Reserved),
    (v4([198, 51, 100, 0], 24), Reserved),
    (v4([203, 0, 113, 0], 24), Reserved),
    (v4([224, 0, 0, 0], 4), Multicast),
    (v4([240, 0, 0, 0], 4), Reserved),
];

/// The first match counts; an address in none is reserved, since only 2000::/3 is assigned.
const V6: &[(Ipv6Net, Verdict)] = &[
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Loopback),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), Translated), // IPv4-compatible, RFC 4291
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), Translated), // SIIT, RFC 2765
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), Translated), // NAT64, RFC 6052
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Translated), // NAT64, RFC 8215
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), Translated), // 6to4, RFC 3056
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), Translated), // Teredo, RFC 4380
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), Metadata), // EC2
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0], 32), Metadata), // Google Cloud
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Private),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), LinkLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), LinkLocal), // site-local, RFC 3879
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Multicast),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Reserved), // protocol assignments, RFC 2928
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Reserved), // documentation, RFC 3849
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Reserved), // documentation, RFC 9637
    (v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), Public),
];

/// Tells what an address is; IPv4 inside IPv6 must be reduced before.
pub(super) fn classify(ip: IpAddr) -> Verdict {
    match ip {
        IpAddr::V4(ip) => first(V4.iter().map(|(net, v)| (net.contains(&ip), *v)), Public),
        IpAddr::V6(ip) => first(V6.iter().map(|(net, v)| (net.contains(&ip), *v)), Reserved),
    }
}

fn first(mut rows: impl Iterator<Item = (bool, Verdict)>, otherwise: Verdict) -> Verdict {
    rows.find(|(matches, _)| *matches).map_or(otherwise, |(_, verdict)| verdict)
}

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::from_octets(octets), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_segments(segments), prefix)
}
