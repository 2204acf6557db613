//! A token's text before anything of it is believed: its size, its form and its header.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, IgnoredAny};
use sha2::{Digest, Sha256};

use super::BadJwt;

/// The largest token that is read, in bytes. What issuers make has one or two thousand.
pub(super) const LONGEST: usize = 8 << 10;

/// What every JWT begins with: `{"` in base64.
const START: &str = "eyJ";

/// What Grafana's old keys begin with: `{"k":"` in base64. They are no JWTs.
const OLD_KEY: &str = "eyJrIjoi";

/// A JWT as a request brings it. Nothing in it has been verified.
#[derive(Clone, Debug)]
pub struct Unverified {
    pub(super) text: SecretString,
    pub(super) algorithm: Algorithm,
    pub(super) key: Option<String>,
    fingerprint: [u8; 32],
}

#[derive(serde::Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

/// `null` is there too.
fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

impl Unverified {
    /// Tells whether a bearer's text looks like a JWT, whatever is wrong with it.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with(START)
            && !text.starts_with(OLD_KEY)
            && text.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Reads a token's header, and of the rest nothing.
    ///
    /// # Errors
    /// [`BadJwt`] for what no key could make right.
    pub fn parse(text: &str) -> Result<Self, BadJwt> {
        if text.len() > LONGEST {
            return Err(BadJwt::TooLong);
        }
        let header = text.split('.').next().unwrap_or_default();
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| BadJwt::Malformed)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| BadJwt::Malformed)?;
        if header.crit {
            return Err(BadJwt::Critical);
        }
        if header.typ.is_some_and(|typ| !is_access(&typ)) {
            return Err(BadJwt::Type);
        }
        let algorithm: Algorithm = header.alg.parse().map_err(|_| BadJwt::Algorithm)?;
        if algorithm.family() == AlgorithmFamily::Hmac {
            return Err(BadJwt::Algorithm);
        }
        let fingerprint = Sha256::digest(text).into();
        Ok(Self { text: SecretString::from(text), algorithm, key: header.kid, fingerprint })
    }

    /// Gives the SHA-256 of the text: what it is remembered under.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }
}

/// Tells whether a media type is that of a token which stands for its bearer (RFC 8725, 3.11; RFC 9068, 2.1).
fn is_access(typ: &str) -> bool {
    let typ = typ
        .get(..12)
        .filter(|start| start.eq_ignore_ascii_case("application/"))
        .map_or(typ, |start| &typ[start.len()..]);
    typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str) -> String {
        format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header))
    }

    #[track_caller]
    fn check(header: &str, expected: Result<Option<&str>, BadJwt>) {
        let read = Unverified::parse(&token(header));
        let key = read.as_ref().map(|token| token.key.as_deref()).map_err(|what| *what);
        assert_eq!(key, expected, "{header}");
    }

    #[test]
    fn a_bearer_with_two_dots_that_begins_as_json_is_a_jwt() {
        assert!(Unverified::is_one("eyJhbGciOiJSUzI1NiJ9.e30.c2ln"));
        assert!(Unverified::is_one("eyJ.."));
        for other in [
            "",
            "eyJhbGciOiJSUzI1NiJ9",
            "eyJhbGciOiJSUzI1NiJ9.e30",
            "eyJhbGciOiJSUzI1NiJ9.e30.c2ln.x",
            "glsa_a.b.c",
            "eyJrIjoiT0tTcG1p.a.b",
        ] {
            assert!(!Unverified::is_one(other), "{other}");
        }
    }

    #[test]
    fn a13_only_signatures_that_cannot_be_made_by_who_verifies_are_taken() {
        for alg in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
        {
            check(&format!(r#"{{"alg":"{alg}"}}"#), Ok(None));
        }
        for alg in ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "rs256", "RS1", "dir"] {
            check(&format!(r#"{{"alg":"{alg}"}}"#), Err(BadJwt::Algorithm));
        }
    }

    #[test]
    fn a13_the_kid_is_opaque() {
        for kid in ["", "../../dev/null", "' or 1=1 --", "http://evil.test/keys", "k\u{0}"] {
            let header = serde_json::json!({ "alg": "RS256", "kid": kid }).to_string();
            check(&header, Ok(Some(kid)));
        }
        check(r#"{"alg":"RS256","kid":7}"#, Err(BadJwt::Malformed));
        check(r#"{"alg":"RS256","kid":["a"]}"#, Err(BadJwt::Malformed));
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_refused() {
        for crit in [r#"["exp"]"#, r#"["b64"]"#, "[]", "null", "0"] {
            check(&format!(r#"{{"alg":"RS256","crit":{crit}}}"#), Err(BadJwt::Critical));
        }
    }

    #[test]
    fn keys_that_a_token_brings_along_are_not_read() {
        let brought = r#"{"alg":"RS256","jku":"http://evil.test","x5u":1,"jwk":{"kty":"oct","k":"AA"},"x5c":["A"]}"#;
        check(brought, Ok(None));
    }

    #[test]
    fn tokens_that_stand_for_nobody_are_refused() {
        for typ in ["JWT", "jwt", "at+jwt", "application/at+JWT", "Application/jwt"] {
            check(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#), Ok(None));
        }
        for typ in ["logout+jwt", "dpop+jwt", "JWE", "application/", "äpplication/jwt", ""] {
            check(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#), Err(BadJwt::Type));
        }
    }

    #[test]
    fn a13_what_is_malformed_is_refused() {
        for header in ["", "{}", "[]", "null", r#"{"alg":"RS256""#, r#"{"alg":7}"#] {
            check(header, Err(BadJwt::Malformed));
        }
        check(r#"{"alg":"RS256","alg":"none"}"#, Err(BadJwt::Malformed));
        for text in ["eyJ..", "..", "eyJhbGciOiJSUzI1NiJ9=.e30.c2ln", "eyJ+.e30.c2ln", "eyJä.a.b"]
        {
            assert_eq!(Unverified::parse(text).unwrap_err(), BadJwt::Malformed, "{text}");
        }
    }

    #[test]
    fn a13_a_huge_token_is_refused_unread() {
        let most = format!("{}.e30.", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#));
        let most = format!("{most}{}", "A".repeat(LONGEST - most.len()));
        assert!(Unverified::parse(&most).is_ok());
        assert_eq!(Unverified::parse(&format!("{most}A")).unwrap_err(), BadJwt::TooLong);
    }

    #[test]
    fn its_text_does_not_print() {
        let text = token(r#"{"alg":"RS256"}"#);
        let shown = format!("{:?}", Unverified::parse(&text).unwrap());
        assert!(!shown.contains(&text) && !shown.contains("c2ln"), "{shown}");
    }
}
