use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::*;

/// Names and SHA-256 fingerprints, as Amazon gives them.
const PUBLISHED: [(&str, &str); 5] = [
    ("Amazon Root CA 1", "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e"),
    ("Amazon Root CA 2", "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4"),
    ("Amazon Root CA 3", "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4"),
    ("Amazon Root CA 4", "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092"),
    (
        "Starfield Services Root Certificate Authority - G2",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ),
];

fn built_in() -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(AMAZON_ROOTS).collect::<Result<_, _>>().unwrap()
}

/// The content of the value that DER begins with, and what follows it.
fn value(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match usize::from(der[1]) {
        short @ 0..0x80 => (short, 2),
        long => {
            let bytes = long - 0x80;
            let length =
                der[2..2 + bytes].iter().fold(0, |all, byte| all << 8 | usize::from(*byte));
            (length, 2 + bytes)
        }
    };
    der[start..].split_at(length)
}

/// The last year in which a certificate holds, and the rest of it from its subject on (RFC 5280, 4.1).
fn end_and_subject(der: &[u8]) -> (u32, &[u8]) {
    let (certificate, _) = value(der);
    let (mut rest, _) = value(certificate);
    // Version, serial number, algorithm, issuer.
    for _ in 0..4 {
        rest = value(rest).1;
    }
    let (validity, subject) = value(rest);
    let end = value(validity).1;
    let digits = std::str::from_utf8(value(end).0).unwrap();
    // UTCTime has two digits of the year, GeneralizedTime four.
    let year = match end[0] {
        0x17 => 2000 + digits[..2].parse::<u32>().unwrap(),
        _ => digits[..4].parse().unwrap(),
    };
    (year, value(subject).0)
}

#[test]
fn the_built_in_roots_are_those_that_amazon_publishes() {
    let found = built_in();
    assert_eq!(found.len(), PUBLISHED.len());
    for (certificate, (name, fingerprint)) in found.iter().zip(PUBLISHED) {
        let digest: String =
            Sha256::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, fingerprint, "{name}");
        let (_, subject) = end_and_subject(certificate);
        assert!(subject.windows(name.len()).any(|part| part == name.as_bytes()), "{name}");
    }
}

#[test]
fn the_built_in_roots_hold_for_two_more_years() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let this_year = 1970 + u32::try_from(since.as_secs() / 31_556_952).unwrap();
    for certificate in built_in() {
        let (last, _) = end_and_subject(&certificate);
        assert!((this_year + 2..2100).contains(&last), "{last}");
    }
}

#[test]
fn the_sdk_can_use_the_built_in_roots() {
    assert!(is_usable(AMAZON_ROOTS));
}

#[track_caller]
fn check(variables: &[(&str, &str)], expected: &Roots) {
    let get = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    assert_eq!(Roots::read(get).unwrap(), *expected, "{variables:?}");
}

#[test]
fn whoever_certifies_the_endpoints_is_believed() {
    use Roots::{Amazon, System};
    check(&[], &Amazon);
    for (url, expected) in [
        ("http://127.0.0.1:8000", Amazon),
        ("http://tables.example", Amazon),
        ("https://tables.example/x", System),
        ("HTTPS://TABLES.EXAMPLE", System),
        ("https://vpce-1.kms.eu-west-1.vpce.amazonaws.com", Amazon),
        ("https://dynamodb.cn-north-1.amazonaws.com.cn:443/", Amazon),
        ("https://kms.eu-west-1.api.aws", Amazon),
        ("https://amazonaws.com.example", System),
        ("https://notamazonaws.com", System),
        ("https://tables.example/.amazonaws.com", System),
        ("https://tables.example?.amazonaws.com", System),
        ("https://x.amazonaws.com@tables.example", System),
        ("no url", Amazon),
    ] {
        for name in OVERRIDES {
            check(&[(name, url)], &expected);
        }
    }
}

#[test]
fn a_bundle_replaces_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.pem");
    let path = file.to_str().unwrap();
    let read = || Roots::read(|name| (name == BUNDLE).then(|| path.to_owned()));
    let unreadable = read().unwrap_err().to_string();
    assert_eq!(unreadable, format!("AWS_CA_BUNDLE names {path}, which cannot be read"));
    let text = std::str::from_utf8(AMAZON_ROOTS).unwrap();
    let one = text.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, is_usable) in [
        (one.to_owned(), true),
        (format!("{one}no PEM"), true),
        (format!("{one}{garbled}"), false),
        (garbled.to_owned(), false),
        ("no PEM".to_owned(), false),
        (String::new(), false),
    ] {
        std::fs::write(&file, &pem).unwrap();
        match read() {
            Ok(roots) => assert!(is_usable && roots == Roots::Bundle(pem.into_bytes())),
            Err(refused) => {
                assert!(!is_usable, "{pem}");
                let said = refused.to_string();
                assert!(said.contains("is no list of CA certificates in PEM; name one"), "{said}");
            }
        }
    }
}
