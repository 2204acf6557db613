use super::*;
use crate::tests::{Setup, secrets};

const PEM: [(&str, &str); 3] =
    [("tlsCACert", "ca"), ("tlsClientCert", "chain"), ("tlsClientKey", "key")];

/// Lists verification, name, authorities and client certificate.
#[track_caller]
fn check(json: &'static str, given: &[(&str, &str)], expected: (bool, &str, &str, &str)) {
    let settings = Setup { json, ..Setup::default() }.settings("https://h");
    let (target, secrets) = (HttpTarget::of(&settings).unwrap(), secrets(given));
    let options = tls_options(&target, &secrets);
    let text =
        |bytes: Option<&'_ [u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
    let client = options.client.map(|(chain, key)| [chain, key].concat());
    let found = (options.verify, options.server_name.unwrap_or_default());
    assert_eq!(found, (expected.0, expected.1), "{json}");
    assert_eq!(
        (&*text(options.ca_pem), &*text(client.as_deref())),
        (expected.2, expected.3),
        "{json}"
    );
}

#[test]
fn tls_follows_contract_2_8() {
    check("{}", &PEM, (true, "", "", ""));
    check(r#"{"tlsSkipVerify":true}"#, &PEM, (false, "", "", ""));
    check(r#"{"serverName":"other"}"#, &PEM, (true, "other", "", ""));
    check(r#"{"tlsAuthWithCACert":true}"#, &PEM, (true, "", "ca", ""));
    check(r#"{"tlsAuth":true}"#, &PEM, (true, "", "", "chainkey"));
}

#[test]
fn tls_switches_without_their_secrets_do_nothing() {
    let both = r#"{"tlsAuthWithCACert":true,"tlsAuth":true}"#;
    check(both, &[], (true, "", "", ""));
    check(both, &[("tlsCACert", ""), ("tlsClientCert", "chain")], (true, "", "", ""));
}
