//! What is saved although it is bound to fail when it is used: the log says so (design ruling on save-time checks).

use secrecy::ExposeSecret;
use sourcegate_core::{BaseUrl, Policy, Secrets, Settings};

/// The secrets that must be PEM.
const PEMS: &[&str] = &["tlsCACert", "tlsClientCert", "tlsClientKey"];

/// Lists what will fail, each naming the field and never a value.
pub(super) fn of(settings: &Settings, secrets: &Secrets, policy: &Policy) -> Vec<String> {
    let junk = secrets.iter().filter(|(name, text)| {
        let text = text.expose_secret();
        PEMS.contains(name) && !text.is_empty() && !text.contains("-----BEGIN ")
    });
    let junk = junk.map(|(name, _)| {
        format!("secureJsonData.{name} is no PEM; requests will fail with cause tls")
    });
    let port = BaseUrl::parse(&settings.url).ok().and_then(|url| {
        let port = url.port?;
        let denied = policy.without_dns(&url.host, port).is_err();
        denied.then(|| {
            format!("port {port} is never dialled; requests will fail with cause denied_egress")
        })
    });
    junk.chain(port).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;
    use crate::save::Bound;

    #[track_caller]
    fn check(url: &str, secret: (&str, &str), expected: &[&str]) {
        let body = json!({ "name": "a", "type": "t", "access": "proxy", "url": url });
        let bound =
            Bound::of(serde_json::from_value(body).unwrap()).unwrap_or_else(|_| panic!("{url}"));
        let (draft, _) = bound.into_draft().unwrap_or_else(|_| panic!("{url}"));
        let secrets = [(secret.0.to_owned(), SecretString::from(secret.1))].into_iter().collect();
        let doubts = of(&draft.settings, &secrets, &Policy::aws(Vec::new()));
        assert_eq!(doubts.len(), expected.len(), "{doubts:?}");
        assert!(
            doubts.iter().zip(expected).all(|(doubt, word)| doubt.contains(word)),
            "{doubts:?}"
        );
    }

    #[test]
    fn k24_what_is_no_pem_is_doubted_without_its_text() {
        check("http://a.test", ("tlsCACert", "/etc/ssl/ca.pem"), &["secureJsonData.tlsCACert"]);
        check("http://a.test", ("tlsCACert", "-----BEGIN CERTIFICATE-----"), &[]);
        check("http://a.test", ("password", "junk"), &[]);
    }

    #[test]
    fn s27_a_port_that_is_never_dialled_is_doubted() {
        check("redis://a.test:6379", ("password", "x"), &["port 6379"]);
        check("http://a.test:9090", ("password", "x"), &[]);
    }
}
