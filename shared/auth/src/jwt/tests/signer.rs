//! Keys that sign, drawn for each test.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

/// What stands before an RSA key of 2048 bits in PKCS#8.
const PKCS8_PREFIX_BYTES: usize = 26;

/// A key with the algorithm that it signs by.
pub(crate) struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let key = match algorithm {
            Algorithm::ES256 => elliptic(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)),
            Algorithm::ES384 => elliptic(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)),
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().unwrap();
                EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref())
            }
            _ => {
                let pkcs8 = KeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
                EncodingKey::from_rsa_der(&pkcs8.as_ref()[PKCS8_PREFIX_BYTES..])
            }
        };
        Self { algorithm, key }
    }

    /// The same key, signing by another algorithm.
    pub(crate) fn by(&self, algorithm: Algorithm) -> Self {
        Self { algorithm, key: self.key.clone() }
    }

    /// The public half as an issuer publishes it; `more` adds to it, `null` takes away.
    pub(crate) fn jwk(&self, more: &Value) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        with(serde_json::to_value(jwk).unwrap(), more)
    }

    /// Signs a token whose header says `alg` and `more`.
    pub(crate) fn sign(&self, more: &Value, claims: &Value) -> String {
        let header = with(json!({ "alg": serde_json::to_value(self.algorithm).unwrap() }), more);
        let message = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm);
        format!("{message}.{}", signature.unwrap())
    }
}

fn elliptic<E: std::fmt::Debug>(pair: Result<EcdsaKeyPair, E>) -> EncodingKey {
    EncodingKey::from_ec_der(pair.unwrap().to_pkcs8v1().unwrap().as_ref())
}

pub(crate) fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// Replaces some fields; `null` removes one.
pub(crate) fn with(mut body: Value, fields: &Value) -> Value {
    let object = body.as_object_mut().unwrap();
    for (name, value) in fields.as_object().unwrap() {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.clone(), value.clone()),
        };
    }
    body
}
