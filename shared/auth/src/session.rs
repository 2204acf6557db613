//! The tokens of a login: `sgat_…` goes with requests, `sgrt_…` is exchanged for the next pair.
//!
//! What stands between prefix and checksum is base64url of the user's number (32 bits), the end (64 bits, seconds since
//! 1970), the session (128 random bits), 256 random bits of the token's own, and the login: so one batch reads session and
//! user together. None of it is believed before the hash of the whole text is found. Only hashes are ever stored.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sourcegate_core::random_bytes;
use zeroize::Zeroizing;

use crate::Unauthenticated;

/// Number, end, session and secret.
const HEAD_BYTES: usize = 4 + 8 + 16 + 32;

/// What a token of a login is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionUse {
    /// Requests.
    Access,
    /// The next pair.
    Refresh,
}

impl SessionUse {
    fn prefix(self) -> &'static str {
        match self {
            Self::Access => "sgat_",
            Self::Refresh => "sgrt_",
        }
    }
}

/// Which login of a user it is: 128 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// Draws one.
    ///
    /// # Panics
    /// If the system has no randomness to give.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "two defaults would differ")]
    pub fn new() -> Self {
        Self(random_bytes())
    }

    /// Reads the 32 hexadecimal digits that `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, at) in bytes.iter_mut().zip((0..32).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Whose login a token is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOwner {
    /// Which of his logins.
    pub session: SessionId,
    /// The user's number.
    pub user: u32,
    /// What he logs in as.
    pub login: String,
}

/// A token as a request brings it, not yet looked up. Holds its hash, never its text.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken {
    hash: [u8; 32],
    expires: i64,
    owner: SessionOwner,
}

impl SessionToken {
    /// Tells whether a text is meant to be one for this use.
    #[must_use]
    pub fn is_one(wanted: SessionUse, text: &str) -> bool {
        text.starts_with(wanted.prefix())
    }

    /// Reads a token's text. A wrong checksum is refused before any look-up.
    ///
    /// # Errors
    /// [`Unauthenticated::InvalidToken`] for everything that was never given for this use.
    pub fn parse(wanted: SessionUse, text: &str) -> Result<Self, Unauthenticated> {
        let invalid = Unauthenticated::InvalidToken;
        let (body, checksum) = text.rsplit_once('_').ok_or(invalid)?;
        if checksum != checksum_of(body) {
            return Err(invalid);
        }
        let encoded = body.strip_prefix(wanted.prefix()).ok_or(invalid)?;
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).map_err(|_| invalid)?);
        let (head, login) = decoded.split_at_checked(HEAD_BYTES).ok_or(invalid)?;
        let (user, rest) = head.split_first_chunk().ok_or(invalid)?;
        let (expires, rest) = rest.split_first_chunk().ok_or(invalid)?;
        let (session, _secret) = rest.split_first_chunk().ok_or(invalid)?;
        let login = std::str::from_utf8(login).map_err(|_| invalid)?.to_owned();
        let (session, user) = (SessionId(*session), u32::from_be_bytes(*user));
        Ok(Self {
            hash: Sha256::digest(text).into(),
            expires: i64::from_be_bytes(*expires),
            owner: SessionOwner { session, user, login },
        })
    }

    /// Makes a new token that ends at a time in seconds since 1970. The text is shown once and kept by nobody here.
    ///
    /// # Panics
    /// If the system has no randomness to give.
    #[must_use]
    pub fn generate(
        wanted: SessionUse,
        owner: &SessionOwner,
        expires: i64,
    ) -> (SecretString, Self) {
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(random_bytes());
        let SessionOwner { session, user, login } = owner;
        let parts = [
            &user.to_be_bytes()[..],
            &expires.to_be_bytes(),
            &session.0,
            &*secret,
            login.as_bytes(),
        ];
        let payload = Zeroizing::new(parts.concat());
        let body =
            Zeroizing::new(format!("{}{}", wanted.prefix(), URL_SAFE_NO_PAD.encode(&*payload)));
        let text = format!("{}_{}", *body, checksum_of(&body));
        let hash = Sha256::digest(&text).into();
        (SecretString::from(text), Self { hash, expires, owner: owner.clone() })
    }

    /// Gives the SHA-256 of the text: what is stored, and what caches are keyed by.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Gives whose login the token claims to be of.
    #[must_use]
    pub fn owner(&self) -> &SessionOwner {
        &self.owner
    }

    /// Decides whether it is before its end, at a time in seconds since 1970.
    ///
    /// # Errors
    /// [`Unauthenticated::ExpiredToken`].
    pub fn check(&self, now: i64) -> Result<(), Unauthenticated> {
        if now < self.expires { Ok(()) } else { Err(Unauthenticated::ExpiredToken) }
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionToken(user {}, until {})", self.owner.user, self.expires)
    }
}

fn checksum_of(body: &str) -> String {
    format!("{:08x}", crc32fast::hash(body.as_bytes()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn owner(login: &str) -> SessionOwner {
        SessionOwner { session: SessionId::new(), user: 7, login: login.to_owned() }
    }

    #[test]
    fn what_is_made_is_read_back() {
        for login in ["bob", "bob@example.com", "käthe_", ""] {
            for wanted in [SessionUse::Access, SessionUse::Refresh] {
                let (text, made) = SessionToken::generate(wanted, &owner(login), 1_000);
                assert_eq!(SessionToken::parse(wanted, text.expose_secret()).unwrap(), made);
                assert_eq!(made.owner().login, login);
                let session = made.owner().session;
                assert_eq!(SessionId::parse(&session.to_string()), Some(session));
            }
        }
    }

    #[test]
    fn a04_a_token_for_one_use_is_none_for_the_other_and_a_changed_one_is_none() {
        let (text, _) = SessionToken::generate(SessionUse::Refresh, &owner("bob"), 1_000);
        let text = text.expose_secret();
        let invalid = Err(Unauthenticated::InvalidToken);
        assert_eq!(SessionToken::parse(SessionUse::Access, text), invalid);
        let renamed = text.replacen("sgrt_", "sgat_", 1);
        assert_eq!(SessionToken::parse(SessionUse::Access, &renamed), invalid);
        let short = "sgat_AAAA";
        let short = format!("{short}_{}", checksum_of(short));
        for bad in ["", "sgat_", "sgat__", &short, &text[..text.len() - 1], &format!("{text}0")] {
            assert_eq!(SessionToken::parse(SessionUse::Access, bad), invalid, "{bad}");
            assert_eq!(SessionToken::parse(SessionUse::Refresh, bad), invalid, "{bad}");
        }
    }

    #[test]
    fn d20_it_ends_at_its_time() {
        let (_, token) = SessionToken::generate(SessionUse::Access, &owner("bob"), 1_000);
        assert_eq!(token.check(999), Ok(()));
        assert_eq!(token.check(1_000), Err(Unauthenticated::ExpiredToken));
    }

    #[test]
    fn two_of_one_session_differ_and_debug_shows_no_hash() {
        let owner = owner("bob");
        let made = || SessionToken::generate(SessionUse::Access, &owner, 1_000).1;
        assert_ne!(made(), made());
        assert_eq!(format!("{:?}", made()), "SessionToken(user 7, until 1000)");
    }
}
