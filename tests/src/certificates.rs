//! Certificates that servers of the harness show.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority, and a certificate for a name that it signed with its key, in PEM.
pub(crate) fn certificates(name: &str) -> (String, String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let signed = params.signed_by(&key, &authority).expect("a certificate");
    (authority.pem(), signed.pem(), key.serialize_pem())
}
