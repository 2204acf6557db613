//! Which keyring the operator names.

use super::{BadKeyFile, Keyring};
use crate::Aws;

const KMS_KEY: &str = "SOURCEGATE_KMS_KEY";
const KEY_FILE: &str = "SOURCEGATE_KEY_FILE";

/// Says why the settings make no keyring.
#[derive(Debug, thiserror::Error)]
pub enum BadKeyring {
    /// None is named.
    #[error("neither {KMS_KEY} nor {KEY_FILE} is set")]
    Missing,
    /// The key file cannot be read.
    #[error("{KEY_FILE} names {path}, which cannot be read")]
    Unreadable {
        /// What the variable says.
        path: String,
        /// Why it cannot.
        #[source]
        source: std::io::Error,
    },
    /// The key file is damaged.
    #[error("{KEY_FILE} names {path}, which is damaged")]
    Damaged {
        /// What the variable says.
        path: String,
        /// How it should be.
        #[source]
        source: BadKeyFile,
    },
}

impl Keyring {
    /// Takes the keyring that the settings name: `SOURCEGATE_KEY_FILE`, the key file of a local process on the same machine;
    /// else KMS with the key that `SOURCEGATE_KMS_KEY` names, by id, ARN or alias. KMS is not asked yet.
    ///
    /// # Errors
    /// [`BadKeyring`], naming the variable.
    pub fn read(get: impl Fn(&str) -> Option<String>, aws: &Aws) -> Result<Self, BadKeyring> {
        let Some(path) = get(KEY_FILE) else {
            return match get(KMS_KEY) {
                Some(key_id) => Ok(Self::kms(aws.clone(), key_id)),
                None => Err(BadKeyring::Missing),
            };
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::local(&text).map_err(|source| BadKeyring::Damaged { path, source }),
            Err(source) => Err(BadKeyring::Unreadable { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Keyring, String> {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let aws = Aws::read(|_| None).unwrap();
        Keyring::read(get, &aws).map_err(|error| error.to_string())
    }

    #[test]
    fn l08_what_is_wrong_with_the_settings_names_the_variable() {
        let error = |variables: &[(&str, &str)]| read(variables).err().unwrap();
        assert_eq!(error(&[]), "neither SOURCEGATE_KMS_KEY nor SOURCEGATE_KEY_FILE is set");
        let absent = [(KEY_FILE, "/nowhere/key"), (KMS_KEY, "alias/x")];
        assert_eq!(error(&absent), "SOURCEGATE_KEY_FILE names /nowhere/key, which cannot be read");
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let said = format!("SOURCEGATE_KEY_FILE names {manifest}, which is damaged");
        assert_eq!(error(&[(KEY_FILE, manifest)]), said);
    }

    #[test]
    fn without_a_file_the_key_is_in_kms() {
        match read(&[(KMS_KEY, "alias/x")]).ok().unwrap() {
            Keyring::Kms { key_id, .. } => assert_eq!(key_id, "alias/x"),
            Keyring::Local(_) => panic!("a file"),
        }
    }
}
