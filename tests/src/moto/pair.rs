//! `GenerateDataKeyPairWithoutPlaintext`, which moto lacks.

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use p256::SecretKey;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};
use serde_json::{Value, json};

use super::{Shared, answered, refusal};

impl Shared {
    /// Makes a pair and encrypts its private half as AWS does: PKCS#8 in DER, under the same key
    /// and context, by moto's own `Encrypt`.
    pub(super) async fn make_pair(&self, input: &Value) -> anyhow::Result<Response<Full<Bytes>>> {
        if input["KeyPairSpec"] != "ECC_NIST_P256" {
            return refusal(400, "UnsupportedOperationException");
        }
        let private = random_key()?;
        let document = private.to_pkcs8_der().context("encode the private key")?;
        let encrypted = json!({
            "KeyId": input["KeyId"],
            "Plaintext": BASE64_STANDARD.encode(document.as_bytes()),
            "EncryptionContext": input.get("EncryptionContext").unwrap_or(&json!({})),
        });
        let (status, body) = self.pass("Encrypt", encrypted.to_string().into()).await?;
        if !status.is_success() {
            return answered(status, body);
        }
        let encrypted: Value = serde_json::from_slice(&body)?;
        let public = private.public_key().to_public_key_der().context("encode the public key")?;
        let answer = json!({
            "KeyId": encrypted["KeyId"],
            "KeyPairSpec": "ECC_NIST_P256",
            "PrivateKeyCiphertextBlob": encrypted["CiphertextBlob"],
            "PublicKey": BASE64_STANDARD.encode(public.as_bytes()),
        });
        answered(StatusCode::OK, answer.to_string().into())
    }
}

fn random_key() -> anyhow::Result<SecretKey> {
    loop {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        // Nearly all 256-bit numbers are keys.
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            return Ok(key);
        }
    }
}
