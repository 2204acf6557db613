//! Which versions of TLS may be spoken, from the words that settings use.

use crate::quoted;

/// A version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// 1.2.
    V12,
    /// 1.3.
    V13,
}

/// The oldest and the newest version that may be spoken; both by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsVersions {
    /// The oldest.
    pub min: TlsVersion,
    /// The newest, which is not older.
    pub max: TlsVersion,
}

impl Default for TlsVersions {
    fn default() -> Self {
        Self { min: TlsVersion::V12, max: TlsVersion::V13 }
    }
}

/// Says why no version could be spoken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTlsVersions {
    /// A word that no version has.
    #[error("tlsConfig.{field} {} is no version of TLS; it is one of TLS10, TLS11, TLS12, TLS13", quoted(.word))]
    Unknown {
        /// Which field has it.
        field: &'static str,
        /// Its first 64 characters.
        word: String,
    },
    /// Only versions that are no longer spoken.
    #[error(
        "tlsConfig.maxVersion {0} is not spoken any more; the oldest is TLS12, choose that or leave it out"
    )]
    TooOld(&'static str),
    /// Nothing is left between the two.
    #[error(
        "tlsConfig.maxVersion is older than tlsConfig.minVersion; raise the one or lower the other"
    )]
    Crossed,
}

/// The words of settings; what has no version is older than all that is spoken.
const WORDS: [(&str, Option<TlsVersion>); 4] = [
    ("TLS10", None),
    ("TLS11", None),
    ("TLS12", Some(TlsVersion::V12)),
    ("TLS13", Some(TlsVersion::V13)),
];

impl TlsVersions {
    /// Reads `minVersion` and `maxVersion`; an empty word sets nothing, and an old minimum is the oldest that is spoken.
    ///
    /// # Errors
    /// [`BadTlsVersions`]: Perses takes an unknown word for none, which is not what it was written for.
    pub fn read(min: &str, max: &str) -> Result<Self, BadTlsVersions> {
        let usual = Self::default();
        let min = word("minVersion", min)?.map_or(usual.min, |(_, min)| min.unwrap_or(usual.min));
        let max = match word("maxVersion", max)? {
            None => usual.max,
            Some((_, Some(max))) => max,
            Some((word, None)) => return Err(BadTlsVersions::TooOld(word)),
        };
        if max < min { Err(BadTlsVersions::Crossed) } else { Ok(Self { min, max }) }
    }
}

fn word(
    field: &'static str,
    text: &str,
) -> Result<Option<(&'static str, Option<TlsVersion>)>, BadTlsVersions> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = WORDS.into_iter().find(|(word, _)| *word == text);
    let unknown = || BadTlsVersions::Unknown { field, word: text.chars().take(64).collect() };
    known.map(Some).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use TlsVersion::{V12, V13};

    use super::*;

    #[track_caller]
    fn check(min: &str, max: &str, expected: Result<(TlsVersion, TlsVersion), &str>) {
        let read = TlsVersions::read(min, max).map(|read| (read.min, read.max));
        let read = read.map_err(|error| error.to_string());
        assert_eq!(read, expected.map_err(str::to_owned), "{min} {max}");
    }

    #[test]
    fn perses_1_7_versions_are_words() {
        check("", "", Ok((V12, V13)));
        check("TLS10", "", Ok((V12, V13)));
        check("TLS11", "TLS12", Ok((V12, V12)));
        check("TLS12", "TLS13", Ok((V12, V13)));
        check("TLS13", "", Ok((V13, V13)));
        check("TLS13", "TLS13", Ok((V13, V13)));
        check("", "TLS12", Ok((V12, V12)));
    }

    #[test]
    fn what_leaves_nothing_to_speak_is_refused() {
        let said = "tlsConfig.maxVersion is older than tlsConfig.minVersion; raise the one or lower the other";
        check("TLS13", "TLS12", Err(said));
        let said = "tlsConfig.maxVersion TLS11 is not spoken any more; the oldest is TLS12, choose that or leave it out";
        check("TLS10", "TLS11", Err(said));
        let said = "tlsConfig.minVersion \"tls12\" is no version of TLS; it is one of TLS10, TLS11, TLS12, TLS13";
        check("tls12", "", Err(said));
        let said = "tlsConfig.maxVersion \"1.3\" is no version of TLS; it is one of TLS10, TLS11, TLS12, TLS13";
        check("", "1.3", Err(said));
    }
}
