//! Sealing: HPKE (RFC 9180, base mode, DHKEM(P-256), HKDF-SHA256, AES-256-GCM) to an organisation's public key.
//!
//! Whoever writes a secret holds the public key only. What a value is bound to goes into `info`: it opens for that
//! deployment, organisation, data source, field, key and destination, and for nothing else.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use secrecy::{ExposeSecret, SecretString};
use sourcegate_core::{Datasource, Destination, OrgId};
use zeroize::Zeroizing;

type P256 = DhP256HkdfSha256;
pub(crate) type PrivateKey = <P256 as Kem>::PrivateKey;

/// The first byte of every sealed value: this suite and this layout.
const LAYOUT: u8 = 1;
/// Layout, key number, encapsulated key (an uncompressed point).
const HEAD: usize = 1 + 4;
const ENCAPSULATED: usize = 65;

/// The key that an organisation's secrets are sealed to.
#[derive(Clone)]
pub(crate) struct PublicKey {
    /// Travels with each value, so that old keys still open after a rotation.
    pub(crate) number: u32,
    pub(crate) key: <P256 as Kem>::PublicKey,
}

impl PublicKey {
    /// Reads an uncompressed point (65 bytes).
    pub(crate) fn parse(number: u32, point: &[u8]) -> Option<Self> {
        Some(Self { number, key: Deserializable::from_bytes(point).ok()? })
    }
}

/// What a sealed value is bound to. Never a uid, name, table or version: those may change.
pub(crate) struct Binding<'a> {
    deployment: &'a str,
    source: &'a Datasource,
    destination: &'a Destination,
}

impl<'a> Binding<'a> {
    pub(crate) fn new(
        deployment: &'a str,
        source: &'a Datasource,
        destination: &'a Destination,
    ) -> Self {
        Self { deployment, source, destination }
    }

    /// Writes everything as one text in which no part can run into the next.
    fn info(&self, field: &str, number: u32) -> Vec<u8> {
        let Self { deployment, source, destination } = self;
        let parts = [
            "sourcegate sealed value",
            deployment,
            &source.org.to_string(),
            "datasource",
            &source.incarnation.to_string(),
            field,
            &number.to_string(),
            &destination.text_for(field),
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
    let (encapsulated, ciphertext) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, P256>(
        &OpModeS::Base,
        &key.key,
        &info,
        value.expose_secret().as_bytes(),
        &sealed[..HEAD],
    )
    .ok()?;
    sealed.extend_from_slice(&encapsulated.to_bytes());
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
    let encapsulated = Deserializable::from_bytes(encapsulated).ok()?;
    let opened = hpke::single_shot_open::<AesGcm256, HkdfSha256, P256>(
        &OpModeR::Base,
        key,
        &encapsulated,
        &binding.info(field, number),
        ciphertext,
        head,
    );
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
