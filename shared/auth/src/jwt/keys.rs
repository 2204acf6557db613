//! The keys that an issuer publishes (JWKS, RFC 7517), each with the algorithms that it is for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::{BadJwt, Unverified};

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// Says why a text is no key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key set is not JSON with a list named keys")]
pub struct BadKeys;

/// An issuer's public keys. Those that cannot verify, symmetric ones above all, are left out.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

#[derive(serde::Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    /// Reads a key set. Keys of other kinds and uses are skipped, as RFC 7517 (5) has it.
    ///
    /// # Errors
    /// [`BadKeys`] if it is none. One without keys is a set: nothing is verified by it.
    pub fn parse(text: &[u8]) -> Result<Self, BadKeys> {
        let set: Set = serde_json::from_slice(text).map_err(|_| BadKeys)?;
        Ok(Self(set.keys.into_iter().filter_map(Key::of).collect()))
    }

    /// Tells whether one of the keys may be a token's. If not, a newer set may have it.
    #[must_use]
    pub fn know(&self, token: &Unverified) -> bool {
        self.named(token).next().is_some()
    }

    /// Checks a token's signature and gives its claims, whatever they say.
    pub(super) fn verified(&self, token: &Unverified) -> Result<Map<String, Value>, BadJwt> {
        if !self.know(token) {
            return Err(BadJwt::UnknownKey);
        }
        let fitting = self.named(token).filter(|key| key.algorithms.contains(&token.algorithm));
        let fitting: Vec<_> = fitting.collect();
        if token.key.is_none() && fitting.len() > 1 {
            return Err(BadJwt::WhichKey);
        }
        let mut outcome = Err(BadJwt::Signature);
        for key in fitting {
            outcome = key.open(token);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// The keys of the token's `kid`; all if it has none.
    fn named(&self, token: &Unverified) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(|key| token.key.is_none() || token.key == key.id)
    }
}

impl Key {
    fn of(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let is_for_signing = match (&jwk.common.public_key_use, &jwk.common.key_operations) {
            (Some(PublicKeyUse::Signature) | None, None) => true,
            (Some(PublicKeyUse::Signature) | None, Some(all)) => {
                all.contains(&KeyOperations::Verify)
            }
            _ => false,
        };
        let kind: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => RSA,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                &[Algorithm::ES256]
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => {
                &[Algorithm::ES384]
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                &[Algorithm::EdDSA]
            }
            _ => &[],
        };
        let algorithms = match jwk.common.key_algorithm {
            None => kind.to_vec(),
            Some(own) => {
                let own = Algorithm::try_from(own).ok()?;
                kind.iter().copied().filter(|of_kind| *of_kind == own).collect()
            }
        };
        if !is_for_signing || algorithms.is_empty() {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithms, key })
    }

    /// Checks the signature by an algorithm that the key is for; of the claims it only sees that they are an object.
    fn open(&self, token: &Unverified) -> Result<Map<String, Value>, BadJwt> {
        let (message, signature) =
            token.text.expose_secret().rsplit_once('.').ok_or(BadJwt::Malformed)?;
        let is_right =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, token.algorithm);
        if !is_right.map_err(|_| BadJwt::Malformed)? {
            return Err(BadJwt::Signature);
        }
        let (_, claims) = message.split_once('.').ok_or(BadJwt::Malformed)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| BadJwt::Malformed)?;
        serde_json::from_slice(&claims).map_err(|_| BadJwt::Malformed)
    }
}
