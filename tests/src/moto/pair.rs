//! `GenerateDataKeyPairWithoutPlaintext`, which moto lacks.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{Shared, answered, refusal};

impl Shared {
    /// Makes a pair and encrypts its private half as AWS does: PKCS#8 in DER, under the same key
    /// and context, by moto's own `Encrypt`.
    pub(super) async fn make_pair(&self, input: &Value) -> anyhow::Result<Response<Full<Bytes>>> {
        if input["KeyPairSpec"] != "ECC_NIST_P256" {
            return refusal(400, "UnsupportedOperationException");
        }
        let private = PrivateKey::generate(&ECDH_P256)?;
        let document: Pkcs8V1Der<'_> = private.as_der()?;
        let encrypted = json!({
            "KeyId": input["KeyId"],
            "Plaintext": BASE64_STANDARD.encode(document.as_ref()),
            "EncryptionContext": input.get("EncryptionContext").unwrap_or(&json!({})),
        });
        let (status, body) = self.pass("Encrypt", encrypted.to_string().into()).await?;
        if !status.is_success() {
            return answered(status, body);
        }
        let encrypted: Value = serde_json::from_slice(&body)?;
        let public: PublicKeyX509Der<'_> = private.compute_public_key()?.as_der()?;
        let answer = json!({
            "KeyId": encrypted["KeyId"],
            "KeyPairSpec": "ECC_NIST_P256",
            "PrivateKeyCiphertextBlob": encrypted["CiphertextBlob"],
            "PublicKey": BASE64_STANDARD.encode(public.as_ref()),
        });
        answered(StatusCode::OK, answer.to_string().into())
    }
}
