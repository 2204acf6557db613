//! Service account tokens: `glsa_<32 alphanumerics>_<crc32>`, with organisation and owner inside.
//!
//! The 32 characters are a number in base 62: organisation (31 bits), owner (31 bits), 128 random bits. So one batch
//! reads token and owner together. Only the hash is ever stored.

use std::fmt;

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sourcegate_core::{OrgId, random_bytes};

use crate::Unauthenticated;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 32;

/// The number of the service account that a token belongs to: 1 to 2^31 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(u32);

impl OwnerId {
    /// Wraps a number between 1 and 2^31 - 1.
    #[must_use]
    pub fn new(id: u32) -> Option<Self> {
        (1..=i32::MAX as u32).contains(&id).then_some(Self(id))
    }

    /// Gives the number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A token as a request brings it, not yet looked up. Holds its hash, never its text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    hash: [u8; 32],
    org: OrgId,
    owner: OwnerId,
}

impl Token {
    /// Reads a token's text. A wrong checksum is refused before any look-up (`faults.md` A04).
    ///
    /// # Errors
    /// [`Unauthenticated::InvalidToken`] for everything that was never given here; [`Unauthenticated::OldKey`] for
    /// Grafana's old form.
    pub fn parse(text: &str) -> Result<Self, Unauthenticated> {
        if text.starts_with("eyJrIjoi") {
            return Err(Unauthenticated::OldKey);
        }
        let invalid = Unauthenticated::InvalidToken;
        let (body, checksum) = text.rsplit_once('_').ok_or(invalid)?;
        let digits = body.strip_prefix("glsa_").ok_or(invalid)?;
        if checksum.as_bytes() != checksum_of(body) {
            return Err(invalid);
        }
        let (top, _random) = decode(digits).ok_or(invalid)?;
        // The two numbers are 31 bits each, so that nothing is lost here.
        let org = OrgId::new((top >> 31) as i64).map_err(|_| invalid)?;
        let owner = OwnerId::new((top & 0x7fff_ffff) as u32).ok_or(invalid)?;
        Ok(Self { hash: Sha256::digest(text).into(), org, owner })
    }

    /// Makes a new token for a service account. The text is shown once and kept by nobody here.
    ///
    /// # Panics
    /// If the system has no randomness to give.
    #[must_use]
    pub fn generate(org: OrgId, owner: OwnerId) -> (SecretString, Self) {
        let top = u64::from(org.get()) << 31 | u64::from(owner.get());
        let body = format!("glsa_{}", encode(top, u128::from_be_bytes(random_bytes())));
        let text =
            format!("{body}_{}", checksum_of(&body).map(char::from).iter().collect::<String>());
        let hash = Sha256::digest(&text).into();
        (SecretString::from(text), Self { hash, org, owner })
    }

    /// Gives the SHA-256 of the text: what is stored, and what caches are keyed by.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Gives the organisation that the token claims to be of.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// Gives the service account that the token claims to be of.
    #[must_use]
    pub fn owner(&self) -> OwnerId {
        self.owner
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(org {}, owner {})", self.org, self.owner)
    }
}

/// The CRC32 (IEEE) of the text before it, its bytes in little-endian order, as Grafana writes it.
fn checksum_of(body: &str) -> [u8; 8] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let checksum = crc32fast::hash(body.as_bytes()).to_le_bytes();
    std::array::from_fn(|at| HEX[usize::from(checksum[at / 2] >> (4 - at % 2 * 4) & 15)])
}

/// Writes `top` (62 bits) and `low` (128 bits) as 32 digits of base 62, the most significant first.
fn encode(top: u64, low: u128) -> String {
    let mut limbs = [top, (low >> 64) as u64, low as u64];
    let mut digits = [0; LENGTH];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u128;
        for limb in &mut limbs {
            let value = rest << 64 | u128::from(*limb);
            *limb = (value / 62) as u64;
            rest = value % 62;
        }
        *digit = DIGITS[rest as usize];
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// Reads what [`encode`] wrote; none if it is of another length, has other characters, or is a larger number.
fn decode(digits: &str) -> Option<(u64, u128)> {
    if digits.len() != LENGTH {
        return None;
    }
    let mut limbs = [0_u64; 3];
    for digit in digits.bytes() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            b'a'..=b'z' => digit - b'a' + 36,
            _ => return None,
        };
        let mut carry = u128::from(value);
        for limb in limbs.iter_mut().rev() {
            carry += u128::from(*limb) * 62;
            *limb = carry as u64;
            carry >>= 64;
        }
        if carry > 0 {
            return None;
        }
    }
    let [top, high, low] = limbs;
    (top >> 62 == 0).then_some((top, u128::from(high) << 64 | u128::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn checksums_are_those_of_contract_6_3() {
        assert_eq!(&checksum_of("glsa_iNValIdinValiDinvalidinvalidinva"), b"5b582697");
        assert_eq!(&checksum_of("glsa_yscW25imSKJIuav8zF37RZmnbiDvB05G"), b"fcaaf58a");
    }

    #[test]
    fn what_is_made_is_read_back() {
        for (org, owner) in [(1, 1), (i64::from(i32::MAX), i32::MAX as u32), (7, 12345)] {
            let (org, owner) = (OrgId::new(org).unwrap(), OwnerId::new(owner).unwrap());
            let (text, made) = Token::generate(org, owner);
            let text = text.expose_secret();
            assert_eq!(text.len(), 46, "{text}");
            let read = Token::parse(text).unwrap();
            assert_eq!(read, made);
            assert_eq!((read.org(), read.owner()), (org, owner));
        }
    }

    #[test]
    fn extremes_are_encoded() {
        for (top, low) in [(0, 0), (1, 1), ((1 << 62) - 1, u128::MAX), (5, 1 << 64)] {
            assert_eq!(decode(&encode(top, low)), Some((top, low)));
        }
        assert_eq!(decode(&"z".repeat(32)), None);
    }

    #[test]
    fn a04_a_wrong_checksum_is_refused_without_a_look_up() {
        let (text, _) = Token::generate(OrgId::MAIN, OwnerId::new(1).unwrap());
        let text = text.expose_secret();
        let last = if text.ends_with('0') { '1' } else { '0' };
        let changed = format!("{}{last}", &text[..45]);
        assert_eq!(Token::parse(&changed), Err(Unauthenticated::InvalidToken));
        for bad in
            ["", "glsa_", "glsa__", "x", &text[..45], &text.to_uppercase(), &format!("{text}0")]
        {
            assert_eq!(Token::parse(bad), Err(Unauthenticated::InvalidToken), "{bad}");
        }
    }

    #[test]
    fn old_keys_are_told_what_replaces_them() {
        assert_eq!(Token::parse("eyJrIjoiabc"), Err(Unauthenticated::OldKey));
    }

    #[test]
    fn debug_shows_no_hash() {
        let (_, token) = Token::generate(OrgId::MAIN, OwnerId::new(9).unwrap());
        assert_eq!(format!("{token:?}"), "Token(org 1, owner 9)");
    }
}
