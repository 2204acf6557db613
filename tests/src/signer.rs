//! Keys that sign JWTs, right and wrong ones, and a place that publishes them.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use web::{Jwt, JwtConfig};

use crate::build::with;
use crate::oidc::AUDIENCE;
use crate::upstream::{Answer, FakeUpstream};

/// What stands before an RSA key of 2048 bits in PKCS#8.
const PKCS8_PREFIX_BYTES: usize = 26;

/// The issuer that signers sign for.
pub const ISSUER: &str = "https://issuer.test";

/// A key with its name and the algorithm that it signs by.
pub struct Signer {
    name: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    /// Draws a key for ES256.
    ///
    /// # Panics
    ///
    /// When there is no randomness.
    #[must_use]
    pub fn elliptic(name: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().expect("its form").as_ref());
        Self { name: name.to_owned(), algorithm: Algorithm::ES256, key }
    }

    /// Draws a key for RS256.
    ///
    /// # Panics
    ///
    /// When there is no randomness.
    #[must_use]
    pub fn rsa(name: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let pkcs8 = pair.as_der().expect("its form");
        let key = EncodingKey::from_rsa_der(&pkcs8.as_ref()[PKCS8_PREFIX_BYTES..]);
        Self { name: name.to_owned(), algorithm: Algorithm::RS256, key }
    }

    /// Makes a key of a shared secret, for HS256.
    #[must_use]
    pub fn shared(name: &str, secret: &[u8]) -> Self {
        let key = EncodingKey::from_secret(secret);
        Self { name: name.to_owned(), algorithm: Algorithm::HS256, key }
    }

    /// The public half, as an issuer publishes it.
    ///
    /// # Panics
    ///
    /// When it has none.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("a public half");
        let jwk = serde_json::to_value(jwk).expect("JSON");
        with(jwk, json!({ "kid": self.name, "use": "sig" }))
    }

    /// Signs these claims, under a header with this key's name and algorithm, or whatever `header` says instead.
    ///
    /// # Panics
    ///
    /// When the key does not sign.
    #[must_use]
    pub fn sign(&self, header: Value, claims: &Value) -> String {
        let own = json!({ "alg": format!("{:?}", self.algorithm), "kid": self.name, "typ": "JWT" });
        let message = format!("{}.{}", encoded(&with(own, header)), encoded(claims));
        let signed = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm);
        format!("{message}.{}", signed.expect("a signature"))
    }

    /// Signs the usual claims with some of them replaced.
    #[must_use]
    pub fn token(&self, change: Value) -> String {
        self.sign(json!({}), &with(claims(), change))
    }
}

/// What the usual token says: `ada`, for five minutes.
#[must_use]
pub fn claims() -> Value {
    let exp = store::seconds_now() + 300;
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": exp })
}

/// A part of a token.
#[must_use]
pub fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// An answer with the keys of some signers.
#[must_use]
pub fn key_set(signers: &[&Signer]) -> Answer {
    Answer::json(&json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() }))
}

/// Starts a place that publishes the keys of some signers.
pub async fn publishing(signers: &[&Signer]) -> FakeUpstream {
    let place = FakeUpstream::start().await;
    place.answer(key_set(signers));
    place
}

/// Accepts the tokens of [`ISSUER`] whose keys are at `place`, by these rules.
#[must_use]
pub fn accepting(place: &FakeUpstream, rules: &Value) -> JwtConfig {
    let url = format!("{}/keys", place.url());
    configured(&[("ISSUER", ISSUER), ("JWKS_URL", &url), ("RULES", &rules.to_string())])
}

/// Accepts tokens for [`AUDIENCE`] by these settings, named without `SOURCEGATE_JWT_` in front.
///
/// # Panics
///
/// When they are refused.
#[must_use]
pub fn configured(settings: &[(&str, &str)]) -> JwtConfig {
    let get = |name: &str| {
        let name = name.strip_prefix("SOURCEGATE_JWT_")?;
        let all = settings.iter().chain(&[("AUDIENCE", AUDIENCE)]);
        all.into_iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    JwtConfig::read(get).expect("good settings").expect("settings")
}

/// Makes what verifies by a configuration.
///
/// # Panics
///
/// When it cannot be made.
#[must_use]
pub fn verifier(config: JwtConfig) -> Option<Jwt> {
    Some(Jwt::new(config))
}
