//! Who wraps the organisations' private keys: KMS, or a key file of the local binary.

mod settings;

use std::collections::HashMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::agreement::{self, ECDH_P256, ParsedPublicKey, UnparsedPublicKey};
use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeyPairSpec;
use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

use crate::seal::{KeyContext, POINT, PrivateKey};
use crate::{Aws, Error, KmsClient};

pub use settings::BadKeyring;

/// The first byte of a locally wrapped key.
const LAYOUT: u8 = 1;

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
                let public =
                    point(der.as_ref()).ok_or_else(|| bad("the public key is not one of P-256"))?;
                let wrapped =
                    made.private_key_ciphertext_blob().ok_or_else(|| bad("no private key came"))?;
                Ok(Pair { public, wrapped: wrapped.clone().into_inner() })
            }
            Self::Local(key) => {
                let private = agreement::PrivateKey::generate(&ECDH_P256)
                    .map_err(|_| bad("no randomness"))?;
                let der: Pkcs8V1Der<'_> =
                    private.as_der().map_err(|_| bad("it cannot be encoded"))?;
                let wrapped =
                    wrap(key, context, der.as_ref()).ok_or_else(|| bad("it cannot be wrapped"))?;
                let public = private.compute_public_key().map_err(|_| bad("it has no point"))?;
                Ok(Pair { public: public.as_ref().to_vec(), wrapped })
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
pub(crate) fn fitting(der: &[u8], public: &[u8]) -> Option<PrivateKey> {
    let private = agreement::PrivateKey::from_private_key_der(&ECDH_P256, der).ok()?;
    let derived = private.compute_public_key().ok()?;
    let scalar: EcPrivateKeyBin<'_> = private.as_be_bytes().ok()?;
    (derived.as_ref() == public).then(|| scalar.as_ref().to_vec().into())
}

/// Takes the point out of a public key of P-256 in X.509's form, which ends with it.
fn point(spki: &[u8]) -> Option<Vec<u8>> {
    ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, spki)).ok()?;
    spki.last_chunk::<POINT>().map(|point| point.to_vec())
}

fn wrap(key: &SecretBox<[u8; 32]>, context: &KeyContext, der: &[u8]) -> Option<Vec<u8>> {
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.expose_secret()).ok()?;
    let mut ciphertext = Zeroizing::new(der.to_vec());
    let aad = Aad::from(context.associated_data());
    let nonce = cipher.seal_in_place_append_tag(aad, &mut *ciphertext).ok()?;
    Some([&[LAYOUT], nonce.as_ref().as_slice(), &ciphertext].concat())
}

fn unwrap_local(
    key: &SecretBox<[u8; 32]>,
    context: &KeyContext,
    wrapped: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let rest = wrapped.strip_prefix(&[LAYOUT])?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>()?;
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.expose_secret()).ok()?;
    let mut opened = Zeroizing::new(ciphertext.to_vec());
    let aad = Aad::from(context.associated_data());
    let length = cipher.open_in_place(Nonce::from(nonce), aad, &mut opened).ok()?.len();
    opened.truncate(length);
    Some(opened)
}

#[cfg(test)]
mod tests;
