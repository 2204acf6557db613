//! What a request brings, not yet verified.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use sourcegate_core::random_bytes;
use zeroize::Zeroizing;

use crate::jwt::{Assertion, Unverified};
use crate::{SessionToken, SessionUse, Token, Unauthenticated};

/// A credential whose form is right; whether it is valid is for the store to say.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A service account token: `Bearer`, or `Basic` with the user `api_key`.
    Token(Token),
    /// A user's login and password: `Basic`.
    Password {
        /// The login, which may be anything.
        login: String,
        /// The password.
        password: SecretString,
    },
    /// The token of a login: `Bearer`.
    Session(SessionToken),
    /// A JWT: `Bearer`. It makes no caller before it is verified.
    Jwt(Unverified),
    /// A JWT that was verified.
    Assertion(Arc<Assertion>),
}

/// A random key of this process: what remembers passwords is keyed by HMACs under it and means nothing elsewhere.
#[derive(Clone)]
pub struct ProcessKey([u8; 32]);

impl ProcessKey {
    /// Draws a key.
    ///
    /// # Panics
    /// If the system has no randomness to give.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "two defaults would differ")]
    pub fn new() -> Self {
        Self(random_bytes())
    }

    /// Computes the HMAC-SHA256 of some texts; each is preceded by its length, so that none runs into the next.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub fn mac(&self, texts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length is a key");
        for text in texts {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text);
        }
        mac.finalize().into_bytes().into()
    }
}

