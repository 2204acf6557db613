//! Who wraps the organisations' private keys: KMS, or a key file of the local binary.

mod settings;

use std::collections::HashMap;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeyPairSpec;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey};
use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

use crate::seal::KeyContext;
use crate::{Aws, Error, KmsClient};

pub use settings::BadKeyring;

/// The first byte of a locally wrapped key.
const LAYOUT: u8 = 1;
const NONCE: usize = 12;

/// Who wraps private keys. Two real backends, both known here: an enum, not a trait.
pub enum Keyring {
    /// The deployed functions.
    Kms {
        /// The client, in the process's own region.
        client: KmsClient,
        /// The symmetric key, by id, ARN or alias.
        key_id: String,
    },
    /// A 256-bit key from a file of mode 0600: the local binary, and functions that run beside it.
    Local(SecretBox<[u8; 32]>),
}

/// A pair whose private half nobody has seen.
pub(crate) struct Pair {
    /// An uncompressed point: 65 bytes.
    pub(crate) public: Vec<u8>,
    /// PKCS#8 DER, wrapped.
    pub(crate) wrapped: Vec<u8>,
}

/// Says why a key file is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key file must hold 64 hexadecimal digits and nothing else")]
pub struct BadKeyFile;

impl Keyring {
    /// Makes the keyring of KMS; nothing is asked of it yet.
    #[must_use]
    pub fn kms(aws: Aws, key_id: String) -> Self {
        Self::Kms { client: aws.into(), key_id }
    }

    /// Reads what a key file holds: 64 hexadecimal digits.
    ///
    /// # Errors
    /// Anything else.
    pub fn local(text: &str) -> Result<Self, BadKeyFile> {
        let digits = text.trim();
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(BadKeyFile);
        }
        let mut key = Zeroizing::new([0; 32]);
        for (byte, at) in key.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| BadKeyFile)?;
        }
        Ok(Self::Local(SecretBox::new(Box::new(*key))))
    }

    /// Opens the way to what wraps the keys.
    pub(crate) async fn warm(&self) {
        if let Self::Kms { client, .. } = self {
            client.warm().await;
        }
    }

    /// Makes a pair for an organisation.
    pub(crate) async fn make_pair(&self, context: &KeyContext) -> Result<Pair, Error> {
        let bad = |what| Error::Key { org: context.org, what };
        match self {
            Self::Kms { client, key_id } => {
                let made = client
                    .get()
                    .await
                    .generate_data_key_pair_without_plaintext()
                    .key_id(key_id)
                    .key_pair_spec(DataKeyPairSpec::EccNistP256)
                    .set_encryption_context(Some(context.pairs()))
                    .send()
                    .await
                    .map_err(|error| Error::Kms(Box::new(error)))?;
                let der = made.public_key().ok_or_else(|| bad("no public key came"))?;
                let public = p256::PublicKey::from_public_key_der(der.as_ref())
                    .map_err(|_| bad("the public key is not one of P-256"))?;
                let wrapped =
                    made.private_key_ciphertext_blob().ok_or_else(|| bad("no private key came"))?;
                Ok(Pair {
                    public: public.to_sec1_point(false).as_bytes().to_vec(),
                    wrapped: wrapped.clone().into_inner(),
                })
            }
            Self::Local(key) => {
                let private = new_private_key().ok_or_else(|| bad("no randomness"))?;
                let der = private.to_pkcs8_der().map_err(|_| bad("it cannot be encoded"))?;
                let wrapped = wrap(key, context, der.as_bytes())
                    .ok_or_else(|| bad("it cannot be wrapped"))?;
                Ok(Pair {
                    public: private.public_key().to_sec1_point(false).as_bytes().to_vec(),
                    wrapped,
                })
            }
        }
    }

    /// Unwraps a private key: PKCS#8 DER.
    pub(crate) async fn unwrap(
        &self,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let bad = |what| Error::Key { org: context.org, what };
        match self {
            Self::Kms { client, key_id } => {
                let opened = client
                    .get()
                    .await
                    .decrypt()
                    .key_id(key_id)
                    .ciphertext_blob(Blob::new(wrapped))
                    .set_encryption_context(Some(context.pairs()))
                    .send()
                    .await
                    .map_err(|error| Error::Kms(Box::new(error)))?;
                let plaintext = opened.plaintext.ok_or_else(|| bad("no plaintext came"))?;
                Ok(Zeroizing::new(plaintext.into_inner()))
            }
            Self::Local(key) => {
                unwrap_local(key, context, wrapped).ok_or_else(|| bad("the key file does not fit"))
            }
        }
    }
}

impl KeyContext {
    /// Writes the context as KMS takes it: authenticated, not secret, shown in CloudTrail.
    fn pairs(&self) -> HashMap<String, String> {
        HashMap::from([
            ("deployment".to_owned(), self.deployment.clone()),
            ("org".to_owned(), self.org.to_string()),
            ("number".to_owned(), self.number.to_string()),
        ])
    }

    fn associated_data(&self) -> Vec<u8> {
        let (length, deployment) = (self.deployment.len(), &self.deployment);
        format!("sourcegate key\n{length}\n{deployment}\n{}\n{}", self.org, self.number)
            .into_bytes()
    }
}

/// Reads a private key, and tells whether it is the one of a public key (`faults.md` K18).
pub(crate) fn fitting(der: &[u8], public: &[u8]) -> Option<crate::seal::PrivateKey> {
    let private = p256::SecretKey::from_pkcs8_der(der).ok()?;
    let derived = private.public_key().to_sec1_point(false);
    let scalar = Zeroizing::new(private.to_bytes());
    let fits = bool::from(subtle::ConstantTimeEq::ct_eq(derived.as_bytes(), public));
    fits.then(|| hpke::Deserializable::from_bytes(&scalar).ok()).flatten()
}

/// Draws until the bytes are a scalar of the curve: practically the first time.
fn new_private_key() -> Option<p256::SecretKey> {
    (0..16).find_map(|_| {
        let mut scalar = Zeroizing::new([0; 32]);
        getrandom::fill(scalar.as_mut()).ok()?;
        p256::SecretKey::from_slice(scalar.as_ref()).ok()
    })
}

fn wrap(key: &SecretBox<[u8; 32]>, context: &KeyContext, der: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).ok()?;
    let cipher = Aes256Gcm::new(key.expose_secret().into());
    let payload = Payload { msg: der, aad: &context.associated_data() };
    let ciphertext = cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
    Some([&[LAYOUT], nonce.as_slice(), &ciphertext].concat())
}

fn unwrap_local(
    key: &SecretBox<[u8; 32]>,
    context: &KeyContext,
    wrapped: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let rest = wrapped.strip_prefix(&[LAYOUT])?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>()?;
    let cipher = Aes256Gcm::new(key.expose_secret().into());
    let payload = Payload { msg: ciphertext, aad: &context.associated_data() };
    cipher.decrypt(&Nonce::from(*nonce), payload).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests;
