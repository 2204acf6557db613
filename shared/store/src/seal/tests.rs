//! A value opens where it was sealed for, and nowhere else.

use hpke::Kem as _;
use sourcegate_core::{Incarnation, Settings};

use super::*;
use crate::item::tests::source;

struct Fixture {
    private: PrivateKey,
    public: PublicKey,
    source: Datasource,
}

fn fixture() -> Fixture {
    let (private, key) = P256::gen_keypair();
    Fixture { private, public: PublicKey { number: 1, key }, source: source() }
}

fn sealed(f: &Fixture) -> Vec<u8> {
    let destination = Destination::of(&f.source.settings);
    let binding = Binding::new("local", &f.source, &destination);
    seal(&f.public, &binding, "password", &SecretString::from("canary")).unwrap()
}

fn opened(
    f: &Fixture,
    deployment: &str,
    source: &Datasource,
    field: &str,
    sealed: &[u8],
) -> Option<String> {
    let destination = Destination::of(&source.settings);
    let binding = Binding::new(deployment, source, &destination);
    open(&f.private, &binding, field, sealed).map(|text| text.expose_secret().to_owned())
}

#[test]
fn a_value_opens_where_it_was_sealed_for() {
    let f = fixture();
    assert_eq!(opened(&f, "local", &f.source, "password", &sealed(&f)).as_deref(), Some("canary"));
}

#[test]
fn uid_name_and_version_are_no_part_of_it() {
    let f = fixture();
    let mut renamed = f.source.clone();
    renamed.uid = sourcegate_core::Uid::generate();
    renamed.settings.name = sourcegate_core::SourceName::parse("other").unwrap();
    renamed.version += 1;
    renamed.rev = sourcegate_core::Rev::new();
    assert!(opened(&f, "local", &renamed, "password", &sealed(&f)).is_some());
}

#[test]
fn k06_k07_k08_it_does_not_open_for_another_record_field_or_tenant() {
    let f = fixture();
    let value = sealed(&f);
    let mut other = f.source.clone();
    other.incarnation = Incarnation::new();
    assert_eq!(opened(&f, "local", &other, "password", &value), None);
    assert_eq!(opened(&f, "local", &f.source, "basicAuthPassword", &value), None);
    let mut tenant = f.source.clone();
    tenant.org = OrgId::new(2).unwrap();
    assert_eq!(opened(&f, "local", &tenant, "password", &value), None);
    assert_eq!(opened(&f, "prod", &f.source, "password", &value), None);
}

#[test]
fn k04_k05_it_does_not_open_for_another_destination() {
    let f = fixture();
    let value = sealed(&f);
    let changes: [fn(&mut Settings); 3] = [
        |settings| settings.url = "http://evil.test".to_owned(),
        |settings| settings.url = "http://h:81".to_owned(),
        |settings| settings.type_text = "loki".to_owned(),
    ];
    for change in changes {
        let mut moved = f.source.clone();
        change(&mut moved.settings);
        assert_eq!(opened(&f, "local", &moved, "password", &value), None);
    }
}

#[test]
fn k10_no_bit_may_be_flipped() {
    let f = fixture();
    let value = sealed(&f);
    for at in 0..value.len() {
        let mut damaged = value.clone();
        damaged[at] ^= 1;
        assert_eq!(opened(&f, "local", &f.source, "password", &damaged), None, "byte {at}");
    }
}

#[test]
fn k11_k12_truncated_and_unknown_layouts_do_not_open() {
    let f = fixture();
    let value = sealed(&f);
    for length in 0..value.len() {
        assert_eq!(opened(&f, "local", &f.source, "password", &value[..length]), None, "{length}");
    }
    for layout in [0, 2, 255] {
        let mut other = value.clone();
        other[0] = layout;
        assert_eq!(key_number(&other), None);
        assert_eq!(opened(&f, "local", &f.source, "password", &other), None);
    }
}

fn check_encapsulated_keys(count: usize) {
    let f = fixture();
    let encapsulated = |_| sealed(&f)[HEAD..HEAD + ENCAPSULATED].to_vec();
    let seen: std::collections::HashSet<_> = (0..count).map(encapsulated).collect();
    assert_eq!(seen.len(), count);
}

#[test]
fn k13_no_encapsulated_key_comes_twice() {
    check_encapsulated_keys(1 << 12);
}

#[test]
#[ignore = "minutes long: make soak"]
fn soak_k13_no_encapsulated_key_comes_twice() {
    check_encapsulated_keys(1 << 20);
}

#[test]
fn k14_a_value_sealed_to_another_key_or_number_does_not_open() {
    let f = fixture();
    let other = fixture();
    assert_eq!(opened(&other, "local", &f.source, "password", &sealed(&f)), None);
    let mut renumbered = sealed(&f);
    renumbered[4] = 2;
    assert_eq!(opened(&f, "local", &f.source, "password", &renumbered), None);
}