impl Credential {
    /// Takes the credential out of a request's headers: exactly one `Authorization` of a known scheme.
    ///
    /// # Errors
    /// [`Unauthenticated::Missing`] where there is none or no telling what it is (`faults.md` A01); otherwise what is
    /// wrong with its form. Nothing has been looked up yet.
    pub fn of(headers: &HeaderMap) -> Result<Self, Unauthenticated> {
        let mut all = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(only), None) = (all.next(), all.next()) else {
            return Err(Unauthenticated::Missing);
        };
        let text = only.to_str().map_err(|_| Unauthenticated::Missing)?;
        let (scheme, value) = text.split_once(' ').ok_or(Unauthenticated::Missing)?;
        if value.is_empty() || value.contains([' ', ',', '\t']) {
            return Err(Unauthenticated::Missing);
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            if Unverified::is_one(value) {
                return Ok(Self::Jwt(Unverified::parse(value)?));
            }
            if SessionToken::is_one(SessionUse::Access, value) {
                return SessionToken::parse(SessionUse::Access, value).map(Self::Session);
            }
            Token::parse(value).map(Self::Token)
        } else if scheme.eq_ignore_ascii_case("basic") {
            Self::of_basic(value)
        } else {
            Err(Unauthenticated::Missing)
        }
    }

    fn of_basic(value: &str) -> Result<Self, Unauthenticated> {
        let malformed = Unauthenticated::MalformedBasic;
        let decoded = Zeroizing::new(STANDARD.decode(value).map_err(|_| malformed)?);
        let text = std::str::from_utf8(&decoded).map_err(|_| malformed)?;
        let (login, password) = text.split_once(':').ok_or(malformed)?;
        if login == "api_key" {
            return Token::parse(password).map(Self::Token);
        }
        Ok(Self::Password { login: login.to_owned(), password: SecretString::from(password) })
    }

    /// Decides whether what was known of this credential when it was verified still holds, at a time in seconds since 1970.
    ///
    /// # Errors
    /// [`Unauthenticated::Jwt`] for a JWT, [`Unauthenticated::ExpiredToken`] for a login, that has ended since. What is looked up anew is not judged here.
    pub fn check(&self, now: i64) -> Result<(), Unauthenticated> {
        match self {
            Self::Assertion(assertion) => assertion.check(now),
            Self::Session(token) => token.check(now),
            Self::Token(_) | Self::Password { .. } | Self::Jwt(_) => Ok(()),
        }
    }

    /// Computes what this credential is remembered under: a token's hash, or an HMAC of login and password.
    #[must_use]
    pub fn fingerprint(&self, key: &ProcessKey) -> [u8; 32] {
        match self {
            Self::Token(token) => *token.hash(),
            Self::Session(token) => *token.hash(),
            Self::Jwt(token) => *token.fingerprint(),
            Self::Assertion(assertion) => *assertion.fingerprint(),
            Self::Password { login, password } => {
                key.mac(&[login.as_bytes(), password.expose_secret().as_bytes()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OwnerId;
    use crate::jwt::BadJwt;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use http::HeaderValue;
    use sourcegate_core::OrgId;

    fn headers(values: &[&str]) -> HeaderMap {
        let all = values.iter().map(|v| (header::AUTHORIZATION, HeaderValue::from_str(v).unwrap()));
        all.collect()
    }

    #[track_caller]
    fn check(values: &[&str], expected: Unauthenticated) {
        assert_eq!(Credential::of(&headers(values)).unwrap_err(), expected, "{values:?}");
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a01_what_is_no_credential_is_the_same_as_none() {
        let (token, _) = Token::generate(OrgId::MAIN, OwnerId::new(1).unwrap());
        let bearer = format!("Bearer {}", token.expose_secret());
        check(&[], Unauthenticated::Missing);
        for odd in ["", "Bearer", "Bearer ", "Bearer  x", "Digest x", "x"] {
            check(&[odd], Unauthenticated::Missing);
        }
        check(&[&bearer, &bearer], Unauthenticated::Missing);
        check(&[&format!("{bearer}, {bearer}")], Unauthenticated::Missing);
        check(&[&format!("{bearer},{bearer}")], Unauthenticated::Missing);
    }

    #[test]
    fn a02_tokens_come_as_bearer_and_as_basic_user_api_key() {
        let (text, token) = Token::generate(OrgId::MAIN, OwnerId::new(1).unwrap());
        let text = text.expose_secret();
        for header in
            [format!("Bearer {text}"), format!("bearer {text}"), basic(&format!("api_key:{text}"))]
        {
            let read = Credential::of(&headers(&[&header])).unwrap();
            assert!(matches!(read, Credential::Token(read) if read == token), "{header}");
        }
    }

    #[test]
    fn passwords_may_contain_colons() {
        let read = Credential::of(&headers(&[&basic("bob:a:b")])).unwrap();
        let Credential::Password { login, password } = read else { panic!("{read:?}") };
        assert_eq!((login.as_str(), password.expose_secret()), ("bob", "a:b"));
    }

    #[test]
    fn malformed_credentials_are_told_apart_as_grafana_does() {
        check(&["Basic !!!"], Unauthenticated::MalformedBasic);
        check(&[&basic("no-colon")], Unauthenticated::MalformedBasic);
        check(&["Bearer nope"], Unauthenticated::InvalidToken);
        check(&[&basic("api_key:nope")], Unauthenticated::InvalidToken);
        check(
            &["Bearer eyJrIjoiT0tTcG1pUlY2RnVKZTFVaDFsNFZXdE9ZWmNrMkZYbk"],
            Unauthenticated::OldKey,
        );
    }

    #[test]
    fn a13_a_bearer_of_three_parts_is_a_jwt_and_proves_nothing() {
        let text = format!("eyJ{}.e30.c2ln", &URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#)[3..]);
        let read = Credential::of(&headers(&[&format!("Bearer {text}")])).unwrap();
        assert!(matches!(read, Credential::Jwt(_)), "{read:?}");
        assert!(!format!("{read:?}").contains(&text));
        check(&["Bearer eyJhbGciOiJub25lIn0.e30."], BadJwt::Algorithm.into());
        check(&["Bearer eyJhbGciOiJub25lIn0.e30"], Unauthenticated::InvalidToken);
        check(&[&basic(&format!("api_key:{text}"))], Unauthenticated::InvalidToken);
    }

    #[test]
    fn fingerprints_differ_where_login_and_password_are_cut_elsewhere() {
        let key = ProcessKey::new();
        let of = |text: &str| Credential::of(&headers(&[&basic(text)])).unwrap().fingerprint(&key);
        assert_eq!(of("a:bc"), of("a:bc"));
        assert_ne!(of("a:bc"), of("ab:c"));
    }
}
