use std::net::{IpAddr, Ipv4Addr};

use super::Verdict::{
    DeniedPort, LinkLocal, Loopback, Malformed, Metadata, Multicast, Own, Private, Public,
    Reserved, Translated, Unspecified,
};
use super::*;

/// Judges an address under a policy that allows everything which can be allowed.
#[track_caller]
fn check(ip: &str, expected: Verdict, permitted: bool) {
    let all = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    let policy = Policy::aws(all);
    let address = SocketAddr::new(ip.parse::<IpAddr>().unwrap(), 443);
    assert_eq!((policy.verdict(address), policy.permits(address)), (expected, permitted), "{ip}");
}

/// A public neighbour of a range.
#[track_caller]
fn public(ip: &str) {
    check(ip, Public, true);
    let address = SocketAddr::new(ip.parse().unwrap(), 443);
    assert!(Policy::aws(Vec::new()).permits(address), "{ip}");
}

/// Allowed by a CIDR, refused without one.
#[track_caller]
fn by_cidr(ip: &str, expected: Verdict) {
    check(ip, expected, true);
    let address = SocketAddr::new(ip.parse().unwrap(), 443);
    assert!(!Policy::aws(Vec::new()).permits(address), "{ip}");
}

#[track_caller]
fn never(ip: &str, expected: Verdict) {
    check(ip, expected, false);
}

#[test]
fn s01_s03_s06_link_local_metadata_is_never_dialled() {
    for ip in
        ["169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.79.129"]
    {
        never(ip, LinkLocal);
    }
    never("169.254.255.255", LinkLocal);
    public("169.253.255.255");
    public("169.255.0.0");
}

#[test]
fn s01_other_clouds_metadata_is_never_dialled() {
    never("100.100.100.200", Metadata);
    by_cidr("100.100.100.199", Private);
    by_cidr("100.100.100.201", Private);
    never("192.0.0.192", Metadata);
    by_cidr("192.0.0.191", Reserved);
    by_cidr("192.0.0.193", Reserved);
    never("168.63.129.16", Metadata);
    public("168.63.129.15");
    public("168.63.129.17");
}

#[test]
fn s02_metadata_over_ipv6_is_never_dialled() {
    never("fd00:ec2::254", Metadata);
    never("fd00:ec2:ffff:ffff:ffff:ffff:ffff:ffff", Metadata);
    by_cidr("fd00:ec1:ffff::1", Private);
    by_cidr("fd00:ec3::", Private);
    never("fd20:ce::254", Metadata);
    by_cidr("fd20:cf::254", Private);
}

#[test]
fn s05_the_runtime_api_is_refused_by_its_value_even_where_loopback_is_allowed() {
    let policy = Policy::local(None).refusing("127.0.0.1", 9100);
    assert_eq!(policy.refuses_literal("127.0.0.1", 9100), Some(Own));
    assert_eq!(policy.refuses_literal("localhost", 9100), Some(Own));
    assert_eq!(policy.refuses_literal("[::1]", 9100), Some(Own));
    assert_eq!(policy.refuses_literal("[::ffff:127.0.0.1]", 9100), Some(Own));
    assert_eq!(policy.refuses_literal("127.0.0.1", 9101), None);
    assert_eq!(policy.refuses_literal("169.254.100.1", 9001), Some(LinkLocal));
}

#[test]
fn s11_unspecified_is_never_dialled() {
    never("0.0.0.0", Unspecified);
    never("0.255.255.255", Unspecified);
    public("1.0.0.0");
    never("::", Unspecified);
}

#[test]
fn ipv4_inside_ipv6_is_judged_as_ipv4() {
    never("::ffff:169.254.169.254", LinkLocal);
    by_cidr("::ffff:127.0.0.1", Loopback);
    by_cidr("::ffff:10.0.0.1", Private);
    public("::ffff:8.8.8.8");
    let policy = Policy::aws(vec!["10.0.0.0/8".parse().unwrap()]);
    assert!(policy.permits("[::ffff:10.0.0.1]:443".parse().unwrap()));
}

