//! A value opens where it was sealed for, and nowhere else.

use sourcegate_core::{DocumentId, DocumentKind, DocumentName, Incarnation, Settings};

use super::*;
use crate::documents::document;
use crate::item::tests::source;

struct Fixture {
    private: PrivateKey,
    public: PublicKey,
    source: Datasource,
}

fn fixture() -> Fixture {
    let (public, private) = SUITE.generate_key_pair().unwrap();
    Fixture { private, public: PublicKey::parse(1, &public.0).unwrap(), source: source() }
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

#[test]
fn a_public_key_is_an_uncompressed_point_of_the_curve() {
    let (public, _) = SUITE.generate_key_pair().unwrap();
    for (at, bit) in [(0, 2), (0, 4), (1, 1), (64, 1)] {
        let mut other = public.0.clone();
        other[at] ^= bit;
        assert!(PublicKey::parse(1, &other).is_none(), "byte {at}, bit {bit}");
    }
    for length in [0, 1, 33, 64] {
        assert!(PublicKey::parse(1, &public.0[..length]).is_none(), "{length}");
    }
    assert!(PublicKey::parse(1, &public.0).is_some());
}

/// By another implementation of the suite (RustCrypto's): what was sealed once opens for ever.
#[test]
fn a_value_that_another_implementation_sealed_opens() {
    const KEY: &str = "3c1722def6fa66b3dbfeafc49c5774892d5e878a4e5ac25ef73b9c62820a7200";
    const SEALED: &str = "01000000010452c9e90a14692a382d44743701d0a1023fc2a9c0aa113ea02059c69f38a26d96223af418751678cd\
                          a6302324786bd2980b324e62636005d438999d277f27fe0345559a24549e5f5fb8fa1a45ccae2c72389672884321";
    let mut f = fixture();
    f.private = bytes(KEY).into();
    f.source.incarnation = Incarnation::parse("08a087ab21529fb3c20258ce67ccb943").unwrap();
    let text = opened(&f, "local", &f.source, "password", &bytes(SEALED));
    assert_eq!(text.as_deref(), Some("canary"));
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
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

#[test]
fn t11_an_upstream_token_opens_for_its_secret_as_it_is_now() {
    let f = fixture();
    let (kind, name) = (DocumentKind::GlobalSecret, DocumentName::parse("s").unwrap());
    let secret = document(f.source.org, DocumentId { kind, project: None, name });
    let as_token = Binding::of_token("local", &secret).info("access_token", 1);
    let value = SecretString::from("canary");
    let sealed =
        seal(&f.public, &Binding::of_token("local", &secret), "access_token", &value).unwrap();
    let opens = |secret: &Document| {
        open(&f.private, &Binding::of_token("local", secret), "access_token", &sealed).is_some()
    };
    assert!(opens(&secret));
    let changed = Document { rev: Rev::new(), ..secret.clone() };
    let other = Document { incarnation: Incarnation::new(), ..secret.clone() };
    assert!(!opens(&changed) && !opens(&other));
    let spec = SecretSpec::default();
    let as_value = Binding::of_secret("local", &secret, &spec).info("access_token", 1);
    assert_ne!(as_token, as_value);
}
