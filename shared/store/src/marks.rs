//! Marks of secrets: whether what a file says is what was sealed, for those who cannot open it.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use sourcegate_core::{Datasource, Secrets};

use crate::Keyring;

type HmacSha256 = Hmac<Sha256>;

/// The key of the marks, derived from the local key file.
///
/// Sealed values differ at each sealing, so that nothing tells whether a secret is the one that was sealed, and files
/// would be written anew at each start. A plain hash would tell everybody who reads a table or its backup, and short
/// secrets could be guessed with it (`faults.md` K25). A mark tells nothing without the key file, and who has that file
/// opens the secrets themselves. Where KMS is the keyring there is no such key: whoever seals there can keep no secret of
/// his own, so nothing is marked and files with secrets are written at each reload.
pub struct MarkKey(SecretBox<[u8; 32]>);

impl MarkKey {
    /// Derives it; none from KMS.
    #[must_use]
    pub fn of(keyring: &Keyring) -> Option<Self> {
        match keyring {
            Keyring::Kms { .. } => None,
            Keyring::Local(key) => {
                let derived = mac(key.expose_secret(), [&b"sourcegate marks of secrets"[..]]);
                Some(Self(SecretBox::new(Box::new(derived))))
            }
        }
    }

    /// Marks the secrets of one data source. Equal secrets of two sources have different marks.
    pub(crate) fn mark(&self, source: &Datasource, secrets: &Secrets) -> [u8; 32] {
        let incarnation = source.incarnation.to_string();
        let secrets = secrets.iter().map(|(name, text)| (name, text.expose_secret()));
        let present = secrets.filter(|(_, text)| !text.is_empty());
        let texts = present.flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]);
        mac(self.0.expose_secret(), std::iter::once(incarnation.as_bytes()).chain(texts))
    }
}

/// Each text is preceded by its length, so that none runs into the next.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac<'a>(key: &[u8; 32], texts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut mac = HmacSha256::new_from_slice(key).expect("any length is a key");
    for text in texts {
        mac.update(&(text.len() as u64).to_be_bytes());
        mac.update(text);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use sourcegate_core::Incarnation;

    use super::*;
    use crate::item::tests::source;

    fn secrets(all: &[(&str, &str)]) -> Secrets {
        all.iter().map(|(name, text)| ((*name).to_owned(), SecretString::from(*text))).collect()
    }

    fn key(digit: &str) -> MarkKey {
        MarkKey::of(&Keyring::local(&digit.repeat(64)).unwrap()).unwrap()
    }

    #[test]
    fn k25_a_mark_tells_equal_secrets_of_one_source_under_one_key_and_nothing_else() {
        let source = source();
        let other = Datasource { incarnation: Incarnation::new(), ..source.clone() };
        let mark = key("a").mark(&source, &secrets(&[("a", "1"), ("b", "2")]));
        assert_eq!(key("a").mark(&source, &secrets(&[("a", "1"), ("b", "2"), ("c", "")])), mark);
        for different in [
            key("b").mark(&source, &secrets(&[("a", "1"), ("b", "2")])),
            key("a").mark(&other, &secrets(&[("a", "1"), ("b", "2")])),
            key("a").mark(&source, &secrets(&[("a", "2"), ("b", "1")])),
            key("a").mark(&source, &secrets(&[("a", "1b"), ("", "2")])),
            key("a").mark(&source, &secrets(&[("a", "1")])),
        ] {
            assert_ne!(different, mark);
        }
    }
}
