//! Sealing: HPKE (RFC 9180, base mode, DHKEM(P-256), HKDF-SHA256, AES-256-GCM) to an organisation's public key.
//!
//! Whoever writes a secret holds the public key only. What a value is bound to goes into `info`: it opens for that
//! deployment, organisation, data source, field, key and destination, and for nothing else.

use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, UnparsedPublicKey};
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePublicKey};
use secrecy::{ExposeSecret, SecretString};
use sourcegate_core::{Datasource, Destination, Document, Incarnation, OrgId, Rev, SecretSpec};
use zeroize::Zeroizing;

pub(crate) use rustls::crypto::hpke::HpkePrivateKey as PrivateKey;

/// The first byte of every sealed value: this suite and this layout.
const LAYOUT: u8 = 1;
/// Layout, key number, encapsulated key.
const HEAD: usize = 1 + 4;
const ENCAPSULATED: usize = POINT;
/// An uncompressed point of the curve, and its first byte.
pub(crate) const POINT: usize = 65;
const UNCOMPRESSED: u8 = 4;

/// The key that an organisation's secrets are sealed to.
#[derive(Clone)]
pub(crate) struct PublicKey {
    /// Travels with each value, so that old keys still open after a rotation.
    pub(crate) number: u32,
    key: HpkePublicKey,
}

impl PublicKey {
    /// Reads an uncompressed point (65 bytes) of the curve.
    pub(crate) fn parse(number: u32, point: &[u8]) -> Option<Self> {
        if point.len() != POINT || point[0] != UNCOMPRESSED {
            return None;
        }
        ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, point)).ok()?;
        Some(Self { number, key: HpkePublicKey(point.to_vec()) })
    }
}

/// What a sealed value is bound to. Never a uid, name, table or version: those may change.
pub(crate) struct Binding<'a> {
    deployment: &'a str,
    org: OrgId,
    kind: &'static str,
    incarnation: Incarnation,
    destination: Bound<'a>,
}

/// Who tells where a value may go.
enum Bound<'a> {
    Source(&'a Destination),
    Secret(&'a SecretSpec),
    /// What was got with a secret stays with that revision of it.
    Revision(Rev),
}

impl<'a> Binding<'a> {
    pub(crate) fn new(
        deployment: &'a str,
        source: &Datasource,
        destination: &'a Destination,
    ) -> Self {
        let &Datasource { org, incarnation, .. } = source;
        let destination = Bound::Source(destination);
        Self { deployment, org, kind: "datasource", incarnation, destination }
    }

    /// Binds the values of a secret of the Perses dialect.
    pub(crate) fn of_secret(deployment: &'a str, secret: &Document, spec: &'a SecretSpec) -> Self {
        let &Document { org, incarnation, .. } = secret;
        Self { deployment, org, kind: "secret", incarnation, destination: Bound::Secret(spec) }
    }

    /// Binds an upstream token that was got with a secret.
    pub(crate) fn of_token(deployment: &'a str, secret: &Document) -> Self {
        let &Document { org, incarnation, rev, .. } = secret;
        let destination = Bound::Revision(rev);
        Self { deployment, org, kind: "upstream token", incarnation, destination }
    }

    /// Writes everything as one text in which no part can run into the next.
    fn info(&self, field: &str, number: u32) -> Vec<u8> {
        let destination = match self.destination {
            Bound::Source(destination) => destination.text_for(field),
            Bound::Secret(spec) => spec.destination_of(field),
            Bound::Revision(rev) => format!("rev={rev}"),
        };
        let parts = [
            "sourcegate sealed value",
            self.deployment,
            &self.org.to_string(),
            self.kind,
            &self.incarnation.to_string(),
            field,
            &number.to_string(),
            &destination,
        ];
        let mut info = Vec::with_capacity(256);
        for part in parts {
            info.extend_from_slice(&(part.len() as u32).to_be_bytes());
            info.extend_from_slice(part.as_bytes());
        }
        info
    }
}

/// Seals one value. None if the key is no point that HPKE takes.
pub(crate) fn seal(
    key: &PublicKey,
    binding: &Binding<'_>,
    field: &str,
    value: &SecretString,
) -> Option<Vec<u8>> {
    let info = binding.info(field, key.number);
    let mut sealed = Vec::with_capacity(HEAD + ENCAPSULATED + 16 + value.expose_secret().len());
    sealed.push(LAYOUT);
    sealed.extend_from_slice(&key.number.to_be_bytes());
    let value = value.expose_secret().as_bytes();
    let (encapsulated, ciphertext) = SUITE.seal(&info, &sealed[..HEAD], value, &key.key).ok()?;
    sealed.extend_from_slice(&encapsulated.0);
    sealed.extend_from_slice(&ciphertext);
    Some(sealed)
}

/// Tells which key a value was sealed to; none if it is of another layout.
pub(crate) fn key_number(sealed: &[u8]) -> Option<u32> {
    match sealed.split_first()? {
        (&LAYOUT, rest) => Some(u32::from_be_bytes(*rest.first_chunk()?)),
        _ => None,
    }
}

/// Opens one value. None if it is damaged, or was sealed to something else.
pub(crate) fn open(
    key: &PrivateKey,
    binding: &Binding<'_>,
    field: &str,
    sealed: &[u8],
) -> Option<SecretString> {
    let number = key_number(sealed)?;
    let (head, rest) = sealed.split_at_checked(HEAD)?;
    let (encapsulated, ciphertext) = rest.split_at_checked(ENCAPSULATED)?;
    let encapsulated = EncapsulatedSecret(encapsulated.to_vec());
    let opened = SUITE.open(&encapsulated, &binding.info(field, number), head, ciphertext, key);
    let text = Zeroizing::new(opened.ok()?);
    std::str::from_utf8(&text).ok().map(SecretString::from)
}

/// What wraps an organisation's private key is bound to these: contexts of KMS, associated data locally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyContext {
    pub(crate) deployment: String,
    pub(crate) org: OrgId,
    pub(crate) number: u32,
}

#[cfg(test)]
mod tests;
