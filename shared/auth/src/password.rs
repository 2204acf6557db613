//! Password hashes: Argon2id, 19 MiB and two passes (OWASP's first choice), as PHC strings.
//!
//! One hashing costs tens of milliseconds of CPU: callers run it off the async threads and bound how many at once.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};

/// Says that a password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash a password")]
pub struct CannotHash(#[source] argon2::password_hash::Error);

/// A hash that no password matches, for logins that do not exist: refusing them takes as long as a wrong password.
pub const OF_NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c291cmNlZ2F0ZS1ub2JvZHk$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes a password with a random salt.
///
/// # Errors
/// If the system has no randomness or memory to give.
pub fn hash(password: &SecretString) -> Result<String, CannotHash> {
    Argon2::default()
        .hash_password(password.expose_secret().as_bytes())
        .map(|hash| hash.to_string())
        .map_err(CannotHash)
}

/// Tells whether a password matches a hash. A damaged hash matches nothing.
#[must_use]
pub fn verify(password: &SecretString, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_matches() {
        let hashed = hash(&SecretString::from("correct horse")).unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert!(verify(&SecretString::from("correct horse"), &hashed));
        assert!(!verify(&SecretString::from("correct horsf"), &hashed));
        assert!(!verify(&SecretString::from(""), &hashed));
    }

    #[test]
    fn the_hash_of_nobody_is_whole_and_matches_nothing() {
        assert!(PasswordHash::new(OF_NOBODY).is_ok());
        assert!(!verify(&SecretString::from(""), OF_NOBODY));
    }

    #[test]
    fn damaged_hashes_match_nothing() {
        for damaged in ["", "$argon2id$", "plain"] {
            assert!(!verify(&SecretString::from("plain"), damaged), "{damaged}");
        }
    }
}