#[test]
fn s13_s14_translated_forms_are_never_dialled() {
    never("::127.0.0.1", Translated);
    never("::2", Translated);
    never("::ffff:0:127.0.0.1", Translated);
    by_cidr("::1:0:0:0", Reserved);
    never("64:ff9b::a9fe:a9fe", Translated);
    never("64:ff9b::ffff:ffff", Translated);
    by_cidr("64:ff9b::1:0:0", Reserved);
    never("64:ff9b:1::", Translated);
    never("64:ff9b:1:ffff::", Translated);
    by_cidr("64:ff9b:2::", Reserved);
    never("2002:7f00:1::1", Translated);
    public("2003::");
    public("2001:ffff::");
    never("2001:0:4136::1", Translated);
    by_cidr("2001:1::", Reserved);
}

#[test]
fn s15_local_and_multicast_ipv6_is_refused() {
    by_cidr("::1", Loopback);
    by_cidr("fc00::", Private);
    by_cidr("fdff:ffff::1", Private);
    by_cidr("fbff:ffff::1", Reserved);
    by_cidr("fe00::", Reserved);
    by_cidr("fe7f:ffff::", Reserved);
    never("fe80::1", LinkLocal);
    never("febf:ffff::", LinkLocal);
    never("fec0::1", LinkLocal);
    never("feff:ffff::", LinkLocal);
    never("ff00::", Multicast);
    never("ff02::1", Multicast);
}

#[test]
fn private_and_loopback_need_a_cidr() {
    by_cidr("10.0.0.0", Private);
    by_cidr("10.255.255.255", Private);
    public("9.255.255.255");
    public("11.0.0.0");
    by_cidr("172.16.0.0", Private);
    by_cidr("172.31.255.255", Private);
    public("172.15.255.255");
    public("172.32.0.0");
    by_cidr("192.168.0.0", Private);
    by_cidr("192.168.255.255", Private);
    public("192.167.255.255");
    public("192.169.0.0");
    by_cidr("100.64.0.0", Private);
    by_cidr("100.127.255.255", Private);
    public("100.63.255.255");
    public("100.128.0.0");
    by_cidr("127.0.0.0", Loopback);
    by_cidr("127.255.255.255", Loopback);
    public("126.255.255.255");
    public("128.0.0.0");
}

#[test]
fn reserved_needs_a_cidr() {
    by_cidr("192.0.0.0", Reserved);
    public("191.255.255.255");
    public("192.0.1.0");
    by_cidr("192.0.2.255", Reserved);
    public("192.0.3.0");
    by_cidr("192.88.99.1", Reserved);
    by_cidr("198.18.0.0", Reserved);
    by_cidr("198.19.255.255", Reserved);
    public("198.17.255.255");
    public("198.20.0.0");
    by_cidr("198.51.100.1", Reserved);
    by_cidr("203.0.113.1", Reserved);
    by_cidr("240.0.0.0", Reserved);
    by_cidr("255.255.255.255", Reserved);
    never("224.0.0.0", Multicast);
    never("239.255.255.255", Multicast);
    public("223.255.255.255");
    by_cidr("2001:db8::1", Reserved);
    public("2001:db9::");
    public("2001:db7:ffff::");
    by_cidr("2001:1ff:ffff::", Reserved);
    public("2001:200::");
    by_cidr("3fff::", Reserved);
    by_cidr("3fff:fff:ffff::", Reserved);
    public("3fff:1000::");
    by_cidr("1fff:ffff::", Reserved);
    public("2000::");
    by_cidr("4000::", Reserved);
}

#[test]
fn s27_denied_ports_are_refused_at_dial_on_every_host() {
    let policy = Policy::local(None);
    for port in [0, 22, 25, 465, 2375, 2376, 6379, 9001, 11211] {
        for ip in ["8.8.8.8", "10.0.0.1", "127.0.0.1"] {
            let address = SocketAddr::new(ip.parse().unwrap(), port);
            assert_eq!(policy.verdict(address), DeniedPort, "{address}");
            assert!(!policy.permits(address), "{address}");
        }
        assert_eq!(policy.without_dns("good.example", port), Err(DeniedPort));
        assert_eq!(policy.without_dns("10.0.0.1", port), Err(DeniedPort));
        assert_eq!(policy.refuses_literal("10.0.0.1", port), None, "may be saved: {port}");
    }
    for port in [1, 24, 26, 80, 443, 3000, 5432, 6378, 6380, 9000, 9002, 9090] {
        assert!(policy.permits(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)), "{port}");
    }
}

