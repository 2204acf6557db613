//! PEM as operators paste it.

use rcgen::{CertificateParams, KeyPair};
use sourcegate_core::Classify;

use crate::{Error, PemPart, Tls, TlsOptions};

fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn error(options: &TlsOptions<'_>) -> Error {
    let error = Tls::new(options).unwrap_err();
    assert_eq!(error.cause(), Some("tls"));
    error
}

#[track_caller]
fn refused(options: &TlsOptions<'_>, part: PemPart) {
    match error(options) {
        Error::Pem(found) => assert_eq!(found, part),
        other => panic!("not about PEM: {other:?}"),
    }
}

fn client<'a>(chain: &'a str, key: &'a str) -> TlsOptions<'a> {
    let client = Some((chain.as_bytes(), key.as_bytes()));
    TlsOptions { verify: false, client, ..TlsOptions::default() }
}

#[test]
fn k24_junk_is_refused_by_part() {
    let (chain, key) = pair();
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let two = format!("{key}{key}");
    for junk in ["", "junk", "/etc/ssl/ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA", "\u{0}"] {
        let ca = TlsOptions { ca_pem: Some(junk.as_bytes()), ..TlsOptions::default() };
        refused(&ca, PemPart::Authorities);
        refused(&client(junk, &key), PemPart::ClientCertificate);
        refused(&client(&chain, junk), PemPart::ClientKey);
    }
    refused(&client(&key, &key), PemPart::ClientCertificate);
    for bad_key in [&chain, &encrypted, &two] {
        refused(&client(&chain, bad_key), PemPart::ClientKey);
    }
    let not_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let ca = TlsOptions { ca_pem: Some(not_der.as_bytes()), ..TlsOptions::default() };
    refused(&ca, PemPart::Authorities);
}

#[test]
fn k24_a_key_of_another_certificate_is_refused() {
    let ((chain, key), (_, other)) = (pair(), pair());
    assert!(Tls::new(&client(&chain, &key)).is_ok());
    assert!(Tls::new(&client(&chain.replace('\n', "\r\n"), &key.replace('\n', "\r\n"))).is_ok());
    assert!(matches!(error(&client(&chain, &other)), Error::TlsSettings(_)));
}

#[test]
fn a_malformed_key_is_quoted_by_no_error() {
    let (chain, key) = pair();
    let on_one_line = key.replace('\n', " ");
    let cut = key.replace("-----END", "----END");
    for bad in [&on_one_line, &cut] {
        let error = error(&client(&chain, bad));
        assert!(std::error::Error::source(&error).is_none(), "{error:?}");
        let secret = key.lines().nth(1).unwrap();
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
}

#[test]
fn a_malformed_server_name_is_refused() {
    for name in ["a b", "a..b", "*", "https://db.test"] {
        let options = TlsOptions { server_name: Some(name), ..TlsOptions::default() };
        assert!(matches!(error(&options), Error::ServerName), "{name}");
    }
    for name in ["db.test", "db_1.test", "127.0.0.1", "[::1]", "::1"] {
        let options =
            TlsOptions { server_name: Some(name), verify: false, ..TlsOptions::default() };
        assert!(Tls::new(&options).is_ok(), "{name}");
    }
}