#[test]
fn a_refused_address_on_a_denied_port_is_named_for_its_address() {
    let policy = Policy::aws(Vec::new());
    assert_eq!(policy.verdict("169.254.100.1:9001".parse().unwrap()), LinkLocal);
    assert_eq!(policy.verdict("10.0.0.1:6379".parse().unwrap()), Private);
    assert_eq!(policy.refuses_literal("10.0.0.1", 6379), Some(Private));
}

#[test]
fn local_allows_loopback_and_private_networks_until_a_list_replaces_them() {
    let permits =
        |policy: &Policy, ip: &str| policy.permits(SocketAddr::new(ip.parse().unwrap(), 443));
    let default = Policy::local(None);
    for ip in ["127.0.0.1", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "fd12::1", "8.8.8.8"] {
        assert!(permits(&default, ip), "{ip}");
    }
    for ip in ["100.64.0.1", "169.254.169.254", "192.0.2.1", "fd00:ec2::254"] {
        assert!(!permits(&default, ip), "{ip}");
    }
    let listed = Policy::local(Some(vec!["10.1.0.0/16".parse().unwrap()]));
    for (ip, permitted) in [
        ("10.1.0.0", true),
        ("10.1.255.255", true),
        ("10.0.255.255", false),
        ("10.2.0.0", false),
        ("127.0.0.1", false),
        ("::1", false),
        ("192.168.1.1", false),
        ("8.8.8.8", true),
    ] {
        assert_eq!(permits(&listed, ip), permitted, "{ip}");
    }
}

#[test]
fn own_sockets_are_refused_on_every_address_of_loopback() {
    for own in ["0.0.0.0:3000", "[::]:3000", "127.0.0.1:3000", "[::ffff:127.0.0.1]:3000"] {
        let policy = Policy::local(None).refusing_socket(own.parse().unwrap());
        for refused in ["127.0.0.1:3000", "127.9.9.9:3000", "[::1]:3000", "[::ffff:127.0.0.1]:3000"]
        {
            assert_eq!(policy.verdict(refused.parse().unwrap()), Own, "{own} {refused}");
        }
        assert_eq!(policy.verdict("127.0.0.1:3001".parse().unwrap()), Loopback, "{own}");
        assert_eq!(policy.verdict("10.0.0.1:3000".parse().unwrap()), Private, "{own}");
        assert!(policy.is_own_port(3000) && !policy.is_own_port(3001), "{own}");
    }
    let policy = Policy::local(None).refusing_socket("10.0.0.5:3000".parse().unwrap());
    assert_eq!(policy.verdict("10.0.0.5:3000".parse().unwrap()), Own);
    assert_eq!(policy.verdict("10.0.0.6:3000".parse().unwrap()), Private);
    assert_eq!(policy.verdict("127.0.0.1:3000".parse().unwrap()), Loopback);
    assert!(!policy.is_own_port(3000));
}

#[track_caller]
fn literal(host: &str, expected: Option<Verdict>) {
    let policy = Policy::local(None).refusing("DynamoDB.local.", 443).refusing("localhost", 8000);
    assert_eq!(policy.refuses_literal(host, 443), expected, "{host}");
}

#[test]
fn own_endpoints_are_refused_by_name() {
    literal("dynamodb.local", Some(Own));
    literal("DYNAMODB.LOCAL.", Some(Own));
    literal("xdynamodb.local", None);
    let policy = Policy::local(None).refusing("dynamodb.local", 443).refusing("localhost", 8000);
    assert_eq!(policy.refuses_literal("dynamodb.local", 444), None);
    assert_eq!(policy.refuses_literal("127.0.0.1", 8000), Some(Own));
}

#[test]
fn s07_decimal_ip_is_refused() {
    literal("2130706433", Some(Malformed));
    literal("0", Some(Malformed));
}

#[test]
fn hexadecimal_ip_is_refused() {
    literal("0x7f000001", Some(Malformed));
    literal("0X7F000001", Some(Malformed));
    literal("0x7f.0x0.0x0.0x1", Some(Malformed));
    literal("0x", Some(Malformed));
    literal("good.0xfg", None);
}

#[test]
fn s09_octal_ip_is_refused() {
    literal("0177.0.0.1", Some(Malformed));
    literal("127.0.0.01", Some(Malformed));
}

#[test]
fn s10_short_ip_is_refused() {
    literal("127.1", Some(Malformed));
    literal("1.2.3", Some(Malformed));
    literal("1.2.3.4.5", Some(Malformed));
    literal("1.2.3.256", Some(Malformed));
    literal("1.2.3.4x", None);
}

#[test]
fn s17_s18_s19_odd_hosts_are_refused() {
    for host in ["", ".", "a..b", "[::1", "[fe80::1%25eth0]", "fe80::1%eth0", "%31%32%37.0.0.1"] {
        literal(host, Some(Malformed));
    }
    for host in ["①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "a b", "a/b", "a@b", "a:1"]
    {
        literal(host, Some(Malformed));
    }
    literal(&"a".repeat(63), None);
    literal(&"a".repeat(64), Some(Malformed));
    literal(&format!("{}a", "a.".repeat(126)), None);
    literal(&format!("{}a", "a.".repeat(127)), Some(Malformed));
}

#[test]
fn literals_are_judged_when_saved_and_names_are_not() {
    literal("169.254.169.254", Some(LinkLocal));
    literal("169.254.169.254.", Some(LinkLocal));
    literal("[fd00:ec2::254]", Some(Metadata));
    literal("fd00:ec2::254", Some(Metadata));
    literal("[::]", Some(Unspecified));
    literal("0.0.0.0", Some(Unspecified));
    literal("metadata.google.internal", Some(Metadata));
    literal("Metadata.Google.Internal.", Some(Metadata));
    literal("sandbox.localdomain", Some(Metadata));
    literal("10.0.0.1", None);
    literal("localhost", None);
    literal("good_one.example", None);
    let aws = Policy::aws(Vec::new());
    assert_eq!(aws.refuses_literal("localhost", 443), Some(Loopback));
    assert_eq!(aws.refuses_literal("a.LocalHost.", 443), Some(Loopback));
    assert_eq!(aws.refuses_literal("10.0.0.1", 443), Some(Private));
    assert_eq!(aws.refuses_literal("localhost.example", 443), None);
}

#[track_caller]
fn known(policy: &Policy, host: &str, expected: &[&str]) {
    let expected: Vec<SocketAddr> = expected.iter().map(|a| a.parse().unwrap()).collect();
    assert_eq!(policy.without_dns(host, 443), Ok(Some(expected)), "{host}");
}

#[test]
fn addresses_and_localhost_need_no_look_up() {
    let policy = Policy::local(None);
    known(&policy, "10.0.0.1", &["10.0.0.1:443"]);
    known(&policy, "[fd12::1]", &["[fd12::1]:443"]);
    known(&policy, "[::ffff:10.0.0.1]", &["10.0.0.1:443"]);
    known(&policy, "LOCALHOST.", &["127.0.0.1:443", "[::1]:443"]);
    let v4_only = Policy::local(Some(vec!["127.0.0.0/8".parse().unwrap()]));
    known(&v4_only, "localhost", &["127.0.0.1:443"]);
    assert_eq!(policy.without_dns("good.example", 443), Ok(None));
}

#[track_caller]
fn cidr(text: &str, expected: Result<&str, &str>) {
    let read = text.parse::<Cidr>().map(|cidr| IpNet::from(cidr).to_string());
    assert_eq!(read.map_err(|e| e.to_string()), expected.map(str::to_owned).map_err(str::to_owned));
}

#[test]
fn a_cidr_is_a_network_or_an_address() {
    cidr("10.1.0.0/16", Ok("10.1.0.0/16"));
    cidr("10.1.2.3", Ok("10.1.2.3/32"));
    cidr("fd00:1::/32", Ok("fd00:1::/32"));
    cidr("::1", Ok("::1/128"));
    cidr("::/0", Ok("::/0"));
    cidr("::ffff:10.0.0.0/104", Ok("10.0.0.0/8"));
    cidr("::ffff:10.0.0.1", Ok("10.0.0.1/32"));
    for bad in ["", "10.0.0.0/33", "10.0.0/8", "private", "10.0.0.0/8 "] {
        cidr(
            bad,
            Err(&format!("`{bad}` is no network; write 10.1.0.0/16, fd00:1::/32 or one address")),
        );
    }
    let inside =
        "`10.1.2.3/8` names an address inside a network; write 10.0.0.0/8 or the address alone";
    cidr("10.1.2.3/8", Err(inside));
}
